//! What other recorders wrote is read, and what they read is written.
//!
//! The files in `tests/taped/foreign` are real: `mcp-cassette-0.4.0.mcp.json` was written by `mcp-cassette record` of
//! PyPI 0.4.0, `mcp-cassette-0.4.0.cassette.jsonl` by `mcp-cassette record` of npm's source at `v0.4.0`, and
//! `mcpsnoop-0.18.0.jsonl` by the stdio proxy and the file sink of mcpsnoop's source at `v0.18.0` (its folder was
//! renamed), each between the same client script and the same small server. `stream.cassette.jsonl` was written by
//! hand after `docs/cassette-format-v2.md`: a stream over HTTP.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use shadowcat::Direction::{self, ToClient, ToUpstream};
use shadowcat::tape::import::{self, Format};
use shadowcat::tape::{self, Edge, Entry, EntryKind, Sink, Tape, TapeError, export, json, lines};
use shadowcat::{JsonRpcMessage, ScanOptions};

use crate::taped::{self, Folder, bytes, read, tape};

type Create = fn(&Path, &Tape) -> Result<export::Writer, TapeError>;

/// Each format that can be written, and the real file of it.
const FORMATS: [(Format, Create, &str); 3] = [
    (
        Format::McpCassetteJson,
        |path, tape| export::Writer::mcp_cassette_json(path, tape),
        "mcp-cassette-0.4.0.mcp.json",
    ),
    (
        Format::McpCassetteLines,
        |path, tape| export::Writer::mcp_cassette_lines(path, tape),
        "mcp-cassette-0.4.0.cassette.jsonl",
    ),
    (Format::Mcpsnoop, |path, tape| export::Writer::mcpsnoop(path, tape), "mcpsnoop-0.18.0.jsonl"),
];

fn foreign(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/taped/foreign").join(name)
}

/// All that is in a file, and what is known at its end.
fn import(path: &Path) -> (Vec<Entry>, Tape) {
    let mut source = import::open(path).unwrap();
    let (entries, error) = read(&mut *source);
    assert!(error.is_none(), "{error:?}");
    (entries, source.tape().clone())
}

fn import_text(text: &str) -> Vec<Entry> {
    let folder = Folder::new();
    std::fs::write(folder.path("a"), text).unwrap();
    import(&folder.path("a")).0
}

fn error(text: &str) -> TapeError {
    let folder = Folder::new();
    let path = folder.path("a");
    std::fs::write(&path, text).unwrap();
    match import::open(&path) {
        Err(error) => error,
        Ok(source) => read(source).1.expect("it is not to be read to its end"),
    }
}

fn said(entries: &[Entry]) -> Vec<(Direction, EntryKind, Option<u64>, String)> {
    let said = |entry: &Entry| String::from_utf8(entry.bytes.to_vec()).unwrap();
    entries.iter().map(|entry| (entry.direction, entry.kind, entry.call, said(entry))).collect()
}

#[test]
fn what_each_recorder_wrote_of_a_session_is_that_session() {
    for (format, _, name) in FORMATS {
        assert_eq!(Format::of(foreign(name)).unwrap(), Some(format));
        let (entries, known) = import(&foreign(name));
        let messages: Vec<_> = entries.iter().filter(|entry| entry.kind != EntryKind::Note).collect();
        assert_eq!(messages.len(), 11, "{name}");
        for (number, id) in [(1, "1"), (2, "2"), (3, "3"), (4, "\"x\"")] {
            let call = entries.iter().filter(|entry| entry.call == Some(number));
            let call: Vec<_> = call.map(|entry| (entry.kind, entry.direction)).collect();
            assert_eq!(
                call,
                [(EntryKind::Request, ToUpstream), (EntryKind::Response, ToClient)],
                "{name} {id}"
            );
        }
        let line = entries.iter().find(|entry| entry.kind == EntryKind::Refused).unwrap();
        assert_eq!((&*line.bytes, line.direction), (&b"not a message"[..], ToClient));
        let text = said(&entries);
        assert!(text.iter().any(|(.., text)| text.contains(r#""text":"grüße <b>&""#)), "{name}");
        assert_eq!(known.transport.as_deref(), Some("stdio"), "{name}");
        assert!(entries.is_sorted_by_key(|entry| entry.at), "{name}");
        assert!(known.software.is_some_and(|software| software.contains("mcp")), "{name}");
    }
}

#[test]
fn what_a_format_knows_of_its_session_is_kept() {
    let (entries, tape) = import(&foreign("mcp-cassette-0.4.0.mcp.json"));
    assert_eq!(tape.protocol_version.as_deref(), Some("2025-06-18"));
    assert_eq!(tape.server_info.unwrap().as_str(), r#"{"name":"tape-sample","version":"1.0.0"}"#);
    assert_eq!(tape.redaction.as_deref(), Some("mcp-cassette"));
    assert_eq!((entries[0].at, entries[0].wall), (Duration::from_millis(86), None));

    let (entries, tape) = import(&foreign("mcp-cassette-0.4.0.cassette.jsonl"));
    assert_eq!(tape.labels["command"], r#"["python3","srv.py"]"#);
    assert_eq!(tape.software.as_deref(), Some("mcp-cassette@0.4.0"));
    assert_eq!(entries[0].wall, tape.created.checked_add(Duration::from_millis(18)));

    let (entries, tape) = import(&foreign("mcpsnoop-0.18.0.jsonl"));
    assert_eq!(tape.labels["command"], r#"["python3","srv.py"]"#);
    assert_eq!(tape.session.as_deref(), Some("srv.py-4821-7f3a1c9e2b04"));
    assert_eq!(entries[0].session, tape.session);
    assert_eq!(entries[0].at, Duration::from_nanos(208_099));
    assert!(said(&entries).contains(&(ToClient, EntryKind::Note, None, "stderr: called".into())));
    assert!(said(&entries).iter().any(|(.., text)| text.contains(r#""progress":1.0"#)));
}

#[test]
fn the_messages_of_a_stream_stand_one_by_one() {
    let (entries, tape) = import(&foreign("stream.cassette.jsonl"));
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.direction, entry.call)).collect();
    assert_eq!(
        kinds,
        [
            (EntryKind::Request, ToUpstream, Some(1)),
            (EntryKind::Request, ToClient, None),
            (EntryKind::Response, ToUpstream, None),
            (EntryKind::Notification, ToClient, None),
            (EntryKind::Response, ToClient, Some(1)),
        ]
    );
    assert_eq!(entries[3].at, Duration::from_millis(3));
    assert!(entries[3].bytes.ends_with(br#""progress":0.50}}"#));
    assert_eq!((tape.transport.as_deref(), tape.labels["era"].as_str()), (Some("http"), "legacy"));
}

#[test]
fn real_transcripts_of_wassette_are_logs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wassette/transcripts");
    for name in ["stdio-components.jsonl", "stdio-errors.jsonl", "stdio-string-and-big-ids.jsonl"] {
        assert_eq!(Format::of(folder.join(name)).unwrap(), Some(Format::Log));
        let (entries, _) = import(&folder.join(name));
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        for (entry, line) in entries.iter().zip(lines) {
            if entry.kind != EntryKind::Note {
                assert_eq!(entry.bytes, line["line"].as_str().unwrap());
                assert_eq!(entry.direction == ToUpstream, line["dir"] == "client_to_server");
            }
        }
        assert_eq!(entries.len(), text.lines().count());
    }
    // HTTP in between is no message, and no reason to stop.
    let (entries, _) = import(&folder.join("http-sse.jsonl"));
    assert!(entries.iter().any(|entry| entry.kind == EntryKind::Refused));
}

#[test]
fn a_log_without_directions_tells_them_by_its_methods() {
    let entries = import_text(concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#,
        "\r\n\n",
        r#"{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{}}"#,
        "\n",
        r#"{"jsonrpc":"2.0","id":5,"result":{"action":"decline"}}"#,
        "\n",
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#,
        "\n",
        r#" {"jsonrpc":"2.0","id":1,"result":{}} "#,
    ));
    let ways: Vec<_> = entries.iter().map(|entry| (entry.direction, entry.call)).collect();
    let (up, down) = (ToUpstream, ToClient);
    assert_eq!(ways, [(up, Some(1)), (down, None), (up, None), (down, None), (down, Some(1))]);
    assert_eq!(entries[4].bytes, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
}

#[test]
fn a_log_tells_times_and_sessions_in_many_ways() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let then = UNIX_EPOCH + Duration::from_millis(1_795_262_400_250);
    for (members, at, wall) in [
        (r#""t_ms":12.5"#, 12_500, None),
        (r#""ts":"2026-11-21T12:00:00.250Z""#, 0, Some(then)),
        (r#""time":"2026-11-21T14:00:00.250+02:00""#, 0, Some(then)),
        (r#""timestamp":1795262400.25"#, 0, Some(then)),
        (r#""timestamp":1795262400250"#, 0, Some(then)),
    ] {
        let line =
            format!(r#"{{{members},"Direction":7,"from":"Client-To-Server","session":"s","msg":{ping}}}"#);
        let entry = &import_text(&line)[0];
        assert_eq!((entry.at, entry.wall), (Duration::from_micros(at), wall), "{line}");
        assert_eq!((entry.session.as_deref(), &*entry.bytes), (Some("s"), ping.as_bytes()));
    }
}

#[test]
fn a_gap_in_the_numbers_of_mcpsnoop_is_a_loss() {
    let line = |session: &str, seq: u64| {
        format!(
            "{{\"session_id\":\"{session}\",\"server_label\":\"x\",\"seq\":{seq},\"ts\":\"2026-11-21T12:00:00Z\",\
            \"direction\":\"c2s\",\"transport\":\"stdio\",\"raw\":{{\"jsonrpc\":\"2.0\",\"method\":\"a\"}}}}\n"
        )
    };
    let text = [line("a", 1), line("a", 4), line("b", 9), line("b", 10)].concat();
    let entries = import_text(&text);
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.session.as_deref())).collect();
    let said = |session| (EntryKind::Notification, Some(session));
    assert_eq!(kinds, [said("a"), (EntryKind::Lost, Some("a")), said("a"), said("b"), said("b")]);
    assert_eq!(entries[1].bytes, "2");
}

#[test]
fn connections_do_not_share_their_ids() {
    let line = |seq: u64, way: &str, connection: &str, rest: &str| {
        format!(
            "{{\"session_id\":\"a\",\"server_label\":\"x\",\"seq\":{seq},\"ts\":\"2026-11-21T12:00:00Z\",\"conn_id\":\
            \"{connection}\",\"direction\":\"{way}\",\"transport\":\"http\",\"raw\":{{\"jsonrpc\":\"2.0\",\"id\":1,{rest}}}}}\n"
        )
    };
    let (ask, answer) = (r#""method":"ping""#, r#""result":{}"#);
    let text = [
        line(1, "c2s", "k1", ask),
        line(2, "c2s", "k2", ask),
        line(3, "s2c", "k1", answer),
        line(4, "s2c", "k2", answer),
        line(5, "s2c", "k2", answer),
    ];
    let calls: Vec<_> = import_text(&text.concat()).iter().map(|entry| entry.call).collect();
    assert_eq!(calls, [Some(1), Some(2), Some(1), Some(2), None]);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_where() {
    let header = r#"{"type":"header","cassetteVersion":2,"recorder":"x","startedAt":"2026-08-16T00:00:00Z","transport":"stdio"}"#;
    let frame = r#"{"type":"frame","t":1,"dir":"c2s","frame":{"jsonrpc":"2.0","id":1,"method":"a"}}"#;
    for (text, what) in [
        (format!("{header}\n{frame}\n{{}}\n"), ":3: damaged: a line without a type"),
        (format!("{header}\n{frame}\nnone\n"), ":3: damaged: it is no JSON"),
        (format!("{header}\n{header}\n{header}\n"), ":2: damaged: another cassette begins here"),
        (format!("{header}\n{}\n", frame.replace("c2s", "up")), ":2: damaged: unknown direction \"up\""),
        (format!("{header}\n{}\n", frame.replace('1', "-1")), ":2: damaged: t is no time"),
        (
            header.replace("\"cassetteVersion\":2", "\"cassetteVersion\":3"),
            "version 3; this shadowcat reads 1 and 2",
        ),
        (
            r#"{"format_version":4,"recorded_at":"2026-08-16T00:00:00Z","messages":[]}"#.into(),
            "format_version 4; this shadowcat reads 1 to 3",
        ),
        (
            r#"{"format_version":3,"recorded_at":"2026-08-16T00:00:00Z","messages":[{"sender":"me"}]}"#
                .into(),
            "number 1 of messages, before byte 84: damaged: unknown sender \"me\"",
        ),
        (
            r#"{"dir":"c2s","line":"x"}"#.to_owned() + "\n{\"dir\":\"c2s\"}",
            ":2: damaged: a line without a message",
        ),
        (
            r#"{"dir":"c2s","line":"x"}"#.to_owned() + "\n{\"dir\":\"up\",\"msg\":1}",
            "dir is \"up\": say `client_to",
        ),
        ("[1]".into(), "no tape"),
        (String::new(), "no tape"),
    ] {
        let error = error(&text).to_string();
        assert!(error.contains(what), "{text}\n{error}");
    }
    let torn = error(&format!("{header}\n{frame}\n{}", &frame[..40]));
    assert!(torn.is_torn() && torn.to_string().contains(":3: "), "{torn}");
    let cut = std::fs::read_to_string(foreign("mcp-cassette-0.4.0.mcp.json")).unwrap();
    assert!(error(&cut[..2000]).is_torn());
}

#[test]
fn a_format_that_is_told_is_held_to() {
    let path = foreign("mcpsnoop-0.18.0.jsonl");
    for format in [Format::McpCassetteJson, Format::McpCassetteLines] {
        let error = import::open_as(&path, format).err().unwrap();
        assert!(error.is_foreign(), "{error}");
    }
    // To be read as the log that it is, too.
    assert_eq!(import::open_as(&path, Format::Log).unwrap().filter(|entry| entry.is_ok()).count(), 13);
}

#[test]
fn a_tape_of_our_own_is_opened_too() {
    let folder = Folder::new();
    std::fs::write(folder.path("empty"), "").unwrap();
    assert_eq!(Format::of(folder.path("empty")).unwrap(), None);
    for name in ["a.jsonl", "a.json"] {
        let path = folder.path(name);
        let mut sink: Box<dyn Sink> = match name {
            "a.json" => Box::new(json::Writer::create(&path, &tape()).unwrap()),
            _ => Box::new(lines::Writer::create(&path, &tape()).unwrap()),
        };
        sink.append(&taped::ping(1)).unwrap();
        sink.finish().unwrap();
        assert_eq!(Format::of(&path).unwrap(), None);
        assert_eq!(import(&path), (vec![taped::ping(1)], tape()));
    }
}

/// Messages and calls; whether times are exact differs.
#[test]
fn a_real_file_is_the_same_after_it_was_exported_and_imported_again() {
    for (_, _, name) in FORMATS {
        let (entries, known) = import(&foreign(name));
        for (format, create, _) in FORMATS {
            let folder = Folder::new();
            let mut to = create(&folder.path("a"), &known).unwrap();
            let copied = tape::copy(&mut *import::open(foreign(name)).unwrap(), &mut to).unwrap();
            assert_eq!(to.written() + to.skipped(), copied.entries);
            assert_eq!(Format::of(folder.path("a")).unwrap(), Some(format));
            let (again, _) = import(&folder.path("a"));
            let kept = |entry: &&Entry| entry.kind != EntryKind::Note || format == Format::Mcpsnoop;
            let entries: Vec<Entry> = entries.iter().filter(kept).cloned().collect();
            assert_eq!(said(&again), said(&entries), "{name} as {format:?}");
        }
    }
}

#[test]
fn what_has_no_place_in_a_format_is_counted() {
    let folder = Folder::new();
    let mut to = export::Writer::mcp_cassette_json(folder.path("a"), &tape()).unwrap();
    to.append(&taped::ping(1)).unwrap();
    to.append(&taped::ping(1).edge(Edge::Upstream)).unwrap();
    to.append(&taped::note("hm")).unwrap();
    assert_eq!((to.written(), to.skipped()), (1, 2));
    let error = to.append(&taped::ping(2).session("s-2")).unwrap_err();
    assert!(error.to_string().contains("several sessions"), "{error}");
    to.append(&taped::ping(3)).unwrap();
    to.finish().unwrap();
    assert!(to.append(&taped::ping(4)).is_err());
    assert_eq!(import(&folder.path("a")).0.len(), 2);
    assert!(export::Writer::mcpsnoop(folder.path("a"), &tape()).unwrap_err().is_exists());
}

/// As `bytes`, but what these formats can hold: text, and JSON without space inside.
fn line() -> impl Strategy<Value = (EntryKind, Vec<u8>)> {
    bytes().prop_map(|bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let options = ScanOptions::new().transparent();
        match JsonRpcMessage::parse_with(text.clone(), &options) {
            Ok(message) => (message.kind().into(), message.bytes().to_vec()),
            Err(_) => (EntryKind::Refused, text.into_bytes()),
        }
    })
}

/// Without the space between tokens; what it is said to be stays.
fn compact(json: &[u8]) -> Vec<u8> {
    tape::Json::new(json).map_or_else(|| json.to_vec(), |json| json.as_str().as_bytes().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_exported_is_imported_again(
        lines in prop::collection::vec((line(), any::<bool>(), 0_u64..1_000_000), 0..12)
    ) {
        let folder = Folder::new();
        for (number, (format, create, _)) in FORMATS.into_iter().enumerate() {
            let path = folder.path(&number.to_string());
            let mut to = create(&path, &tape()).unwrap();
            let mut entries = Vec::new();
            for ((kind, bytes), up, at) in &lines {
                let direction = if *up { ToUpstream } else { ToClient };
                let entry = Entry::new(*kind, direction, bytes.clone()).at(Duration::from_millis(*at));
                to.append(&entry).unwrap();
                entries.push(entry);
            }
            to.finish().unwrap();
            if entries.is_empty() && format == Format::Mcpsnoop {
                continue;
            }
            let again = import::open(&path).unwrap().map(Result::unwrap);
            for (again, entry) in again.zip(&entries) {
                prop_assert_eq!((again.kind, again.direction), (entry.kind, entry.direction));
                let is_line = entry.kind == EntryKind::Refused && format != Format::Mcpsnoop;
                let expected = if is_line { entry.bytes.to_vec() } else { compact(&entry.bytes) };
                prop_assert_eq!(again.bytes.to_vec(), expected);
                if format != Format::Mcpsnoop {
                    prop_assert_eq!(again.at, entry.at);
                }
            }
        }
    }

    #[test]
    fn bytes_of_any_kind_are_imported_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..200), real in 0_usize..3, cut in any::<prop::sample::Index>()
    ) {
        let folder = Folder::new();
        let path = folder.path("a");
        let mut text = std::fs::read(foreign(FORMATS[real].2)).unwrap();
        let at = cut.index(text.len());
        text.splice(at..(at + bytes.len() / 2).min(text.len()), bytes);
        std::fs::write(&path, text).unwrap();
        for format in [Format::McpCassetteJson, Format::McpCassetteLines, Format::Mcpsnoop, Format::Log] {
            if let Ok(source) = import::open_as(&path, format) {
                let _ = read(source);
            }
        }
        let _ = import::open(&path).map(read);
    }
}
