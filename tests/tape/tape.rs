//! Tapes in files: made, read, torn, damaged.

use std::fs;
use std::io::Write;
use std::time::Duration;

use shadowcat::Direction;
use shadowcat::tape::{self, EntryKind, Sink, Source, Tape, TapeError, json, lines};

use crate::taped::{Folder, entries, note, ping, read, tape};

#[test]
fn the_format_of_the_first_draft_is_read() {
    let folder = Folder::new();
    let draft = r#"{
      "version": "1.0",
      "tape_id": "550e8400-e29b-41d4-a716-446655440000",
      "session_id": "session-123",
      "metadata": {
        "created_at": "2025-08-04T10:00:00Z",
        "duration_ms": 5432,
        "transport": "stdio",
        "protocol_version": "2025-11-05"
      },
      "frames": [
        {
          "timestamp_ms": 0,
          "direction": "client_to_server",
          "edge": "transport_in",
          "content": {
            "jsonrpc": "2.0",
            "method": "initialize",
            "params": {},
            "id": 1
          }
        }
      ]
    }"#;
    fs::write(folder.path("a.json"), draft).unwrap();
    let mut tape = tape::open(folder.path("a.json")).unwrap();
    assert_eq!(tape.tape().id.as_str(), "550e8400-e29b-41d4-a716-446655440000");
    assert_eq!(tape.tape().duration, Some(Duration::from_millis(5432)));
    assert_eq!(tape.tape().session.as_deref(), Some("session-123"));
    let entry = tape.next().unwrap().unwrap();
    assert_eq!((entry.kind, entry.direction), (EntryKind::Request, Direction::ToUpstream));
    assert_eq!(entry.bytes, r#"{"jsonrpc":"2.0","method":"initialize","params":{},"id":1}"#);
    assert!(tape.next().is_none());
}

#[test]
fn members_may_stand_in_any_order() {
    let folder = Folder::new();
    let text = r#"{"frames":[{"direction":"server_to_client","content":{"jsonrpc":"2.0","method":"a"}},
        {"direction":"server_to_client","content":{"jsonrpc":"2.0","method":"b"}}],
        "metadata":{"created_at":"2025-08-04T10:00:00Z","transport":"http"},"other":[1],"tape_id":"t","version":"1.7"}"#;
    fs::write(folder.path("a.json"), text).unwrap();
    let tape = json::Reader::open(folder.path("a.json")).unwrap();
    assert_eq!(tape.tape().transport.as_deref(), Some("http"));
    assert_eq!(tape.count(), 2);
}

#[test]
fn a_tape_is_made_for_its_owner_only_and_never_over_another() {
    let folder = Folder::new();
    for name in ["a.jsonl", "a.json"] {
        let path = folder.path(name);
        let make = || -> Result<(), TapeError> {
            if name == "a.json" {
                json::Writer::create(&path, &tape())?.finish()
            } else {
                lines::Writer::create(&path, &tape())?.finish()
            }
        };
        make().unwrap();
        let before = fs::read(&path).unwrap();
        let error = make().unwrap_err();
        assert!(error.is_exists() && error.to_string().contains("name another file"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
    }
}

#[test]
fn what_is_no_tape_is_told() {
    let folder = Folder::new();
    let path = folder.path("x");
    for (text, kind) in [
        ("", "foreign"),
        ("hello", "foreign"),
        ("{}", "foreign"),
        ("[]", "foreign"),
        ("{\"version\":\"1.0\"}", "foreign"),
        ("{\"version\":\"2.0\",\"tape_id\":\"t\",\"metadata\":{}}\n", "version"),
        ("{\"version\":\"2.0\",\"tape_id\":\"t\",\"metadata\":{},\"frames\":[]}", "version"),
        ("{\"version\":1,\"tape_id\":\"t\",\"metadata\":{},\"frames\":[]}", "foreign"),
        (
            "{\"version\":\"1.0\",\"version\":\"1.0\",\"tape_id\":\"t\",\"metadata\":{},\"frames\":[]}",
            "foreign",
        ),
        (
            "{\"version\":\"1.0\",\"tape_id\":\"t\",\"metadata\":{\"created_at\":\"soon\"},\"frames\":[]}",
            "foreign",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let error = tape::open(&path).err().unwrap_or_else(|| panic!("{text} was taken"));
        let is = if kind == "foreign" { error.is_foreign() } else { error.is_version() };
        assert!(is && error.to_string().contains(path.to_str().unwrap()), "{text}: {error}");
    }
    let error = tape::open(folder.path("")).err().unwrap();
    assert!(error.is_io() && error.to_string().contains("it is a directory; name a file"), "{error}");
    let error = tape::open(folder.path("none")).err().unwrap();
    assert!(error.is_io() && error.to_string().contains("`tape::list`"), "{error}");
    let error = lines::Writer::create(folder.path("none/a.jsonl"), &tape()).unwrap_err();
    assert!(error.is_io() && error.to_string().contains("/none, make it first"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed_and_a_pipe_is_not_waited_for() {
    let folder = Folder::new();
    lines::Writer::create(folder.path("a.jsonl"), &tape()).unwrap();
    std::os::unix::fs::symlink(folder.path("a.jsonl"), folder.path("link")).unwrap();
    for error in [
        tape::open(folder.path("link")).err().unwrap(),
        lines::Writer::resume(folder.path("link")).err().unwrap(),
    ] {
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
    assert!(lines::Writer::create(folder.path("link"), &tape()).unwrap_err().is_exists());
    let made = std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap();
    assert!(made.success());
    assert!(tape::open(folder.path("pipe")).err().unwrap().to_string().contains("no regular file"));
}

#[cfg(unix)]
#[test]
fn what_others_may_read_is_not_gone_on_with() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    lines::Writer::create(&path, &tape()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = lines::Writer::resume(&path).unwrap_err();
    assert!(error.to_string().contains("its mode must be 0600"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_tape_has_one_writer() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let first = lines::Writer::create(&path, &tape()).unwrap();
    let error = lines::Writer::resume(&path).unwrap_err();
    assert!(error.is_busy() && error.to_string().contains("open it again"), "{error}");
    drop(first);
    lines::Writer::resume(&path).unwrap();
}

#[test]
fn a_line_torn_at_any_byte_is_told_and_what_stands_before_it_is_read() {
    let folder = Folder::new();
    let whole = folder.path("whole.jsonl");
    let mut tape = lines::Writer::create(&whole, &tape()).unwrap();
    (1..=3).for_each(|number| tape.append(&ping(number)).unwrap());
    drop(tape);
    let bytes = fs::read(&whole).unwrap();
    let ends: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    for cut in ends[0] + 1..bytes.len() {
        let path = folder.path("cut.jsonl");
        let _ = fs::remove_file(&path);
        make_private(&path, &bytes[..cut]);
        // Behind a whole frame only its line break may be missing.
        let frames = ends[1..].iter().filter(|end| **end <= cut).count();
        let is_torn = !ends.iter().any(|end| cut == *end || cut == end + 1);
        let (read_entries, error) = read(tape::open(&path).unwrap());
        assert_eq!(
            (read_entries.len(), error.is_some_and(|error| says(&error, "`tape::copy`") && error.is_torn())),
            (frames, is_torn),
            "{cut}"
        );

        let mut resumed = lines::Writer::resume(&path).unwrap();
        assert_eq!((resumed.frames(), resumed.torn().is_some()), (frames as u64, is_torn), "{cut}");
        resumed.append(&note("after")).unwrap();
        resumed.finish().unwrap();
        let mut source = lines::Reader::open(&path).unwrap();
        let (all, error) = read(&mut source);
        assert!(error.is_none(), "{cut}: {error:?}");
        assert_eq!((all.len(), &all[frames]), (frames + 1, &note("after")));
        assert_eq!((source.torn_lines(), source.is_finished()), (u64::from(is_torn), true));
        if is_torn {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains("{\"torn\":"), "what was torn is kept: {text}");
        }
    }
}

#[test]
fn a_document_cut_at_any_byte_is_told() {
    let folder = Folder::new();
    let whole = folder.path("whole.json");
    let mut writer = json::Writer::create(&whole, &tape()).unwrap();
    (1..=3).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    let bytes = fs::read(&whole).unwrap();
    assert_eq!(entries(&whole).len(), 3);
    for cut in 0..bytes.len() - 2 {
        let path = folder.path("cut.json");
        fs::write(&path, &bytes[..cut]).unwrap();
        match tape::open(&path) {
            Ok(source) => {
                let (entries, error) = read(source);
                assert!(
                    error.is_some_and(|error| says(&error, "`tape::copy`") && error.is_torn())
                        && entries.len() <= 3,
                    "{cut}"
                );
            }
            Err(error) => assert!(error.is_foreign(), "{cut}: {error}"),
        }
    }
}

#[test]
fn a_frame_that_was_removed_or_moved_is_missed() {
    let folder = Folder::new();
    let whole = folder.path("whole.jsonl");
    let mut writer = lines::Writer::create(&whole, &tape()).unwrap();
    (1..=4).for_each(|number| writer.append(&ping(number)).unwrap());
    drop(writer);
    let text = fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for order in [vec![0, 1, 3, 4], vec![0, 1, 3, 2, 4], vec![0, 1, 2, 2, 3, 4]] {
        let path = folder.path("changed.jsonl");
        let changed: Vec<&str> = order.into_iter().map(|at| lines[at]).collect();
        fs::write(&path, changed.join("\n")).unwrap();
        let (_, error) = read(tape::open(&path).unwrap());
        let error = error.unwrap();
        assert!(error.is_damaged() && error.to_string().contains("comes after frame"), "{error}");
    }
}

#[test]
fn a_growing_tape_is_followed() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let mut writer = lines::Writer::create(&path, &tape()).unwrap();
    let mut reader = lines::Reader::open(&path).unwrap().follow(true);
    assert!(reader.next().is_none());
    writer.append(&ping(1)).unwrap();
    assert!(reader.next().is_none(), "it is still in memory");
    assert!(writer.due().is_some());
    writer.commit().unwrap();
    assert!(writer.due().is_none());
    assert_eq!(reader.next().unwrap().unwrap(), ping(1));
    writer.update(&tape().session("s-9")).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert!(reader.next().is_none());
    assert_eq!(reader.tape().session.as_deref(), Some("s-9"));
    assert!(reader.is_finished());
    // Half a line is waited for.
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"frame\":2,\"direction\":\"client_to_server\",\"kind\":\"no").unwrap();
    assert!(reader.next().is_none());
    file.write_all(b"te\",\"raw\":\"x\"}\n").unwrap();
    assert_eq!(reader.next().unwrap().unwrap().bytes, "x");
}

#[test]
fn what_became_known_later_is_known_at_the_end_and_after_going_on() {
    let folder = Folder::new();
    let (path, document) = (folder.path("a.jsonl"), folder.path("a.json"));
    let later = tape().session("s-1").protocol_version("2025-11-25");
    let mut writer = lines::Writer::create(&path, &tape()).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.update(&later).unwrap();
    writer.append(&ping(2)).unwrap();
    drop(writer);
    let writer = lines::Writer::resume(&path).unwrap();
    assert_eq!(writer.frames(), 2);
    drop(writer);
    let mut source = tape::open(&path).unwrap();
    let mut sink = json::Writer::create(&document, source.tape()).unwrap();
    tape::copy(&mut *source, &mut sink).unwrap();
    assert_eq!(source.tape(), &later);
    let mut source = tape::open(&document).unwrap();
    assert_eq!(source.by_ref().count(), 2);
    assert_eq!(source.tape(), &later);
}

#[test]
fn a_frame_that_is_too_large_is_not_read_into_memory() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let mut writer = lines::Writer::create(&path, &tape()).unwrap();
    writer.append(&note(&"x".repeat(10_000))).unwrap();
    drop(writer);
    let mut reader = lines::Reader::open(&path).unwrap().max_frame_bytes(5_000);
    let error = reader.next().unwrap().unwrap_err();
    assert!(error.is_too_large() && says(&error, "`max_frame_bytes`"), "{error}");
    assert!(reader.next().is_none());
}

fn says(error: &tape::TapeError, what: &str) -> bool {
    error.to_string().contains(what)
}

fn make_private(path: &std::path::Path, bytes: &[u8]) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_new_tape_has_a_name_that_sorts_by_time() {
    let first = Tape::new().unwrap().id;
    let second = Tape::new().unwrap().id;
    assert_ne!(first, second);
    assert_eq!(first.as_str().len(), 36);
    assert_eq!(&first.as_str()[14..15], "7");
}

/// With what was there before, this took hours: each member was looked for among all that stood before it.
#[test]
fn a_document_with_very_many_members_is_opened_like_any_other() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let members: String = (0..500_000).map(|number| format!("\"a{number}\":1,")).collect();
    let title = r#""version":"1.0","tape_id":"t","metadata":{"created_at":"2025-08-04T10:00:00Z"}"#;
    for text in [format!("{{{members}\"frames\":[],{title}}}"), format!("{{{title},{members}\"frames\":[]}}")]
    {
        fs::write(&path, text).unwrap();
        let reader = json::Reader::open(&path).unwrap();
        assert_eq!(reader.tape().id.as_str(), "t");
        assert_eq!(reader.count(), 0);
    }
}

/// Laid out for people they would be larger than a reader takes.
#[test]
fn a_large_message_of_many_small_things_deep_inside_is_the_same_afterwards() {
    let folder = Folder::new();
    let (lines, document) = (folder.path("a.jsonl"), folder.path("a.json"));
    let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(20), "]".repeat(20));
    let many = vec!["1"; 2 << 20].join(",");
    let spaced = vec!["1.0"; 1 << 20].join(" ,");
    let messages: Vec<_> = [many, spaced]
        .into_iter()
        .map(|many| format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"a":{}}}}}"#, deep(&many)))
        .map(|text| tape::Entry::new(EntryKind::Notification, Direction::ToClient, text))
        .collect();
    let mut writer = lines::Writer::create(&lines, &tape()).unwrap();
    messages.iter().for_each(|entry| writer.append(entry).unwrap());
    writer.finish().unwrap();
    let mut to = json::Writer::create(&document, &tape()).unwrap();
    assert_eq!(tape::copy(&mut *tape::open(&lines).unwrap(), &mut to).unwrap().entries, 2);
    assert!(entries(&document) == messages);
}

#[test]
fn a_number_that_no_recorder_comes_to_is_not_gone_on_from() {
    let folder = Folder::new();
    let title = r#"{"version":"1.0","tape_id":"t","metadata":{"created_at":"2025-08-04T10:00:00Z"}"#;
    let frame = r#""direction":"client_to_server","kind":"note","raw":"x"}"#;
    for (at, text) in [
        format!("{title}}}\n{{\"frame\":{},{frame}\n", u64::MAX),
        format!("{title},\"frames_before\":{}}}\n", u64::MAX),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path(&format!("{at}.jsonl"));
        make_private(&path, text.as_bytes());
        let error = lines::Writer::resume(&path).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("no recorder"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_tape_that_could_not_be_begun_is_not_in_the_way() {
    let folder = Folder::new();
    // More than can be said at once.
    let large = tape().label("x", &"x".repeat(65 << 20));
    let path = folder.path("a.json");
    assert!(json::Writer::create(&path, &large).unwrap_err().is_too_large());
    assert!(!path.exists());
    json::Writer::create(&path, &tape()).unwrap().finish().unwrap();
    let path = folder.path("a.jsonl");
    assert!(lines::Writer::create(&path, &large).unwrap_err().is_too_large());
    assert!(!path.exists());
    lines::Writer::create(&path, &tape()).unwrap().finish().unwrap();
}

/// A sink in each format that there is.
fn sinks(folder: &Folder, tape: &Tape) -> Vec<Result<Box<dyn Sink>, TapeError>> {
    fn boxed(sink: impl Sink + 'static) -> Box<dyn Sink> {
        Box::new(sink)
    }
    vec![
        lines::Writer::create(folder.path("a.jsonl"), tape).map(boxed),
        json::Writer::create(folder.path("a.json"), tape).map(boxed),
        #[cfg(feature = "sqlite")]
        tape::sqlite::Writer::create(folder.path("a.db"), tape).map(boxed),
    ]
}

#[test]
fn no_format_takes_a_name_that_another_does_not() {
    let long = "n".repeat(tape::MAX_NAME_BYTES + 1);
    let folder = Folder::new();
    for title in [Tape::of(tape::TapeId::from_text(&long), tape().created), tape().session(long.as_str())] {
        for sink in sinks(&folder, &title) {
            let error = sink.err().unwrap();
            assert!(
                error.is_too_large() && error.to_string().contains("has more than 4096 bytes"),
                "{error}"
            );
        }
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0);
    }
    for sink in sinks(&folder, &tape()) {
        let mut sink = sink.unwrap();
        for (entry, what) in
            [(note("x").session(long.as_str()), "session"), (note("x").component(long.as_str()), "component")]
        {
            let error = sink.append(&entry).unwrap_err();
            assert!(error.is_too_large(), "{error}");
            assert!(error.to_string().contains(&format!("the name of a {what} has more than 4096 bytes")));
        }
        assert!(sink.update(&tape().session(long.as_str())).unwrap_err().is_too_large());
        sink.append(&note("x").session(&long[1..]).component(&long[1..])).unwrap();
        sink.finish().unwrap();
    }
    for name in ["a.jsonl", "a.json"] {
        assert_eq!(entries(&folder.path(name)).len(), 1);
    }
}

#[test]
fn a_long_name_is_not_read() {
    let folder = Folder::new();
    let head = r#""version":"1.0","tape_id":"t","metadata":{"created_at":"2025-08-04T10:00:00Z"}"#;
    for key in ["session_id", "component_id"] {
        for (length, fits) in [(4096, true), (4097, false)] {
            let name = "n".repeat(length);
            let frame = format!(
                r#"{{"frame":1,"direction":"client_to_server","{key}":"{name}","kind":"note","raw":""}}"#
            );
            fs::write(folder.path("a.jsonl"), format!("{{{head}}}\n{frame}\n")).unwrap();
            fs::write(folder.path("a.json"), format!(r#"{{{head},"frames":[{frame}]}}"#)).unwrap();
            for file in ["a.jsonl", "a.json"] {
                let (found, error) = read(tape::open(folder.path(file)).unwrap());
                assert_eq!(found.len(), usize::from(fits), "{file} {key}");
                if let Some(error) = error {
                    let why = format!("{key} has more than 4096 bytes");
                    assert!(error.is_damaged() && error.to_string().contains(&why), "{error}");
                }
            }
        }
    }
    let title = head.replace(r#""t""#, &format!("\"{}\"", "n".repeat(4097)));
    fs::write(folder.path("a.jsonl"), format!("{{{title}}}\n")).unwrap();
    assert!(tape::open(folder.path("a.jsonl")).err().unwrap().to_string().contains("tape_id has more"));
}

/// What is not to be told, and how a list of its bytes begins.
const UNTOLD: [&str; 2] = ["hunter2", "104, 117, 110, 116"];

#[track_caller]
fn tells_nothing(what: &impl std::fmt::Debug) {
    for text in [format!("{what:?}"), format!("{what:#?}").split_whitespace().collect::<Vec<_>>().join(" ")] {
        assert!(UNTOLD.iter().all(|word| !text.contains(word)), "{text}");
    }
}

/// A call of a tool that has a secret in its request, and one in its answer.
fn secret_call(answer: &str) -> [tape::Entry; 2] {
    let params = r#"{"name":"login","arguments":{"password":"hunter2"}}"#;
    let request = shadowcat::JsonRpcMessage::request(1, "tools/call", params).unwrap();
    let text = format!(r#"{{"content":[{{"type":"text","text":"hunter2 {answer}"}}]}}"#);
    let response = shadowcat::JsonRpcMessage::response(1, text).unwrap();
    let entries = [(&request, Direction::ToUpstream), (&response, Direction::ToClient)];
    entries.map(|(message, direction)| tape::Entry::message(message, direction).call(1))
}

/// A tape on which secrets stand wherever they may.
fn secret_tape() -> Tape {
    let json = || tape::Json::new(br#"{"name":"hunter2"}"#).unwrap();
    let component = tape::Component::new("c").uri("https://me:hunter2@host/c").policy("env: hunter2");
    let mut tape = tape().client_info(json()).server_info(json()).component(component);
    (tape.client_capabilities, tape.server_capabilities) = (Some(json()), Some(json()));
    tape.label("note", "hunter2")
}

#[test]
fn what_was_said_is_not_in_the_debug_text_of_any_public_type() {
    let folder = Folder::new();
    let tape = secret_tape();
    tells_nothing(&tape);
    tells_nothing(&(&tape.components[0], &tape.client_info));
    tells_nothing(&tape::Snapshot::new("s", tape::SnapshotKind::Other, "hunter2"));
    tells_nothing(&secret_call(""));
    for (name, answer) in [("a.jsonl", "a"), ("b.jsonl", "b")] {
        let mut lines = lines::Writer::create(folder.path(name), &tape).unwrap();
        secret_call(answer).iter().for_each(|entry| lines.append(entry).unwrap());
        tells_nothing(&lines); // with what waits in memory
        lines.finish().unwrap();
    }
    let open = |name: &str| lines::Reader::open(folder.path(name)).unwrap();
    let mut json = json::Writer::create(folder.path("a.json"), &tape).unwrap();
    secret_call("").iter().for_each(|entry| json.append(entry).unwrap());
    tells_nothing(&json);
    let mut export = tape::export::Writer::mcpsnoop(folder.path("a.log"), &tape).unwrap();
    secret_call("").iter().for_each(|entry| export.append(entry).unwrap());
    tells_nothing(&export);

    let mut reader = open("a.jsonl");
    reader.next().unwrap().unwrap();
    tells_nothing(&reader);
    let mut filtered = tape::Filter::new().errors().apply(reader);
    assert!(filtered.next().is_none());
    tells_nothing(&filtered);
    let mut diff = tape::diff(open("a.jsonl"), open("b.jsonl"), tape::Comparison::structural());
    let found = diff.next().unwrap().unwrap();
    assert!(found.parts[0].1.to_string().contains("hunter2"), "it is there to be shown");
    tells_nothing(&(&found, &found.parts[0].1, &diff));
    let mut merged =
        tape::merge(["a.jsonl", "b.jsonl"].map(|name| tape::open(folder.path(name)).unwrap())).unwrap();
    merged.next().unwrap().unwrap();
    tells_nothing(&merged);
    let mocks = tape::Mocks::of(open("a.jsonl")).unwrap();
    assert!(mocks.as_json().contains("hunter2"));
    tells_nothing(&(&mocks, tape::Stats::of(open("a.jsonl")).unwrap()));
    let listed: Vec<_> = tape::list(folder.path("a.jsonl")).unwrap().collect();
    tells_nothing(&listed);
}

#[cfg(feature = "sqlite")]
#[test]
fn what_was_said_is_not_in_the_debug_text_of_what_reads_and_writes_sqlite() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = tape::sqlite::Writer::create(&path, &secret_tape()).unwrap();
    secret_call("").iter().for_each(|entry| writer.append(entry).unwrap());
    tells_nothing(&writer);
    writer.finish().unwrap();
    let mut reader = tape::sqlite::Reader::open(&path).unwrap();
    reader.next().unwrap().unwrap();
    tells_nothing(&reader); // with what was read ahead
}
