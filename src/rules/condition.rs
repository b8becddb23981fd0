//! What has to hold of a value inside a message.

use serde_json::Value;

use super::{Place, Text};

/// What a value has to be.
///
/// ```
/// use serde_json::json;
/// use shadowcat::rules::Test;
///
/// assert!(Test::Above(10.0).holds(&json!(11)));
/// assert!(Test::Like(json!({"a": [1]})).holds(&json!({"a": [1], "b": 2})));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Test {
    /// Anything, as long as it is there.
    Exists,
    /// Not there.
    Missing,
    /// This.
    Equals(Value),
    /// One of these.
    OneOf(Vec<Value>),
    /// This, at least: an object has these members and may have others; an array has an element like each; anything
    /// else is equal.
    Like(Value),
    /// A text that is one of these.
    Text(Text),
    /// A number above this.
    Above(f64),
    /// A number of at least this.
    AtLeast(f64),
    /// A number below this.
    Below(f64),
    /// A number of at most this.
    AtMost(f64),
    /// Text of more characters, an array of more elements, an object of more members.
    LongerThan(usize),
    /// Of this type, in the words of JSON Schema.
    Type(Type),
    /// All of these, each of the same value.
    All(Vec<Test>),
}

/// What a JSON value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no others")]
#[allow(missing_docs, reason = "JSON Schema's own words")]
pub enum Type {
    Null,
    Boolean,
    Number,
    Integer,
    String,
    Array,
    Object,
}

impl Test {
    /// Whether it holds of this value.
    pub fn holds(&self, value: &Value) -> bool {
        let number =
            |test: fn(f64, f64) -> bool, bound: f64| value.as_f64().is_some_and(|it| test(it, bound));
        match self {
            Self::Exists => true,
            Self::Missing => false,
            Self::Equals(expected) => is_equal(expected, value),
            Self::OneOf(any) => any.iter().any(|expected| is_equal(expected, value)),
            Self::Like(expected) => is_like(expected, value),
            Self::Text(text) => value.as_str().is_some_and(|value| text.matches(value)),
            Self::Above(bound) => number(|it, bound| it > bound, *bound),
            Self::AtLeast(bound) => number(|it, bound| it >= bound, *bound),
            Self::Below(bound) => number(|it, bound| it < bound, *bound),
            Self::AtMost(bound) => number(|it, bound| it <= bound, *bound),
            Self::LongerThan(length) => self::length(value).is_some_and(|it| it > *length),
            Self::Type(kind) => kind.is_of(value),
            Self::All(tests) => tests.iter().all(|test| test.holds(value)),
        }
    }

    /// Of what a place holds: of any one value there, or of none.
    fn holds_of(&self, values: &[&Value]) -> bool {
        match self {
            Self::Missing => values.is_empty(),
            _ => values.iter().any(|value| self.holds(value)),
        }
    }
}

impl Type {
    fn is_of(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Integer => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
            }
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// `1` and `1.0` are one number.
pub(super) fn is_equal(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| is_equal(one, other)))
        }
        _ => expected == value,
    }
}

pub(super) fn is_like(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Object(expected), Value::Object(members)) => expected
            .iter()
            .all(|(key, expected)| members.get(key).is_some_and(|value| is_like(expected, value))),
        (Value::Array(expected), Value::Array(elements)) => {
            expected.iter().all(|expected| elements.iter().any(|value| is_like(expected, value)))
        }
        _ => is_equal(expected, value),
    }
}

/// A test of what stands at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(crate) place: Place,
    pub(crate) test: Test,
}

impl Condition {
    /// `test` holds of any value that is found at `place`; [`Test::Missing`], if none is.
    pub fn new(place: impl Into<Place>, test: Test) -> Self {
        Self { place: place.into(), test }
    }

    pub(crate) fn holds(&self, document: &Value) -> bool {
        self.test.holds_of(&self.place.values(document))
    }
}
