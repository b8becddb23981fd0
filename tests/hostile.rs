//! The hostile corpus through a real proxy process and a real scripted peer.
//!
//! The folder is `tests/hostile/`, or the one that the environment variable `SHADOWCAT_HOSTILE` names. Classes
//! that need what is not built yet are listed as not enabled, and so is the odd case of an enabled class.

#![cfg(all(unix, feature = "stdio"))]

#[path = "process/corpus.rs"]
mod corpus;
#[cfg(all(feature = "http-client", feature = "http-server"))]
#[path = "process/http/mod.rs"]
mod http_sockets;
mod process;
#[path = "hostile/run.rs"]
mod run;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use corpus::{CLASSES, Case, Outcome, Plan, Question};
use process::tell;
use run::{Heard, Run};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

const ENABLED: [&str; 2] = ["framing", "envelope"];
const THREADS: usize = 2;

const PROBE: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"method\":\"ping\"}\n";
const PROBED: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n";
/// What the peer says behind the bytes of a case, to show that they have been read.
const PLAYED: &[u8] = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"played\"}}\n";

/// A line as it is forwarded: its payload, and LF.
fn payload(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn forwarded(line: &[u8]) -> Vec<u8> {
    [payload(line), b"\n"].concat()
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
    message: String,
}

fn read(line: &[u8]) -> Result<Answer<'_>, String> {
    serde_json::from_slice(line).map_err(|error| format!("{error}: {}", show(line)))
}

fn show(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    format!("{} bytes: {text}", bytes.len())
}

fn id(line: &[u8]) -> Option<String> {
    let answer: Answer<'_> = serde_json::from_slice(line).ok()?;
    answer.id.map(|id| id.get().to_owned())
}

fn run(case: &Case, plan: &Plan) -> Result<(), String> {
    if plan.from_client { from_client(case, plan) } else { from_server(case, plan) }
}

/// The client sends the bytes: the peer must receive what is forwarded and nothing else, and the client be
/// told of each refusal once; what the peer leaves unanswered fails once.
fn from_client(case: &Case, plan: &Plan) -> Result<(), String> {
    let questions: Vec<_> = case.server_pending.iter().map(Question::line).collect();
    let mut run = Run::start(&questions.concat(), 0, b"");
    for question in &questions {
        run.until(question)?;
    }
    run.proxy.send(&case.bytes());
    let Heard { before, after, received } = run.probe()?;

    let passed = plan.frames.iter().filter(|(_, outcome)| *outcome == Outcome::Forward);
    let passed: Vec<_> = passed.map(|(line, _)| forwarded(line)).collect();
    expect_bytes("the server received", &received, &[&passed.concat()[..], PROBE].concat())?;

    let refused = plan.frames.len() - passed.len();
    expect_refusals(case, &before, if case.is_silent() { 0 } else { refused })?;
    let pending = passed.iter().filter(|line| is_request(line)).filter_map(|line| id(line)).collect();
    expect_failures(&after, pending, -32603)
}

fn is_request(line: &[u8]) -> bool {
    read(line).is_ok_and(|message| message.method.is_some() && message.id.is_some())
}

/// One error each, with the code that is asked for and the id that was sent, or none.
fn expect_refusals(case: &Case, lines: &[Vec<u8>], count: usize) -> Result<(), String> {
    if lines.len() != count {
        let shown: Vec<_> = lines.iter().map(|line| show(line)).collect();
        return Err(format!("{count} refusals were due, the client was told {shown:?}"));
    }
    for line in lines {
        let answer = read(line)?;
        let Some(Failure { code, message }) = answer.error.filter(|_| answer.result.is_none()) else {
            return Err(format!("a refusal is an error: {}", show(line)));
        };
        if !case.is_code(code) || message.is_empty() {
            return Err(format!("the code {:?} was due: {}", case.error_code, show(line)));
        }
        let sent = case.bytes();
        let is_sent = |id: &str| sent.windows(id.len()).any(|window| window == id.as_bytes());
        if answer.id.is_some_and(|id| id.get() != "null" && !is_sent(id.get())) {
            return Err(format!("the id was not sent: {}", show(line)));
        }
    }
    Ok(())
}

/// Exactly one error for each of the ids, and nothing else.
fn expect_failures(lines: &[Vec<u8>], mut pending: Vec<String>, code: i64) -> Result<(), String> {
    for line in lines {
        let answer = read(line)?;
        let id = answer.id.map_or("none", |id| id.get());
        let at = pending.iter().position(|pending| pending == id);
        let Some(at) = at.filter(|_| answer.error.is_some_and(|error| error.code == code)) else {
            return Err(format!(
                "{pending:?} were due to fail with {code}, the client was told {}",
                show(line)
            ));
        };
        pending.swap_remove(at);
    }
    if pending.is_empty() { Ok(()) } else { Err(format!("never answered: {pending:?}")) }
}

/// The server says the bytes while the client waits for replies.
fn from_server(case: &Case, plan: &Plan) -> Result<(), String> {
    let pending: Vec<_> = case.pending.iter().map(Question::line).collect();
    let mut run = Run::start(b"", pending.len(), &[&case.bytes()[..], PLAYED].concat());
    run.proxy.send(&pending.concat());
    run.until(PLAYED)?;
    let Heard { before, after, received } = run.probe()?;
    expect_bytes("the server received", &received, &[&pending.concat()[..], PROBE].concat())?;

    let passed = plan.frames.iter().filter(|(_, outcome)| *outcome == Outcome::Forward);
    let passed: Vec<_> = passed.map(|(line, _)| forwarded(line)).collect();
    let (forwarded, told): (Vec<_>, Vec<_>) = before.into_iter().partition(|line| passed.contains(line));
    expect_bytes("the client received", &forwarded.concat(), &passed.concat())?;

    let (mut at_once, mut at_end) = (Vec::new(), Vec::new());
    for question in &case.pending {
        let is_its_own = |line: &[u8]| {
            serde_json::from_slice::<Value>(line).is_ok_and(|reply| reply.get("id") == Some(&question.id))
        };
        let settles = plan.frames.iter().find(|(line, _)| is_its_own(line)).map(|(_, outcome)| *outcome);
        match settles {
            Some(Outcome::Forward) => {}
            Some(Outcome::Reject) => at_once.push(question.id.to_string()),
            None => at_end.push(question.id.to_string()),
        }
    }
    let code = case.error_code.flatten().unwrap_or(-32603);
    expect_failures(&told, at_once, code)?;
    expect_failures(&after, at_end, code)
}

fn expect_bytes(what: &str, got: &[u8], due: &[u8]) -> Result<(), String> {
    if got == due { Ok(()) } else { Err(format!("{what} {}; due were {}", show(got), show(due))) }
}

/// What became of the cases of one class.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    waiting: Vec<String>,
}

fn run_class(cases: &[Case]) -> Tally {
    let (next, tally) = (Mutex::new(cases.iter()), Mutex::new(Tally::default()));
    let work = || {
        while let Some(case) = { next.lock().expect("no case panics").next() } {
            let outcome = case.plan().map(|plan| run(case, &plan));
            let mut tally = tally.lock().expect("no case panics");
            match outcome {
                None => tally.waiting.push(case.name.clone()),
                Some(Ok(())) => tally.passed += 1,
                Some(Err(why)) => tally.failed.push(format!("{}: {why}", case.name)),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    tally.into_inner().expect("no case panics")
}

/// Tells what became of a class; gives how many cases failed.
fn report(class: &str, tally: &Tally) -> usize {
    tell(&format!("hostile {class}: {} passed, {} failed", tally.passed, tally.failed.len()));
    tally.failed.iter().for_each(|failed| tell(&format!("  failed: {failed}")));
    tally.waiting.iter().for_each(|name| tell(&format!("  waiting: {name}")));
    assert!(tally.passed > 0, "{class} has cases that run");
    tally.failed.len()
}

/// The classes that are about HTTP, through a front end and a leaf on sockets.
#[cfg(all(feature = "http-client", feature = "http-server"))]
#[tokio::main]
async fn over_http(folder: &std::path::Path, class: &str) -> Tally {
    let text =
        std::fs::read_to_string(folder.join(class).with_extension("jsonl")).expect("the class is there");
    let mut tally = Tally::default();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case is a JSON object");
        let name = case["name"].as_str().expect("a case has a name").to_owned();
        let outcome = match http_sockets::waits_for(&name) {
            Some(why) => Err(why.to_owned()),
            None if class == "sse" => match http_sockets::event(&case).await {
                Ok(false) => Err("a layer".to_owned()),
                outcome => Ok(outcome.map(drop)),
            },
            None => Ok(http_sockets::request(&case).await),
        };
        match outcome {
            Err(why) => tally.waiting.push(format!("{name} (for {why})")),
            Ok(Ok(())) => tally.passed += 1,
            Ok(Err(why)) => tally.failed.push(format!("{name}: {why}")),
        }
    }
    tally
}

#[test]
fn the_hostile_corpus_gets_nowhere_and_honest_messages_pass_unharmed() {
    let Some(folder) = corpus::folder() else {
        return tell("skipped: hostile (no tests/hostile/, and SHADOWCAT_HOSTILE is not set)");
    };
    let mut failures = BTreeMap::new();
    for class in CLASSES {
        let cases = corpus::cases(&folder, class);
        #[cfg(all(feature = "http-client", feature = "http-server"))]
        if matches!(class, "sse" | "headers") {
            failures.insert(class, report(class, &over_http(&folder, class)));
            continue;
        }
        if !ENABLED.contains(&class) {
            tell(&format!("hostile {class}: {} not yet enabled", cases.len()));
            continue;
        }
        failures.insert(class, report(class, &run_class(&cases)));
    }
    assert_eq!(failures.values().sum::<usize>(), 0, "cases of enabled classes failed: {failures:?}");
}
