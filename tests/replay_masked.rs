//! Tapes that were masked: the same client is answered as before, and nobody is told a secret.

#![cfg(all(feature = "tape", feature = "secret"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod replayed;
mod support;
mod taped;

use replayed::*;
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, Mode, Options};
use shadowcat::layer::RecordLayer;
use shadowcat::tape::{Recorder, RecorderOptions, Tape, lines};
use shadowcat::{Error, JsonRpcMessage, Reply, RpcService};
use support::{msg, next, soon};
use taped::Folder;
use tower::{Layer, ServiceExt, service_fn};

const KEY: &str = "ghp_5nZkQ8vXw2Lr7TbYc1Hd9PfJm4Ks6Va0GeUi";

fn login(id: &str, password: &str) -> String {
    tool(id, "login", &format!(r#"{{"user":"ann","password":"{password}","card":4111}}"#))
}

fn masked(entries: impl IntoIterator<Item = shadowcat::tape::Entry>, profile: &str) -> Replay {
    let tape = Tape::new().unwrap().redaction(profile);
    Options::new().read(&mut source_of(tape, entries)).unwrap()
}

/// Answers with who asked, or asks first.
fn server() -> impl RpcService<Error = Error> + Clone {
    service_fn(|message: JsonRpcMessage| async move {
        let said = String::from_utf8(message.params().unwrap_or_default().to_vec()).unwrap();
        let answer = format!(r#"{{"said":{}}}"#, said.len());
        Ok(message.responder().result(answer).unwrap().map_or_else(Reply::empty, Reply::one))
    })
}

async fn ask(server: &mut impl RpcService<Error = Error>, message: impl AsRef<str>) -> String {
    let reply = soon(server.ready().await.unwrap().call(msg(message))).await.unwrap();
    String::from_utf8(reply.as_one().unwrap().bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_client_that_was_recorded_with_masks_is_answered_by_its_tape() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let tape = Tape::new().unwrap();
    let writer = lines::Writer::create(&path, &tape).unwrap();
    let recorder = Recorder::start(writer, tape, RecorderOptions::new()).unwrap();
    let layer = RecordLayer::new(recorder.clone()).mask_path("/params/arguments/card".parse().unwrap());
    let mut recorded = layer.layer(server());
    // In a text, in base64, and in JSON in a text; and the same password in the place of another.
    let asked = [
        login("1", "hunter2"),
        login("2", "hunter3"),
        tool("3", "fetch", &format!(r#"{{"header":"Authorization: Bearer {KEY}"}}"#)),
        tool("4", "fetch", r#"{"body":"{\"password\":\"correct horse\",\"n\":1}"}"#),
    ];
    let mut heard = Vec::new();
    for line in &asked {
        heard.push(ask(&mut recorded, line).await);
    }
    recorder.finish().await.unwrap();
    let taped = std::fs::read_to_string(&path).unwrap();
    for secret in ["hunter2", "hunter3", KEY, "correct horse", "4111"] {
        assert!(!taped.contains(secret), "{secret}");
    }

    let mut replay = Replay::from_path(&path).unwrap();
    for (line, heard) in asked.iter().zip(&heard) {
        assert_eq!(only(&mut replay, line).await, *heard);
    }
    assert!(replay.mismatches().is_empty() && replay.unused().is_empty());
    let other = only(&mut replay, login("5", "hunter4").replace("ann", "bob")).await;
    assert!(other.contains("/params/arguments/user") && !other.contains("/params/arguments/p"), "{other}");
    assert!(!other.contains("hunter4") && !other.contains("4111"), "{other}");
}

#[tokio::test]
async fn what_a_marker_stands_for_is_right_whatever_put_it_there() {
    let asked = |text: &str| tool("1", "t", &format!(r#"{{"text":{text},"n":1}}"#));
    for (recorded, said, is_same) in [
        (r#""[REDACTED:path]""#, r#"{"any":["thing"]}"#, true),
        (r#""a [REDACTED:custom] b""#, r#""a secret b""#, true),
        (r#""a [REDACTED:custom] b""#, r#""a secret c""#, false),
        (r#""a""#, r#""[REDACTED:custom]""#, false),
    ] {
        for matching in [Matching::Strict, Matching::Sequence] {
            let tape = [up(asked(recorded)), down(result("1", "{}"))];
            let mut replay = replay_by(Options::new().matching(matching), tape);
            let heard = only(&mut replay, asked(said)).await;
            assert_eq!(heard == result("1", "{}"), is_same, "{recorded} {said} {heard}");
        }
    }
}

#[tokio::test]
async fn calls_that_differ_only_in_what_is_masked_are_answered_in_order() {
    let of = |id: &str, text: &str| tool(id, "t", &format!(r#"{{"text":"{text}"}}"#));
    let mut replay = replay([
        up(of("1", "[REDACTED:mine]")),
        down(result("1", "1")),
        up(of("2", "[REDACTED:other]")),
        down(result("2", "2")),
    ]);
    assert_eq!(only(&mut replay, of("8", "x")).await, result("8", "1"));
    assert_eq!(only(&mut replay, of("8", "y")).await, result("8", "2"));
    assert_eq!(only(&mut replay, of("8", "z")).await, result("8", "1"));
}

#[tokio::test]
async fn a_masked_answer_and_a_masked_notification_are_as_recorded() {
    let said = |text: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"password":"{text}"}}}}"#)
    };
    let answered = |text: &str| {
        result("51", &format!(r#"{{"action":"accept","content":{{"password":"{text}","pin":"{text}"}}}}"#))
    };
    let recorded = answered("[REDACTED:member]").replace("[REDACTED:member]\"}", "[REDACTED:path]\"}");
    let mut replay = masked(
        [
            up(said("[REDACTED:member]")),
            up(tool("1", "t", "{}")),
            down(r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{}}"#),
            up(recorded),
            down(result("1", "{}")),
        ],
        "secrets path:/result/content/pin",
    );
    tell(&mut replay, said("hunter2")).await;
    let mut reply = say(&mut replay, tool("4", "t", "{}")).await;
    next(&mut reply).await;
    tell(&mut replay, answered("hunter2")).await;
    assert_eq!(next(&mut reply).await, result("4", "{}"));
    assert!(replay.mismatches().is_empty());
    assert_eq!(replay.stats().unrecorded_notifications, 0);
}

/// Everything that a replay tells people.
fn told(replay: &Replay) -> String {
    let mismatches = replay.mismatches();
    let texts: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    format!("{mismatches:?} {texts:?} {:?} {replay:?}", replay.unused())
}

#[tokio::test]
async fn no_secret_is_told_of_what_does_not_match() {
    let read = |id: &str, uri: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"resources/read","params":{{"uri":"{uri}"}}}}"#)
    };
    // The tape is not masked: it holds secrets itself.
    let mut replay = replay([
        up(login("1", "hunter2")),
        down(result("1", "{}")),
        up(read("2", &format!("https://x.test/?api_key={KEY}"))),
        down(result("2", "{}")),
        up(tool("3", "ask", "{}")),
        down(r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{}}"#),
        up(result("51", r#"{"action":"accept","content":{"password":"hunter7"}}"#)),
        down(result("3", "{}")),
    ]);
    let mut heard = vec![
        only(&mut replay, login("4", "hunter5")).await,
        only(&mut replay, tool("5", "login", &format!(r#"{{"{KEY}":1,"token":"{KEY}"}}"#))).await,
        only(&mut replay, read("6", &format!("https://y.test/?api_key={KEY}"))).await,
    ];
    let mut reply = say(&mut replay, tool("7", "ask", "{}")).await;
    next(&mut reply).await;
    tell(&mut replay, result("51", r#"{"action":"accept","content":{"password":"hunter8"}}"#)).await;
    heard.push(next(&mut reply).await);
    assert_eq!(replay.mismatches().len(), 4);
    assert!(heard[0].contains(r#"/params/arguments/password: \"[REDACTED:member]\" became"#), "{heard:?}");
    heard.push(told(&replay));
    for secret in ["hunter2", "hunter5", "hunter7", "hunter8", KEY] {
        assert!(!heard.concat().contains(secret), "{secret}: {heard:?}");
    }
}

#[tokio::test]
async fn a_tape_that_a_test_records_holds_no_secret_and_answers_the_test() {
    let folder = Folder::new();
    for (name, unmasked) in [("masked.json", false), ("as-it-is.json", true)] {
        let path = folder.path(name);
        let options = || if unmasked { Options::new().unmasked() } else { Options::new() };
        let asked = [login("1", "hunter2"), tool("2", "t", &format!(r#"{{"x":"{KEY}"}}"#))];
        let mut heard = Vec::new();
        for mode in [Mode::Missing, Mode::Missing, Mode::Update] {
            let mut taped = options().mode(mode).open_or_record(&path, || Ok::<_, Error>(server())).unwrap();
            for line in &asked {
                heard.push(ask(&mut taped, line).await);
            }
            assert!(taped.replay().is_none_or(|replay| replay.mismatches().is_empty()));
            let changes = taped.finish().unwrap();
            assert_eq!(changes.is_empty(), heard.len() > 2, "{changes}");
        }
        assert_eq!((&heard[..2], &heard[..2]), (&heard[2..4], &heard[4..]));
        let tape = std::fs::read_to_string(&path).unwrap();
        assert_eq!(tape.contains("hunter2"), unmasked);
        assert_eq!(tape.contains(KEY), unmasked);
        let redaction = shadowcat::tape::open(&path).unwrap().tape().redaction.clone();
        assert_eq!(redaction.as_deref(), (!unmasked).then_some("secrets"));
    }
}

#[tokio::test]
async fn a_changed_answer_is_told_without_its_secret() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let mut told = String::new();
    for (mode, result) in [
        (Mode::Missing, r#"{"password":"hunter2","n":1}"#),
        (Mode::Update, r#"{"password":"hunter3","n":2}"#),
    ] {
        let leaf = service_fn(move |message: JsonRpcMessage| async move {
            Ok::<_, Error>(Reply::one(message.responder().result(result).unwrap().unwrap()))
        });
        let options = Options::new().mode(mode).unmasked();
        let mut taped = options.open_or_record(&path, || Ok::<_, Error>(leaf)).unwrap();
        ask(&mut taped, tool("1", "t", "{}")).await;
        told = taped.finish().unwrap().to_string();
    }
    assert!(told.contains("/result/n: 1 became 2") && told.contains("/result/password"), "{told}");
    assert!(!told.contains("hunter"), "{told}");
}
