//! What a check by a schema would cost, and whether it may be made at all.

mod walk;

use std::collections::HashMap;

use serde_json::{Map, Value};
use walk::Walk;

const MAX_DEPTH: usize = 64;
const MAX_VALUES: usize = 8192;
const MAX_PATTERNS: usize = 64;
/// Levels of all places together that are referred to: whoever follows references nests no deeper than this.
const MAX_NESTED: usize = 256;

/// Why a schema is not checked by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unusable(pub(crate) &'static str);

/// The parts of a schema, by what they are applied to.
#[derive(Debug, Default)]
pub(super) struct Plan {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// To the same value.
    here: Vec<usize>,
    /// To a member of this name.
    named: HashMap<String, usize>,
    /// To each member, as far as can be told without looking at patterns.
    members: Vec<usize>,
    /// To each member's name.
    names: Vec<usize>,
    /// To the item of this index.
    indexed: Vec<usize>,
    items: Vec<usize>,
    weight: u64,
    patterns: u64,
    name_patterns: u64,
    is_unique: bool,
    /// It looks at what other parts looked at, by looking once more.
    looks_again: bool,
}

impl Plan {
    pub(super) fn of(schema: &Value) -> Result<Self, Unusable> {
        let mut values = MAX_VALUES;
        measure(schema, MAX_DEPTH, &mut values)?;
        let mut builder = Builder {
            root: schema,
            plan: Self::default(),
            known: HashMap::new(),
            open: Vec::new(),
            patterns: 0,
            deepest: 0,
        };
        builder.node(schema, 0)?;
        let mut nested = builder.deepest;
        while let Some((from, target)) = builder.open.pop() {
            builder.deepest = 0;
            let to = builder.node(target, 0)?;
            builder.plan.nodes[from].here.push(to);
            nested += builder.deepest + 1;
            if nested > MAX_NESTED {
                return Err(Unusable("its references nest too deep"));
            }
        }
        Ok(builder.plan)
    }

    /// Walks as a check would, every way at once; the check costs no more than a small multiple of this.
    pub(super) fn walk(&self, value: &Value, budget: u64) -> Result<(), Unusable> {
        Walk::new(self, budget).visit(0, value, 0)
    }
}

/// The size of the whole document, before anything else looks at it.
fn measure(value: &Value, depth: usize, values: &mut usize) -> Result<(), Unusable> {
    *values = values.checked_sub(1).ok_or(Unusable("it has too many values"))?;
    let depth = depth.checked_sub(1).ok_or(Unusable("it is nested too deep"))?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| measure(item, depth, values)),
        Value::Object(members) => members.values().try_for_each(|member| measure(member, depth, values)),
        _ => Ok(()),
    }
}

struct Builder<'a> {
    root: &'a Value,
    plan: Plan,
    /// By address.
    known: HashMap<*const Value, usize>,
    /// References that are not followed yet.
    open: Vec<(usize, &'a Value)>,
    patterns: usize,
    deepest: usize,
}

impl<'a> Builder<'a> {
    fn node(&mut self, schema: &'a Value, depth: usize) -> Result<usize, Unusable> {
        if let Some(known) = self.known.get(&std::ptr::from_ref(schema)) {
            return Ok(*known);
        }
        self.deepest = self.deepest.max(depth);
        let at = self.plan.nodes.len();
        self.known.insert(schema, at);
        self.plan.nodes.push(Node { weight: 1, ..Node::default() });
        match schema {
            Value::Object(keywords) => {
                for (keyword, value) in keywords {
                    self.keyword(at, keyword, value, depth)?;
                }
                Ok(at)
            }
            Value::Bool(_) => Ok(at),
            _ => Err(Unusable("a part of it is neither an object nor true or false")),
        }
    }

    fn keyword(&mut self, at: usize, keyword: &str, value: &'a Value, depth: usize) -> Result<(), Unusable> {
        match keyword {
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "propertyNames" => self.of_members(at, keyword, value, depth)?,
            "prefixItems" | "items" | "additionalItems" | "contains" | "unevaluatedItems" => {
                self.of_items(at, keyword, value, depth)?;
            }
            "$ref" => {
                let target = self.target(value)?;
                self.open.push((at, target));
            }
            "$dynamicRef" | "$recursiveRef" => {
                return Err(Unusable("it has a reference that depends on where it is used"));
            }
            "$id" if at > 0 => return Err(Unusable("a part of it is a document of its own")),
            "allOf" | "anyOf" | "oneOf" => {
                let parts = self.list(value, depth)?;
                self.plan.nodes[at].here.extend(parts);
            }
            "not" | "if" | "then" | "else" => {
                let part = self.node(value, depth + 1)?;
                self.plan.nodes[at].here.push(part);
            }
            "dependentSchemas" | "dependencies" => {
                let parts = self.map(value, depth)?;
                self.plan.nodes[at].here.extend(parts.into_values());
            }
            "pattern" => {
                self.pattern(1)?;
                self.plan.nodes[at].patterns += 1;
            }
            "uniqueItems" => self.plan.nodes[at].is_unique = true,
            "enum" | "const" | "required" | "dependentRequired" => {
                let mut room = MAX_VALUES;
                measure(value, MAX_DEPTH, &mut room)?;
                self.plan.nodes[at].weight += ((MAX_VALUES - room) / 4) as u64;
            }
            _ => {}
        }
        Ok(())
    }

    fn of_members(
        &mut self,
        at: usize,
        keyword: &str,
        value: &'a Value,
        depth: usize,
    ) -> Result<(), Unusable> {
        match keyword {
            "properties" => {
                let parts = self.map(value, depth)?;
                self.plan.nodes[at].named.extend(parts);
            }
            "patternProperties" => {
                let parts = self.map(value, depth)?;
                self.pattern(parts.len())?;
                self.plan.nodes[at].name_patterns += parts.len() as u64;
                self.plan.nodes[at].members.extend(parts.into_values());
            }
            "additionalProperties" | "unevaluatedProperties" => {
                let part = self.node(value, depth + 1)?;
                self.plan.nodes[at].members.push(part);
                self.plan.nodes[at].looks_again |= keyword == "unevaluatedProperties";
            }
            _ => {
                let part = self.node(value, depth + 1)?;
                self.plan.nodes[at].names.push(part);
            }
        }
        Ok(())
    }

    fn of_items(&mut self, at: usize, keyword: &str, value: &'a Value, depth: usize) -> Result<(), Unusable> {
        match keyword {
            "prefixItems" => self.plan.nodes[at].indexed = self.list(value, depth)?,
            "items" if value.is_array() => self.plan.nodes[at].indexed = self.list(value, depth)?,
            _ => {
                let part = self.node(value, depth + 1)?;
                self.plan.nodes[at].items.push(part);
                self.plan.nodes[at].looks_again |= keyword == "unevaluatedItems";
            }
        }
        Ok(())
    }

    fn pattern(&mut self, more: usize) -> Result<(), Unusable> {
        self.patterns += more;
        if self.patterns > MAX_PATTERNS { Err(Unusable("it has too many patterns")) } else { Ok(()) }
    }

    fn list(&mut self, value: &'a Value, depth: usize) -> Result<Vec<usize>, Unusable> {
        let parts = value.as_array().ok_or(Unusable("a list of schemas is none"))?;
        parts.iter().map(|part| self.node(part, depth + 1)).collect()
    }

    /// Lists of names, as `dependencies` may have them, are no schemas.
    fn map(&mut self, value: &'a Value, depth: usize) -> Result<HashMap<String, usize>, Unusable> {
        let parts: &Map<_, _> = value.as_object().ok_or(Unusable("a map of schemas is none"))?;
        let parts = parts.iter().filter(|(_, part)| !part.is_array());
        parts.map(|(key, part)| Ok((key.clone(), self.node(part, depth + 1)?))).collect()
    }

    fn target(&self, reference: &Value) -> Result<&'a Value, Unusable> {
        const ELSEWHERE: Unusable = Unusable("it refers to what is not a place in itself");
        let place = reference.as_str().and_then(|text| text.strip_prefix('#')).ok_or(ELSEWHERE)?;
        if place.contains('%') {
            return Err(ELSEWHERE); // another spelling; peers differ in what it means
        }
        self.root.pointer(place).ok_or(ELSEWHERE)
    }
}
