//! What travels: a JSON-RPC message as the bytes that arrived, with its envelope located and checked.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, Kind};
//!
//! let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
//! let message = JsonRpcMessage::parse(text)?;
//! assert_eq!(message.kind(), Kind::Request);
//! assert_eq!(message.method(), Some("tools/call"));
//! assert_eq!(message.params(), Some(&br#"{"name":"echo"}"#[..]));
//! assert_eq!(message.bytes(), text); // nothing is ever written anew that nobody changed
//! # Ok::<(), shadowcat::ParseError>(())
//! ```

mod batch;
mod beside;
mod build;
mod code;
mod context;
mod debug;
mod edit;
mod envelope;
mod fold;
mod id;
mod id_map;
mod marks;
mod options;
mod parse_error;
mod pointer;
mod refused;
mod responder;
mod scan;
mod shared;
mod splice;
mod text;
mod walk;

use bytes::Bytes;

use envelope::{Envelope, IdToken, Payload};
use shared::{Inner, Shared};

#[cfg(all(test, feature = "tape"))]
pub(crate) use beside::SMALL;
pub(crate) use shared::Beside;

pub use code::Code;
pub use context::{Context, Direction};
pub use edit::Edit;
pub use envelope::Kind;
pub use id::{Id, OwnedId};
pub use options::ScanOptions;
pub use parse_error::{Fault, ParseError};
pub use pointer::{Ambiguous, InvalidPointer, Pointer};
pub use refused::RefusedFrame;
pub use responder::Responder;

#[cfg(feature = "http")]
pub(crate) use batch::is_batch;
pub(crate) use batch::{NoBatch, batch, batch_of_server};
pub(crate) use fold::{fold, folded, is_confusable, is_default_ignorable};
pub(crate) use id_map::IdMap;
pub(crate) use parse_error::looks_like_reply;
pub(crate) use pointer::index;
pub(crate) use refused::OnRefused;
#[cfg(feature = "jwt")]
pub(crate) use scan::scan_object;
pub(crate) use scan::{is_json, salvage_id};
#[cfg(feature = "secret")]
pub(crate) use text::next_char;
#[cfg(feature = "tape")]
pub(crate) use text::write_unsigned;
pub(crate) use text::{decode, decode_exact, write_string};
#[cfg(feature = "tape")]
pub(crate) use walk::Member;
pub(crate) use walk::{elements, members, string_end};

/// One JSON-RPC message: bytes that passed the scanner, and where its parts stand in them.
///
/// It is one pointer, and a clone costs a refcount. The bytes never change; [`edit`](Self::edit) and
/// [`with_id`](Self::with_id) make new ones.
#[derive(Clone)]
pub struct JsonRpcMessage {
    /// Shared until it is changed: a message is moved far more often than made, so that one allocation is
    /// cheaper than carrying all this through every layer's future.
    inner: Shared,
}

impl JsonRpcMessage {
    /// Reads one message: strict, the whole document, within the default limits.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong and at which byte, and carries the id where one could be read.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, ParseError> {
        Self::parse_with(bytes, &ScanOptions::default())
    }

    /// Reads one message by other limits, or transparently.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: impl Into<Bytes>, options: &ScanOptions) -> Result<Self, ParseError> {
        Self::read(bytes.into(), options, Beside::default()).map_err(|(_, error)| error)
    }

    /// With what rides beside it from the beginning, which is cheaper than adding it later; gives the bytes back
    /// with an error.
    pub(crate) fn read(
        bytes: Bytes,
        options: &ScanOptions,
        beside: Beside,
    ) -> Result<Self, (Bytes, ParseError)> {
        match scan::scan(&bytes, options) {
            Ok(envelope) => Ok(Self::from_parts(bytes, envelope, beside)),
            Err(error) => Err((bytes, error)),
        }
    }

    fn from_parts(bytes: Bytes, envelope: Envelope, beside: Beside) -> Self {
        let decoded_method = envelope.method_escaped.then(|| {
            let text = std::str::from_utf8(&bytes[envelope.method.range()]).unwrap_or("\"\"");
            text::decode(&text[1..text.len() - 1], true).into()
        });
        Self { inner: Shared::new(Inner { bytes, envelope, decoded_method, beside }) }
    }

    /// Request, notification or response.
    pub fn kind(&self) -> Kind {
        self.inner.envelope.kind
    }

    /// The id as written. `None` also for an error response with `"id":null`: nobody's call.
    pub fn id(&self) -> Option<Id<'_>> {
        match self.inner.envelope.id_token {
            IdToken::Absent => None,
            IdToken::Null if self.kind() == Kind::Response => None,
            token => Some(Id::new(token, &self.inner.bytes[self.inner.envelope.id.range()])),
        }
    }

    /// The method, decoded.
    pub fn method(&self) -> Option<&str> {
        match &self.inner.decoded_method {
            Some(method) => Some(method),
            None if self.inner.envelope.method.is_some() => Some(self.method_text()),
            None => None,
        }
    }

    /// The bytes of the decoded method; cheaper than those of [`method`](Self::method).
    pub(crate) fn method_bytes(&self) -> Option<&[u8]> {
        match &self.inner.decoded_method {
            Some(method) => Some(method.as_bytes()),
            None if self.inner.envelope.method.is_some() => {
                let quoted = &self.inner.bytes[self.inner.envelope.method.range()];
                Some(&quoted[1..quoted.len() - 1])
            }
            None => None,
        }
    }

    /// Whether the decoded method is `name`; cheaper than comparing [`method`](Self::method).
    pub fn is_method(&self, name: &str) -> bool {
        match &self.inner.decoded_method {
            Some(method) => **method == *name,
            None => {
                let quoted = &self.inner.bytes[self.inner.envelope.method.range()];
                quoted.len() == name.len() + 2 && quoted[1..quoted.len() - 1] == *name.as_bytes()
            }
        }
    }

    /// The raw JSON of `params`.
    pub fn params(&self) -> Option<&[u8]> {
        self.payload(Payload::Params)
    }

    /// The raw JSON of `result`.
    pub fn result(&self) -> Option<&[u8]> {
        self.payload(Payload::Result)
    }

    /// The raw JSON of `error`.
    pub fn error(&self) -> Option<&[u8]> {
        self.payload(Payload::Error)
    }

    /// The raw JSON of the object `_meta` inside `params` or `result`.
    pub fn meta(&self) -> Option<&[u8]> {
        self.inner.envelope.meta.is_some().then(|| &self.inner.bytes[self.inner.envelope.meta.range()])
    }

    /// What arrived, byte for byte.
    pub fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.inner.bytes.clone()
    }

    /// A raw carriage return or line feed stands between its tokens: legal JSON, but not one line.
    pub fn has_line_break(&self) -> bool {
        self.inner.envelope.line_break
    }

    /// It passed the strict scan. Layers that decide refuse messages that passed only the transparent one.
    pub fn is_strict(&self) -> bool {
        self.inner.envelope.strict
    }

    /// A `subscriptions/listen` request, the client's or a front end's own: it stays open, so timeouts,
    /// permits and default-deny leave it alone.
    pub fn is_listen(&self) -> bool {
        self.kind() == Kind::Request && self.is_method("subscriptions/listen")
    }

    /// A front end's own listen; see [`Context::session_listen`]. Another message with its context, such as an answer
    /// to what was asked on it, is none.
    pub fn is_session_listen(&self) -> bool {
        let context = self.inner.beside.context.as_ref();
        context.is_some_and(|context| context.is_session_listen()) && self.is_listen()
    }

    /// What a layer keeps across `call` to answer with the same id.
    pub fn responder(&self) -> Responder {
        Responder::new((self.kind() == Kind::Request).then(|| self.owned_id()).flatten())
    }

    /// Whether the id is `id`; an integer is compared as one.
    pub(crate) fn has_id(&self, id: &OwnedId) -> bool {
        match (self.inner.envelope.id_token, id.as_i64()) {
            (IdToken::Integer(own), Some(other)) => own == other,
            (IdToken::Integer(_), None) | (IdToken::String { .. }, Some(_)) => false,
            _ => self.owned_id().as_ref() == Some(id),
        }
    }

    /// The id, independent of the message. Costs no allocation for integers.
    pub fn owned_id(&self) -> Option<OwnedId> {
        self.id().map(|id| id.to_owned())
    }

    /// Changes parts of the message and keeps every other byte.
    pub fn edit(self) -> Edit {
        Edit::new(self)
    }

    /// A shared message is copied first; its bytes are not.
    fn inner_mut(&mut self) -> &mut Inner {
        self.inner.make_mut()
    }

    fn payload(&self, wanted: Payload) -> Option<&[u8]> {
        (self.inner.envelope.payload_is == wanted)
            .then(|| &self.inner.bytes[self.inner.envelope.payload.range()])
    }

    /// What arrived, as text.
    #[cfg(feature = "secret")]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.inner.bytes).expect("the scanner accepted these bytes as UTF-8")
    }

    /// The same message in other bytes, which are scanned; what rides beside it is kept.
    #[cfg(any(feature = "secret", feature = "tape"))]
    pub(crate) fn respelled(&self, bytes: Vec<u8>) -> Result<Self, ParseError> {
        edit::rescan(self, bytes)
    }

    /// The method as written, without its quotes.
    fn method_text(&self) -> &str {
        let quoted = self.str_at(self.inner.envelope.method);
        &quoted[1..quoted.len() - 1]
    }

    fn str_at(&self, span: envelope::Span) -> &str {
        std::str::from_utf8(&self.inner.bytes[span.range()])
            .expect("the scanner accepted these bytes as UTF-8")
    }
}

impl PartialEq for JsonRpcMessage {
    /// Byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.inner.bytes == other.inner.bytes
    }
}

impl Eq for JsonRpcMessage {}
