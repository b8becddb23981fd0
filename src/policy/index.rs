//! Finding the few rules that could be for something, without asking all.

use std::collections::HashMap;

use super::entry::Entry;
use super::pattern::Name;
use super::subject::Owner;
use super::{Subject, SubjectKind, Target, Verdict};
use crate::message::folded;
use crate::rules::merged;

/// Positions of rules in rising order.
#[derive(Debug, Default)]
pub(super) struct Index {
    tools: Kind,
    components: Kind,
    prompts: Kind,
    resources: Kind,
    methods: Kind,
}

#[derive(Debug, Default)]
struct Kind {
    all: Vec<u32>,
    denies: bool,
    patterns: Vec<u32>,
    /// Those that allow by name, which is compared as it stands.
    allowed: HashMap<Box<str>, Vec<u32>>,
    /// Those that deny by name, by what it folds to.
    denied: HashMap<Box<str>, Vec<u32>>,
}

impl Index {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut index = Self::default();
        for (at, entry) in (0..).zip(entries) {
            let kind = match &entry.rule.target {
                Target::Tool(_) => &mut index.tools,
                Target::Prompt(_) => &mut index.prompts,
                Target::Resource(_) => &mut index.resources,
                Target::Method(_) => &mut index.methods,
                Target::Component(_) => &mut index.components,
            };
            kind.add(at, entry);
        }
        index
    }

    pub(super) fn has_denied_methods(&self) -> bool {
        self.methods.denies
    }

    pub(super) fn has_components(&self) -> bool {
        !self.components.all.is_empty()
    }

    /// In rising order.
    pub(super) fn candidates<'a>(
        &'a self,
        subject: &Subject<'_>,
        name: &Name<'_>,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let kind = match subject.kind() {
            SubjectKind::Tool => &self.tools,
            SubjectKind::Prompt => &self.prompts,
            SubjectKind::Resource => &self.resources,
            SubjectKind::Method => &self.methods,
            SubjectKind::Template => return merged([&self.resources.all, &[], &[], &[], &[], &[]]),
        };
        let [patterns, allowed, denied] = kind.find(name);
        let [also, also_allowed, also_denied] = match subject.owned_by() {
            Owner::Component(component) if subject.kind() == SubjectKind::Tool => {
                self.components.find(&Name::new(component))
            }
            Owner::Unknown if subject.kind() == SubjectKind::Tool => [&self.components.all, &[][..], &[]],
            _ => [&[][..]; 3],
        };
        merged([patterns, allowed, denied, also, also_allowed, also_denied])
    }
}

impl Kind {
    fn add(&mut self, at: u32, entry: &Entry) {
        self.all.push(at);
        self.denies |= entry.rule.verdict == Verdict::Deny;
        let Some(names) = entry.rule.target.text().exacts() else { return self.patterns.push(at) };
        for name in names {
            let list = match entry.rule.verdict {
                Verdict::Allow => self.allowed.entry(name.into()),
                Verdict::Deny => self.denied.entry(folded(name).into()),
            };
            let list = list.or_default();
            // A rule may name a thing twice.
            if list.last() != Some(&at) {
                list.push(at);
            }
        }
    }

    /// By pattern, allowed by name, denied by name.
    fn find(&self, name: &Name<'_>) -> [&[u32]; 3] {
        let allowed = if self.allowed.is_empty() { None } else { self.allowed.get(name.text) };
        let denied = if self.denied.is_empty() { None } else { self.denied.get(name.folded()) };
        [&self.patterns, allowed.map_or(&[], Vec::as_slice), denied.map_or(&[], Vec::as_slice)]
    }
}
