//! Whoever wrote a tape: to replay it, and to play it, takes time and memory in proportion to its size.

#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod replayed;
mod support;
mod taped;
mod verified;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use replayed::{down, result, source, tool, up};
use shadowcat::connect::Replay;
use shadowcat::tape::Entry;
use shadowcat::verify::{Pace, Verify};
use shadowcat::{Error, JsonRpcMessage, Kind, Reply};
use support::{leaf, note, progress};
use tower::Service;
use verified::stream;

/// One test at a time: the whole process is measured.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all threads have had of the processors, which others do not change.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn cost(work: impl FnOnce()) -> Duration {
    let before = processor_time();
    work();
    processor_time() - before
}

/// Four times as much takes four times as long, and not sixteen times.
fn assert_in_proportion(what: &str, size: usize, work: impl Fn(usize)) {
    let once = cost(|| work(size)).max(Duration::from_millis(20));
    let often = cost(|| work(4 * size));
    assert!(often < 8 * once, "{what}: {size} take {once:?}, and four times as many {often:?}");
}

fn memory(line: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

fn asking(id: usize) -> Entry {
    up(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","_meta":{{"progressToken":{id}}}}}}}"#
    ))
}

/// Calls that never end, each with a token, and what is said of the progress of each.
fn progressing(calls: usize) -> Vec<Entry> {
    (0..calls).map(asking).chain((0..calls).map(|call| down(progress(call, 1)))).collect()
}

/// Listens that never end, and what may have been said in the only call, of which there is none.
fn listening(listens: usize) -> Vec<Entry> {
    let listen =
        |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{}}}}"#);
    let said = (0..listens).map(|_| down(note("notifications/message")));
    (0..listens).map(|id| up(listen(id))).chain(said).collect()
}

#[test]
fn whose_a_message_is_is_found_without_looking_at_all_calls() {
    let _alone = alone();
    for (what, tape) in [("progress", progressing as fn(usize) -> Vec<Entry>), ("listens", listening)] {
        assert_in_proportion(what, 5_000, |size| {
            Replay::of(&mut source(tape(size))).unwrap();
        });
    }
}

/// Nothing takes more than a hundred times the bytes of the tape.
fn assert_is_small(tape: Vec<Entry>) -> Replay {
    let bytes: usize = tape.iter().map(|entry| entry.bytes.len()).sum();
    drop(std::fs::write("/proc/self/clear_refs", "5")); // the peak begins anew
    let before = memory("VmRSS:");
    let replay = Replay::of(&mut source(tape)).unwrap();
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < 100 * bytes, "a tape of {bytes} bytes takes {grown}");
    replay
}

#[test]
fn where_something_is_masked_takes_no_more_than_the_message() {
    let _alone = alone();
    let (open, close) = (r#"{"a":"#.repeat(110), "}".repeat(110));
    let arguments = format!("{open}[{}]{close}", vec![r#""[REDACTED:x]""#; 95].join(","));
    let calls = 1_000;
    let tape = (0..calls).map(|id: usize| up(tool(&id.to_string(), &format!("t{id}"), &arguments)));
    assert_eq!(assert_is_small(tape.collect()).unused().len(), calls);
}

#[test]
fn what_was_answered_on_the_listen_is_not_kept_for_each_call() {
    let _alone = alone();
    let (calls, questions) = (10_000, 5_000);
    let question = |id| format!(r#"{{"jsonrpc":"2.0","id":"q{id}","method":"roots/list","params":{{}}}}"#);
    let answer = |id| result(&format!(r#""q{id}""#), "{}");
    let mut tape: Vec<Entry> = (0..calls).map(asking).collect();
    tape.extend((0..questions).flat_map(|id| [down(question(id)), up(answer(id))]));
    assert_eq!(assert_is_small(tape).unused().len(), calls);
}

/// A stack that is broken, so that nothing counts but what playing costs.
struct Broken;

impl Service<JsonRpcMessage> for Broken {
    type Response = Reply;
    type Error = Error;
    type Future = std::future::Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(Error::closed("there is no server")))
    }

    fn call(&mut self, _: JsonRpcMessage) -> Self::Future {
        unreachable!("it is never ready")
    }
}

fn play(verify: Verify, service: impl Service<JsonRpcMessage, Response = Reply, Error = Error>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(verify.run(service)).unwrap().calls.len()
}

#[test]
fn a_tape_is_made_ready_to_be_played_without_looking_at_all_calls_for_each_message() {
    let _alone = alone();
    for (what, tape) in [("progress", progressing as fn(usize) -> Vec<Entry>), ("listens", listening)] {
        assert_in_proportion(what, 1_500, |size| {
            assert_eq!(play(Verify::new(source(tape(size))), Broken), size);
        });
    }
}

#[test]
fn the_end_of_a_call_costs_the_same_however_many_there_are() {
    let _alone = alone();
    for told in [false, true] {
        assert_in_proportion("ends", 6_000, |size| {
            let call =
                |id: usize| [up(tool(&id.to_string(), "t", "{}")), down(result(&id.to_string(), "{}"))];
            let verify = Verify::new(source((0..size).flat_map(call)));
            let verify =
                if told { verify.on_progress(move |now| assert_eq!(now.calls, size)) } else { verify };
            assert_eq!(play(verify, Broken), size);
        });
    }
}

#[test]
fn calls_that_never_end_cost_nothing_while_others_are_made() {
    let _alone = alone();
    for (what, pace) in [("one by one", Pace::OneByOne), ("as recorded", Pace::AsRecorded)] {
        assert_in_proportion(what, 1_500, |size| {
            let call =
                |id: usize| [up(tool(&id.to_string(), "t", "{}")), down(result(&id.to_string(), "{}"))];
            let tape = (0..size).map(asking).chain((size..2 * size).flat_map(call));
            let server = leaf(|message: JsonRpcMessage| async move {
                match message.bytes().windows(13).any(|part| part == b"progressToken") {
                    true => std::future::pending().await,
                    false if message.kind() == Kind::Request => Ok(stream(&message, &[], "{}")),
                    false => Ok(Reply::empty()),
                }
            });
            let verify = Verify::new(source(tape)).pace(pace).linger(Duration::ZERO);
            assert_eq!(play(verify, server), 2 * size);
        });
    }
}

/// A question with params that no other has.
fn question(id: &str, about: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"{id}","method":"elicitation/create","params":{{"message":"{about}"}}}}"#
    )
}

#[test]
fn a_question_is_looked_up() {
    let _alone = alone();
    let tape = |calls: usize| {
        (0..calls).flat_map(|number| {
            let (id, asked) = (number.to_string(), format!("q{number}"));
            let answer = result(&format!(r#""{asked}""#), r#"{"action":"accept"}"#);
            let all = [up(tool(&id, "t", "{}")), down(question(&asked, &asked)), up(answer)];
            all.into_iter().chain([down(result(&id, "{}"))])
        })
    };
    assert_in_proportion("questions", 150, |size| {
        let mut asked = 0;
        let server = leaf(move |message: JsonRpcMessage| {
            asked += 1;
            let question = question(&format!("n{asked}"), &format!("of nobody {asked}"));
            let is_call = message.kind() == Kind::Request && !message.is_listen();
            let reply = if is_call { stream(&message, &[question], "{}") } else { Reply::empty() };
            std::future::ready(Ok(reply))
        });
        assert_eq!(play(Verify::new(source(tape(size))), server), size);
    });
}
