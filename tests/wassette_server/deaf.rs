//! What makes Wassette 0.2 stop reading: `tests/wassette/deaf.jsonl`, first seen on the real 0.2.0, is proved of
//! the fixture, whose protocol code is the same; of the real program, where `SHADOWCAT_WASSETTE` names it.
//!
//! An entry's `phase` says when its line is sent: in a `session`, in the place of `initialize`, or in the place
//! of `notifications/initialized`. `deaf` says that nothing after it is read. `late` says that what is read
//! together with it waits until more is written.

use std::time::Duration;

use serde::Deserialize;

use crate::process::Folder;
use crate::process::wassette::{Said, Wassette, command, entries, folder};

#[derive(Debug, Deserialize)]
struct Case {
    phase: String,
    about: String,
    line: String,
    deaf: bool,
    #[serde(default)]
    late: bool,
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn cases() -> Vec<Case> {
    entries(&folder().join("deaf.jsonl"))
}

fn ping(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)
}

fn pong(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

/// Past the handshake, with a log that names each notification that is passed over.
fn session(folder: &Folder) -> Wassette {
    let mut command = command();
    command.env("RUST_LOG", "debug").args(["serve", "--plugin-dir"]).arg(folder.path());
    let mut server = Wassette::start(&mut command);
    server.send(INITIALIZE);
    server.receive().unwrap();
    server.send(INITIALIZED);
    server.logs("Service initialized");
    server
}

/// Whether it answers a ping after the line; otherwise its log says that it reads no more.
fn hears_after(case: &Case) -> bool {
    let folder = Folder::new();
    let mut server = Wassette::serve(folder.path());
    let before = match case.phase.as_str() {
        "initialize" => [&case.line, INITIALIZED, ""],
        "initialized" => [INITIALIZE, &case.line, INITIALIZED],
        _ => [INITIALIZE, INITIALIZED, &case.line],
    };
    // An empty line is one of the cases.
    for line in before.into_iter().take(if case.phase == "initialize" { 2 } else { 3 }) {
        server.send(line);
    }
    server.send(&ping(4242));
    std::iter::from_fn(|| server.hear())
        .find_map(|said| match said {
            Said::Out(line) if line == pong(4242) => Some(true),
            Said::Log(line) if line.contains("serve finished") || line.starts_with("Error: ") => Some(false),
            _ => None,
        })
        .expect("it answers, or its log says why not")
}

#[test]
fn what_makes_it_deaf_and_what_does_not() {
    for case in cases().iter().filter(|case| !case.late) {
        assert_eq!(hears_after(case), !case.deaf, "{}: {}", case.about, case.line);
    }
}

const PASSED_OVER: &str = "Ignoring non-standard notification";

/// Long enough for an answer on a busy machine; waited in full for each of the few late cases, since that nothing
/// is said has no signal. Too short a wait can only hide a fault here, never make the test fail.
const SILENCE: Duration = Duration::from_millis(200);

#[test]
fn what_is_read_together_with_an_unknown_notification_waits_for_more() {
    let late: Vec<_> = cases().into_iter().filter(|case| case.late).collect();
    assert!(!late.is_empty());
    for case in late {
        let folder = Folder::new();
        let mut server = session(&folder);
        server.send(&format!("{}\n{}", case.line, ping(2)));
        server.logs(PASSED_OVER);
        assert!(server.says_nothing(SILENCE), "{case:?}");
        server.send(&ping(3));
        let answers = [server.receive().unwrap(), server.receive().unwrap()];
        assert!(answers.contains(&pong(2)) && answers.contains(&pong(3)), "{case:?}: {answers:?}");
    }
}

/// Each one costs one more write: a session can lag behind for ever.
#[test]
fn two_unknown_notifications_read_together_need_two_more_writes() {
    let folder = Folder::new();
    let mut server = session(&folder);
    let unknown = r#"{"jsonrpc":"2.0","method":"notifications/no/such"}"#;
    server.send(&format!("{unknown}\n{unknown}\n{}", ping(2)));
    server.logs(PASSED_OVER);
    server.send(&ping(3));
    server.logs(PASSED_OVER);
    assert!(server.says_nothing(SILENCE));
    server.send(&ping(4));
    let answers: Vec<_> = (0..3).map(|_| server.receive().unwrap()).collect();
    assert!([2, 3, 4].map(pong).iter().all(|answer| answers.contains(answer)), "{answers:?}");
}
