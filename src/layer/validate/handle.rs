//! The handle: what tools ask for.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::lists::{Lists, Owner};
use super::stats::{Counts, add};
use super::{Options, Stats};
use crate::message::{JsonRpcMessage, elements};
use crate::protocol::peek;

/// The schemas of the tools that were listed; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Schemas(Arc<Shared>);

struct Shared {
    options: Options,
    lists: Mutex<Lists>,
    counts: Counts,
}

/// What a call is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Valid,
    Violation(String),
    Unusable(&'static str),
    Unlisted,
    /// A lax server may take its name for a listed tool's.
    Confusable,
}

impl Schemas {
    /// None are known before a list passes.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared { options, lists: Mutex::default(), counts: Counts::default() }))
    }

    /// What was found.
    pub fn stats(&self) -> Stats {
        self.0.counts.read()
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(super) fn owner(&self, message: &JsonRpcMessage) -> Owner {
        self.lists().owner(message)
    }

    /// Learns from a page of a list. What cannot be read is not learned; to refuse it is the affair of other layers.
    pub(super) fn learn(&self, owner: Owner, answer: &JsonRpcMessage) {
        let result = answer.result().filter(|_| answer.is_strict()).unwrap_or_default();
        let Ok(Some(tools)) = peek::member(result, "tools") else { return };
        let Options { max_lists, max_tools, .. } = self.0.options;
        let mut lists = self.lists();
        for place in elements(tools) {
            let entry = &tools[place];
            let Ok(Some(name)) = peek::text(entry, "name") else { continue };
            let Ok(schema) = peek::member(entry, "inputSchema") else { continue };
            if !lists.learn(owner, &name, schema, max_lists, max_tools) {
                add(&self.0.counts.left_out);
            }
        }
    }

    /// Checks a call of this tool.
    pub(super) fn check(&self, call: &JsonRpcMessage, tool: &str) -> Finding {
        let finding = self.find(call, tool).unwrap_or_else(Finding::Unusable);
        let counts = &self.0.counts;
        add(match finding {
            Finding::Valid => &counts.valid,
            Finding::Violation(_) => &counts.violations,
            Finding::Unusable(_) => &counts.unusable,
            Finding::Unlisted | Finding::Confusable => &counts.unlisted,
        });
        finding
    }

    fn find(&self, call: &JsonRpcMessage, tool: &str) -> Result<Finding, &'static str> {
        let owner = self.owner(call);
        let mut lists = self.lists();
        let Some(known) = lists.get(owner, tool) else {
            let is_like = lists.has_like(owner, tool);
            return Ok(if is_like { Finding::Confusable } else { Finding::Unlisted });
        };
        drop(lists);
        let Some(schema) = known else { return Ok(Finding::Valid) };
        let (ready, is_new) = schema.ready();
        if is_new {
            add(&self.0.counts.compiled);
            self.lists().note_compiled(&schema, self.0.options.max_compiled);
        }
        let compiled = ready.map_err(|unusable| unusable.0)?;
        let arguments = peek::member(call.params().unwrap_or_default(), "arguments");
        let arguments = arguments.map_err(|_| "the arguments stand twice")?.unwrap_or(b"{}");
        if arguments.len() > self.0.options.max_bytes {
            return Err("the arguments are too large");
        }
        let arguments: Value =
            serde_json::from_slice(arguments).map_err(|_| "the arguments are nested too deep")?;
        let found = compiled.check(&arguments, self.0.options.max_steps).map_err(|unusable| unusable.0)?;
        Ok(found.map_or(Finding::Valid, |violation| Finding::Violation(violation.0)))
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas")
            .field("options", &self.0.options)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
