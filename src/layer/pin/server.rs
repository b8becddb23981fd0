//! What is trusted of one server, and what it says now.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;

use super::page::Page;
use super::{Options, Unseen};
use crate::message::fold;
use crate::policy::pin::{Definition, Drift, DriftKind, ToolDigest};

/// Lists that are read page by page at the same time; of more, the oldest is not followed any more.
const MAX_LISTINGS: usize = 16;
/// Tools of one list that are followed.
const MAX_SEEN: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Server {
    tools: BTreeMap<String, Pinned>,
    /// What differs, and stands.
    drifts: BTreeMap<String, Drift>,
    /// Of all names that are blocked.
    folds: HashSet<String>,
    /// What is not trusted by now is new.
    pub(super) is_complete: bool,
    /// There was no room for all that differs: what is not trusted may be part of it.
    is_over_full: bool,
    listings: Vec<Listing>,
    hasher: RandomState,
    bytes: usize,
    drift_bytes: usize,
}

#[derive(Debug)]
struct Pinned {
    trusted: Definition,
    /// What it was in the list that came last.
    last: Option<ToolDigest>,
}

impl Pinned {
    fn is_changed(&self) -> bool {
        self.last.is_some_and(|last| last != self.trusted.digest())
    }
}

/// A list that is not at its end: the cursor of its next page and the tools before, hashed, because they are as long
/// as the server likes.
#[derive(Debug)]
struct Listing {
    next: u64,
    seen: HashSet<u64>,
}

/// Which page was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    First,
    Next(String),
    /// Nobody can tell.
    Unknown,
}

/// What a page taught.
#[derive(Debug, Default)]
pub(super) struct Learned {
    pub(super) trusted: usize,
    pub(super) drifts: Vec<Drift>,
    pub(super) unkept: usize,
}

/// Why a tool does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    Changed,
    New,
    /// Its name can be taken for that of a tool that is blocked.
    Alike,
    Unseen,
}

impl Server {
    /// What a lock file says.
    pub(super) fn trust(&mut self, tools: impl Iterator<Item = Definition>) {
        for trusted in tools {
            self.bytes += trusted.canonical().len();
            self.tools.insert(trusted.name().to_owned(), Pinned { trusted, last: None });
        }
        self.is_complete = true;
    }

    pub(super) fn trusted(&self) -> impl Iterator<Item = &Definition> {
        self.tools.values().map(|pinned| &pinned.trusted)
    }

    pub(super) fn drifts(&self) -> impl Iterator<Item = &Drift> {
        self.drifts.values()
    }

    /// `keeps`: a drift stands until someone decides about it.
    pub(super) fn learn(
        &mut self,
        name: &str,
        asked: &Asked,
        page: &Page,
        options: &Options,
        keeps: bool,
    ) -> Learned {
        let mut learned = Learned::default();
        let mut by_name: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
        page.tools.iter().for_each(|tool| by_name.entry(tool.name()).or_default().push(tool));
        for tools in by_name.values() {
            self.see(name, tools, options, keeps, &mut learned);
        }
        self.follow(name, asked, page, options, &mut learned);
        self.is_over_full |= learned.unkept > 0;
        self.refold();
        learned
    }

    fn refold(&mut self) {
        let changed = self.tools.iter().filter(|(_, pinned)| pinned.is_changed()).map(|(name, _)| name);
        let standing = self.drifts.values().filter(|drift| drift.kind != DriftKind::Vanished);
        self.folds = changed.chain(standing.map(|drift| &drift.tool)).map(|name| fold(name)).collect();
    }

    /// All entries of one name in a page: a server that says two things of one tool does not say what is trusted.
    fn see(
        &mut self,
        server: &str,
        tools: &[&Definition],
        options: &Options,
        keeps: bool,
        learned: &mut Learned,
    ) {
        let first = tools[0];
        if !self.tools.contains_key(first.name()) && !self.is_complete {
            self.trust_at_sight(first, options, learned);
        }
        let Some(pinned) = self.tools.get_mut(first.name()) else {
            return self.note(Drift::of(server, None, Some(first)), options, learned);
        };
        let other = tools.iter().find(|tool| tool.digest() != pinned.trusted.digest());
        pinned.last = Some(other.unwrap_or(&first).digest());
        let drift = Drift::of(server, Some(&pinned.trusted), other.copied());
        match other {
            Some(_) => self.note(drift, options, learned),
            None if keeps && self.kind_of(first.name()) == Some(DriftKind::Changed) => {}
            None => self.forget(first.name()),
        }
    }

    fn trust_at_sight(&mut self, tool: &Definition, options: &Options, learned: &mut Learned) {
        let bytes = self.bytes + tool.canonical().len();
        if self.tools.len() >= options.max_tools || bytes > options.max_bytes {
            self.is_complete = true; // nothing more is trusted at sight
            return;
        }
        (self.bytes, learned.trusted) = (bytes, learned.trusted + 1);
        self.tools.insert(tool.name().to_owned(), Pinned { trusted: tool.clone(), last: None });
    }

    /// Tells what was not told before.
    fn note(&mut self, drift: Option<Drift>, options: &Options, learned: &mut Learned) {
        let Some(drift) = drift.filter(|drift| self.drifts.get(&drift.tool) != Some(drift)) else { return };
        self.forget(&drift.tool);
        let bytes = self.drift_bytes + size(&drift);
        if self.drifts.len() >= options.max_tools || bytes > options.max_bytes {
            learned.unkept += 1;
            return;
        }
        self.drift_bytes = bytes;
        self.drifts.insert(drift.tool.clone(), drift.clone());
        learned.drifts.push(drift);
    }

    fn forget(&mut self, tool: &str) {
        if let Some(drift) = self.drifts.remove(tool) {
            self.drift_bytes -= size(&drift);
        }
    }

    fn kind_of(&self, tool: &str) -> Option<DriftKind> {
        self.drifts.get(tool).map(|drift| drift.kind)
    }

    /// Goes along with lists from their first page to the last.
    fn follow(&mut self, server: &str, asked: &Asked, page: &Page, options: &Options, learned: &mut Learned) {
        let mut seen = match asked {
            Asked::First => HashSet::new(),
            Asked::Unknown => return,
            Asked::Next(cursor) => {
                let cursor = self.hasher.hash_one(cursor);
                let Some(at) = self.listings.iter().position(|listing| listing.next == cursor) else {
                    return;
                };
                self.listings.remove(at).seen
            }
        };
        seen.extend(
            page.tools.iter().take(MAX_SEEN - seen.len()).map(|tool| self.hasher.hash_one(tool.name())),
        );
        if let Some(next) = &page.next {
            if self.listings.len() >= MAX_LISTINGS {
                self.listings.remove(0);
            }
            return self.listings.push(Listing { next: self.hasher.hash_one(next), seen });
        }
        self.is_complete = true;
        let is_gone =
            |name: &str| !seen.contains(&self.hasher.hash_one(name)) && !self.drifts.contains_key(name);
        let gone = self.trusted().filter(|tool| seen.len() < MAX_SEEN && is_gone(tool.name()));
        let gone: Vec<_> = gone.map(|tool| Drift::of(server, Some(tool), None)).collect();
        gone.into_iter().for_each(|drift| self.note(drift, options, learned));
    }

    /// Whether a tool of this name passes, in a list as in a call.
    pub(super) fn judge(&self, name: &str, unseen: Unseen) -> Result<(), Denial> {
        let is_trusted = match self.tools.get(name) {
            Some(pinned) if pinned.is_changed() => return Err(Denial::Changed),
            Some(pinned) => pinned.last.is_some(),
            None => false,
        };
        match self.kind_of(name) {
            Some(DriftKind::Changed) => return Err(Denial::Changed),
            Some(DriftKind::New) => return Err(Denial::New),
            _ if !self.folds.is_empty() && self.folds.contains(&fold(name)) => return Err(Denial::Alike),
            _ if is_trusted => return Ok(()),
            _ => {}
        }
        match unseen {
            _ if self.is_over_full => Err(Denial::Unseen),
            Unseen::UntilListed if !self.is_complete => Ok(()),
            Unseen::Allow => Ok(()),
            _ => Err(Denial::Unseen),
        }
    }

    /// Trusts what was found.
    pub(super) fn approve(&mut self, tool: &str, digest: ToolDigest) -> Option<Drift> {
        let found = self.drifts.get(tool)?.found.clone().filter(|found| found.digest() == digest)?;
        let drift = self.drifts.remove(tool)?;
        self.drift_bytes -= size(&drift);
        self.bytes += found.canonical().len();
        let last = match self.tools.remove(tool) {
            Some(before) => {
                self.bytes -= before.trusted.canonical().len();
                before.last.filter(|last| *last == digest)
            }
            None => Some(digest),
        };
        self.tools.insert(tool.to_owned(), Pinned { trusted: found, last });
        self.refold();
        Some(drift)
    }

    /// What was trusted still is.
    pub(super) fn dismiss(&mut self, tool: &str) -> Option<Drift> {
        let drift = self.drifts.get(tool)?.clone();
        self.forget(tool);
        self.refold();
        Some(drift)
    }
}

fn size(drift: &Drift) -> usize {
    drift.found.as_ref().map_or(0, |found| found.canonical().len())
}
