//! Conditions on what stands inside a message.

use super::node::Node;
use super::reader::{MAX_INTEGER, MAX_LIST, Object, Reader};
use crate::rules::{Place, Test, Type};

pub(crate) const TYPES: [(&str, Type); 7] = [
    ("null", Type::Null),
    ("boolean", Type::Boolean),
    ("number", Type::Number),
    ("integer", Type::Integer),
    ("string", Type::String),
    ("array", Type::Array),
    ("object", Type::Object),
];

const TESTS: [&str; 12] = [
    "exists",
    "equals",
    "one_of",
    "like",
    "glob",
    "regex",
    "above",
    "at_least",
    "below",
    "at_most",
    "longer_than",
    "type",
];

impl Reader {
    /// `{path: …, above: 1, below: 5}`: one value there has to pass all tests.
    pub(crate) fn condition(&mut self, node: &Node) -> Option<(Place, Test)> {
        let known = [&["path"], &TESTS[..]].concat();
        let object = self.object(node, "a condition", &known)?;
        let path = self.need(&object, "a condition", "path").and_then(|path| self.place(path));
        let names = object.present(&TESTS);
        let tests: Vec<Option<Test>> = names.iter().map(|name| self.test(&object, name)).collect();
        let mut tests: Vec<Test> = tests.into_iter().collect::<Option<_>>()?;
        if tests.contains(&Test::Missing) && tests.len() > 1 {
            return self
                .wrong(node.at, "`exists: false` stands alone: what is not there passes no other test");
        }
        let test = match tests.len() {
            0 if object.is_meant(&TESTS) => return None,
            0 => {
                return self.wrong(node.at, format!("a condition needs one or more of {}", TESTS.join(", ")));
            }
            1 => tests.remove(0),
            _ => Test::All(tests),
        };
        Some((path?, test))
    }

    fn test(&mut self, object: &Object<'_>, name: &str) -> Option<Test> {
        let node = object.get(name)?;
        Some(match name {
            "exists" => match self.bool(node)? {
                true => Test::Exists,
                false => Test::Missing,
            },
            "equals" => Test::Equals(node.to_json()),
            "one_of" => Test::OneOf(self.list(node, MAX_LIST)?.iter().map(Node::to_json).collect()),
            "like" => Test::Like(node.to_json()),
            "glob" => Test::Text(self.glob(node)?),
            "regex" => Test::Text(self.regex(node)?),
            "above" => Test::Above(self.number(node)?),
            "at_least" => Test::AtLeast(self.number(node)?),
            "below" => Test::Below(self.number(node)?),
            "at_most" => Test::AtMost(self.number(node)?),
            "longer_than" => {
                Test::LongerThan(usize::try_from(self.count(node, 0, MAX_INTEGER)?).unwrap_or(usize::MAX))
            }
            _ => Test::Type(self.word(node, "type", &TYPES)?),
        })
    }
}
