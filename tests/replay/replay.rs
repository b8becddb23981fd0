//! What a replay answers: by matching, in order, with ids, questions, listens, ends and times as recorded.

use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, MismatchKind, Options, Repeats, ReplayError, Timing};
use shadowcat::tape::{Edge, Entry, Outcome};
use tower::{Service, ServiceExt};

use crate::replayed::*;
use crate::support::{cancelled, msg, next, note, progress, session_listen, settled, soon, text};

const LISTEN: &str =
    r#"{"jsonrpc":"2.0","id":9,"method":"subscriptions/listen","params":{"notifications":{}}}"#;

fn add(id: &str, a: u32) -> String {
    tool(id, "add", &format!(r#"{{"a":{a}}}"#))
}

#[tokio::test]
async fn the_recorded_bytes_come_back_under_the_clients_own_id() {
    let said = r#"{ "id" : 7 ,"x":[1.50,"\u00e9"],"jsonrpc":"2.0", "result":{"n":1E2} }"#;
    let mut replay = replay([up(add("7", 1)), down(said)]);
    assert_eq!(only(&mut replay, add(r#""mine""#, 1)).await, said.replace(" 7 ", r#" "mine" "#));
    assert!(replay.unused().is_empty() && replay.mismatches().is_empty());
    assert_eq!(replay.stats().requests, 1);
}

#[tokio::test]
async fn the_order_of_members_and_other_meta_do_not_matter() {
    let recorded = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"a":1,"b":2.0},"_meta":{"progressToken":5,"traceparent":"x"}}}"#;
    let asked = r#"{"id":2,"method":"tools/call","jsonrpc":"2.0","params":{"_meta":{"vendor/id":"y"},"arguments":{"b":2.0,"a":1},"name":"t"}}"#;
    let mut replay = replay([up(recorded), down(result("1", "{}"))]);
    assert_eq!(only(&mut replay, asked).await, result("2", "{}"));
}

#[tokio::test]
async fn no_params_and_empty_params_are_the_same() {
    let mut replay = replay([up(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), down(result("1", "{}"))]);
    let asked = r#"{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":{"progressToken":1}}}"#;
    assert_eq!(only(&mut replay, asked).await, result("2", "{}"));
}

#[tokio::test]
async fn a_kept_key_of_meta_and_the_revision_matter() {
    let of = |id: &str, key: &str, value: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","params":{{"_meta":{{"{key}":"{value}"}}}}}}"#)
    };
    let revision = "io.modelcontextprotocol/protocolVersion";
    for (key, options) in [("tenant", Options::new().match_meta("tenant")), (revision, Options::new())] {
        let mut replay = replay_by(options, [up(of("1", key, "a")), down(result("1", "{}"))]);
        assert!(only(&mut replay, of("2", key, "b")).await.contains("not_recorded"), "{key}");
        assert_eq!(only(&mut replay, of("3", key, "a")).await, result("3", "{}"));
    }
}

#[tokio::test]
async fn another_name_of_the_client_initializes_all_the_same() {
    let of = |name: &str, version: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{version}","capabilities":{{}},"clientInfo":{{"name":"{name}","version":"1"}}}}}}"#
        )
    };
    let mut replay = replay([up(of("a", "2025-06-18")), down(result("1", "{}"))]);
    assert_eq!(only(&mut replay, of("b", "2025-06-18")).await, result("1", "{}"));
    assert!(only(&mut replay, of("b", "2025-11-25")).await.contains("/params/protocolVersion"));
}

#[tokio::test]
async fn what_was_not_recorded_fails_and_names_the_nearest_and_the_difference() {
    let mut replay = replay([
        up(tool("1", "echo", r#"{"text":"hi"}"#)),
        down(result("1", "{}")),
        up(tool("2", "add", r#"{"a":1,"b":{"c":2}}"#)),
        down(result("2", "{}")),
    ]);
    let answer = msg(only(&mut replay, tool(r#""x""#, "add", r#"{"a":1,"b":{"c":3}}"#)).await);
    assert_eq!(answer.id().unwrap().as_str(), r#""x""#);
    let error: serde_json::Value = serde_json::from_slice(answer.error().unwrap()).unwrap();
    let told = error["message"].as_str().unwrap();
    assert!(
        told.starts_with(r#"the tape holds no tools/call "add" like this one; frame 3 comes nearest: /params/arguments/b/c"#),
        "{told}"
    );
    assert_eq!(error["data"]["shadowcat"]["kind"], "not_recorded");
    assert_eq!(error["data"]["shadowcat"]["frame"], 3);
    assert_eq!(error["data"]["shadowcat"]["differences"].as_array().unwrap().len(), 1);

    let mismatch = &replay.mismatches()[0];
    assert_eq!((mismatch.kind, mismatch.nearest), (MismatchKind::NotRecorded, Some(3)));
    assert_eq!(mismatch.differences[0].path, "/params/arguments/b/c");
    assert_eq!(replay.stats().refused, 1);

    let nothing = only(&mut replay, r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#).await;
    assert!(nothing.contains("the tape holds nothing like prompts/list"), "{nothing}");
    assert_eq!(replay.unused().len(), 2);
    assert_eq!(replay.unused()[0].to_string(), r#"frame 1: tools/call "echo""#);
}

#[tokio::test]
async fn an_ignored_place_does_not_count() {
    let options = Options::new().ignore("/params/arguments/*/at").unwrap();
    let recorded = [up(tool("1", "t", r#"{"x":{"at":1,"n":1}}"#)), down(result("1", "{}"))];
    let mut replay = replay_by(options, recorded);
    assert_eq!(only(&mut replay, tool("2", "t", r#"{"x":{"at":2,"n":1}}"#)).await, result("2", "{}"));
    assert!(only(&mut replay, tool("3", "t", r#"{"x":{"at":2,"n":2}}"#)).await.contains("/n"));
}

#[tokio::test]
async fn the_same_request_is_answered_in_order_and_then_as_last() {
    let recorded = || {
        (1..4).flat_map(|n: u32| [up(add(&n.to_string(), 1)), down(result(&n.to_string(), &n.to_string()))])
    };
    for repeats in [Repeats::Last, Repeats::Refuse] {
        let mut replay = replay_by(Options::new().repeats(repeats), recorded());
        for n in ["1", "2", "3"] {
            assert_eq!(only(&mut replay, add("9", 1)).await, result("9", n));
        }
        let more = only(&mut replay, add("9", 1)).await;
        match repeats {
            Repeats::Last => assert_eq!((more, replay.stats().repeats), (result("9", "3"), 1)),
            _ => assert!(more.contains("more often than it was recorded"), "{more}"),
        }
    }
}

#[tokio::test]
async fn calls_are_matched_in_the_order_in_which_they_were_made() {
    let mut replay = replay([
        up(add("1", 1)),
        up(add("2", 1)),
        down(result("2", r#""second""#)),
        down(result("1", r#""first""#)),
    ]);
    let first = replay.ready().await.unwrap().call(msg(add("3", 1)));
    let second = replay.ready().await.unwrap().call(msg(add("4", 1)));
    let second = soon(second).await.unwrap();
    assert_eq!(text(second.as_one().unwrap()), result("4", r#""second""#));
    assert_eq!(text(soon(first).await.unwrap().as_one().unwrap()), result("3", r#""first""#));
}

#[tokio::test]
async fn a_lenient_replay_answers_with_the_last_of_the_same_tool() {
    let options = || Options::new().matching(Matching::Lenient);
    let recorded = || {
        [
            up(add("1", 1)),
            down(result("1", "1")),
            up(add("2", 2)),
            down(result("2", "2")),
            up(tool("3", "echo", "{}")),
            down(result("3", "3")),
        ]
    };
    let mut replay = replay_by(options(), recorded());
    assert_eq!(only(&mut replay, add("8", 1)).await, result("8", "1"));
    assert_eq!(only(&mut replay, add("8", 77)).await, result("8", "2"));
    assert_eq!(replay.stats().fallbacks, 1);
    assert!(only(&mut replay, tool("8", "rm", "{}")).await.contains("not_recorded"));
}

#[tokio::test]
async fn in_a_sequence_the_next_request_must_be_the_next_one() {
    let options = Options::new().matching(Matching::Sequence);
    let recorded = [up(add("1", 1)), down(result("1", "1")), up(add("2", 2)), down(result("2", "2"))];
    let mut replay = replay_by(options, recorded);
    let early = only(&mut replay, add("8", 2)).await;
    assert!(early.contains("where frame 1 of the tape comes next: /params/arguments/a"), "{early}");
    assert_eq!(only(&mut replay, add("8", 1)).await, result("8", "1"));
    assert_eq!(only(&mut replay, add("8", 2)).await, result("8", "2"));
    assert!(only(&mut replay, add("8", 2)).await.contains("after the end of the tape"));
}

#[tokio::test]
async fn progress_comes_under_the_callers_token_and_only_if_it_asked() {
    let with = |id: &str, token: &str| {
        add(id, 1).replace(r#","arguments""#, &format!(r#","_meta":{{"progressToken":{token}}},"arguments""#))
    };
    let mut replay =
        replay([up(with("1", "1")), down(progress(1, 1)), down(progress(1, 2)), down(result("1", "{}"))]);
    let heard = all(&mut replay, with("5", r#""mine""#)).await;
    assert_eq!(heard, [progress(r#""mine""#, 1), progress(r#""mine""#, 2), result("5", "{}")]);
    assert_eq!(only(&mut replay, add("6", 1)).await, result("6", "{}"));
}

/// A call during which the server asks the client something.
fn asking() -> [shadowcat::tape::Entry; 5] {
    let question = r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{}}"#;
    [
        up(add("1", 1)).at(ms(0)),
        down(question).at(ms(10)),
        up(result("51", r#"{"action":"accept"}"#)).at(ms(500)),
        down(note("notifications/x")).at(ms(520)),
        down(result("1", "{}")).at(ms(530)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_and_waited_for() {
    let mut replay = replay(asking());
    let mut reply = say(&mut replay, add("4", 1)).await;
    assert!(next(&mut reply).await.contains("elicitation/create"));
    let early = tokio::time::timeout(Duration::from_secs(1), reply.next()).await;
    assert!(early.is_err(), "{early:?}");
    tell(&mut replay, result("51", r#"{"action":"accept"}"#)).await;
    assert_eq!(next(&mut reply).await, note("notifications/x"));
    assert_eq!(next(&mut reply).await, result("4", "{}"));
    assert_eq!((replay.stats().questions, replay.stats().differing_answers), (1, 0));
}

#[tokio::test]
async fn another_answer_than_the_recorded_one_ends_a_strict_call_and_not_a_lenient_one() {
    for matching in [Matching::Strict, Matching::Lenient] {
        let mut replay = replay_by(Options::new().matching(matching), asking());
        let mut reply = say(&mut replay, add("4", 1)).await;
        next(&mut reply).await;
        tell(&mut replay, result("51", r#"{"action":"decline"}"#)).await;
        let then = next(&mut reply).await;
        match matching {
            Matching::Lenient => assert_eq!(then, note("notifications/x")),
            _ => {
                let told = "the client answered elicitation/create otherwise than in frame 3 of the tape: /result/action";
                assert!(then.contains(told) && then.contains(r#""id":4"#), "{then}");
            }
        }
        let mismatches = replay.mismatches();
        assert_eq!((mismatches.len(), mismatches[0].kind), (1, MismatchKind::Answer));
        assert_eq!(replay.stats().differing_answers, 1);
    }
}

#[tokio::test]
async fn two_repeats_of_a_call_ask_under_different_ids() {
    let mut replay = replay(asking());
    let (mut one, mut two) = (say(&mut replay, add("4", 1)).await, say(&mut replay, add("5", 1)).await);
    let ids = [msg(next(&mut one).await), msg(next(&mut two).await)].map(|asked| asked.owned_id().unwrap());
    assert_ne!(ids[0], ids[1]);
    for (id, reply, call) in [(&ids[1], &mut two, "5"), (&ids[0], &mut one, "4")] {
        tell(&mut replay, result(&id.as_str(), r#"{"action":"accept"}"#)).await;
        next(reply).await;
        assert_eq!(next(reply).await, result(call, "{}"));
    }
    tell(&mut replay, result("51", "{}")).await;
    assert_eq!(replay.stats().unmatched_answers, 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_unasked_comes_on_the_listen_where_it_came() {
    let changed = note("notifications/tools/list_changed");
    let roots = r#"{"jsonrpc":"2.0","id":0,"method":"roots/list"}"#;
    let mut replay = replay([
        down(note("notifications/early")),
        up(note("notifications/initialized")),
        down(roots),
        up(result("0", r#"{"roots":[]}"#)),
        down(note("notifications/rooted")),
        up(add("1", 1)),
        down(result("1", "{}")),
        down(&changed),
        up(add("2", 2)),
        down(result("2", "{}")),
    ]);
    let mut listen = send(&mut replay, session_listen()).await;
    assert_eq!(next(&mut listen).await, note("notifications/early"));
    assert!(futures::poll!(listen.next()).is_pending());
    tell(&mut replay, note("notifications/initialized")).await;
    assert_eq!(next(&mut listen).await, roots);
    assert!(futures::poll!(listen.next()).is_pending());
    tell(&mut replay, result("0", r#"{"roots":[]}"#)).await;
    assert_eq!(next(&mut listen).await, note("notifications/rooted"));
    let reply = replay.ready().await.unwrap().call(msg(add("8", 1)));
    assert!(futures::poll!(listen.next()).is_pending());
    assert!(soon(reply).await.unwrap().as_one().is_some());
    assert_eq!(next(&mut listen).await, changed);
    settled().await;
    assert!(futures::poll!(listen.next()).is_pending());
    assert_eq!(replay.stats().unrecorded_notifications, 0);
    assert!(replay.mismatches().is_empty());
}

#[tokio::test]
async fn a_second_listen_goes_on_where_the_first_was_left() {
    let mut replay = replay([
        up(note("notifications/initialized")),
        down(note("notifications/a")),
        down(note("notifications/b")),
        up(add("1", 1)),
        down(result("1", "{}")),
    ]);
    tell(&mut replay, note("notifications/initialized")).await;
    let mut listen = send(&mut replay, session_listen()).await;
    assert_eq!(next(&mut listen).await, note("notifications/a"));
    drop(listen);
    let mut listen = send(&mut replay, session_listen()).await;
    assert_eq!(next(&mut listen).await, note("notifications/b"));
}

#[tokio::test]
async fn a_modern_listen_is_told_everything_under_its_own_id() {
    let of = |method: &str, id: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        )
    };
    let over = |id: &str| {
        result(
            id,
            &format!(
                r#"{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#
            ),
        )
    };
    let (acknowledged, changed) =
        ("notifications/subscriptions/acknowledged", "notifications/tools/list_changed");
    let mut replay = replay([
        up(LISTEN),
        down(of(acknowledged, "9")),
        up(add("1", 1)),
        down(result("1", "{}")),
        down(of(changed, "9")),
        up(add("2", 2)),
        down(over("9")),
        down(result("2", "{}")),
    ]);
    let mut listen = say(&mut replay, LISTEN.replace(":9", r#":"l""#)).await;
    assert_eq!(next(&mut listen).await, of(acknowledged, r#""l""#));
    assert!(futures::poll!(listen.next()).is_pending());
    only(&mut replay, add("7", 1)).await;
    assert_eq!(next(&mut listen).await, of(changed, r#""l""#));
    assert!(futures::poll!(listen.next()).is_pending());
    only(&mut replay, add("7", 2)).await;
    assert_eq!(next(&mut listen).await, over(r#""l""#));
    assert!(soon(listen.next()).await.is_none());
}

#[tokio::test]
async fn rounds_are_answered_in_order_whatever_the_state_says() {
    let round = |id: &str, state: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","inputResponses":{{"q":{{"action":"accept"}}}},"requestState":"{state}"}}}}"#
        )
    };
    let asks = |id: &str, state: &str| {
        result(
            id,
            &format!(
                r#"{{"resultType":"input_required","inputRequests":{{"q":{{"method":"elicitation/create"}}}},"requestState":"{state}"}}"#
            ),
        )
    };
    let first = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
    let recorded = || {
        [
            up(first),
            down(asks("1", "s1")),
            up(round("2", "s1")),
            down(asks("2", "s2")),
            up(round("3", "s2")),
            down(result("3", r#"{"resultType":"complete"}"#)),
        ]
    };
    let mut replay = replay_by(Options::new(), recorded());
    assert_eq!(only(&mut replay, first).await, asks("1", "s1"));
    assert_eq!(only(&mut replay, round("7", "sealed")).await, asks("7", "s2"));
    assert_eq!(only(&mut replay, round("8", "sealed")).await, result("8", r#"{"resultType":"complete"}"#));

    let mut exact = replay_by(Options::new().match_request_state(true), recorded());
    let refused = only(&mut exact, round("7", "sealed")).await;
    assert!(refused.contains("/params/requestState"), "{refused}");
    assert_eq!(only(&mut exact, round("8", "s2")).await, result("8", r#"{"resultType":"complete"}"#));
}

#[tokio::test]
async fn a_cursor_is_matched_as_it_was_recorded() {
    let page = |id: &str, cursor: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{"cursor":"{cursor}"}}}}"#)
    };
    let mut replay = replay([
        up(page("1", "a")),
        down(result("1", r#"{"nextCursor":"b"}"#)),
        up(page("2", "b")),
        down(result("2", "{}")),
    ]);
    assert_eq!(only(&mut replay, page("5", "b")).await, result("5", "{}"));
    assert!(only(&mut replay, page("6", "c")).await.contains("/params/cursor"));
}

#[tokio::test]
async fn a_call_that_failed_fails_and_one_without_an_answer_has_none() {
    let mut replay = replay([
        up(add("1", 1)).call(1),
        down(note("notifications/x")).call(1),
        end(1, Outcome::Failed, "the server exited with status 3"),
        up(add("2", 2)).call(2),
        end(2, Outcome::Unanswered, ""),
        up(add("3", 3)),
    ]);
    let mut reply = say(&mut replay, add("7", 1)).await;
    next(&mut reply).await;
    let error = soon(reply.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.to_string(), "as recorded: the server exited with status 3");
    assert!(say(&mut replay, add("7", 2)).await.is_end());
    let error = soon(replay.ready().await.unwrap().call(msg(add("7", 3)))).await.unwrap_err();
    assert!(error.to_string().contains("no answer to this call"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cancelled_waits_until_it_is_cancelled() {
    let tapes = [
        vec![up(add("1", 1)).call(1), end(1, Outcome::Cancelled, "")],
        vec![up(add("1", 1)).call(1), end(1, Outcome::Dropped, "")],
        vec![up(add("1", 1)), up(cancelled(1)), down(result("1", "{}"))],
    ];
    for mut tape in tapes {
        tape.extend([down(note("notifications/after")), up(add("2", 2)), down(result("2", "{}"))]);
        let mut replay = replay(tape);
        let mut listen = send(&mut replay, session_listen()).await;
        let call = replay.ready().await.unwrap().call(msg(add("7", 1)));
        let waited = tokio::time::timeout(Duration::from_secs(60), call).await;
        assert!(waited.is_err(), "{waited:?}");
        assert_eq!(next(&mut listen).await, note("notifications/after"));
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_times_pass_as_they_were_or_scaled() {
    for (timing, factor) in [(Timing::None, 0), (Timing::Recorded, 2), (Timing::Scaled(0.5), 1)] {
        let mut replay = replay_by(Options::new().timing(timing), asking());
        let began = tokio::time::Instant::now();
        let passed = || began.elapsed().as_millis() as u64;
        let within = |expected: u64| {
            let expected = expected * factor / 2;
            assert!((expected..=expected + 2).contains(&passed()), "{timing:?}: {}", passed());
        };
        let mut reply = say(&mut replay, add("4", 1)).await;
        next(&mut reply).await;
        within(10);
        tokio::time::sleep(ms(1000) - began.elapsed()).await;
        tell(&mut replay, result("51", r#"{"action":"accept"}"#)).await;
        // From the client's answer on, however long that took.
        let after = |recorded: u64| 1000 + recorded * factor / 2..=1002 + recorded * factor / 2;
        next(&mut reply).await;
        assert!(after(20).contains(&passed()), "{timing:?}: {}", passed());
        next(&mut reply).await;
        assert!(after(30).contains(&passed()), "{timing:?}: {}", passed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_unasked_later_comes_later() {
    let recorded = [
        up(note("notifications/initialized")).at(ms(0)),
        down(note("notifications/a")).at(ms(100)),
        down(note("notifications/b")).at(ms(300)),
        up(add("1", 1)).at(ms(400)),
        down(result("1", "{}")).at(ms(400)),
    ];
    let mut replay = replay_by(Options::new().timing(Timing::Recorded), recorded);
    let mut listen = send(&mut replay, session_listen()).await;
    tokio::time::sleep(ms(50)).await;
    tell(&mut replay, note("notifications/initialized")).await;
    let began = tokio::time::Instant::now();
    next(&mut listen).await;
    assert!((100..103).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    next(&mut listen).await;
    assert!((300..303).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_value_of_the_users_own_is_put_in_place() {
    let options = Options::new().ignore("/params/arguments/at").unwrap().substitute(
        "/result/at".parse().unwrap(),
        |request| {
            let at: shadowcat::Pointer = "/params/arguments/at".parse().ok()?;
            Some(String::from_utf8(at.find(request.bytes()).ok()??.to_vec()).unwrap())
        },
    );
    let recorded = [up(tool("1", "t", r#"{"at":1}"#)), down(result("1", r#"{"at":1,"n":2}"#))];
    let mut replay = replay_by(options, recorded);
    assert_eq!(only(&mut replay, tool("5", "t", r#"{"at":99}"#)).await, result("5", r#"{"at":99,"n":2}"#));
}

#[test]
fn of_several_sessions_one_is_chosen() {
    let recorded =
        || ["a", "b"].map(|name| [up(add("1", 1)).session(name), down(result("1", "{}")).session(name)]);
    let several = Replay::of(&mut source(recorded().into_iter().flatten())).unwrap_err();
    let is_told =
        matches!(&several, ReplayError::SeveralSessions { names, unnamed: false } if names == &["a", "b"]);
    assert!(is_told, "{several}");
    let unknown = Replay::options().session("c").read(&mut source(recorded().into_iter().flatten()));
    assert!(unknown.unwrap_err().to_string().ends_with(r#"it holds "a", "b""#));
    let b = replay_by(Options::new().session("b"), recorded().into_iter().flatten());
    assert_eq!(b.unused()[0].frame, 3);
}

#[tokio::test]
async fn a_tape_of_both_edges_is_replayed_as_the_client_saw_it() {
    let recorded = || {
        [
            up(add("1", 1)),
            up(add("70", 1)).edge(Edge::Upstream),
            down(result("70", r#""raw""#)).edge(Edge::Upstream),
            down(result("1", r#""masked""#)),
        ]
    };
    for (options, said) in
        [(Options::new(), r#""masked""#), (Options::new().edge(Edge::Upstream), r#""raw""#)]
    {
        let mut replay = replay_by(options, recorded());
        assert_eq!(only(&mut replay, add("3", 1)).await, result("3", said));
        assert!(replay.unused().is_empty());
    }
}

#[tokio::test]
async fn a_try_that_failed_toward_the_server_is_no_end_of_the_clients_call() {
    let server = |entry: Entry| entry.call(1).edge(Edge::Upstream);
    let mut replay = replay_by(
        Options::new(),
        [
            up(add("1", 1)).call(1),
            server(up(add("70", 1))),
            server(end(1, Outcome::Failed, "the pipe is gone")),
            server(up(add("71", 1))),
            server(down(result("71", "2"))),
            server(end(1, Outcome::Answered, "")),
            down(result("1", "2")).call(1),
            end(1, Outcome::Answered, ""),
        ],
    );
    assert_eq!(only(&mut replay, add("3", 1)).await, result("3", "2"));
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let small = Options::new().max_bytes(100).read(&mut source(asking())).unwrap_err();
    assert!(matches!(small, ReplayError::TooLarge(100)) && small.to_string().contains("max_bytes"));
    let empty = Replay::of(&mut source([down(note("notifications/x"))])).unwrap_err();
    assert!(matches!(empty, ReplayError::Empty(_)));
    let mut broken = up(add("1", 1));
    broken.bytes = "no message".into();
    let broken = Replay::of(&mut source([broken])).unwrap_err();
    assert!(broken.to_string().starts_with("frame 1 of the tape is no message"), "{broken}");
}

#[tokio::test]
async fn a_rewound_replay_begins_anew() {
    let mut replay = replay([up(add("1", 1)), down(result("1", "{}"))]);
    only(&mut replay, add("2", 1)).await;
    let mut again = replay.rewound();
    assert_eq!(again.unused().len(), 1);
    assert_eq!(only(&mut again, add("2", 1)).await, result("2", "{}"));
    assert_eq!((replay.stats(), replay.unused().len()), (again.stats(), 0));
}

#[test]
fn names_count_among_the_bytes_that_are_kept() {
    let named = |entry: Entry| entry.component("n".repeat(4096));
    let entries = || asking().into_iter().map(named);
    let error = Options::new().max_bytes(4096).read(&mut source(entries())).unwrap_err();
    assert!(matches!(error, ReplayError::TooLarge(4096)), "{error}");
    Options::new().max_bytes(1 << 20).read(&mut source(entries())).unwrap();
}
