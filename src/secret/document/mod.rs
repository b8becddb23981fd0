//! The secrets of a whole message.

mod edit;
mod frame;
mod name;
mod report;
mod role;
mod search;
mod string;
mod walk;
mod write;

use std::borrow::Cow;

use edit::Edit;
use report::Allowed;
use role::Role;
use search::Search;
use walk::{Key, Walk};

use super::{Detector, Marker};
use crate::message::{Fault, JsonRpcMessage, ParseError};

pub use report::Found;

/// The secrets of one message, and the message without them.
///
/// Every string of the message is searched as a reader decodes it, and so is every key: inside of `params`, `result` or
/// `error`, and in members beside them that the protocol does not know. The
/// value of a member whose name says that it is a secret is one as a whole: also a number of at least four digits, each
/// element of a list, and what stands in a member called `value` of an object. A string that is JSON itself is read as such.
/// Texts of adjacent blocks of content are searched together, too, and a secret that runs over several is masked in each.
///
/// Never touched are the members with which the protocol refers to itself: `jsonrpc`, `id`, `method`, `requestState`, `cursor`, `nextCursor`,
/// `progressToken`, `subscriptionId`, and the `data` of images and sounds. They are known by their place: an argument
/// of a tool that is called `cursor` is the tool's, not the protocol's, and a key in it is a key.
///
/// It takes time linear in the message, whatever stands in it.
///
/// ```
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::secret::{Detector, Marker, Secrets};
///
/// let detector = Detector::new();
/// let call = r#"{"name":"login","arguments":{"user":"ann","password":"hunter2"}}"#;
/// let call = JsonRpcMessage::request(1, "tools/call", call)?;
/// let secrets = Secrets::of(&detector, &call);
/// assert_eq!(secrets.found()[0].path.to_string(), "/params/arguments/password");
///
/// let masked = secrets.masked(&Marker::default(), 4 << 20)?;
/// assert_eq!(
///     masked.params(),
///     Some(&br#"{"name":"login","arguments":{"user":"ann","password":"[REDACTED:member]"}}"#[..])
/// );
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Secrets<'m> {
    message: &'m JsonRpcMessage,
    edits: Vec<Edit>,
    keys: Vec<Key>,
    report: report::Report,
}

impl<'m> Secrets<'m> {
    /// Those of `message`, but for what the detector's [`AllowList`](super::AllowList) lets be. Of one that passed only a transparent scan they are what one reader out of many sees.
    pub fn of(detector: &Detector, message: &'m JsonRpcMessage) -> Self {
        Self::search(detector, message, None)
    }

    /// Those of `message` that `allowed` does not let be. It is asked of the first 1,024; what comes behind them in a
    /// message is not let be.
    pub fn except(
        detector: &Detector,
        message: &'m JsonRpcMessage,
        allowed: &dyn Fn(&Found) -> bool,
    ) -> Self {
        Self::search(detector, message, Some(allowed))
    }

    fn search(detector: &Detector, message: &'m JsonRpcMessage, allowed: Allowed<'_>) -> Self {
        let list = detector.allow_list();
        let by_path = |found: &Found| {
            list.allows_path(&found.path.to_string()) || allowed.is_some_and(|allowed| allowed(found))
        };
        let allowed: Allowed<'_> = if list.has_paths() { Some(&by_path) } else { allowed };
        let walk = Walk::new(Search::new(detector), message.text(), Role::Envelope, allowed).run();
        let mut edits = walk.edits;
        // What is judged at the end of its object comes late.
        edits.sort_by_key(|edit| edit.range.start);
        Self { message, edits, keys: walk.keys, report: walk.report }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many places there are; a secret that runs over two blocks has two.
    pub fn count(&self) -> usize {
        self.edits.len()
    }

    /// The kinds of all of them.
    pub fn kinds(&self) -> impl Iterator<Item = &Cow<'static, str>> {
        self.edits.iter().map(|edit| &edit.kind)
    }

    /// Of what kind they are and where: the first 64.
    pub fn found(&self) -> &[Found] {
        &self.report.found
    }

    /// The message with a marker in the place of each. Every byte outside of them is the same; a key that would be the
    /// same as another one of its object is numbered.
    ///
    /// # Errors
    ///
    /// It would have more than `max_bytes` bytes, and more than it has now.
    pub fn masked(&self, marker: &Marker, max_bytes: usize) -> Result<JsonRpcMessage, ParseError> {
        if self.is_empty() {
            return Ok(self.message.clone());
        }
        let bytes = self.message.bytes();
        let changes = write::changes(self.message.text(), &self.edits, &self.keys, marker);
        let most = max_bytes.max(bytes.len());
        let written = write::written(bytes, &changes, most);
        self.message.respelled(written.ok_or_else(|| ParseError::new(Fault::TooLarge, most))?)
    }
}
