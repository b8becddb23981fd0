//! What the tests of tapes share.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use shadowcat::Direction;
use shadowcat::tape::{
    Component, Edge, Entry, EntryKind, Json, Outcome, Sink, Snapshot, SnapshotKind, Tape, TapeError, TapeId,
};

/// A folder that is gone when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("shadowcat-tape-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What stands on a tape up to its end, or up to an error.
pub(crate) fn read(
    source: impl Iterator<Item = Result<Entry, TapeError>>,
) -> (Vec<Entry>, Option<TapeError>) {
    let mut entries = Vec::new();
    for entry in source {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => return (entries, Some(error)),
        }
    }
    (entries, None)
}

pub(crate) fn entries(path: &Path) -> Vec<Entry> {
    let (entries, error) = read(shadowcat::tape::open(path).unwrap());
    assert!(error.is_none(), "{error:?}");
    entries
}

/// Writes all of a tape.
pub(crate) fn write(mut sink: impl Sink, entries: &[Entry]) {
    entries.iter().for_each(|entry| sink.append(entry).unwrap());
    sink.finish().unwrap();
}

/// What SQLite itself says of a file of its own.
pub(crate) fn assert_is_sound(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    let said: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "{}", path.display());
}

pub(crate) fn note(text: &str) -> Entry {
    Entry::new(EntryKind::Note, Direction::ToClient, text.to_owned())
}

pub(crate) fn ping(number: u64) -> Entry {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"ping"}}"#);
    Entry::new(EntryKind::Request, Direction::ToUpstream, text)
        .at(Duration::from_micros(number))
        .session("s-1")
}

pub(crate) fn tape() -> Tape {
    Tape::of(TapeId::from_text("t-1"), UNIX_EPOCH + Duration::from_micros(1_795_214_500_580_123))
        .transport("stdio")
}

/// Any JSON text, laid out and spelled in any way.
fn json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u32>().prop_map(|n| n.to_string()),
        prop::sample::select(&["-0", "1.0", "1e5", "0.10", "123456789012345678901234567890"][..])
            .prop_map(str::to_owned),
        text(),
    ];
    let space = || prop::sample::select(&["", "", "", "", " ", "\t", "\n", "\r\n", "  "][..]);
    word.prop_recursive(4, 24, 4, move |inner| {
        let inner =
            (space(), inner, space()).prop_map(|(before, json, after)| format!("{before}{json}{after}"));
        let member = (space(), text(), space(), inner.clone());
        let member = member.prop_map(|(before, key, after, value)| format!("{before}{key}{after}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A JSON string, with its quotes.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&["a", "Z", "é", "\u{2028}", "\u{7f}", "{", "]", ",", ":", " ", "\u{1F600}"][..]),
        1 => prop::sample::select(&["\\\"", "\\\\", "\\n", "\\/", "\\u0041", "\\ud800", "\\u0000", "\\b"][..]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => json().prop_map(String::into_bytes),
        3 => (json(), any::<u16>()).prop_map(|(params, id)| {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"get_weather","a":{params}}}}}"#)
                .into_bytes()
        }),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => ".{0,20}".prop_map(String::into_bytes),
    ]
}

const KINDS: [EntryKind; 9] = [
    EntryKind::Request,
    EntryKind::Notification,
    EntryKind::Response,
    EntryKind::Refused,
    EntryKind::End,
    EntryKind::Component,
    EntryKind::Note,
    EntryKind::Lost,
    EntryKind::Snapshot,
];

const OUTCOMES: [Outcome; 5] =
    [Outcome::Answered, Outcome::Cancelled, Outcome::Dropped, Outcome::Failed, Outcome::Unanswered];

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let whence = (any::<bool>(), any::<bool>(), any::<bool>(), prop::sample::select(&KINDS[..]));
    let names = (prop::option::of(".{0,8}"), prop::option::of(".{0,8}"));
    let times = (0..i64::MAX.unsigned_abs(), prop::option::of(0..253_402_300_800_000_000_u64));
    let call = (prop::option::of(any::<u64>()), prop::option::of(prop::sample::select(&OUTCOMES[..])));
    (whence, bytes(), names, times, call).prop_map(|(whence, bytes, names, times, call)| {
        let direction = if whence.0 { Direction::ToClient } else { Direction::ToUpstream };
        let mut entry = Entry::new(whence.3, direction, bytes).at(Duration::from_nanos(times.0));
        entry.edge = if whence.1 { Edge::Client } else { Edge::Upstream };
        entry.synthetic = whence.2;
        entry.session = names.0.map(Into::into);
        entry.component = names.1.map(Into::into);
        entry.wall = times.1.map(|micros| UNIX_EPOCH + Duration::from_micros(micros));
        (entry.call, entry.outcome) = call;
        entry
    })
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let of_bytes = (".{0,8}", bytes(), prop::sample::select(&[SnapshotKind::File, SnapshotKind::Other][..]))
        .prop_map(|(name, bytes, kind)| Snapshot::new(name, kind, bytes));
    let variables = prop::collection::btree_map(".{0,6}", ".{0,6}", 0..4)
        .prop_map(|variables| Snapshot::environment("server", variables));
    let clock = (0..253_402_300_800_000_000_u64)
        .prop_map(|micros| Snapshot::clock("wall", UNIX_EPOCH + Duration::from_micros(micros)));
    prop_oneof![of_bytes, variables, clock]
}

pub(crate) fn any_tape() -> impl Strategy<Value = Tape> {
    let name = || prop::option::of(".{0,8}");
    let facts = (".{1,12}", name(), name(), name(), name(), name());
    let times = (
        0..253_402_300_800_000_000_u64,
        prop::option::of(0..i64::MAX.unsigned_abs()),
        prop::option::of(1..9_u32),
    );
    let infos = (prop::option::of(json()), prop::option::of(json()));
    let component = (".{0,5}", name(), name(), name(), prop::collection::vec(".{0,5}", 0..3));
    let component = component.prop_map(|(id, uri, digest, policy, tools)| {
        let mut component = Component::new(id);
        component.uri = uri.map(Into::into);
        component.digest = digest.map(Into::into);
        component.policy = policy.map(Into::into);
        component.tools = tools.into_iter().map(Into::into).collect();
        component
    });
    let more =
        (prop::collection::vec(component, 0..3), prop::collection::btree_map(".{0,5}", ".{0,5}", 0..3));
    (facts, times, infos, more).prop_map(|(facts, times, infos, more)| {
        let mut tape = Tape::of(TapeId::from_text(&facts.0), UNIX_EPOCH + Duration::from_micros(times.0));
        tape.session = facts.1.map(Into::into);
        tape.software = facts.2.map(Into::into);
        tape.transport = facts.3.map(Into::into);
        tape.protocol_version = facts.4.map(Into::into);
        tape.redaction = facts.5.map(Into::into);
        tape.duration = times.1.map(Duration::from_nanos);
        tape.part = times.2;
        let json = |text: Option<String>| {
            text.and_then(|text| Json::new(text.as_bytes())).filter(|json| json.as_str() != "null")
        };
        tape.client_info = json(infos.0);
        tape.server_capabilities = json(infos.1);
        (tape.components, tape.labels) = more;
        tape
    })
}
