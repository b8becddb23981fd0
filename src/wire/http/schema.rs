//! Finding `x-mcp-header` in a tool's input schema (2026-07-28 basic/transports/streamable-http, "Schema
//! Extension").

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;

use crate::message::{decode_exact, members};
use crate::protocol::peek;

const ANNOTATION: &str = "x-mcp-header";
/// Every level of a schema is walked over once for each level above it: deeper ones hold no annotation.
const MAX_LEVELS: usize = 32;
/// The most annotations of a tool; each is a header of every call.
const MAX_ANNOTATIONS: usize = 64;

/// Why a tool cannot be called over HTTP: a client leaves it out of the list it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAnnotation {
    /// The name is empty, or has characters that a header's name cannot have.
    #[error("x-mcp-header is no header name")]
    Name,
    /// Two parameters have the same name, compared without case.
    #[error("x-mcp-header stands twice with one name")]
    Duplicate,
    /// The parameter is no string, integer or boolean.
    #[error("x-mcp-header at a parameter that is no string, integer or boolean")]
    Type,
    /// It stands where no argument can be read for it.
    #[error("x-mcp-header at a place that properties do not lead to")]
    Misplaced,
    /// More than 64 of them.
    #[error("more than 64 times x-mcp-header")]
    TooMany,
    /// A key stands twice, or text holds a lone surrogate.
    #[error("a schema that cannot be judged")]
    Unreadable,
}

/// An annotated parameter: its header's name as written, and the keys that lead to it.
pub(super) struct Annotated<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) path: Vec<String>,
}

/// How an argument is reached from the root of the arguments.
#[derive(Clone, Copy)]
enum Reach {
    Root,
    /// By `properties` only: the last step of the way.
    Step(usize),
    Never,
}

enum Place {
    /// A schema, or whatever may hold one.
    Schema(Reach),
    /// An object whose keys are names, and whose values are schemas.
    Named(Reach),
}

/// Every annotation of a schema that passed the scanner.
pub(super) fn annotations(schema: &[u8]) -> Result<Vec<Annotated<'_>>, InvalidAnnotation> {
    let mut walk =
        Walk { todo: vec![(Place::Schema(Reach::Root), schema, 1)], steps: Vec::new(), found: Vec::new() };
    if may_annotate(schema) {
        while let Some((place, json, level)) = walk.todo.pop() {
            walk.visit(place, json, level)?;
        }
    }
    Ok(walk.found)
}

/// No schema without the word can hold it, unless it is written with escapes.
pub(super) fn may_annotate(json: &[u8]) -> bool {
    mentions(json) || memmem::find(json, b"\\u").is_some()
}

fn mentions(json: &[u8]) -> bool {
    memmem::find(json, ANNOTATION.as_bytes()).is_some()
}

struct Walk<'a> {
    todo: Vec<(Place, &'a [u8], usize)>,
    /// Each step's name, and the one before it.
    steps: Vec<(Cow<'a, str>, Reach)>,
    found: Vec<Annotated<'a>>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, place: Place, json: &'a [u8], level: usize) -> Result<(), InvalidAnnotation> {
        if level > MAX_LEVELS {
            return if mentions(json) { Err(InvalidAnnotation::Misplaced) } else { Ok(()) };
        }
        if json.first() == Some(&b'[') {
            let entries: Vec<&RawValue> =
                serde_json::from_slice(json).map_err(|_| InvalidAnnotation::Unreadable)?;
            for entry in entries {
                self.add(Place::Schema(Reach::Never), entry.get().as_bytes(), level + 1);
            }
            return Ok(());
        }
        for member in members(json) {
            let key = decode_exact(member.raw_key).ok_or(InvalidAnnotation::Unreadable)?;
            match &place {
                Place::Named(reach) => {
                    let step = self.step(key, *reach);
                    self.add(Place::Schema(step), member.value, level + 1);
                }
                Place::Schema(reach) if key == ANNOTATION => self.annotation(*reach, member.value, json)?,
                Place::Schema(reach) => {
                    if let Some(place) = place_of(&key, *reach) {
                        self.add(place, member.value, level + 1);
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, place: Place, json: &'a [u8], level: usize) {
        if matches!(json.first(), Some(b'{' | b'[')) {
            self.todo.push((place, json, level));
        }
    }

    fn step(&mut self, name: Cow<'a, str>, from: Reach) -> Reach {
        if matches!(from, Reach::Never) {
            return Reach::Never;
        }
        self.steps.push((name, from));
        Reach::Step(self.steps.len() - 1)
    }

    fn annotation(&mut self, reach: Reach, name: &'a [u8], schema: &[u8]) -> Result<(), InvalidAnnotation> {
        let Reach::Step(_) = reach else { return Err(InvalidAnnotation::Misplaced) };
        let name = peek::string(name).map_err(|_| InvalidAnnotation::Name)?;
        let kind = peek::member(schema, "type").map_err(|_| InvalidAnnotation::Unreadable)?;
        if !kind.is_some_and(is_primitive) {
            return Err(InvalidAnnotation::Type);
        }
        if self.found.len() == MAX_ANNOTATIONS {
            return Err(InvalidAnnotation::TooMany);
        }
        let path = self.path(reach);
        self.found.push(Annotated { name, path });
        Ok(())
    }

    fn path(&self, mut reach: Reach) -> Vec<String> {
        let mut path = Vec::new();
        while let Reach::Step(at) = reach {
            let (name, from) = &self.steps[at];
            path.push(name.clone().into_owned());
            reach = *from;
        }
        path.reverse();
        path
    }
}

/// What stands under a schema's key; `None`: data, in which the word means nothing.
fn place_of(key: &str, reach: Reach) -> Option<Place> {
    match key {
        "properties" => Some(Place::Named(reach)),
        "$defs" | "definitions" | "patternProperties" | "dependentSchemas" => {
            Some(Place::Named(Reach::Never))
        }
        "default" | "const" | "enum" | "examples" => None,
        _ => Some(Place::Schema(Reach::Never)),
    }
}

/// `number` is not among them, for floats are written in many ways; null is, as an argument that is not there.
fn is_primitive(kind: &[u8]) -> bool {
    let known = |kind: &str| matches!(kind, "string" | "integer" | "boolean");
    if let Ok(kind) = peek::string(kind) {
        return known(&kind);
    }
    let kinds: Vec<String> = serde_json::from_slice(kind).unwrap_or_default();
    kinds.iter().any(|kind| known(kind)) && kinds.iter().all(|kind| known(kind) || kind == "null")
}
