//! Tapes that were masked: the same client is answered as before, and nobody is told a secret.

#![cfg(feature = "secret")]

use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, Mode, Options};
use shadowcat::layer::RecordLayer;
use shadowcat::tape::{Recorder, RecorderOptions, Tape, lines};
use shadowcat::{Error, JsonRpcMessage, Reply, RpcService};
use tower::{Layer, ServiceExt, service_fn};

use crate::replayed::*;
use crate::support::{msg, next, soon};
use crate::taped::Folder;

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

/// A tape that says so, with one call that holds a card.
fn write(path: &std::path::Path, redaction: Option<&str>, card: &str) {
    use shadowcat::tape::{Sink, json};
    let mut tape = Tape::new().unwrap();
    tape.redaction = redaction.map(Into::into);
    let mut sink = json::Writer::create(path, &tape).unwrap();
    sink.append(&up(tool("1", "pay", &format!(r#"{{"card":"{card}"}}"#)))).unwrap();
    sink.append(&down(result("1", "{}"))).unwrap();
    sink.finish().unwrap();
}

#[tokio::test]
async fn an_update_masks_what_was_masked_before() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    for (number, before, after) in [
        (1, "secrets path:/params/arguments/card", "secrets path:/params/arguments/card"),
        (2, "path:/x path:/params/arguments/card", "secrets path:/x path:/params/arguments/card"),
        (3, "path:/params/arguments/card, secrets", "path:/params/arguments/card, secrets"),
    ] {
        write(&path, Some(before), "[REDACTED:path]");
        let options = || Options::new().mode(Mode::Update);
        for _ in 0..2 {
            let mut taped = options().open_or_record(&path, || Ok::<_, Error>(server())).unwrap();
            ask(&mut taped, tool("1", "pay", r#"{"card":"4111","password":"hunter2"}"#)).await;
            taped.finish().unwrap();
            let tape = std::fs::read_to_string(&path).unwrap();
            assert!(!tape.contains("4111") && !tape.contains("hunter2"), "{number}: {tape}");
            let redaction = shadowcat::tape::open(&path).unwrap().tape().redaction.clone();
            assert_eq!(redaction.as_deref(), Some(after));
        }
        let mut replay = Replay::from_path(&path).unwrap();
        only(&mut replay, tool("1", "pay", r#"{"card":"4112","password":"hunter3"}"#)).await;
        assert!(replay.mismatches().is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_place_that_is_named_is_masked_from_the_first_recording_on() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let pay = |card: &str| tool("1", "pay", &format!(r#"{{"cards":[{{"no":"{card}"}}],"the iban":"DE02"}}"#));
    let card = "/params/arguments/cards/*/no";
    let named = format!("secrets path:{card}");
    let both = format!("{named} path:/params/arguments/the%20iban");
    let record = async |options: Options, said: &str| {
        let mut taped = options.open_or_record(&path, || Ok::<_, Error>(server())).unwrap();
        ask(&mut taped, pay(said)).await;
        taped.finish().unwrap();
        let tape = shadowcat::tape::open(&path).unwrap().tape().redaction.clone();
        (std::fs::read_to_string(&path).unwrap(), tape.unwrap().to_string())
    };
    let missing = Options::new().mode(Mode::Missing).mask_path(card.parse().unwrap());
    // A place that is named is masked, whatever else is said.
    let (text, redaction) = record(missing.unmasked(), "4111").await;
    assert!(!text.contains("4111") && text.contains("DE02"), "{text}");
    assert_eq!(redaction, named);
    let update = || Options::new().mode(Mode::Update);
    let (text, redaction) = record(update(), "4112").await;
    assert!(!text.contains("4112") && text.contains("DE02") && redaction == named, "{text}");
    for _ in 0..2 {
        let more = update().mask_path("/params/arguments/the iban".parse().unwrap());
        let (text, redaction) = record(more.mask_path(card.parse().unwrap()), "4113").await;
        assert!(!text.contains("4113") && !text.contains("DE02"), "{text}");
        assert_eq!(redaction, both);
    }
    let (text, redaction) = record(update(), "4113").await;
    assert!(!text.contains("DE02") && redaction == both, "{text}");
    let mut replay = Replay::from_path(&path).unwrap();
    only(&mut replay, pay("4114")).await;
    assert!(replay.mismatches().is_empty());
}

#[tokio::test]
async fn a_tape_that_was_redacted_later_is_replayed_and_updated_by_the_paths_that_it_names() {
    use shadowcat::tape::{self, Redact, json};
    let folder = Folder::new();
    let (raw, path) = (folder.path("raw.json"), folder.path("a.json"));
    write(&raw, None, "4111");
    let redact = Redact::new().path("/params/arguments/card").unwrap();
    let mut masked = redact.apply(tape::open(&raw).unwrap());
    let mut to = json::Writer::create(&path, tape::Source::tape(&masked)).unwrap();
    tape::copy(&mut masked, &mut to).unwrap();
    let redaction = || tape::open(&path).unwrap().tape().redaction.clone();
    assert_eq!(redaction().as_deref(), Some("secrets path:/params/arguments/card"));

    let options = Options::new().mode(Mode::Update);
    let mut taped = options.open_or_record(&path, || Ok::<_, Error>(server())).unwrap();
    ask(&mut taped, tool("1", "pay", r#"{"card":"4112"}"#)).await;
    taped.finish().unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("4112"));
    assert_eq!(redaction().as_deref(), Some("secrets path:/params/arguments/card"));
}

#[tokio::test]
async fn an_update_leaves_a_tape_alone_that_it_cannot_mask_as_before() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let masked = "[REDACTED:path]";
    for (redaction, card, unmasked, why) in [
        (Some("secrets and cards"), masked, false, "is none that is known here"),
        (Some("secrets path:/a b"), masked, false, "is none that is known here"),
        (Some("path:/a,"), masked, false, "is none that is known here"),
        (Some(""), masked, false, "is none that is known here"),
        (Some("secrets"), masked, false, "places are masked on it that it does not name"),
        (Some("secrets"), "4111", true, "it is masked, and would not be any more"),
    ] {
        write(&path, redaction, card);
        let before = std::fs::read(&path).unwrap();
        let options = Options::new().mode(Mode::Update);
        let options = if unmasked { options.unmasked() } else { options };
        let error = options.open_or_record(&path, || Ok::<_, Error>(server())).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_tape_that_is_masked_while_it_is_recorded_anew_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    write(&path, None, "4111");
    let options = Options::new().mode(Mode::Update);
    let mut taped = options.open_or_record(&path, || Ok::<_, Error>(server())).unwrap();
    ask(&mut taped, tool("1", "pay", r#"{"card":"4111"}"#)).await;
    std::fs::remove_file(&path).unwrap();
    write(&path, Some("path:/params/arguments/card"), "[REDACTED:path]");
    let before = std::fs::read(&path).unwrap();
    let error = taped.finish().unwrap_err().to_string();
    assert!(error.contains("masked otherwise than when the recording began"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Masked by what no replay knows: each is found by what of it is not masked.
#[tokio::test]
async fn one_of_many_masked_requests_is_found_whichever_it_is() {
    const MANY: usize = 600;
    let pay = |at: usize, card: &str| {
        let arguments = format!(r#"{{"card":"{card}","for":["x",{{"at":{at}}}]}}"#);
        tool("1", &format!("pay{}", at % 2), &arguments)
    };
    let told = |at: usize, by: &str| {
        let said = format!(r#"{{"at":{at},"by":"{by}"}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{said}}}"#)
    };
    let read = |uri: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"{uri}"}}}}"#)
    };
    let mut tape = Vec::new();
    for at in 0..MANY {
        let card = ["[REDACTED:card]", "no. [REDACTED:card]"][at % 2];
        tape.extend([up(pay(at, card)), down(result("1", &at.to_string()))]);
        tape.push(up(told(at, "[REDACTED:name]")));
    }
    tape.extend([up(read("x://[REDACTED:name]/y")), down(result("1", r#""read""#))]);
    let mut replay = replay(tape);
    for round in 0..2 {
        for at in (0..MANY).rev().step_by(7) {
            let heard = only(&mut replay, pay(at, ["4111", "no. 4111"][at % 2])).await;
            assert_eq!(heard, result("1", &at.to_string()), "{round}");
            tell(&mut replay, told(at, "ann")).await;
        }
        assert_eq!(replay.stats().unrecorded_notifications > 0, round > 0, "each is said once");
    }
    assert_eq!(only(&mut replay, read("x://ann/y")).await, result("1", r#""read""#));
    assert!(replay.mismatches().is_empty());
    only(&mut replay, pay(1, "4111")).await;
    only(&mut replay, pay(MANY, "4111")).await;
    only(&mut replay, pay(0, "4111").replace("pay0", "pay1")).await;
    assert_eq!(replay.mismatches().len(), 3);
}

#[tokio::test]
async fn a_masked_request_is_found_whatever_does_not_count_of_it() {
    for path in ["/params/name", "/params/arguments/at"] {
        let asked = |name: &str, at: u8, card: &str| {
            tool("1", name, &format!(r#"{{"at":{at},"cards":[{{"no":"{card}"}}],"a/b~c":"{card}"}}"#))
        };
        let options = Options::new().ignore(path).unwrap();
        let mut replay = replay_by(options, [up(asked("a", 1, "[REDACTED:x]")), down(result("1", "{}"))]);
        let (name, at) = if path == "/params/name" { ("b", 1) } else { ("a", 2) };
        assert_eq!(only(&mut replay, asked(name, at, "4111")).await, result("1", "{}"), "{path}");
    }
}
