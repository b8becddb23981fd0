//! What a tape that was recorded anew says otherwise.

use std::fmt;

use crate::connect::replay::Options;
use crate::connect::replay::index::Index;
use crate::connect::replay::script::{Exchange, Script};
use crate::tape::Difference;

/// What a tape that was recorded anew says otherwise than the one before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Changes {
    /// Requests that were not on the old one.
    pub added: Vec<String>,
    /// Requests that are not on the new one.
    pub removed: Vec<String>,
    /// Requests that are answered otherwise.
    pub changed: Vec<Changed>,
}

/// A request that is answered otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Changed {
    /// The method, and the tool, prompt or resource.
    pub what: String,
    /// How the new answer differs; empty where one of the two is no answer.
    pub differences: Vec<Difference>,
}

impl Changes {
    /// Whether both say the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// Repeated requests are compared in their order.
    pub(super) fn between(old: Option<&Script>, new: &Script, options: &Options) -> Self {
        let empty = Script::default();
        let old = old.unwrap_or(&empty);
        let (before, after) = (Index::new(old, options), Index::new(new, options));
        let mut changes = Self::default();
        for (key, now) in after.all() {
            let then = before.of(key);
            for (at, now) in now.iter().enumerate() {
                let now = &new.exchanges[*now];
                match then.get(at) {
                    None => changes.added.push(after.title(&now.request)),
                    Some(then) => changes.compare(&old.exchanges[*then], now, &after),
                }
            }
        }
        for (key, then) in before.all() {
            let gone = then.iter().skip(after.of(key).len());
            changes.removed.extend(gone.map(|gone| before.title(&old.exchanges[*gone].request)));
        }
        changes.sort();
        changes
    }

    fn compare(&mut self, then: &Exchange, now: &Exchange, index: &Index) {
        let differences = match (then.answer(), now.answer()) {
            (Some(then), Some(now)) => index.answer(then, now),
            (None, None) => return,
            _ => {
                let what = index.title(&now.request);
                return self.changed.push(Changed { what, differences: Vec::new() });
            }
        };
        if !differences.is_empty() {
            self.changed.push(Changed { what: index.title(&now.request), differences });
        }
    }

    /// So that two runs tell the same.
    fn sort(&mut self) {
        self.added.sort();
        self.removed.sort();
        self.changed.sort_by(|one, other| one.what.cmp(&other.what));
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changed");
        }
        self.added.iter().try_for_each(|what| writeln!(f, "new: {what}"))?;
        self.removed.iter().try_for_each(|what| writeln!(f, "gone: {what}"))?;
        for Changed { what, differences } in &self.changed {
            writeln!(f, "changed: {what}")?;
            differences.iter().try_for_each(|difference| writeln!(f, "  {difference}"))?;
        }
        Ok(())
    }
}
