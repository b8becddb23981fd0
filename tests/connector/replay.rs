//! What the real Wassette said, heard by a client through the connector: the same, but for what the connector is
//! there to change.

use std::collections::VecDeque;

use serde_json::Value;
use shadowcat::wassette::Dialect;

use crate::process::tell;
use crate::process::wassette::{Entry, transcript};
use crate::session::{Session, run};
use crate::world::Kind;

/// What the client says, and what it is to hear then.
struct Step {
    line: String,
    answers: Vec<String>,
}

/// The transcript as it is with the connector.
fn steps(name: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for Entry { dir, line } in transcript(name) {
        match (dir.as_str(), steps.last_mut()) {
            ("client_to_server", _) => steps.push(Step { line, answers: Vec::new() }),
            ("server_to_client", Some(step)) => step.answers.push(line),
            _ => {}
        }
    }
    steps.iter_mut().for_each(amend);
    steps
}

/// Ids come back as they were; what would fail or make it deaf is answered by the connector; after that it still
/// hears.
fn amend(step: &mut Step) {
    let said: Value = serde_json::from_str(&step.line).unwrap();
    let (Some(id), Some(method)) = (said.get("id"), said["method"].as_str()) else { return };
    let answer = |rest: String| vec![format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#)];
    match method {
        "no/such" | "server/discover" => {
            step.answers = answer(r#""error":{"code":-32601,"message":"Method not found"}"#.to_owned());
        }
        "prompts/list" | "resources/list" => {
            assert!(Dialect::V0_2.always_fails(method));
            step.answers = answer(format!(r#""result":{{"{}":[]}}"#, method.split_once('/').unwrap().0));
        }
        "ping" => step.answers = answer(r#""result":{}"#.to_owned()),
        _ => {}
    }
}

/// Each transcript through the connector.
async fn replay(mut session: Session, name: &str) {
    let mut heard = 0;
    for step in steps(name) {
        session.client.say(session.world.here(&step.line)).await;
        // What a deaf server would have said of its tools is not in that transcript.
        let unknown = step.answers.is_empty() && step.line.contains(r#""id""#);
        let mut answers = VecDeque::from(step.answers);
        while let Some(answer) = answers.pop_front() {
            let said = session.client.hear().await.unwrap();
            assert_eq!(lasting(&session.world.there(&said)), lasting(&answer), "{name}: {}", step.line);
            heard += 1;
        }
        if unknown {
            let answer = session.hear().await;
            assert!(answer["result"]["tools"].is_array(), "{name}: {answer}");
        }
    }
    assert!(heard > 0, "{name}");
    assert_eq!(session.server.get_ref().stats().starts, 1, "{name}");
    let kind = session.world.kind;
    let took = session.end().await;
    assert!(took.as_millis() < 1000, "{name}: the end took {took:?}");
    tell(&format!("{name} on {kind:?}: {heard} lines as recorded; it ended within {took:?}"));
}

/// Without what no two runs have in common: the time at which a file was made, and what else there is to say of it.
fn lasting(line: &str) -> String {
    let line = cut(line, r#"created_at\":"#, ",");
    cut(&line, "Metadata {", r#"\"}"#)
}

/// Without what stands between the two, if they are there.
fn cut(line: &str, from: &str, to: &str) -> String {
    let Some((before, rest)) = line.split_once(from) else { return line.to_owned() };
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{from}{to}{after}")
}

macro_rules! transcripts {
    ($($test:ident = $name:literal),+ $(,)?) => {
        const NAMES: &[&str] = &[$($name),+];
        mod scripted {
            $(#[test]
            fn $test() {
                super::run(super::Kind::Scripted($name), |session| super::replay(session, $name));
            })+
        }
        mod fixture {
            $(#[test]
            fn $test() {
                super::run(super::Kind::Fixture, |session| super::replay(session, $name));
            })+
        }
        mod real {
            $(#[test]
            fn $test() {
                // This one needs a component that is not here.
                if $name != "stdio-components" {
                    super::run(super::Kind::Real, |session| super::replay(session, $name));
                }
            })+
        }
    };
}

transcripts! {
    components_are_loaded_used_granted_and_unloaded = "stdio-components",
    every_answer_of_real_components_comes_back = "stdio-real-components",
    errors_are_what_they_are_and_missing_lists_are_empty = "stdio-errors",
    ids_come_back_exactly = "stdio-string-and-big-ids",
    an_unknown_method_makes_nobody_deaf = "stdio-deaf",
    a_discover_in_a_session_makes_nobody_deaf = "stdio-deaf-discover-after-init",
    a_discover_before_initialize_ends_nothing = "stdio-discover",
}

#[test]
fn no_transcript_on_stdio_is_left_out() {
    let folder = crate::process::wassette::folder().join("transcripts");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let is_stdio = name.strip_suffix(".jsonl").filter(|name| name.starts_with("stdio-"));
        assert!(is_stdio.is_none_or(|name| NAMES.contains(&name)), "{name}");
    }
    assert_eq!(NAMES.len(), 7);
}
