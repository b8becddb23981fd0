//! Typed access to a part of a message, and back only what changed in it.

use serde_json::Value;

use super::{Action, Interception};
use crate::error::BoxError;
use crate::message::{Edit, JsonRpcMessage, Pointer};
use crate::protocol::{method, peek};

impl Interception {
    /// Where in the life of a call the message stands.
    pub fn point(&self) -> super::Point {
        super::Point::of(self)
    }

    /// The name of the tool that is called, or was.
    ///
    /// # Errors
    ///
    /// It cannot be told: it stands twice, or is no text.
    pub fn tool(&self) -> Result<Option<std::borrow::Cow<'_, str>>, peek::Unreadable> {
        self.request()
            .filter(|request| request.is_method(method::TOOLS_CALL))
            .map_or(Ok(None), peek::tool_name)
    }

    /// A part of the message, read into a type of yours.
    ///
    /// ```
    /// # use shadowcat::layer::intercept::{Action, Interception};
    /// fn city(seen: &Interception) -> Option<String> {
    ///     seen.read(&"/params/arguments/city".parse().ok()?).ok().flatten()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// It is of another shape, or a key on the way stands twice.
    pub fn read<'a, T: serde_core::Deserialize<'a>>(
        &'a self,
        place: &Pointer,
    ) -> Result<Option<T>, BoxError> {
        let found = place.find(self.message().bytes())?;
        Ok(found.map(serde_json::from_slice).transpose()?)
    }

    /// Changes a part of the message by a function of it as a tree. Only what the function changed is written; every
    /// other byte stays as it came, numbers that no tree can hold exactly among them.
    ///
    /// ```
    /// use serde_json::Value;
    /// use shadowcat::BoxError;
    /// use shadowcat::layer::intercept::{Action, Interception};
    ///
    /// fn at_most_ten(seen: &Interception) -> Result<Action, BoxError> {
    ///     seen.rewrite(&"/params/arguments".parse()?, |arguments| {
    ///         if arguments["limit"].as_u64() > Some(10) {
    ///             arguments["limit"] = 10.into();
    ///         }
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Nothing stands there, no tree can be made of it, or the outcome is no acceptable message.
    pub fn rewrite(&self, place: &Pointer, change: impl FnOnce(&mut Value)) -> Result<Action, BoxError> {
        let before: Value = self.read(place)?.ok_or_else(|| format!("nothing stands at {place}"))?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(Action::Continue);
        }
        let edit = difference(self.message().clone().edit(), place, &before, &after);
        Ok(Action::Modify(edit.finish()?))
    }

    /// What the server asks for in a result that needs input (2026-07-28), by its keys, raw.
    pub fn input_requests(&self) -> Vec<(String, &[u8])> {
        entries(self.message(), "result", "inputRequests")
    }

    /// The input that the client gives in a request that comes again, by its keys, raw.
    pub fn input_responses(&self) -> Vec<(String, &[u8])> {
        entries(self.message(), "params", "inputResponses")
    }
}

fn entries<'a>(message: &'a JsonRpcMessage, payload: &str, key: &str) -> Vec<(String, &'a [u8])> {
    let place = Pointer::root().join(payload).join(key);
    let found = place.find(message.bytes()).ok().flatten().unwrap_or_default();
    crate::message::members(found).map(|member| (member.key().into_owned(), member.value)).collect()
}

/// The changes that make `before` at `place` into `after`.
fn difference(edit: Edit, place: &Pointer, before: &Value, after: &Value) -> Edit {
    match (before, after) {
        _ if before == after => edit,
        (Value::Object(old), Value::Object(new)) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            let edit = gone.fold(edit, |edit, key| edit.remove(&place.clone().join(key)));
            new.iter().fold(edit, |edit, (key, value)| {
                let place = place.clone().join(key);
                match old.get(key) {
                    Some(before) => difference(edit, &place, before, value),
                    None => edit.set(&place, value.to_string()),
                }
            })
        }
        (Value::Array(old), Value::Array(new)) => {
            let at = |index: usize| place.clone().join(index.to_string());
            let both = old.iter().zip(new).enumerate();
            let edit = both.fold(edit, |edit, (index, (old, new))| difference(edit, &at(index), old, new));
            let edit = (new.len()..old.len()).rev().fold(edit, |edit, index| edit.remove(&at(index)));
            new.iter()
                .skip(old.len())
                .fold(edit, |edit, value| edit.set(&place.clone().join("-"), value.to_string()))
        }
        _ => edit.set(place, after.to_string()),
    }
}
