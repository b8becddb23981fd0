//! Why a call failed, as its end tells it: `{"failure":"timeout","text":"it took too long"}`, and `"unsent":true` of a
//! call that never left. What other recorders wrote, and ours before, is the text alone.

use std::borrow::Cow;

use super::object::{Object, Style};
use super::{Entry, EntryKind, Outcome};
use crate::error::Error;
use crate::message::Direction;
use crate::protocol::peek;

impl Entry {
    /// The end of a call that failed, at the client's edge: it tells the error's kind and text.
    ///
    /// ```
    /// use shadowcat::Error;
    /// use shadowcat::tape::{Entry, Outcome};
    ///
    /// let end = Entry::failed(&Error::timeout("it took too long")).call(7);
    /// assert_eq!(end.outcome, Some(Outcome::Failed));
    /// assert_eq!(end.bytes, r#"{"failure":"timeout","text":"it took too long"}"#);
    /// let error = end.failure().unwrap();
    /// assert!(error.is_timeout() && error.to_string() == "it took too long");
    /// ```
    pub fn failed(error: &Error) -> Self {
        let told = told(error, &error.to_string());
        Self::new(EntryKind::End, Direction::ToClient, told).outcome(Outcome::Failed)
    }

    /// Why the call failed whose end this is: an error of the recorded kind and text, without its facts and causes. `None`
    /// if it is no such end. Where the tape tells no kind, which is so on older ones, the channel was
    /// [closed](Error::is_closed).
    pub fn failure(&self) -> Option<Error> {
        let is_failed = self.kind == EntryKind::End && self.outcome == Some(Outcome::Failed);
        is_failed.then(|| read(&self.bytes))
    }
}

/// The error as an end tells it, by a text that may be shown.
pub(crate) fn told(error: &Error, text: &str) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out, Style::Line);
    object.text("failure", error.word());
    object.text("text", text);
    if error.is_unsent() {
        object.token("unsent", "true");
    }
    object.end();
    String::from_utf8(out).expect("it was written as text")
}

/// The error that an end tells of.
pub(crate) fn read(told: &[u8]) -> Error {
    let Some((word, text)) = parts(told) else { return Error::closed(String::from_utf8_lossy(told)) };
    // A later release may know more kinds.
    let error = Error::of_word(&word, &text).unwrap_or_else(|| Error::closed(text));
    if member(told, "unsent") == Some(b"true") { error.unsent() } else { error }
}

/// What kind of failure an end tells, if it does.
pub(crate) fn kind(told: &[u8]) -> Option<&'static str> {
    let (word, text) = parts(told)?;
    Some(Error::of_word(&word, text)?.word())
}

fn parts(told: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    if !super::text::is_json(told) {
        return None;
    }
    let [word, text] = ["failure", "text"].map(|key| peek::string(member(told, key)?).ok());
    Some((word?, text?))
}

fn member<'a>(told: &'a [u8], key: &str) -> Option<&'a [u8]> {
    peek::member(told, key).ok()?
}
