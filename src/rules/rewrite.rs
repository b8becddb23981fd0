//! Carrying out a [`Rewrite`].

use std::cmp::Ordering;

use serde_json::Value;

use super::template::{Unfilled, Values};
use super::{Place, Rewrite, Step, Undecided};
use crate::message::{Ambiguous, Edit, JsonRpcMessage, ParseError, Pointer, index};

/// Why a message could not be changed. It is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotRewritten {
    /// A template could not be filled.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// The place is the id's, the version's, or the whole message.
    #[error("{0} is not for rules to change")]
    Fixed(Pointer),
    /// A value should stand there, and the path finds no place for it.
    #[error("{0} finds no place")]
    Nowhere(String),
    /// Peers differ in what stands there.
    #[error(transparent)]
    Ambiguous(#[from] Ambiguous),
    /// No tree can be made of the message.
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// The outcome is no acceptable message, or nothing stands around the place.
    #[error(transparent)]
    Message(#[from] ParseError),
}

impl Rewrite {
    /// The message with every step done, in order. What no step changes stays as it is, byte for byte, and the
    /// outcome passes the scanner that the message passed.
    ///
    /// ```
    /// use serde_json::json;
    /// use shadowcat::{Direction, JsonRpcMessage, Pointer};
    /// use shadowcat::rules::{Action, Matcher, Rewrite, Rule, RuleSet, Seen, Step, Text};
    ///
    /// let mut rewrite = Rewrite::default();
    /// let place = "/params/arguments".parse::<Pointer>()?;
    /// rewrite.steps.push(Step::Merge(place.into(), json!({"limit": 10, "debug": null}).into()));
    /// let rule = Rule::new("r", Matcher::new().tool(Text::exact("find")), Action::Rewrite(rewrite.clone()));
    /// let rules = RuleSet::new([rule])?;
    ///
    /// let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find", "arguments":{"limit": 99,"debug":true}}}"#;
    /// let call = JsonRpcMessage::parse(call)?;
    /// let seen = Seen::new(&call, Direction::ToUpstream);
    /// let matched = rules.next(None, &seen)?.expect("the rule is for it");
    /// let call = rewrite.apply(&call, &matched.values(&seen))?;
    /// assert_eq!(call.params(), Some(&br#"{"name":"find", "arguments":{"limit": 10}}"#[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A step cannot be done. Nothing was changed then.
    pub fn apply(
        &self,
        message: &JsonRpcMessage,
        values: &Values<'_, '_>,
    ) -> Result<JsonRpcMessage, NotRewritten> {
        self.steps.iter().try_fold(message.clone(), |message, step| match step {
            Step::Set(place, template) => set(message, place, &template.fill(values)?),
            Step::Replace(place, template) => replace(message, place, &template.fill(values)?),
            Step::Remove(place) => remove(message, place),
            Step::Merge(place, template) => merge(message, place, &template.fill(values)?),
        })
    }
}

fn set(message: JsonRpcMessage, place: &Place, value: &Value) -> Result<JsonRpcMessage, NotRewritten> {
    let json = value.to_string();
    let places = demanded(&message, place)?;
    Ok(places.iter().fold(message.edit(), |edit, place| put(edit, place, &json)).finish()?)
}

fn replace(message: JsonRpcMessage, place: &Place, value: &Value) -> Result<JsonRpcMessage, NotRewritten> {
    let json = value.to_string();
    places(&message, place)?.iter().try_fold(message, |message, place| match place.find(message.bytes())? {
        Some(_) => Ok(message.edit().set(place, &json).finish()?),
        None => Ok(message),
    })
}

fn remove(message: JsonRpcMessage, place: &Place) -> Result<JsonRpcMessage, NotRewritten> {
    let places = places(&message, place)?;
    Ok(places.iter().fold(message.edit(), Edit::remove).finish()?)
}

fn merge(message: JsonRpcMessage, place: &Place, patch: &Value) -> Result<JsonRpcMessage, NotRewritten> {
    demanded(&message, place)?.iter().try_fold(message, |message, place| {
        let raw = place.find(message.bytes())?;
        let there = raw.map(|json| serde_json::from_slice(json).map_err(|_| Undecided)).transpose()?;
        let mut changes = Vec::new();
        difference(place, there.as_ref(), patch, &mut changes);
        let edit = changes.into_iter().fold(message.edit(), |edit, (place, value)| match value {
            Some(value) => put(edit, &place, &value.to_string()),
            None => edit.remove(&place),
        });
        Ok(edit.finish()?)
    })
}

/// A result takes an error's place, and the other way round.
fn put(edit: Edit, place: &Pointer, json: &str) -> Edit {
    let mut tokens = place.tokens();
    match (tokens.next(), tokens.next()) {
        (Some("result"), None) => edit.result(json),
        (Some("error"), None) => edit.error(json),
        _ => edit.set(place, json),
    }
}

/// What a merge patch (RFC 7396) changes of what is there, place by place.
fn difference(
    place: &Pointer,
    there: Option<&Value>,
    patch: &Value,
    changes: &mut Vec<(Pointer, Option<Value>)>,
) {
    let (Some(Value::Object(before)), Value::Object(members)) = (there, patch) else {
        let patched = without_nulls(patch);
        if there != Some(&patched) {
            changes.push((place.clone(), Some(patched)));
        }
        return;
    };
    for (key, patch) in members {
        let place = place.clone().join(key);
        match (before.get(key), patch) {
            (None, Value::Null) => {}
            (Some(_), Value::Null) => changes.push((place, None)),
            (there, patch) => difference(&place, there, patch, changes),
        }
    }
}

/// A patch where nothing was.
fn without_nulls(patch: &Value) -> Value {
    match patch {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

/// The places, the last of the document first: taking one away moves none that is still to come.
fn places(message: &JsonRpcMessage, place: &Place) -> Result<Vec<Pointer>, NotRewritten> {
    let mut places = match place.as_pointer() {
        Some(pointer) => vec![pointer.clone()],
        None => place.pointers(&serde_json::from_slice(message.bytes()).map_err(|_| Undecided)?),
    };
    places.sort_by(|one, other| by_position(other, one));
    places.dedup();
    match places.iter().find(|place| is_fixed(place)) {
        Some(fixed) => Err(NotRewritten::Fixed(fixed.clone())),
        None => Ok(places),
    }
}

/// The same where a value is to stand afterwards: at least one.
fn demanded(message: &JsonRpcMessage, place: &Place) -> Result<Vec<Pointer>, NotRewritten> {
    let places = places(message, place)?;
    if places.is_empty() { Err(NotRewritten::Nowhere(place.to_string())) } else { Ok(places) }
}

/// Who is answered, and in which language, is the session's.
fn is_fixed(place: &Pointer) -> bool {
    matches!(place.tokens().next(), None | Some("id" | "jsonrpc"))
}

/// Indices by their numbers, and what is inside something behind it.
fn by_position(one: &Pointer, other: &Pointer) -> Ordering {
    let number = index;
    let steps = one.tokens().zip(other.tokens()).map(|(one, other)| match (number(one), number(other)) {
        (Some(a), Some(b)) => a.cmp(&b).then_with(|| one.cmp(other)),
        _ => one.cmp(other),
    });
    steps.fold(Ordering::Equal, Ordering::then).then(one.tokens().len().cmp(&other.tokens().len()))
}
