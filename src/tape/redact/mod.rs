//! Taking secrets out of a tape that was recorded with them.

mod redacted;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use redacted::Redacted;

use super::escapes::unescaped;
use super::profile::{self, SECRETS};
use super::{Entry, EntryKind, Json, Source, Tape, places, snapshot, text};
use crate::message::{InvalidPointer, JsonRpcMessage, Pointer, ScanOptions, members};
use crate::protocol::peek;
use crate::secret::{Detector, Marker, Secrets, shared};

/// What is masked on a tape: secrets that a [`Detector`] finds, and places that are named.
///
/// Messages are searched as [`Secrets`] says, and stay messages; what is no message, as a refusal or a note may be, is
/// searched as JSON or as text. So are the tape's own facts: what client and server say of themselves, components with
/// their policies, labels, the names of sessions. What the protocol refers to itself with (`requestState`, `cursor`) is
/// left alone, unless its [`path`](Self::path) is named.
///
/// It writes to a new tape: the old one still holds all of it.
///
/// ```
/// use shadowcat::tape::{self, Entry, Redact, Sink, Source, Tape, lines};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-redact-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut tape = lines::Writer::create(folder.join("a.jsonl"), &Tape::new()?)?;
/// let call = r#"{"name":"login","arguments":{"user":"ann","password":"hunter2"}}"#;
/// let call = JsonRpcMessage::request(1, "tools/call", call)?;
/// tape.append(&Entry::message(&call, Direction::ToUpstream))?;
/// tape.finish()?;
///
/// let redact = Redact::new().path("/params/arguments/user")?.profile("secrets and users");
/// let mut masked = redact.apply(tape::open(folder.join("a.jsonl"))?);
/// let mut to = lines::Writer::create(folder.join("b.jsonl"), masked.tape())?;
/// tape::copy(&mut masked, &mut to)?;
///
/// let mut masked = lines::Reader::open(folder.join("b.jsonl"))?;
/// assert_eq!(masked.tape().redaction.as_deref(), Some("secrets and users"));
/// let call = String::from_utf8(masked.next().unwrap()?.bytes.to_vec())?;
/// assert!(call.ends_with(r#""arguments":{"user":"[REDACTED:path]","password":"[REDACTED:member]"}}}"#));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Redact {
    detector: Arc<Detector>,
    marker: Marker,
    paths: Vec<Pointer>,
    /// `None` for secrets and the paths, by their names.
    profile: Option<Arc<str>>,
}

impl Redact {
    /// The same detector and marker as elsewhere, and these paths.
    pub(crate) fn of(detector: Arc<Detector>, paths: &[Pointer]) -> Self {
        Self { detector, paths: paths.to_vec(), ..Self::new() }
    }

    /// All secrets that are known here.
    pub fn new() -> Self {
        Self { detector: shared().clone(), marker: Marker::default(), paths: Vec::new(), profile: None }
    }

    /// Finds secrets by this.
    pub fn detector(mut self, detector: impl Into<Arc<Detector>>) -> Self {
        self.detector = detector.into();
        self
    }

    /// Puts this in their place.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = marker;
        self
    }

    /// Masks whatever stands at a place of a message, whole: a JSON Pointer, in which `*` is any one step. A key that
    /// stands twice is masked twice.
    ///
    /// # Errors
    ///
    /// It is no JSON Pointer.
    pub fn path(mut self, path: &str) -> Result<Self, InvalidPointer> {
        self.paths.push(path.parse()?);
        Ok(self)
    }

    /// What the tape says that it was redacted by, added to what it said before. By default it is what a
    /// [recorder](crate::layer::RecordLayer) would say, so that a replay knows it: `secrets`, and `path:` with each path.
    pub fn profile(mut self, name: &str) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// These paths too, and by name.
    pub(crate) fn paths_too(mut self, paths: &[Pointer]) -> Self {
        for path in paths.iter().filter(|path| !self.paths.contains(path)).cloned().collect::<Vec<_>>() {
            self.profile =
                self.profile.map(|named| profile::joined(Some(&named), &profile::path_word(&path)));
            self.paths.push(path);
        }
        self
    }

    /// As a tape of this profile was masked, as far as the profile tells: secrets, and each `path:` of a recorder.
    pub(crate) fn of_profile(profile: &str) -> Self {
        let words = profile.split_whitespace().map(|word| word.trim_end_matches(','));
        let paths = words.filter_map(profile::place).collect();
        Self { paths, ..Self::new() }
    }

    /// What a tape says that was redacted by this.
    pub(crate) fn profile_name(&self) -> Cow<'_, str> {
        match &self.profile {
            Some(profile) => Cow::Borrowed(profile),
            None => {
                let words = self.paths.iter().map(profile::path_word);
                words.fold(SECRETS.to_owned(), |all, word| format!("{all} {word}")).into()
            }
        }
    }

    /// A message without them, under its own method and id: somebody still waits for it. `None` if it cannot be masked.
    pub(crate) fn said(&self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        let placed = match self.paths.is_empty() {
            true => message.clone(),
            false => parse(self.paths(message.bytes().clone()))?,
        };
        Secrets::of(&self.detector, &placed).masked(&self.marker, usize::MAX).ok()
    }

    /// Reads a tape without them.
    pub fn apply<S: Source>(self, source: S) -> Redacted<S> {
        let tape = self.tape(source.tape());
        Redacted { redact: self, source, tape }
    }

    /// An entry without them.
    pub fn entry(&self, mut entry: Entry) -> Entry {
        entry.bytes = match entry.kind {
            EntryKind::Snapshot => self.snapshot(entry.bytes),
            _ => self.bytes(entry.bytes),
        };
        entry.session = entry.session.map(|name| self.name(name));
        entry.component = entry.component.map(|name| self.name(name));
        entry
    }

    /// What is known of a tape, without them.
    pub fn tape(&self, tape: &Tape) -> Tape {
        let mut tape = tape.clone();
        for facts in [
            &mut tape.client_info,
            &mut tape.client_capabilities,
            &mut tape.server_info,
            &mut tape.server_capabilities,
        ] {
            *facts = facts.take().and_then(|json| Json::new(&self.json(json.as_str().as_bytes())));
        }
        for name in [&mut tape.session, &mut tape.software, &mut tape.transport, &mut tape.upstream_transport]
        {
            *name = name.take().map(|name| self.name(name));
        }
        for component in &mut tape.components {
            for text in [&mut component.uri, &mut component.policy] {
                *text = text.take().map(|text| self.name(text));
            }
            component.id = self.name(component.id.clone());
        }
        for (name, text) in &mut tape.labels {
            *text = self.detector.mask_member(name, text, &self.marker).into_owned();
        }
        let profile = self.profile_name();
        tape.redaction = Some(match &tape.redaction {
            Some(before) if !before.split(", ").any(|name| *name == *profile) => {
                format!("{before}, {profile}").into()
            }
            Some(before) => before.clone(),
            None => profile.into(),
        });
        tape
    }

    fn name(&self, name: Arc<str>) -> Arc<str> {
        match self.detector.mask(&name, &self.marker) {
            Cow::Borrowed(_) => name,
            Cow::Owned(masked) => masked.into(),
        }
    }

    /// Without the digest of what was masked: a short secret could be found by it.
    fn snapshot(&self, json: Bytes) -> Bytes {
        let mask = |json: Bytes| self.bytes(snapshot::decoded(json, |bytes| self.text(bytes)));
        let masked = mask(json.clone());
        match snapshot::holds_the_same(&json, &masked) {
            true => masked,
            false => mask(snapshot::without_digest(json)),
        }
    }

    /// A message, other JSON, other text, or other bytes.
    pub(crate) fn bytes(&self, bytes: Bytes) -> Bytes {
        if !text::is_json(&bytes) {
            return self.text(bytes);
        }
        let bytes = self.paths(bytes);
        match parse(bytes.clone()) {
            Some(message) => self.message(&message).unwrap_or_else(|| self.text(bytes)),
            None => self.json(&bytes),
        }
    }

    fn message(&self, message: &JsonRpcMessage) -> Option<Bytes> {
        let masked = Secrets::of(&self.detector, message).masked(&self.marker, usize::MAX).ok()?;
        Some(self.envelope(masked)?.into_bytes())
    }

    /// A method and an id are nobody's to change while a message travels. Here nobody waits for it any more.
    fn envelope(&self, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
        let mask = |text: &str| match self.detector.mask(text, &self.marker) {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(masked),
        };
        let method = message.method().and_then(mask);
        let id = message.id().and_then(|id| mask(&id.text()?));
        if method.is_none() && id.is_none() {
            return Some(message);
        }
        let edit = method.iter().fold(message.edit(), |edit, method| edit.method(method));
        id.iter().fold(edit, |edit, id| edit.id(id.as_str())).finish().ok()
    }

    /// As an argument, in which nothing is the protocol's own.
    fn json(&self, json: &[u8]) -> Bytes {
        let around = [&br#"{"jsonrpc":"2.0","method":"x","params":{"x":"#[..], json, b"}}"];
        let masked = parse(around.concat().into()).and_then(|message| {
            let masked = parse(self.message(&message)?)?;
            let inside = members(masked.params()?).next()?.value.to_vec();
            Some(Bytes::from(inside))
        });
        masked.unwrap_or_else(|| self.text(Bytes::copy_from_slice(json)))
    }

    /// What is no text is kept only where no secret is seen through it; so is JSON that is cut or damaged, in which one
    /// may be written with escapes.
    pub(crate) fn text(&self, bytes: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&bytes);
        let masked = self.detector.mask(&text, &self.marker);
        if let Cow::Owned(plain) = unescaped(&masked)
            && let Cow::Owned(seen) = self.detector.mask(&plain, &self.marker)
        {
            return seen.into();
        }
        match &masked {
            Cow::Borrowed(_) => bytes.clone(),
            Cow::Owned(masked) => masked.clone().into(),
        }
    }

    fn paths(&self, json: Bytes) -> Bytes {
        places::masked(json, &self.paths, &self.marker.of("path"))
    }
}

impl Default for Redact {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact")
            .field("paths", &self.paths)
            .field("profile", &self.profile_name())
            .finish_non_exhaustive()
    }
}

/// What says that it is something else than JSON-RPC may hold anything there.
fn parse(bytes: Bytes) -> Option<JsonRpcMessage> {
    let options = ScanOptions::new().unlimited().transparent();
    let message = JsonRpcMessage::parse_with(bytes, &options).ok()?;
    let says = peek::member(message.bytes(), "jsonrpc");
    (says == Ok(Some(br#""2.0""#))).then_some(message)
}
