//! Who may manage a Wassette.

use crate::policy::wassette::{Digest, Profile, Source};
use crate::rules::Location;
use crate::rules::file::node::{Node, Tree};
use crate::rules::file::reader::{MAX_LIST, Reader, optional};
use crate::wassette::ManagementTool;
use crate::wassette::policy::{BadPolicy, Policy};

const PROFILE: [&str; 4] = ["allow", "deny", "sources", "ceiling"];

const WHAT: &str = "`wassette`";

impl Reader {
    /// `{allow: [TOOL], deny: [TOOL], sources: […], ceiling: {…}}`
    pub(super) fn profile(&mut self, node: &Node) -> Option<Profile> {
        let object = self.object(node, WHAT, &PROFILE)?;
        let allow = optional(object.get("allow"), |node| self.tools(node, &[]));
        let known = allow.clone().flatten().unwrap_or_default();
        let deny = optional(object.get("deny"), |node| self.tools(node, &known));
        let sources = optional(object.get("sources"), |node| {
            let items = self.list(node, MAX_LIST)?;
            self.each(items, Self::source)
        });
        let ceiling = optional(object.get("ceiling"), |node| self.ceiling(node));
        let profile = allow?.unwrap_or_default().into_iter().fold(Profile::new(), Profile::allow);
        let profile = deny?.unwrap_or_default().into_iter().fold(profile, Profile::deny);
        let profile = sources?.unwrap_or_default().into_iter().fold(profile, Profile::source);
        Some(match ceiling? {
            Some(ceiling) => profile.ceiling(ceiling),
            None => profile,
        })
    }

    /// Each of them once, and none that is `taken`.
    fn tools(&mut self, node: &Node, taken: &[ManagementTool]) -> Option<Vec<ManagementTool>> {
        let items = self.list(node, MAX_LIST)?;
        let words = ManagementTool::ALL.map(|tool| (tool.name(), tool));
        let mut found = Vec::new();
        self.each(items, |reader, node| {
            let tool = reader.word(node, "tool of Wassette", &words)?;
            if taken.contains(&tool) {
                let what = format!("{:?} is allowed and denied; remove one", tool.name());
                return reader.wrong(node.at, what);
            }
            if found.contains(&tool) {
                return reader.wrong(node.at, format!("{:?} stands twice; remove one", tool.name()));
            }
            found.push(tool);
            Some(tool)
        })
    }

    /// A pattern, or `{from: PATTERN, pinned: true, digest: [DIGEST]}`.
    fn source(&mut self, node: &Node) -> Option<Source> {
        if let Tree::Text(text) = &node.tree {
            return self.source_of(node.at, text);
        }
        let what = "a source";
        let object = self.object(node, what, &["from", "pinned", "digest"])?;
        let from = self.need(&object, what, "from");
        let from = from.and_then(|node| Some((node.at, self.text(node)?)));
        let source = from.and_then(|(at, text)| self.source_of(at, text));
        let is_pinned = optional(object.get("pinned"), |node| self.bool(node));
        let digests = optional(object.get("digest"), |node| match &node.tree {
            Tree::List(_) => {
                let items = self.list(node, MAX_LIST)?;
                match items.is_empty() {
                    true => self.wrong(node.at, "name a digest, or leave `digest` out"),
                    false => self.each(items, Self::digest),
                }
            }
            _ => self.digest(node).map(|digest| vec![digest]),
        });
        let source = digests?.unwrap_or_default().into_iter().fold(source?, Source::digest);
        Some(if is_pinned?.unwrap_or_default() { source.pinned() } else { source })
    }

    fn source_of(&mut self, at: Location, text: &str) -> Option<Source> {
        match Source::new(text) {
            Ok(source) => Some(source),
            Err(error) => self.wrong(at, format!("no source: {error}")),
        }
    }

    fn digest(&mut self, node: &Node) -> Option<Digest> {
        match self.text(node)?.parse() {
            Ok(digest) => Some(digest),
            Err(error) => self.wrong(node.at, format!("no digest: {error}")),
        }
    }

    /// In the format of Wassette's own policies.
    fn ceiling(&mut self, node: &Node) -> Option<Policy> {
        self.members(node, "`ceiling`")?;
        match Policy::from_json(node.to_json().to_string()) {
            Ok(policy) => Some(policy),
            Err(BadPolicy { at, why, .. }) => {
                let place = if at.is_empty() { String::new() } else { format!("{at}: ") };
                self.wrong(found(node, &at), format!("no policy of Wassette: {place}{why}"))
            }
        }
    }
}

/// Where `permissions.storage.allow[0].uri` stands, as far as it is there.
fn found(node: &Node, path: &str) -> Location {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    let last = steps.filter(|step| !step.is_empty()).try_fold(node, |node, step| match &node.tree {
        Tree::Map(members) => {
            members.iter().find(|(key, _)| key.name == step).map(|(_, node)| node).ok_or(node.at)
        }
        Tree::List(items) => step.parse().ok().and_then(|at: usize| items.get(at)).ok_or(node.at),
        _ => Err(node.at),
    });
    last.map_or_else(|at| at, |node| node.at)
}
