//! State outside of a session, kept with it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::object::{Object, Style};
use super::word::words;
use super::{Entry, EntryKind, TapeError, time};
use crate::message::{Direction, members, write_string};
use crate::protocol::peek;

/// State outside of a session as it was when the tape was made: a file, variables, the clock. Whoever plays the tape
/// again can put it back first.
///
/// On a tape it is an [entry](EntryKind::Snapshot) like any other, so that every format and every tool keeps it. What
/// is kept may be secret: variables should be chosen, not taken as a whole.
///
/// ```
/// use shadowcat::tape::{Snapshot, SnapshotKind};
///
/// let kept = Snapshot::new("notes.txt", SnapshotKind::File, "buy milk");
/// let entry = kept.entry(); // goes to a `Sink`, comes back from a `Source`
/// let back = Snapshot::read(&entry)?.expect("it is one");
/// assert_eq!(back, kept);
/// assert!(back.digest.starts_with("sha256:"));
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// What it is called: the path of a file, as the one who plays it knows it.
    pub name: Arc<str>,
    /// What it is.
    pub kind: SnapshotKind,
    /// What it holds.
    pub bytes: Bytes,
    /// The digest of that: `sha256:…`.
    pub digest: Arc<str>,
}

/// What a [`Snapshot`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotKind {
    /// A file: its bytes.
    File,
    /// Variables of the environment: a JSON object of texts.
    Environment,
    /// The time of day that the clock is set to: `2026-11-21T13:40:00Z`.
    Clock,
    /// What the application says.
    Other,
}

words!(SnapshotKind { File = "file", Environment = "environment", Clock = "clock", Other = "other" });

impl Snapshot {
    /// Of these bytes.
    pub fn new(name: impl Into<Arc<str>>, kind: SnapshotKind, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { name: name.into(), kind, digest: digest(&bytes).into(), bytes }
    }

    /// Of variables.
    ///
    /// ```
    /// use shadowcat::tape::Snapshot;
    ///
    /// let kept = Snapshot::environment("server", [("LANG", "C.UTF-8"), ("TZ", "UTC")]);
    /// assert_eq!(kept.variables().unwrap()["TZ"], "UTC");
    /// ```
    pub fn environment<K, V>(name: impl Into<Arc<str>>, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut json = Vec::new();
        let sorted: BTreeMap<String, String> = variables
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
            .collect();
        let mut object = Object::new(&mut json, Style::Line);
        sorted.iter().for_each(|(name, value)| write_string(object.foreign_key(name), value));
        object.end();
        Self::new(name, SnapshotKind::Environment, json)
    }

    /// Of the clock, to the microsecond.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use shadowcat::tape::Snapshot;
    ///
    /// let noon = UNIX_EPOCH + Duration::from_secs(1_795_262_400);
    /// assert_eq!(Snapshot::clock("wall", noon).time(), Some(noon));
    /// ```
    pub fn clock(name: impl Into<Arc<str>>, at: SystemTime) -> Self {
        Self::new(name, SnapshotKind::Clock, time::utc(at))
    }

    /// The variables of an environment; `None` of anything else.
    pub fn variables(&self) -> Option<BTreeMap<String, String>> {
        if self.kind != SnapshotKind::Environment || !super::text::is_json(&self.bytes) {
            return None;
        }
        members(&self.bytes)
            .map(|member| Some((member.key().into_owned(), peek::string(member.value).ok()?.into_owned())))
            .collect()
    }

    /// The time of a clock; `None` of anything else.
    pub fn time(&self) -> Option<SystemTime> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        (self.kind == SnapshotKind::Clock).then(|| time::from_utc(text))?
    }

    /// As an entry, at the beginning of a tape.
    pub fn entry(&self) -> Entry {
        let mut json = Vec::new();
        let mut object = Object::new(&mut json, Style::Line);
        object.text("name", &self.name);
        object.text("snapshot", self.kind.as_str());
        object.text("digest", &self.digest);
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => object.text("text", text),
            Err(_) => object.text("base64", &STANDARD.encode(&self.bytes)),
        }
        object.end();
        Entry::new(EntryKind::Snapshot, Direction::ToUpstream, json)
    }

    /// Back from an entry; `None` if that is of another kind.
    ///
    /// # Errors
    ///
    /// It is damaged: no snapshot as [`entry`](Self::entry) writes it, or not what its digest says. A secret that was
    /// masked, and the digest with it, makes it so too, since it can no longer be put back.
    pub fn read(entry: &Entry) -> Result<Option<Self>, TapeError> {
        if entry.kind != EntryKind::Snapshot {
            return Ok(None);
        }
        parse(&entry.bytes).map(Some).map_err(|why| TapeError::damaged("a snapshot", why))
    }
}

fn parse(json: &[u8]) -> Result<Snapshot, String> {
    if !super::text::is_json(json) {
        return Err("it is no JSON".to_owned());
    }
    let text = |key| peek::text(json, key).map_err(|error| format!("{key}: {error}"));
    let needed = |key| text(key)?.ok_or_else(|| format!("it has no {key}"));
    let (name, word) = (needed("name")?, needed("snapshot")?);
    let kind =
        SnapshotKind::from_word(&word).ok_or_else(|| format!("a snapshot of {word:?} is not known"))?;
    let bytes = match text("text")? {
        Some(text) => text.into_owned().into_bytes(),
        None => STANDARD.decode(needed("base64")?.as_bytes()).map_err(|_| "base64 is none")?,
    };
    let snapshot = Snapshot::new(&*name, kind, bytes);
    if *needed("digest")? != *snapshot.digest {
        return Err(format!("{name:?} is not what its digest says: it was changed or masked"));
    }
    Ok(snapshot)
}

/// The JSON of a snapshot, in which what is no text stands in base64, with what `change` makes of that.
#[cfg(feature = "secret")]
pub(super) fn decoded(json: Bytes, change: impl Fn(Bytes) -> Bytes) -> Bytes {
    with(json, "base64", |value| {
        let kept = STANDARD.decode(&*peek::string(value).ok()?).ok()?;
        let changed = change(kept.clone().into());
        (changed != kept).then(|| STANDARD.encode(changed))
    })
}

/// The JSON of a snapshot that was masked: its digest would tell what stood there.
#[cfg(feature = "secret")]
pub(super) fn without_digest(json: Bytes) -> Bytes {
    with(json, "digest", |_| Some("masked".to_owned()))
}

/// Whether both keep the same, whatever else they say.
#[cfg(feature = "secret")]
pub(super) fn holds_the_same(one: &[u8], other: &[u8]) -> bool {
    let is_json = [one, other].into_iter().all(super::text::is_json);
    let kept = |json| members(json).filter(|member| member.is("text") || member.is("base64"));
    is_json && kept(one).map(|member| member.value).eq(kept(other).map(|member| member.value))
}

/// With another text as the value of each member of this name, where there is one.
#[cfg(feature = "secret")]
fn with(json: Bytes, key: &str, value: impl Fn(&[u8]) -> Option<String>) -> Bytes {
    let (mut out, mut at) = (Vec::new(), 0);
    let json_members = super::text::is_json(&json).then(|| members(&json)).into_iter().flatten();
    for member in json_members.filter(|member| member.is(key)) {
        if let Some(value) = value(member.value) {
            out.extend_from_slice(&json[at..member.value_at.start]);
            write_string(&mut out, &value);
            at = member.value_at.end;
        }
    }
    if at == 0 {
        return json;
    }
    out.extend_from_slice(&json[at..]);
    out.into()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl fmt::Debug for Snapshot {
    /// Without what it holds, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .field("digest", &self.digest)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_no_snapshot() {
        let mut entry = Snapshot::new("a", SnapshotKind::Other, vec![0xff, 0]).entry();
        assert!(Snapshot::read(&entry).unwrap().is_some());
        for (bytes, why) in [
            (String::from_utf8_lossy(&entry.bytes).replace("/wA=", "/wE="), "digest"),
            (r#"{"name":"a","snapshot":"moon","digest":"","text":""}"#.to_owned(), "moon"),
            (r#"{"name":"a","snapshot":"file","text":""}"#.to_owned(), "digest"),
            ("{".to_owned(), "JSON"),
        ] {
            entry.bytes = bytes.into();
            let error = Snapshot::read(&entry).unwrap_err();
            assert!(error.is_damaged() && error.to_string().contains(why), "{error}");
        }
        entry.kind = EntryKind::Note;
        assert_eq!(Snapshot::read(&entry).unwrap(), None);
    }
}
