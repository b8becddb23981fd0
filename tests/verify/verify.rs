//! A tape played against servers that answer the same, and otherwise.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shadowcat::tape::{Comparison, Edge, EntryKind, Outcome};
use shadowcat::verify::{Cause, Pace, Verdict, Verify};
use shadowcat::{Error, JsonRpcMessage, Kind, Reply};
use tokio::time::Instant;

use crate::support;
use crate::support::*;
use crate::verified::{Made, answer, findings, found, says, stream};

#[tokio::test]
async fn a_server_that_answers_the_same_is_equal_whatever_the_ids() {
    let tape =
        || Made::new().call(77, "ping", "{}", "{}").call(78, "tools/call", r#"{"name":"a"}"#, r#"{"x":1.0}"#);
    let server = says(&["{}", r#"{ "x" : 1 }"#]);
    let seen = server.seen.clone();
    let report = Verify::new(tape().source()).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!((report.totals.calls, report.totals.equal), (2, 2));
    assert_eq!(report.calls[1].name.as_deref(), Some("a"));
    assert_eq!(seen.all()[1], r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}"#);

    let exact = Verify::new(tape().source()).compare(Comparison::exact());
    let report = exact.run(says(&["{}", r#"{"x":1}"#])).await.unwrap();
    assert_eq!(found(&report), [(2, "differs", "/result/x")]);
}

#[tokio::test]
async fn what_differs_is_told_with_its_place_and_its_likely_cause() {
    let recorded = r#"{"content":[{"type":"text","text":"at 2026-11-21T13:40:00Z by 123e4567-e89b-12d3-a456-426614174000"}],"n":1}"#;
    let now = recorded.replace("13:40:00", "17:02:11").replace("123e4567", "aaaaaaaa");
    let tape = || Made::new().call(1, "tools/call", r#"{"name":"clock"}"#, recorded).source();
    let report = Verify::new(tape()).run(says(&[&now])).await.unwrap();
    assert_eq!(found(&report), [(1, "differs", "/result/content/0/text")]);
    let causes: Vec<_> = findings(&report)[0].causes.iter().map(|cause| &**cause).collect();
    assert_eq!(causes, ["time", "random"]);
    assert!(!report.is_deterministic() && report.to_string().contains("(time, random)"), "{report}");

    let report = Verify::new(tape()).tolerate("time").run(says(&[&now])).await.unwrap();
    assert_eq!(report.calls[0].verdict, Verdict::Differs, "one of two causes is not enough");
    let both = Verify::new(tape()).tolerate("time").tolerate("random");
    let report = both.run(says(&[&now])).await.unwrap();
    assert!(report.is_deterministic());
    assert_eq!((report.calls[0].verdict, report.totals.tolerated), (Verdict::Tolerated, 1));
    assert_eq!(report.totals.causes["time"], 1);

    let other = now.replace(r#""n":1"#, r#""n":2"#);
    let counter = Cause::new("counter", |difference| difference.path.ends_with("/n"));
    let all = Verify::new(tape()).tolerate("time").tolerate("random").cause(counter);
    let report = all.run(says(&[&other])).await.unwrap();
    assert_eq!(found(&report), [(1, "differs", "/result/n"), (1, "tolerated", "/result/content/0/text")]);
    assert_eq!(&*findings(&report)[0].causes[0], "counter");
}

#[tokio::test]
async fn a_report_is_bounded_and_counts_the_rest() {
    let many = |value: u32| {
        let members: Vec<_> = (0..40).map(|at| format!(r#""m{at}":{value}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let tape = Made::new().call(1, "a", "{}", &many(1)).call(2, "b", "{}", &many(1));
    let report = Verify::new(tape.source()).max_findings(50).run(says(&[&many(2), &many(2)])).await.unwrap();
    assert_eq!((report.totals.findings, report.totals.unlisted), (80, 30));
    assert_eq!(findings(&report).len(), 50);
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(json["totals"]["differ"], 2);
    assert_eq!(json["calls"][0]["findings"][0]["path"], "/result/m0");
    assert_eq!(json["deterministic"], false);
}

#[tokio::test]
async fn what_a_server_says_is_shown_without_what_a_terminal_obeys() {
    let tape = Made::new().call(1, "a", "{}", r#"{"x":"a"}"#).source();
    let report = Verify::new(tape).run(says(&["{\"x\":\"\u{9b}31m\u{202e}\"}"])).await.unwrap();
    assert!(report.to_string().chars().all(|c| c == '\n' || !c.is_control()), "{report:?}");
}

#[tokio::test]
async fn notifications_are_compared_in_order_and_may_be_left_out() {
    let log = |level: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}"}}}}"#)
    };
    let tape = || {
        Made::new()
            .client(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"progressToken":"p"}}}"#)
            .server(&progress("\"p\"", 1))
            .server(&log("info"))
            .server(&progress("\"p\"", 2))
            .server(&done(1))
            .source()
    };
    let server = |items: Vec<String>| {
        leaf(move |message: JsonRpcMessage| {
            let reply = match message.is_method("tools/call") {
                true => stream(&message, &items, "{}"),
                false => Reply::empty(),
            };
            async { Ok(reply) }
        })
    };
    let same = vec![progress("\"p\"", 1), log("info"), progress("\"p\"", 2)];
    let report = Verify::new(tape()).run(server(same.clone())).await.unwrap();
    assert!(report.is_deterministic(), "{report}");

    let shuffled = vec![same[1].clone(), same[0].clone(), same[2].clone()];
    let report = Verify::new(tape()).run(server(shuffled)).await.unwrap();
    assert_eq!(report.calls[0].verdict, Verdict::Missing, "{report}");
    assert_eq!(report.calls[0].findings.len(), 2, "one is missing where it was, and is where it was not");

    let other = vec![progress("\"p\"", 1), log("error"), progress("\"p\"", 2), progress("\"p\"", 3)];
    let report = Verify::new(tape()).run(server(other.clone())).await.unwrap();
    assert_eq!(found(&report), [(1, "extra", ""), (1, "differs", "/params/level")]);
    let ignoring = Verify::new(tape()).ignore_method("notifications/progress");
    let report = ignoring.run(server(other)).await.unwrap();
    assert_eq!(found(&report), [(1, "differs", "/params/level")]);

    let report = Verify::new(tape()).run(server(same[..1].to_vec())).await.unwrap();
    assert_eq!((report.calls[0].verdict, report.totals.missing), (Verdict::Missing, 1));
    assert_eq!(report.totals.findings, 2);
}

/// Asks what it is told to before it answers with what it was answered.
fn asking(
    question: impl AsRef<str>,
) -> Leaf<impl FnMut(JsonRpcMessage) -> std::future::Ready<Result<Reply, Error>>> {
    let open: Arc<Mutex<Option<(JsonRpcMessage, shadowcat::ReplySender)>>> = Arc::default();
    leaf(move |message: JsonRpcMessage| {
        let mut open = open.lock().unwrap();
        let reply = match message.kind() {
            Kind::Response => {
                let (call, sender) = open.take().unwrap();
                let told = message.result().or_else(|| message.error()).unwrap();
                sender.finish(call.responder().result(told).unwrap().unwrap());
                Reply::empty()
            }
            Kind::Request if !message.is_listen() => {
                let (sender, reply) = Reply::channel(4);
                sender.try_send(msg(question.as_ref())).unwrap();
                *open = Some((message, sender));
                reply
            }
            _ => Reply::empty(),
        };
        std::future::ready(Ok(reply))
    })
}

#[tokio::test]
async fn a_question_gets_the_answer_that_was_recorded_for_it() {
    let question = |id: &str, text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"sampling/createMessage","params":{{"q":"{text}"}}}}"#
        )
    };
    let tape = || {
        Made::new()
            .client(&call_text(1))
            .server(&question("5", "one"))
            .client(r#"{"jsonrpc":"2.0","id":5,"result":{"said":"uno"}}"#)
            .server(r#"{"jsonrpc":"2.0","id":1,"result":{"said":"uno"}}"#)
            .source()
    };
    let same = r#"{"jsonrpc":"2.0","id":"x-9","method":"sampling/createMessage","params":{"q":"one"}}"#;
    let report = Verify::new(tape()).run(asking(same)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");

    let other = r#"{"jsonrpc":"2.0","id":"x-9","method":"sampling/createMessage","params":{"q":"two"}}"#;
    let report = Verify::new(tape()).run(asking(other)).await.unwrap();
    let paths: Vec<_> = found(&report);
    assert!(paths.contains(&(1, "differs", "/params/q")), "{report}");
    assert!(paths.contains(&(1, "differs", "/result/said")), "it was answered with an error: {report}");

    let unknown = r#"{"jsonrpc":"2.0","id":3,"method":"roots/list"}"#;
    let report = Verify::new(tape()).run(asking(unknown)).await.unwrap();
    assert!(
        found(&report).contains(&(1, "extra", "")) && found(&report).contains(&(1, "missing", "")),
        "{report}"
    );
}

#[tokio::test]
async fn a_question_that_only_chance_tells_apart_gets_the_answer_of_the_recorded_one() {
    let question = |id: &str, url: &str| {
        let params = format!(r#"{{"elicitationId":"{id}","mode":"url","url":"{url}"}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{params}}}"#)
    };
    let then = "123e4567-e89b-12d3-a456-426614174000";
    let tape = || {
        Made::new()
            .client(&call_text(1))
            .server(&question(then, "https://a.example/"))
            .client(r#"{"jsonrpc":"2.0","id":5,"result":{"action":"decline"}}"#)
            .server(r#"{"jsonrpc":"2.0","id":1,"result":{"action":"decline"}}"#)
            .source()
    };
    let now = "9b2d7c11-0c5e-4f0a-8f2d-0a1b2c3d4e5f";
    let asked = question(now, "https://a.example/");
    let report = Verify::new(tape()).run(asking(asked)).await.unwrap();
    assert_eq!(found(&report), [(1, "differs", "/params/elicitationId")], "{report}");
    assert_eq!(*report.calls[0].findings[0].causes[0], *"random");

    // Another host is another question, though networks differ.
    let asked = question(then, "https://b.example/");
    let report = Verify::new(tape()).run(asking(asked.clone())).await.unwrap();
    assert!(found(&report).contains(&(1, "differs", "/result/action")), "{report}");
    let report = Verify::new(tape()).tolerate("network").run(asking(asked)).await.unwrap();
    assert_eq!(found(&report), [(1, "tolerated", "/params/url")], "{report}");
}

#[tokio::test]
async fn what_a_person_answered_to_a_question_is_answered_again() {
    let question = r#"{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"q":"one"}}"#;
    let mut made = Made::new()
        .client(&call_text(1))
        .server(question)
        .client(r#"{"jsonrpc":"2.0","id":5,"result":{"said":"uno"}}"#);
    made.entries.last_mut().unwrap().synthetic = true;
    let tape = made.server(r#"{"jsonrpc":"2.0","id":1,"result":{"said":"uno"}}"#).source();
    let report = Verify::new(tape).run(asking(question)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
}

#[tokio::test]
async fn what_was_said_in_a_call_that_is_not_played_is_not_missed() {
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"own"}}"#;
    let mut made = Made::new().client(&call_text(1)).of(1);
    made.entries.last_mut().unwrap().synthetic = true;
    let result = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"said":"uno"}}}}"#);
    let made = made.server(log).of(1).server(&result(1)).of(1);
    let made = made.client(&call_text(2)).of(2).server(&result(2)).of(2);
    let tape = made.end(2, Outcome::Answered, "").source();
    let server = leaf(|message: JsonRpcMessage| {
        let is_call = message.kind() == Kind::Request && !message.is_listen();
        std::future::ready(Ok(if is_call { answer(&message, r#"{"said":"uno"}"#) } else { Reply::empty() }))
    });
    let report = Verify::new(tape).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!((report.totals.calls, report.totals.left_out), (1, 1), "{report}");
}

#[tokio::test]
async fn what_the_server_gives_out_now_is_what_it_gets_back() {
    let state = r#"{"resultType":"input_required","requestState":"old-state","inputRequests":{}}"#;
    let tape = Made::new()
        .call(1, "tools/list", "{}", r#"{"tools":[],"nextCursor":"old-page"}"#)
        .call(2, "tools/list", r#"{"cursor":"old-page"}"#, r#"{"tools":[]}"#)
        .call(3, "tools/call", r#"{"name":"t"}"#, state)
        .call(4, "tools/call", r#"{"name":"t","inputResponses":{},"requestState":"old-state"}"#, "{}")
        .call(5, "tools/call", r#"{"name":"t","task":{}}"#, r#"{"task":{"taskId":"old-task"}}"#)
        .call(6, "tasks/get", r#"{"taskId":"old-task"}"#, r#"{"status":"completed"}"#)
        .call(7, "tools/call", r#"{"name":"buy"}"#, r#"{"structuredContent":{"ticket":"old-ticket"}}"#)
        .call(8, "tools/call", r#"{"name":"use","arguments":{"ticket":"old-ticket"}}"#, "{}");
    let server = leaf(|message: JsonRpcMessage| {
        let text = support::text(&message);
        let result = match () {
            () if text.contains("old-") => r#"{"error":"what is that?"}"#.to_owned(),
            () if text.contains("new-") => match message.is_method("tools/list") {
                true => r#"{"tools":[]}"#.to_owned(),
                false if message.is_method("tasks/get") => r#"{"status":"completed"}"#.to_owned(),
                false => "{}".to_owned(),
            },
            () if text.contains("tools/list") => r#"{"tools":[],"nextCursor":"new-page"}"#.to_owned(),
            () if text.contains("task") => r#"{"task":{"taskId":"new-task"}}"#.to_owned(),
            () if text.contains("buy") => r#"{"structuredContent":{"ticket":"new-ticket"}}"#.to_owned(),
            () => state.replace("old", "new"),
        };
        let reply = if message.is_listen() { Reply::empty() } else { answer(&message, &result) };
        async { Ok(reply) }
    });
    let ticket =
        ("/result/structuredContent/ticket".parse().unwrap(), "/params/arguments/ticket".parse().unwrap());
    let verify = Verify::new(tape.source()).carry(ticket.0, ticket.1);
    let report = verify.run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!(report.totals.equal, 8);
}

#[tokio::test]
async fn a_task_is_the_same_wherever_the_server_names_it() {
    let named = |id: &str| format!(r#"{{"taskId":"{id}"}}"#);
    let status = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{}}}"#, named(id))
    };
    let tasks = |id: &str, note: &str| format!(r#"{{"tasks":[{}],"note":"{note}"}}"#, named(id));
    let given = |id| format!(r#"{{"task":{}}}"#, named(id));
    let tape = || {
        let tape = Made::new().call(1, "tools/call", r#"{"name":"t","task":{}}"#, &given("old")).of(1);
        let list = r#"{"jsonrpc":"2.0","id":2,"method":"tasks/list"}"#;
        let answer = format!(r#"{{"jsonrpc":"2.0","id":2,"result":{}}}"#, tasks("old", "old"));
        let tape = tape.client(list).of(2).server(&status("old")).of(2).server(&answer).of(2);
        tape.end(2, Outcome::Answered, "").source()
    };
    let server = |id: &'static str, note: &'static str| {
        leaf(move |message: JsonRpcMessage| {
            std::future::ready(Ok(match message.is_method("tasks/list") {
                true => stream(&message, &[status(id)], &tasks(id, note)),
                false => answer(&message, &given("new")),
            }))
        })
    };
    let report = Verify::new(tape()).run(server("new", "old")).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    let report = Verify::new(tape()).run(server("new", "new")).await.unwrap();
    assert_eq!(found(&report), [(2, "differs", "/result/note")], "{report}");
    let report = Verify::new(tape()).run(server("third", "old")).await.unwrap();
    let paths = ["/params/taskId", "/result/tasks/0/taskId"];
    assert_eq!(found(&report), paths.map(|path| (2, "differs", path)), "{report}");
}

#[tokio::test]
async fn a_call_is_cancelled_where_it_was_with_the_message_of_the_client() {
    let tape = Made::new()
        .client(r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"t","_meta":{"progressToken":1}}}"#)
        .server(&progress(1, 1))
        .server(&progress(1, 2))
        .client(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c","reason":"bored"}}"#)
        .call(2, "ping", "{}", "{}");
    let left: Arc<Mutex<Option<String>>> = Arc::default();
    let told = left.clone();
    let server = leaf(move |message: JsonRpcMessage| {
        let told = told.clone();
        let reply = match message.method() {
            Some("tools/call") => {
                let (sender, reply) = Reply::channel(8);
                sender.try_send(msg(progress(1, 1))).unwrap();
                sender.try_send(msg(progress(1, 2))).unwrap();
                let (facts, id) = (message.context().unwrap().clone(), message.owned_id().unwrap());
                // A connector's guard: it forwards what the client said.
                let guard = OnDrop(Some(move || {
                    *told.lock().unwrap() =
                        facts.take_cancellation(&id).map(|message| support::text(&message));
                    drop(sender);
                }));
                reply.hold(guard)
            }
            Some("ping") => answer(&message, "{}"),
            _ => Reply::empty(),
        };
        async { Ok(reply) }
    });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    let said = left.lock().unwrap().clone().unwrap();
    assert!(said.contains(r#""requestId":1,"reason":"bored""#), "{said}");
}

struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_fails_and_the_rest_is_played() {
    let tape = Made::new().call(1, "tools/call", "{}", "{}").call(2, "ping", "{}", "{}");
    let server = leaf(|message: JsonRpcMessage| async move {
        match message.method() {
            Some("tools/call") => std::future::pending().await,
            _ => echo(message).await,
        }
    });
    let report = Verify::new(tape.source()).timeout(Duration::from_secs(5)).run(server).await.unwrap();
    assert_eq!((report.calls[0].verdict, report.calls[1].verdict), (Verdict::Failed, Verdict::Equal));
    assert_eq!(report.calls[0].took, Duration::from_secs(5));
    assert!(report.to_string().contains("no answer within 5s"), "{report}");
}

#[tokio::test]
async fn a_broken_channel_fails_each_call_unless_it_was_broken_then() {
    let tape = Made::new()
        .client(&call_text(1))
        .of(1)
        .end(1, Outcome::Failed, "the server is gone")
        .client(&call_text(2))
        .of(2)
        .server(&done(2))
        .of(2);
    let server = leaf(|message: JsonRpcMessage| async move {
        if message.is_listen() { Ok(Reply::empty()) } else { Err(Error::closed("it is gone")) }
    });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert_eq!((report.calls[0].verdict, report.calls[1].verdict), (Verdict::Equal, Verdict::Failed));
    assert!(report.to_string().contains("it is gone"), "{report}");
}

/// What a report says of a call that was recorded with `outcome` and fails now with this error, or ends with nothing.
async fn failed_again(outcome: Outcome, told: &str, now: Option<Error>) -> (Verdict, String) {
    let tape = Made::new().client(&call_text(1)).of(1).end(1, outcome, told);
    let server = leaf(move |message: JsonRpcMessage| {
        let now = if message.is_session_listen() { None } else { now.clone() };
        std::future::ready(now.map_or_else(|| Ok(Reply::empty()), Err))
    });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    (report.calls[0].verdict, report.to_string())
}

#[tokio::test]
async fn failures_are_compared_by_their_kinds_and_not_by_their_words() {
    let late = r#"{"failure":"timeout","text":"it took 5 s"}"#;
    let lost = r#"{"failure":"session_lost","text":"who are you?"}"#;
    let timeout = || Some(Error::timeout("it took 7 s"));
    for (told, now) in [
        (late, timeout()),
        (lost, Some(Error::session_lost("it was made anew"))),
        // Older tapes, and other recorders, tell no kind; nor does an error that is none of ours.
        ("it took 5 s", timeout()),
        (r#"{"failure":"of a later release","text":"?"}"#, timeout()),
    ] {
        let (verdict, report) = failed_again(Outcome::Failed, told, now).await;
        assert_eq!(verdict, Verdict::Equal, "{told}: {report}");
    }
    let nothing = "it ended without an answer";
    for (outcome, told, now, words) in [
        (
            Outcome::Failed,
            late,
            Some(Error::closed("gone")),
            ["failed (timeout): it took 5 s", "failed (closed): gone"],
        ),
        (
            Outcome::Failed,
            lost,
            timeout(),
            ["failed (session_lost): who are you?", "failed (timeout): it took 7 s"],
        ),
        (Outcome::Failed, late, None, ["failed (timeout): it took 5 s", nothing]),
        (Outcome::Unanswered, "", timeout(), [nothing, "failed (timeout): it took 7 s"]),
    ] {
        let (verdict, report) = failed_again(outcome, told, now).await;
        assert_eq!(verdict, Verdict::Differs, "{told}: {report}");
        assert!(words.iter().all(|words| report.contains(words)), "{words:?}: {report}");
    }
    let (verdict, report) = failed_again(Outcome::Unanswered, "", None).await;
    assert_eq!(verdict, Verdict::Equal, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_had_failed_otherwise_and_is_late_now_is_a_difference() {
    let played = |told: &str| {
        let tape = Made::new().client(&call_text(1)).of(1).end(1, Outcome::Failed, told);
        let server = leaf(|_: JsonRpcMessage| std::future::pending::<Result<Reply, Error>>());
        Verify::new(tape.source()).timeout(Duration::from_secs(5)).run(server)
    };
    let report = played(r#"{"failure":"closed","text":"gone"}"#).await.unwrap();
    assert_eq!(report.calls[0].verdict, Verdict::Differs, "{report}");
    let report = played(r#"{"failure":"timeout","text":"late"}"#).await.unwrap();
    assert_eq!(report.calls[0].verdict, Verdict::Equal, "{report}");
}

/// When each call came, and how many ran at the same time.
async fn paced(pace: Pace, tape: Made, takes: Duration) -> (Vec<u64>, usize) {
    let (came, most) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (running, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let (noted, peak) = (came.clone(), most.clone());
    let server = leaf(move |message: JsonRpcMessage| {
        let is_call = message.is_method("tools/call");
        if is_call {
            noted.lock().unwrap().push(began.elapsed().as_millis() as u64);
            peak.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let running = running.clone();
        async move {
            if is_call {
                tokio::time::sleep(takes).await;
                running.fetch_sub(1, Ordering::Relaxed);
            }
            echo(message).await
        }
    });
    let report = Verify::new(tape.source()).pace(pace).linger(Duration::ZERO).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    let came = came.lock().unwrap().clone();
    (came, most.load(Ordering::Relaxed))
}

/// Two calls at the same time, and a third when the first is over.
fn overlapping() -> Made {
    let request =
        |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#);
    Made::new()
        .client(&request(1))
        .at(1_000)
        .client(&request(2))
        .at(2_000)
        .server(&done(1))
        .at(2_500)
        .client(&request(3))
        .server(&done(2))
        .server(&done(3))
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_the_same_time_as_recorded_or_one_at_a_time() {
    let takes = Duration::from_millis(1_800);
    assert_eq!(paced(Pace::AsRecorded, overlapping(), takes).await, (vec![0, 1_000, 2_500], 2));
    assert_eq!(paced(Pace::Scaled(2.0), overlapping(), takes).await, (vec![0, 2_000, 5_000], 1));
    // The third waits for the first, which had ended then.
    assert_eq!(paced(Pace::Scaled(0.1), overlapping(), takes).await, (vec![0, 100, 1_800], 2));
    assert_eq!(paced(Pace::Scaled(0.0), overlapping(), takes).await, (vec![0, 0, 1_800], 2));
    assert_eq!(paced(Pace::OneByOne, overlapping(), takes).await, (vec![0, 1_800, 3_600], 1));
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_run_at_the_same_time_than_may() {
    let request =
        |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#);
    let tape = (1..=20).fold(Made::new(), |tape, id| tape.client(&request(id)));
    let tape = (1..=20).fold(tape, |tape, id| tape.server(&done(id)));
    let most = Arc::new(AtomicUsize::new(0));
    let (running, peak) = (Arc::new(AtomicUsize::new(0)), most.clone());
    let server = leaf(move |message: JsonRpcMessage| {
        let running = running.clone();
        let peak = peak.clone();
        async move {
            if message.is_method("tools/call") {
                peak.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                running.fetch_sub(1, Ordering::Relaxed);
            }
            echo(message).await
        }
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let verify =
        Verify::new(tape.source()).pace(Pace::AsRecorded).max_in_flight(4).on_progress(move |progress| {
            noted.lock().unwrap().push((progress.over, progress.calls));
        });
    let report = verify.run(server).await.unwrap();
    assert_eq!((report.totals.equal, most.load(Ordering::Relaxed)), (20, 4));
    assert_eq!(*seen.lock().unwrap(), (1..=20).map(|over| (over, 20)).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_the_future_drops_all_calls() {
    let dropped = Dropped::default();
    let guards = dropped.clone();
    let (started, mut on_start) = tokio::sync::mpsc::channel(8);
    let server = leaf(move |message: JsonRpcMessage| {
        let guard = guards.guard();
        if message.is_method("tools/call") {
            started.try_send(()).unwrap();
        }
        async move {
            let _guard = guard;
            if message.is_listen() {
                Ok(Reply::stream(futures::stream::pending()))
            } else {
                std::future::pending().await
            }
        }
    });
    let inner = dropped.alive();
    // It may run on any thread.
    let verify = Verify::new(overlapping().source()).pace(Pace::Scaled(0.0));
    let playing = tokio::spawn(verify.run(server));
    for _ in 0..2 {
        soon(on_start.recv()).await.unwrap();
    }
    assert!(dropped.alive() >= inner + 2);
    playing.abort();
    assert!(playing.await.unwrap_err().is_cancelled());
    assert_eq!(dropped.alive(), 0, "the server too");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_unasked_is_listened_to_and_waited_for() {
    let changed = note("notifications/tools/list_changed");
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    let tape = || {
        Made::new()
            .call(1, "initialize", initialize, "{}")
            .client(&note("notifications/initialized"))
            .call(2, "ping", "{}", "{}")
            .server(&changed)
            .source()
    };
    let server = |says: Option<String>| {
        leaf(move |message: JsonRpcMessage| {
            let says = says.clone();
            async move {
                if !message.is_session_listen() {
                    return echo(message).await;
                }
                let (sender, reply) = Reply::channel(4);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(700)).await;
                    says.iter().for_each(|says| sender.try_send(msg(says)).unwrap());
                    sender.cancelled().await;
                });
                Ok(reply)
            }
        })
    };
    let same = server(Some(changed.clone()));
    let seen = same.seen.clone();
    let report = Verify::new(tape()).run(same).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert!(seen.all()[1].contains("subscriptions/listen"), "right behind the handshake: {:?}", seen.all());
    let report = Verify::new(tape()).run(server(None)).await.unwrap();
    assert_eq!(found(&report), [(0, "missing", "")]);
    let report = Verify::new(tape()).run(server(Some(note("notifications/x")))).await.unwrap();
    assert_eq!(found(&report), [(0, "missing", ""), (0, "extra", "")]);
}

/// A server that asks for the roots some time after it was told that they have changed, and shows them when called.
fn rooted(asks: bool) -> Leaf<impl FnMut(JsonRpcMessage) -> std::future::Ready<Result<Reply, Error>>> {
    let listen: Arc<Mutex<Option<shadowcat::ReplySender>>> = Arc::default();
    let mut roots = "0".to_owned();
    leaf(move |message: JsonRpcMessage| {
        let reply = match message.kind() {
            Kind::Response => {
                roots = String::from_utf8(message.result().unwrap().to_vec()).unwrap();
                Reply::empty()
            }
            Kind::Request if message.is_session_listen() => {
                let (sender, reply) = Reply::channel(4);
                *listen.lock().unwrap() = Some(sender);
                reply
            }
            Kind::Notification if asks && message.is_method("notifications/roots/list_changed") => {
                let listen = listen.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(700)).await;
                    let listen = listen.lock().unwrap();
                    listen.as_ref().unwrap().try_send(msg(ROOTS)).unwrap();
                });
                Reply::empty()
            }
            Kind::Request if !message.is_listen() => answer(&message, &roots),
            _ => Reply::empty(),
        };
        std::future::ready(Ok(reply))
    })
}

const ROOTS: &str = r#"{"jsonrpc":"2.0","id":"r-1","method":"roots/list"}"#;

#[tokio::test(start_paused = true)]
async fn what_the_client_did_after_the_server_spoke_unasked_waits_for_that() {
    let initialize =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#;
    let tape = |calls: i64| {
        let opened = Made::new().call(1, "initialize", initialize, "0");
        let opened = opened.client(&note("notifications/initialized"));
        let changed = opened.client(&note("notifications/roots/list_changed")).server(ROOTS);
        let told = changed.client(r#"{"jsonrpc":"2.0","id":"r-1","result":2}"#);
        (2..2 + calls).fold(told, |tape, id| tape.call(id, "tools/call", "{}", "2")).source()
    };
    let report = Verify::new(tape(3)).run(rooted(true)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");

    // One that keeps silent is waited for once, and at the end.
    let began = Instant::now();
    let report = Verify::new(tape(3)).run(rooted(false)).await.unwrap();
    assert_eq!((report.totals.differ, report.totals.unasked), (3, Verdict::Missing), "{report}");
    assert_eq!(began.elapsed().as_secs(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_listen_is_opened_and_left_and_its_messages_name_it() {
    let told = |id: &str, method: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        )
    };
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let tape = Made::new()
        .client(&format!(
            r#"{{"jsonrpc":"2.0","id":"L","method":"subscriptions/listen","params":{{{meta}}}}}"#
        ))
        .server(&told("\"L\"", "notifications/subscriptions/acknowledged"))
        .call(2, "tools/call", &format!(r#"{{"name":"t",{meta}}}"#), "{}")
        .server(&told("\"L\"", "notifications/tools/list_changed"))
        .client(&cancelled("\"L\""));
    let server = leaf(move |message: JsonRpcMessage| {
        let reply = if message.is_listen() {
            assert!(!message.is_session_listen(), "a modern server is asked for no other");
            let (sender, reply) = Reply::channel(4);
            let id = message.id().unwrap().as_str().to_owned();
            sender.try_send(msg(told(&id, "notifications/subscriptions/acknowledged"))).unwrap();
            sender.try_send(msg(told(&id, "notifications/tools/list_changed"))).unwrap();
            reply.hold(sender)
        } else {
            answer(&message, "{}")
        };
        async { Ok(reply) }
    });
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!(report.totals.equal, 2);
}

#[tokio::test]
async fn what_a_layer_made_or_answered_is_left_out() {
    let mut tape =
        Made::new().call(1, "ping", "{}", "{}").call(2, "tools/call", r#"{"name":"denied"}"#, "{}");
    tape.entries.last_mut().unwrap().synthetic = true;
    let server = says(&["{}"]);
    let seen = server.seen.clone();
    let report = Verify::new(tape.source()).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!((report.totals.calls, report.totals.left_out), (1, 1));
    assert!(seen.all().iter().all(|seen| !seen.contains("denied")));
}

#[tokio::test]
async fn of_several_sessions_one_is_chosen() {
    let tape = || {
        let mut tape =
            Made::new().call(1, "ping", "{}", r#"{"of":"a"}"#).call(2, "ping", "{}", r#"{"of":"b"}"#);
        for (at, entry) in tape.entries.iter_mut().enumerate() {
            entry.session = Some(if at < 2 { "a".into() } else { "b".into() });
        }
        tape.source()
    };
    let error = Verify::new(tape()).run(says(&[])).await.unwrap_err();
    assert!(error.is_session() && error.to_string().contains(r#""a", "b""#), "{error}");
    let report = Verify::new(tape()).session("b").run(says(&[r#"{"of":"b"}"#])).await.unwrap();
    assert!(report.is_deterministic() && report.totals.calls == 1, "{report}");
    let error = Verify::new(tape()).session("a").max_bytes(100).run(says(&[])).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
}

#[tokio::test]
async fn only_what_is_played_has_to_fit() {
    let large = format!(r#"{{"of":"{}"}}"#, "x".repeat(10_000));
    let tape = || {
        let mut tape = Made::new().call(1, "ping", "{}", &large).call(2, "ping", "{}", "{}");
        tape = tape.call(3, "ping", "{}", &large);
        for (at, entry) in tape.entries.iter_mut().enumerate() {
            entry.session = Some(if at < 2 { "large".into() } else { "small".into() });
            entry.edge = if at < 4 { Edge::Client } else { Edge::Upstream };
        }
        Verify::new(tape.source()).max_bytes(5_000)
    };
    let report = tape().session("small").run(says(&["{}"])).await.unwrap();
    assert!(report.is_deterministic() && report.totals.calls == 1, "{report}");
    let error = tape().session("large").run(says(&[])).await.unwrap_err();
    assert!(error.is_too_large(), "{error}");
}

#[tokio::test]
async fn of_two_edges_the_clients_is_played() {
    let mut tape = Made::new().call(1, "ping", "{}", "{}").call(1, "ping", "{}", "{}");
    for entry in &mut tape.entries[2..] {
        entry.edge = Edge::Upstream;
    }
    let report = Verify::new(tape.source()).run(says(&["{}"])).await.unwrap();
    assert_eq!(report.totals.calls, 1);
}

#[tokio::test]
async fn a_tape_that_is_not_whole_is_played_and_says_so() {
    let tape = || {
        let mut tape = Made::new().call(1, "ping", "{}", "{}").client(&call_text(2));
        tape.entries.push(shadowcat::tape::Entry::new(EntryKind::Lost, shadowcat::Direction::ToClient, "3"));
        tape.source()
    };
    let report = Verify::new(tape()).run(says(&["{}", "{}"])).await.unwrap();
    assert!(report.notes.iter().any(|note| note.contains("not whole")), "{report}");
    assert!(!report.is_deterministic() && report.totals.incomplete, "{report}");
    assert_eq!(report.calls[1].verdict, Verdict::Extra);

    let report = Verify::new(tape()).incomplete(true).run(says(&["{}", "{}"])).await.unwrap();
    assert!(report.notes.iter().any(|note| note.contains("not whole")), "{report}");
    assert!(report.is_deterministic() && !report.totals.incomplete, "{report}");
    assert_eq!((report.totals.equal, report.totals.tolerated), (1, 1), "compared with nothing is not equal");
}

#[cfg(feature = "schema")]
#[tokio::test]
async fn results_of_tools_may_be_checked_by_their_schemas() {
    let tools = r#"{"tools":[{"name":"weather","inputSchema":{},"outputSchema":{"type":"object","properties":{"celsius":{"type":"number"}},"required":["celsius"]}}]}"#;
    let result = |celsius: &str| {
        format!(
            r#"{{"content":[{{"type":"text","text":"{celsius} degrees"}}],"structuredContent":{{"celsius":{celsius}}}}}"#
        )
    };
    let tape = || {
        Made::new()
            .call(1, "tools/list", "{}", tools)
            .call(2, "tools/call", r#"{"name":"weather"}"#, &result("7"))
            .call(
                3,
                "tools/call",
                r#"{"name":"other"}"#,
                r#"{"content":[{"type":"text","text":"{\"n\":1}"}]}"#,
            )
            .source()
    };
    let other = r#"{"content":[{"type":"text","text":"{\"n\":2}"}]}"#;
    let now = [tools, &result("-3.5"), other];
    let report = Verify::new(tape()).run(says(&now)).await.unwrap();
    assert_eq!(report.totals.differ, 2, "compared: {report}");
    let by_schema =
        || Verify::new(tape()).output_schemas().schema("other", br#"{"required":["n"]}"#).unwrap();
    let report = by_schema().run(says(&now)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");

    let wrong = [tools, &result("null"), r#"{"content":[{"type":"text","text":"{}"}]}"#];
    let report = by_schema().run(says(&wrong)).await.unwrap();
    assert_eq!(
        found(&report),
        [(2, "differs", "/result/structuredContent"), (3, "differs", "/result/content/0/text")],
        "{report}"
    );
    let more = [tools, &result("1").replace("}}", "},\"extra\":1}"), other];
    let report = by_schema().run(says(&more)).await.unwrap();
    assert_eq!(found(&report), [(2, "differs", "/result/extra")]);
    assert!(Verify::new(tape()).schema("t", br#"{"$ref":"http://a.example"}"#).is_err());
}
