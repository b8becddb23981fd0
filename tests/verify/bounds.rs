//! What is not looked at is never said to be the same.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use shadowcat::tape::{Edge, Entry, EntryKind, Outcome};
use shadowcat::verify::{Pace, Report, Verdict, Verify};
use shadowcat::{Direction, JsonRpcMessage, Kind, Reply};

use crate::support::*;
use crate::verified::{self, Made, answer, findings, found, says, stream};

/// So many times, and a sum behind them.
fn times(count: usize, hour: u32, total: u32) -> String {
    let times: Vec<_> = (0..count).map(|_| format!(r#""2026-11-21T{hour}:40:00Z""#)).collect();
    format!(r#"{{"times":[{}],"total":{total}}}"#, times.join(","))
}

#[tokio::test]
async fn a_difference_behind_many_that_are_tolerated_is_found() {
    let tape = || Made::new().call(1, "tools/call", r#"{"name":"t"}"#, &times(300, 13, 1)).source();
    let tolerant = || Verify::new(tape()).tolerate("time");
    let report = tolerant().run(says(&[&times(300, 14, 1)])).await.unwrap();
    assert!(report.is_deterministic() && report.totals.findings == 300, "{report}");

    let report = tolerant().run(says(&[&times(300, 14, 2)])).await.unwrap();
    assert!(!report.is_deterministic() && report.totals.findings == 301, "{report}");
    assert_eq!(found(&report)[0], (1, "differs", "/result/total"), "the worst comes first");
}

#[tokio::test]
async fn what_was_not_compared_is_not_the_same() {
    for (count, is_same) in [(1_000, true), (1_001, false)] {
        let tape = Made::new().call(1, "tools/call", r#"{"name":"t"}"#, &times(count, 13, 1)).source();
        let server = says(&[&times(count, 14, 1)]);
        let report = Verify::new(tape).tolerate("time").run(server).await.unwrap();
        assert_eq!(report.is_deterministic(), is_same, "{count}: {report}");
        assert_eq!(report.to_string().contains("was not compared"), !is_same, "{report}");
    }
}

#[cfg(feature = "schema")]
#[tokio::test]
async fn what_a_schema_speaks_of_hides_nothing() {
    let result =
        |day: u32, total: u32| format!(r#"{{"structuredContent":{},"total":{total}}}"#, times(300, day, 0));
    let tape = || Made::new().call(1, "tools/call", r#"{"name":"t"}"#, &result(13, 1)).source();
    let checked = || Verify::new(tape()).schema("t", br#"{"required":["times"]}"#).unwrap();
    let report = checked().run(says(&[&result(14, 2)])).await.unwrap();
    assert_eq!(found(&report), [(1, "differs", "/result/total")]);
    let report = checked().run(says(&[&result(14, 1)])).await.unwrap();
    assert!(report.is_deterministic() && report.totals.findings == 0, "{report}");
}

/// A session that listens, and is told something, or not.
fn listening(calls: &str) -> Made {
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    Made::new()
        .call(1, "initialize", initialize, "{}")
        .client(&note("notifications/initialized"))
        .call(2, "tools/call", r#"{"name":"t"}"#, calls)
        .server(&note("notifications/tools/list_changed"))
}

#[tokio::test(start_paused = true)]
async fn a_difference_that_is_not_listed_counts() {
    let report = Verify::new(listening(&times(20, 13, 1)).source()).tolerate("time").max_findings(10);
    let report = report.run(says(&["{}", &times(20, 14, 1)])).await.unwrap();
    assert_eq!((report.totals.tolerated, report.unasked.len()), (1, 0), "{report}");
    assert_eq!(report.totals.unasked, Verdict::Missing);
    assert!(!report.is_deterministic(), "{report}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["totals"]["unasked"], "missing");
}

#[tokio::test]
async fn a_tape_without_calls_is_held_against_nothing() {
    let said = Made::new().client(&note("notifications/initialized")).server(&note("notifications/x"));
    let mut answered = Made::new().call(1, "ping", "{}", "{}");
    answered.entries.last_mut().unwrap().synthetic = true;
    for tape in [Made::new(), said, answered] {
        let error = Verify::new(tape.source()).run(says(&[])).await.unwrap_err();
        assert!(error.is_empty() && error.to_string().contains("no call"), "{error}");
    }
    assert!(!Report::default().is_deterministic());
}

/// A call that says much before it is answered.
fn much(count: u32) -> Made {
    let call =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":1}}}"#;
    (0..count).fold(Made::new().client(call), |made, step| made.server(&progress(1, step))).server(&done(1))
}

async fn saying(count: u32, verify: Verify) -> Report {
    let items: Vec<_> = (0..count).map(|step| progress(1, step)).collect();
    let server = leaf(move |message: JsonRpcMessage| {
        let reply = match message.is_method("tools/call") {
            true => {
                let answer = message.responder().result("{}").unwrap().unwrap();
                let all = items.iter().map(msg).chain([answer]).map(Ok::<_, shadowcat::Error>);
                Reply::stream(futures::stream::iter(all.collect::<Vec<_>>()))
            }
            false => Reply::empty(),
        };
        async { Ok(reply) }
    });
    verify.run(server).await.unwrap()
}

#[tokio::test]
async fn a_call_that_says_much_is_compared_up_to_a_bound_and_counted_beyond() {
    for count in [1_024, 1_025, 3_000] {
        let report = saying(count, Verify::new(much(count).source())).await;
        assert!(report.is_deterministic(), "{count}: {report}");
        let is_noted = report.notes.iter().any(|note| note.contains("first 1024"));
        assert_eq!(is_noted, count > 1_024, "{report}");
    }
    let report = saying(1_026, Verify::new(much(1_025).source())).await;
    assert_eq!((report.calls[0].verdict, report.totals.findings), (Verdict::Extra, 1), "{report}");
    let report = saying(1_025, Verify::new(much(1_026).source())).await;
    assert_eq!((report.calls[0].verdict, report.totals.findings), (Verdict::Missing, 1), "{report}");
    let ignoring = Verify::new(much(1_025).source()).ignore_method("notifications/progress");
    assert!(saying(2_000, ignoring).await.is_deterministic(), "what does not count takes no room");
}

#[tokio::test(start_paused = true)]
async fn much_that_is_said_unasked_is_not_waited_for_when_it_has_come() {
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    let told = || note("notifications/tools/list_changed");
    let tape = Made::new().call(1, "initialize", initialize, "{}");
    let tape = (0..1_100).fold(tape, |tape, _| tape.server(&told()));
    let server = leaf(move |message: JsonRpcMessage| async move {
        if !message.is_session_listen() {
            return echo(message).await;
        }
        let all = (0..1_100).map(|_| Ok(msg(note("notifications/tools/list_changed"))));
        let all = futures::stream::iter(all.collect::<Vec<_>>());
        Ok(Reply::stream(futures::StreamExt::chain(all, futures::stream::pending())))
    });
    let began = tokio::time::Instant::now();
    let verify = Verify::new(tape.source()).linger(Duration::from_secs(1_000));
    let report = verify.run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert!(began.elapsed() < Duration::from_secs(1_000), "it came, and nobody waited");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_does_not_say_unasked_is_waited_for_a_few_times_and_not_at_all_where_it_does_not_count()
{
    const LINGER: Duration = Duration::from_secs(100);
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    let tape = || {
        let tape = Made::new().call(1, "initialize", initialize, "{}");
        (2..40)
            .fold(tape, |tape, id| tape.server(&note("notifications/message")).call(id, "ping", "{}", "{}"))
    };
    // Every other one is said, before the answer to the next.
    let (tell, told) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicUsize::new(0)));
    let server = || {
        let (tell, told) = (tell.clone(), told.clone());
        leaf(move |message: JsonRpcMessage| {
            let (tell, told) = (tell.clone(), told.clone());
            async move {
                if !message.is_session_listen() {
                    if told.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
                        tell.notify_one();
                    }
                    return echo(message).await;
                }
                let said = futures::stream::unfold(tell, |tell| async move {
                    tell.notified().await;
                    Some((Ok(msg(note("notifications/message"))), tell))
                });
                Ok(Reply::stream(Box::pin(said)))
            }
        })
    };
    for (ignored, most) in [("notifications/message", 1), ("notifications/none", 12)] {
        let began = tokio::time::Instant::now();
        let verify = Verify::new(tape().source()).linger(LINGER).ignore_method(ignored);
        let report = verify.run(server()).await.unwrap();
        assert_eq!(report.is_deterministic(), most == 1, "{report}");
        assert!(began.elapsed() < most * LINGER, "{ignored}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_never_stops_talking_is_late() {
    let tape = || Made::new().call(1, "tools/call", "{}", "{}").call(2, "ping", "{}", "{}").source();
    for pace in [Pace::OneByOne, Pace::AsRecorded] {
        let server = leaf(|message: JsonRpcMessage| async move {
            match message.is_method("tools/call") {
                true => {
                    let forever = futures::stream::repeat_with(|| Ok(msg(note("notifications/x"))));
                    Ok(Reply::stream(forever))
                }
                false => echo(message).await,
            }
        });
        let verify = Verify::new(tape()).timeout(Duration::from_millis(50)).pace(pace);
        let report = soon(verify.run(server)).await.unwrap();
        assert_eq!(report.calls[0].verdict, Verdict::Failed);
        assert!(report.to_string().contains("no answer within 50ms"), "{pace:?}");
    }
}

/// Each call is polled when it is sent, when it is woken, and not because others are.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_silent_is_not_polled_for_what_others_do() {
    const CALLS: usize = 200;
    for pace in [Pace::OneByOne, Pace::AsRecorded] {
        let tape = (0..CALLS).fold(Made::new(), |tape, id| tape.client(&call_text(id)));
        let tape =
            (CALLS..2 * CALLS).fold(tape, |tape, id| tape.call(id.try_into().unwrap(), "ping", "{}", "{}"));
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = polls.clone();
        let server = leaf(move |message: JsonRpcMessage| {
            let polls = counted.clone();
            poll_fn(move |_| match message.is_method("tools/call") {
                true => {
                    polls.fetch_add(1, Ordering::Relaxed);
                    Poll::Pending
                }
                false => Poll::Ready(Ok(answer(&message, "{}"))),
            })
        });
        let report = Verify::new(tape.source()).pace(pace).run(server).await.unwrap();
        assert!(report.is_deterministic() && report.calls.len() == 2 * CALLS, "{report}");
        let polls = polls.load(Ordering::Relaxed);
        assert!((CALLS..=2 * CALLS).contains(&polls), "{pace:?}: {CALLS} calls were polled {polls} times");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_stay_open_are_waited_for_together() {
    const LINGER: Duration = Duration::from_secs(10);
    let open = |tape: Made, id: usize| {
        let params = format!(r#"{{"name":"t","_meta":{{"progressToken":{id}}}}}"#);
        let call = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#);
        let progress = format!(r#"{{"progressToken":{id},"progress":1}}"#);
        let said = format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{progress}}}"#);
        tape.client(&call).server(&said)
    };
    let tape = (1..=50).fold(Made::new(), open);
    let server = leaf(|_: JsonRpcMessage| std::future::pending());
    let began = tokio::time::Instant::now();
    let verify = Verify::new(tape.source()).pace(Pace::AsRecorded).linger(LINGER);
    let report = verify.run(server).await.unwrap();
    assert_eq!(report.totals.findings, 50, "each lacks what it had said: {report}");
    assert!(began.elapsed() < 5 * LINGER, "{:?}", began.elapsed());
}

/// The clock's thread is the one that polls it.
#[tokio::test]
async fn a_call_that_wakes_itself_over_and_over_is_late() {
    let tape = Made::new().call(1, "tools/call", "{}", "{}").call(2, "ping", "{}", "{}").source();
    let server = leaf(|message: JsonRpcMessage| {
        let mut polls = 0;
        poll_fn(move |cx| match message.is_method("tools/call") {
            true => {
                polls += 1;
                assert!(polls < 10_000_000, "nobody else has a turn");
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(Ok(answer(&message, "{}"))),
        })
    });
    let verify = Verify::new(tape).timeout(Duration::from_millis(50));
    let report = soon(verify.run(server)).await.unwrap();
    assert_eq!(report.calls[0].verdict, Verdict::Failed, "{report}");
    assert_eq!(report.calls[1].verdict, Verdict::Equal, "{report}");
}

/// Neither hides the other, though both are always ready.
#[tokio::test]
async fn calls_that_never_stop_talking_take_turns() {
    const SAID: usize = 500;
    let call = |id: usize| {
        let params = format!(r#"{{"name":"t","_meta":{{"progressToken":{id}}}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#)
    };
    let tape = Made::new().client(&call(1)).client(&call(2)).server(&done(1)).server(&done(2)).source();
    let (turns, mut calls) = (Arc::new(Mutex::new(Vec::new())), 0);
    let taken = turns.clone();
    let server = leaf(move |message: JsonRpcMessage| {
        if message.is_listen() {
            return std::future::ready(Ok(Reply::empty()));
        }
        calls += 1;
        let (call, turns, mut said) = (calls, taken.clone(), 0);
        let mut answer = message.responder().result("{}").unwrap();
        let stream = futures::stream::poll_fn(move |_| {
            turns.lock().unwrap().push(call);
            said += 1;
            let message = if said > SAID { answer.take() } else { Some(msg(note("notifications/x"))) };
            Poll::Ready(message.map(Ok))
        });
        std::future::ready(Ok(Reply::stream(stream)))
    });
    let verify = Verify::new(tape).pace(Pace::AsRecorded).ignore_method("notifications/x");
    let report = soon(verify.run(server)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    let turns = turns.lock().unwrap();
    let both = turns.iter().position(|call| *call == 2).unwrap();
    let is_fair = |turns: &[usize]| turns[0] != turns[1];
    assert!(turns[both..][..SAID].windows(2).all(is_fair), "{:?}", &turns[both..][..20]);
}

/// Only the recorder's own numbers say what belongs to no call.
#[tokio::test]
async fn what_another_recorder_numbered_is_put_together_by_what_it_says() {
    let question = r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{}}"#;
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}"#;
    for numbered in [None, Some(9)] {
        let mut tape = Made::new()
            .client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":"p"}}}"#)
            .of(1)
            .server(&progress("\"p\"", 1))
            .server(log)
            .server(question);
        tape.entries.last_mut().unwrap().call = numbered;
        let tape = tape.client(r#"{"jsonrpc":"2.0","id":5,"result":{}}"#).server(&done(1)).of(1);
        let items = vec![progress("\"p\"", 1), log.to_owned(), question.to_owned()];
        let server = leaf(move |message: JsonRpcMessage| {
            let is_call = message.kind() == Kind::Request && !message.is_listen();
            let reply = if is_call { stream(&message, &items, "{}") } else { Reply::empty() };
            async { Ok(reply) }
        });
        let report = Verify::new(tape.source()).run(server).await.unwrap();
        assert!(report.is_deterministic(), "{numbered:?}: {report}");
    }
}

/// Whether it was lost, cut off, unreadable, or only its end was noted.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_on_the_tape_is_not_equal() {
    let cut = || Made::new().call(1, "ping", "{}", "{}").client(&call_text(2));
    let mut unreadable = cut();
    unreadable.entries.push(Entry::new(EntryKind::Response, Direction::ToClient, "{"));
    let noted = cut().of(2).end(2, Outcome::Answered, "");
    for tape in [cut(), unreadable, noted] {
        for pace in [Pace::OneByOne, Pace::AsRecorded] {
            // It takes its time, and is waited for.
            let server = leaf(|message: JsonRpcMessage| async move {
                if message.is_method("tools/call") {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Ok(if message.is_listen() { Reply::empty() } else { answer(&message, "{}") })
            });
            let tape = verified::Played::new(tape.tape.clone(), tape.entries.clone());
            let report = Verify::new(tape).pace(pace).run(server).await.unwrap();
            assert_eq!(found(&report), [(2, "extra", "")], "{report}");
            assert!(report.to_string().contains("no answer was recorded"), "{report}");
            assert!(!report.is_deterministic() && !report.totals.incomplete);
        }
    }
    let silent = leaf(|message: JsonRpcMessage| async move {
        match message.is_method("tools/call") {
            true => std::future::pending().await,
            false => Ok(answer(&message, "{}")),
        }
    });
    let report = Verify::new(cut().source()).run(silent).await.unwrap();
    assert!(report.is_deterministic(), "it is as silent as it was: {report}");
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_components_are_loaded_is_not_forgotten() {
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    let tape = Made::new()
        .call(1, "initialize", initialize, "{}")
        .client(&note("notifications/initialized"))
        .server(&note("notifications/tools/list_changed"))
        .call(2, "ping", "{}", "{}");
    let server = leaf(|message: JsonRpcMessage| async move {
        if !message.is_session_listen() {
            // So that it is heard before.
            tokio::time::sleep(Duration::from_millis(10)).await;
            return echo(message).await;
        }
        let said = futures::stream::iter([Ok(msg(note("notifications/tools/list_changed")))]);
        Ok(Reply::stream(futures::StreamExt::chain(said, futures::stream::pending())))
    });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
}

#[tokio::test]
async fn a_tape_of_the_upstream_edge_that_lost_entries_says_so() {
    let mut tape = Made::new().call(1, "ping", "{}", "{}");
    tape.entries.iter_mut().for_each(|entry| entry.edge = Edge::Upstream);
    tape.entries.push(Entry::new(EntryKind::Lost, Direction::ToClient, "3"));
    let server = leaf(|message: JsonRpcMessage| async move { Ok(answer(&message, "{}")) });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert!(findings(&report).is_empty() && !report.is_deterministic(), "{report}");
    assert!(report.notes.iter().any(|note| note.contains("not whole")), "{report}");
}

#[cfg(feature = "secret")]
mod masked {
    use super::*;

    const KEY: &str = "ghp_5nZk2JtQ8vXw3LmB7cRd9fHs4gYp6aTe1uWi";

    /// As a recorder masks it.
    fn masked(made: Made) -> verified::Played {
        let redact = shadowcat::tape::Redact::new();
        let entries = made.entries.into_iter().map(|entry| redact.entry(entry)).collect();
        verified::Played::new(redact.tape(&made.tape), entries)
    }

    /// Asks with a secret, and answers with one, also as the name of a member.
    fn server(result: String) -> Leaf<impl FnMut(JsonRpcMessage) -> std::future::Ready<Asked>> {
        let items = [log(KEY), log("plain")];
        leaf(move |message: JsonRpcMessage| {
            let is_call = message.kind() == Kind::Request && !message.is_listen();
            let reply = if is_call { stream(&message, &items, &result) } else { Reply::empty() };
            std::future::ready(Ok(reply))
        })
    }

    type Asked = Result<Reply, shadowcat::Error>;

    fn log(text: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{text}"}}}}"#)
    }

    fn result(total: u32) -> String {
        format!(
            r#"{{"token":"hunter2","{KEY}":1,"content":[{{"type":"text","text":"use {KEY} now"}}],"total":{total}}}"#
        )
    }

    fn tape() -> Made {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"password":"hunter2"}}}"#;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}}}"#, result(1));
        Made::new().client(call).server(&log(KEY)).server(&log("plain")).server(&answer)
    }

    #[tokio::test]
    async fn what_is_masked_on_the_tape_is_no_difference() {
        let server = server(result(1));
        let seen = server.seen.clone();
        let report = Verify::new(masked(tape())).run(server).await.unwrap();
        assert!(report.is_deterministic() && report.totals.findings == 0, "{report}");
        assert!(seen.all().iter().any(|said| said.contains("[REDACTED:member]")));
        assert!(report.notes.iter().any(|note| note.ends_with("not with the secrets: 1")), "{report}");
    }

    #[tokio::test]
    async fn what_differs_is_told_without_the_secrets_of_now() {
        let report = Verify::new(masked(tape())).run(server(result(2))).await.unwrap();
        assert_eq!(found(&report), [(1, "differs", "/result/total")], "{report}");

        let other = result(1).replace("use ", "never use ");
        for tape in [masked(tape()), tape().source()] {
            let report = Verify::new(tape).run(server(other.clone())).await.unwrap();
            assert_eq!(found(&report), [(1, "differs", "/result/content/0/text")], "{report}");
            for told in [report.to_string(), report.to_json()] {
                assert!(told.contains("never use [REDACTED:github-token] now"), "{told}");
                assert!(!told.contains(KEY) && !told.contains("hunter2"), "{told}");
            }
        }
        let more =
            result(1).replace("\"total\"", &format!("\"{}\":1,\"total\"", KEY.replace("5nZk", "6mYj")));
        let report = Verify::new(masked(tape())).run(server(more)).await.unwrap();
        assert!(!report.is_deterministic() && !report.to_json().contains("ghp_"), "{report}");

        let quiet = leaf(|message: JsonRpcMessage| async move { Ok(answer(&message, &result(1))) });
        let report = Verify::new(tape().source()).run(quiet).await.unwrap();
        assert_eq!(report.totals.missing, 1);
        assert!(!report.to_string().contains(KEY), "{report}");
    }

    #[tokio::test]
    async fn what_an_error_tells_is_told_without_secrets() {
        let gone = || shadowcat::Error::closed(format!("no route for {KEY}"));
        let ping = || Made::new().call(1, "ping", "{}", "{}");
        let note = || ping().client(&note("notifications/initialized"));
        let broken = move || leaf(move |_: JsonRpcMessage| std::future::ready(Err::<Reply, _>(gone())));
        let failed = Made::new().client(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).of(1);
        let failed = failed.end(1, shadowcat::tape::Outcome::Failed, &format!("no route for {KEY}"));
        let answers = leaf(|message: JsonRpcMessage| async move { Ok(answer(&message, "{}")) });
        let reports = [
            Verify::new(ping().source()).run(broken()).await.unwrap(),
            Verify::new(masked(note())).run(broken()).await.unwrap(),
            Verify::new(failed.source()).run(answers).await.unwrap(),
        ];
        for report in reports {
            let told = format!("{report} {}", report.to_json());
            assert!(told.contains("no route for [REDACTED:github-token]") && !told.contains(KEY), "{told}");
        }
    }

    #[tokio::test]
    async fn a_question_with_a_secret_gets_its_answer() {
        let question = |id: u32| {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"elicitation/create","params":{{"message":"is it {KEY}?"}}}}"#
            )
        };
        let tape = Made::new()
            .client(&call_text(1))
            .server(&question(5))
            .client(r#"{"jsonrpc":"2.0","id":5,"result":{"action":"accept"}}"#)
            .server(&done(1));
        let server = leaf(move |message: JsonRpcMessage| {
            let is_call = message.kind() == Kind::Request && !message.is_listen();
            let reply = if is_call { stream(&message, &[question(9)], "{}") } else { Reply::empty() };
            async { Ok(reply) }
        });
        let seen = server.seen.clone();
        let report = Verify::new(masked(tape)).run(server).await.unwrap();
        assert!(report.is_deterministic(), "{report}");
        assert!(seen.all().iter().any(|said| said.contains("accept")), "{:?}", seen.all());
    }
}
