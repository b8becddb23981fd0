//! Matchers.

use super::node::Node;
use super::reader::{MAX_LIST, Object, Reader};
use crate::message::{Direction, Kind};
use crate::protocol::Era;
use crate::rules::{Location, Matcher, Place, Test, Text};

pub(super) const DIRECTIONS: [(&str, Direction); 2] =
    [("client_to_server", Direction::ToUpstream), ("server_to_client", Direction::ToClient)];

pub(super) const KINDS: [(&str, Kind); 3] =
    [("request", Kind::Request), ("response", Kind::Response), ("notification", Kind::Notification)];

pub(super) const ERAS: [(&str, Era); 2] = [("legacy", Era::Legacy), ("modern", Era::Modern)];

/// In any matcher.
const FIELDS: [&str; 18] = [
    "direction",
    "kind",
    "method",
    "tool",
    "prompt",
    "uri",
    "session",
    "principal",
    "upstream",
    "client",
    "component",
    "era",
    "params",
    "result",
    "error",
    "where",
    "all",
    "any",
];

/// And a field that is a Rust word elsewhere.
const NOT: &str = "not";

/// In the matcher of a rule only.
const OCCURRENCES: [&str; 2] = ["probability", "nth"];

/// A field of a matcher that is a text.
type TextField = (&'static str, fn(Matcher, Text) -> Matcher);

const TEXTS: [TextField; 9] = [
    ("method", Matcher::method),
    ("tool", Matcher::tool),
    ("prompt", Matcher::prompt),
    ("uri", Matcher::uri),
    ("session", Matcher::session),
    ("principal", Matcher::principal),
    ("upstream", Matcher::upstream),
    ("client", Matcher::client),
    ("component", Matcher::component),
];

/// A matcher, and where its conditions stand.
pub(super) type Located = (Matcher, Vec<Location>);

impl Reader {
    /// The matcher of a rule; the object also has `probability` and `nth`.
    pub(super) fn rule_matcher<'n>(&mut self, node: &'n Node) -> Option<(Located, Object<'n>)> {
        let known = [&FIELDS[..], &[NOT], &OCCURRENCES].concat();
        let object = self.object(node, "a matcher", &known)?;
        Some((self.matcher_of(&object)?, object))
    }

    fn inner_matcher(&mut self, node: &Node) -> Option<Matcher> {
        let object = self.object(node, "a matcher within a matcher", &[&FIELDS[..], &[NOT]].concat())?;
        self.matcher_of(&object).map(|(matcher, _)| matcher)
    }

    fn matcher_of(&mut self, object: &Object<'_>) -> Option<Located> {
        let (mut matcher, mut is_whole) = (Matcher::new(), true);
        for (name, put) in TEXTS {
            let Some(node) = object.get(name) else { continue };
            match self.pattern(node) {
                Some(text) => matcher = put(matcher, text),
                None => is_whole = false,
            }
        }
        self.one_name(object);
        let with = self.words(matcher, object);
        let with = with.and_then(|matcher| self.conditions(matcher, object));
        let with = with.and_then(|(matcher, places)| Some((self.parts(matcher, object)?, places)));
        with.filter(|_| is_whole)
    }

    fn one_name(&mut self, object: &Object<'_>) {
        if let [one, other, ..] = object.present(&["tool", "prompt", "uri"])[..] {
            let what = format!("`{one}` and `{other}`: no message has both; use `any`");
            self.wrong::<()>(object.at, what);
        }
    }

    fn words(&mut self, mut matcher: Matcher, object: &Object<'_>) -> Option<Matcher> {
        if let Some(node) = object.get("direction") {
            matcher = matcher.direction(self.word(node, "direction", &DIRECTIONS)?);
        }
        if let Some(node) = object.get("kind") {
            matcher = matcher.kind(self.word(node, "kind", &KINDS)?);
        }
        if let Some(node) = object.get("era") {
            matcher = matcher.era(self.word(node, "era", &ERAS)?);
        }
        Some(matcher)
    }

    fn conditions(&mut self, mut matcher: Matcher, object: &Object<'_>) -> Option<Located> {
        let mut places = Vec::new();
        for name in ["params", "result", "error"] {
            let Some(node) = object.get(name) else { continue };
            self.members(node, &format!("`{name}`"))?;
            let place = crate::message::Pointer::root().join(name);
            matcher = matcher.when(place, Test::Like(node.to_json()));
            places.push(node.at);
        }
        let Some(node) = object.get("where") else { return Some((matcher, places)) };
        let items = self.list(node, MAX_LIST)?;
        let conditions: Vec<(Place, Test)> = self.each(items, Self::condition)?;
        for ((place, test), item) in conditions.into_iter().zip(items) {
            matcher = matcher.when(place, test);
            places.push(item.at);
        }
        Some((matcher, places))
    }

    fn parts(&mut self, mut matcher: Matcher, object: &Object<'_>) -> Option<Matcher> {
        if let Some(node) = object.get("all") {
            matcher = self.inner_matchers(node)?.into_iter().fold(matcher, Matcher::all);
        }
        if let Some(node) = object.get("any") {
            matcher = matcher.any(self.inner_matchers(node)?);
        }
        if let Some(node) = object.get(NOT) {
            matcher = match &node.tree {
                super::node::Tree::List(_) => {
                    self.inner_matchers(node)?.into_iter().fold(matcher, Matcher::not)
                }
                _ => matcher.not(self.inner_matcher(node)?),
            };
        }
        Some(matcher)
    }

    fn inner_matchers(&mut self, node: &Node) -> Option<Vec<Matcher>> {
        let items = self.list(node, MAX_LIST)?;
        self.each(items, Self::inner_matcher)
    }
}
