//! Results of tools checked by their schemas, instead of compared.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Finding, Verdict};
use crate::message::{JsonRpcMessage, elements};
use crate::protocol::peek;
use crate::schema::{Compiled, MAX_SCHEMA, Unusable};

/// Of so many tools the schemas are learned.
const MAX_TOOLS: usize = 10_000;
/// What one check may cost, in steps.
const MAX_STEPS: u64 = 10_000_000;

/// A schema that results cannot be checked by: no JSON Schema, too large, or one that refers to elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be used: {0}")]
#[non_exhaustive]
pub struct BadSchema(&'static str);

#[derive(Clone, Default)]
pub(super) struct Schemas {
    /// Whether those of lists count.
    pub(super) learns: bool,
    given: HashMap<String, Arc<Compiled>>,
    learned: HashMap<String, Result<Arc<Compiled>, Unusable>>,
}

impl Schemas {
    pub(super) fn give(&mut self, tool: &str, schema: &[u8]) -> Result<(), BadSchema> {
        let compiled = compile(schema).map_err(|Unusable(why)| BadSchema(why))?;
        self.given.insert(tool.to_owned(), compiled);
        Ok(())
    }

    /// From a list of tools that the server gave now.
    pub(super) fn learn(&mut self, list: &JsonRpcMessage) {
        if !self.learns {
            return;
        }
        let tools =
            peek::member(list.result().unwrap_or_default(), "tools").ok().flatten().unwrap_or_default();
        for tool in elements(tools).map(|at| &tools[at]) {
            let (Ok(Some(name)), Ok(Some(schema))) =
                (peek::text(tool, "name"), peek::member(tool, "outputSchema"))
            else {
                continue;
            };
            if self.learned.len() < MAX_TOOLS
                && let Entry::Vacant(place) = self.learned.entry(name.into_owned())
            {
                place.insert(compile(schema));
            }
        }
    }

    /// What is wrong with a result by its tool's schema; `None` where it is to be compared.
    pub(super) fn check(&self, request: &JsonRpcMessage, answer: &JsonRpcMessage) -> Option<Vec<Finding>> {
        let tool = peek::tool_name(request).ok().flatten()?;
        let learned = || self.learned.get(&*tool)?.as_ref().ok();
        let schema = self.given.get(&*tool).or_else(learned)?;
        let result = answer.result()?;
        if peek::member(result, "isError").ok().flatten() == Some(b"true") {
            return None;
        }
        let (path, value) = structured(result);
        let Some(value) = value else {
            return Some(vec![finding(path, Verdict::Missing, "it has none")]);
        };
        let told = match schema.check(&value, MAX_STEPS) {
            Ok(None) => return Some(Vec::new()),
            Ok(Some(violation)) => violation.0,
            Err(Unusable(why)) => format!("it cannot be checked: {why}"),
        };
        Some(vec![finding(path, Verdict::Differs, &told)])
    }
}

fn compile(schema: &[u8]) -> Result<Arc<Compiled>, Unusable> {
    if schema.len() > MAX_SCHEMA {
        return Err(Unusable("it is too large"));
    }
    Compiled::new(schema).map(Arc::new)
}

/// The result as data, and where it stands; a server without `structuredContent` says it as text.
fn structured(result: &[u8]) -> (&'static str, Option<Value>) {
    if let Ok(Some(content)) = peek::member(result, "structuredContent") {
        return ("/result/structuredContent", serde_json::from_slice(content).ok());
    }
    let content = peek::member(result, "content").ok().flatten().unwrap_or_default();
    let first = elements(content).next().map(|at| &content[at]).unwrap_or_default();
    let text = peek::text(first, "text").ok().flatten();
    match text.and_then(|text| serde_json::from_str(&text).ok()) {
        Some(value) => ("/result/content/0/text", Some(value)),
        None => ("/result/structuredContent", None),
    }
}

fn finding(path: &str, verdict: Verdict, told: &str) -> Finding {
    Finding {
        place: "answer".to_owned(),
        verdict,
        path: path.to_owned(),
        expected: Some("what the tool's schema says".to_owned()),
        actual: Some(told.to_owned()),
        causes: Vec::new(),
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas")
            .field("learns", &self.learns)
            .field("given", &self.given.keys())
            .field("learned", &self.learned.len())
            .finish()
    }
}
