//! A schema, ready to check by.

use std::fmt;
use std::thread;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::plan::{Plan, Unusable};

/// Bytes of a schema, as written.
pub(crate) const MAX_SCHEMA: usize = 64 << 10;
/// Bytes of a pattern, ready to match by, and of what it keeps while it matches.
const MAX_PATTERN: usize = 64 << 10;
/// The compiler follows a schema by recursion.
const STACK: usize = 16 << 20;
/// Bytes of a place that is told.
const MAX_TOLD: usize = 256;

pub(crate) struct Compiled {
    plan: Plan,
    validator: Validator,
}

/// Arguments that break a schema: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

impl Compiled {
    /// A compiler that panics, or finds no thread, has not understood the schema.
    pub(crate) fn new(raw: &[u8]) -> Result<Self, Unusable> {
        const FAILED: Unusable = Unusable("it cannot be compiled");
        thread::scope(|scope| {
            let compile = || Self::compile(raw);
            let compiling = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, compile);
            compiling.map_err(|_| FAILED)?.join().unwrap_or(Err(FAILED))
        })
    }

    fn compile(raw: &[u8]) -> Result<Self, Unusable> {
        let mut schema: Value = serde_json::from_slice(raw).map_err(|_| Unusable("it cannot be read"))?;
        // Nothing refers to it by another name than `#`, and no name may lead to what is built in.
        if let Value::Object(keywords) = &mut schema {
            keywords.remove("$id");
        }
        let draft = draft(&schema)?;
        let plan = Plan::of(&schema)?;
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options = jsonschema::options()
            .with_draft(draft)
            .offline()
            .with_pattern_options(patterns)
            .should_validate_formats(false);
        let validator = options.build(&schema).map_err(|error| {
            tracing::debug!(at = %error.schema_path(), "a schema cannot be compiled");
            Unusable("it is no schema, or has a pattern that takes too long")
        })?;
        Ok(Self { plan, validator })
    }

    pub(crate) fn check(&self, arguments: &Value, max_steps: u64) -> Result<Option<Violation>, Unusable> {
        self.plan.walk(arguments, max_steps)?;
        if self.validator.is_valid(arguments) {
            return Ok(None);
        }
        let told = self.validator.validate(arguments).err().map_or_else(String::new, |error| {
            let (place, rule) = (short(error.instance_path()), short(error.schema_path()));
            match error.kind() {
                ValidationErrorKind::Required { property: Value::String(name) } => {
                    format!("{place} breaks {rule}: {} is missing", short(name))
                }
                _ => format!("{place} breaks {rule}"),
            }
        });
        Ok(Some(Violation(told)))
    }
}

/// Of a place; the arguments themselves have an empty one.
fn short(place: impl fmt::Display) -> String {
    let place = place.to_string();
    match place.char_indices().find(|(at, _)| *at >= MAX_TOLD) {
        Some((at, _)) => format!("{}…", &place[..at]),
        None if place.is_empty() => "the whole".to_owned(),
        None => place,
    }
}

fn draft(schema: &Value) -> Result<Draft, Unusable> {
    let named = match schema.get("$schema") {
        None => return Ok(Draft::Draft202012),
        Some(named) => named.as_str().unwrap_or_default().trim_end_matches('#'),
    };
    match named.strip_prefix("https://").or_else(|| named.strip_prefix("http://")).unwrap_or_default() {
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        "json-schema.org/draft-06/schema" => Ok(Draft::Draft6),
        _ => Err(Unusable("it is of a draft that is not known")),
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}
