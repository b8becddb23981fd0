//! Tapes that are not whole, or hold more than is wanted; and sessions of which only a part is replayed.

use futures::StreamExt;
use shadowcat::Direction;
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, Options, Repeats, ReplayError};
use shadowcat::tape::{Edge, Entry, EntryKind, Outcome, import};

use crate::replayed::*;
use crate::support::{self, next, note, session_listen, settled};
use crate::taped::Folder;

fn add(id: &str, a: u32) -> String {
    tool(id, "add", &format!(r#"{{"a":{a}}}"#))
}

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{}}"#;

fn accepted() -> String {
    result("51", r#"{"action":"accept"}"#)
}

#[tokio::test]
async fn what_came_on_the_listen_while_a_call_ran_comes_there_and_once() {
    let changed = note("notifications/tools/list_changed");
    let mut replay = replay([
        up(add("1", 1)).call(1),
        down(&changed),
        down(QUESTION),
        up(accepted()),
        down(note("notifications/x")).call(1),
        down(result("1", "{}")).call(1),
        end(1, Outcome::Answered, ""),
    ]);
    let mut listen = send(&mut replay, session_listen()).await;
    let mut caller = replay.clone();
    let asking = all(&mut caller, add("7", 1));
    let answering = async {
        assert_eq!(next(&mut listen).await, changed);
        assert_eq!(next(&mut listen).await, QUESTION);
        tell(&mut replay, accepted()).await;
    };
    let (heard, ()) = tokio::join!(asking, answering);
    assert_eq!(heard, [note("notifications/x"), result("7", "{}")]);
    assert_eq!(all(&mut replay, add("8", 1)).await, [note("notifications/x"), result("8", "{}")]);
    settled().await;
    assert!(futures::poll!(listen.next()).is_pending());
}

#[tokio::test]
async fn an_answer_does_not_overtake_what_came_on_the_listen_before_it() {
    let mut replay = replay([
        up(add("1", 1)).call(1),
        down(QUESTION),
        up(accepted()),
        down(note("notifications/a")),
        down(note("notifications/b")),
        down(result("1", "{}")).call(1),
        end(1, Outcome::Answered, ""),
    ]);
    let mut listen = send(&mut replay, session_listen()).await;
    let (mut caller, order) = (replay.clone(), std::cell::RefCell::new(Vec::new()));
    let asking = async {
        let heard = all(&mut caller, add("7", 1)).await;
        order.borrow_mut().extend(heard);
    };
    let listening = async {
        assert_eq!(next(&mut listen).await, QUESTION);
        tell(&mut replay, accepted()).await;
        tokio::task::yield_now().await; // the call is asked first how it goes on
        for _ in 0..2 {
            let said = next(&mut listen).await;
            order.borrow_mut().push(said);
        }
    };
    futures::join!(asking, listening); // in this order, always
    let expected = [note("notifications/a"), note("notifications/b"), result("7", "{}")];
    assert_eq!(order.into_inner(), expected);
}

#[tokio::test]
async fn a_question_of_an_imported_tape_is_asked_in_its_call() {
    let folder = Folder::new();
    let path = folder.path("log.jsonl");
    let line = |dir: &str, message: &str| format!(r#"{{"dir":"{dir}","message":{message}}}"#) + "\n";
    let asked = add("1", 1).replace(r#","arguments""#, r#","_meta":{"progressToken":7},"arguments""#);
    let log = [
        line("c2s", &asked),
        line("s2c", &support::progress(7, 1)),
        line("s2c", QUESTION),
        line("c2s", &accepted()),
        line("s2c", &result("1", "{}")),
    ];
    std::fs::write(&path, log.concat()).unwrap();
    let entries: Vec<Entry> = import::open(&path).unwrap().map(Result::unwrap).collect();
    let calls: Vec<_> = entries.iter().map(|entry| entry.call).collect();
    assert_eq!(calls, [Some(1), None, None, None, Some(1)]);

    // As another importer numbered it once: each question as a call of its own.
    let mut numbered = entries.clone();
    (numbered[2].call, numbered[3].call) = (Some(2), Some(2));
    for entries in [entries, numbered] {
        let mut replay = replay(entries);
        let mut reply =
            say(&mut replay, asked.replace(":7", r#":"mine""#).replace(r#""id":1"#, r#""id":9"#)).await;
        assert_eq!(next(&mut reply).await, support::progress(r#""mine""#, 1));
        assert_eq!(next(&mut reply).await, QUESTION);
        tell(&mut replay, accepted()).await;
        assert_eq!(next(&mut reply).await, result("9", "{}"));
    }
}

/// A question on the listen, after the second of two calls that run at once.
fn concurrent(cause: Entry) -> Vec<Entry> {
    vec![
        up(add("1", 1)).call(1),
        cause,
        down(QUESTION),
        up(accepted()),
        down(result("1", "1")).call(1),
        end(1, Outcome::Answered, ""),
        down(result("2", "2")).call(2),
        end(2, Outcome::Answered, ""),
    ]
}

#[tokio::test]
async fn a_call_does_not_wait_for_a_question_that_is_never_asked() {
    for cause in [up(add("2", 2)).call(2), up(note("notifications/roots/list_changed"))] {
        for matching in [Matching::Strict, Matching::Lenient] {
            let mut replay = replay_by(Options::new().matching(matching), concurrent(cause.clone()));
            let _listen = send(&mut replay, session_listen()).await;
            assert_eq!(only(&mut replay, add("7", 1)).await, result("7", "1"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_still_waits_for_a_question_that_is_asked() {
    let mut replay = replay(concurrent(up(note("notifications/roots/list_changed"))));
    let mut listen = send(&mut replay, session_listen()).await;
    tell(&mut replay, note("notifications/roots/list_changed")).await;
    let mut asking = replay.clone();
    let call = only(&mut asking, add("7", 1));
    tokio::pin!(call);
    assert_eq!(next(&mut listen).await, QUESTION);
    let early = tokio::time::timeout(ms(1000), &mut call).await;
    assert!(early.is_err(), "{early:?}");
    tell(&mut replay, accepted()).await;
    assert_eq!(call.await, result("7", "1"));
}

#[tokio::test]
async fn a_tape_with_holes_is_replayed_only_if_that_is_said() {
    let recorded = |edge: Edge, session: &'static str| {
        let lost = Entry::new(EntryKind::Lost, Direction::ToClient, "3");
        let said = [up(add("1", 1)), down(result("1", r#""of the second""#))];
        [vec![lost], said.map(|entry| entry.edge(edge).session(session)).to_vec()].concat()
    };
    for (edge, session) in [(Edge::Client, None), (Edge::Upstream, None), (Edge::Upstream, Some("a"))] {
        let options = || session.map_or_else(Options::new, |name| Options::new().session(name));
        let refused = options().read(&mut source(recorded(edge, "a"))).unwrap_err();
        assert!(matches!(refused, ReplayError::Incomplete(3)), "{refused}");
        assert!(refused.to_string().contains("lost 3 entries"), "{refused}");
        let mut replay = replay_by(options().incomplete(true), recorded(edge, "a"));
        assert_eq!(replay.lost(), 3);
        assert_eq!(only(&mut replay, add("2", 1)).await, result("2", r#""of the second""#));
    }
    assert_eq!(replay([up(add("1", 1)), down(result("1", "{}"))]).lost(), 0);
}

#[test]
fn only_what_is_wanted_has_to_fit() {
    let large = format!(r#""{}""#, "x".repeat(5000));
    let said = |session: &str, edge: Edge, result_: &str| {
        [up(add("1", 1)), down(result("1", result_))].map(|entry| entry.session(session).edge(edge))
    };
    let small = || Options::new().max_bytes(2000);
    let two = || [said("a", Edge::Client, "{}"), said("b", Edge::Client, &large)].concat();
    assert_eq!(replay_by(small().session("a"), two()).unused().len(), 1);
    let other = small().session("b").read(&mut source(two())).unwrap_err();
    assert!(matches!(other, ReplayError::TooLarge(2000)), "{other}");
    let several = small().read(&mut source(two())).unwrap_err();
    assert!(matches!(several, ReplayError::SeveralSessions { .. }), "{several}");

    for in_order in [true, false] {
        let mut edges = [said("a", Edge::Client, "{}"), said("a", Edge::Upstream, &large)];
        if !in_order {
            edges.reverse();
        }
        let edges = || edges.concat();
        assert_eq!(replay_by(small(), edges()).unused().len(), 1);
        assert_eq!(replay_by(small().edge(Edge::Client), edges()).unused().len(), 1);
        let upstream = small().edge(Edge::Upstream).read(&mut source(edges())).unwrap_err();
        assert!(matches!(upstream, ReplayError::TooLarge(2000)), "{upstream}");
    }
    let upstream = small().read(&mut source(said("a", Edge::Upstream, &large))).unwrap_err();
    assert!(matches!(upstream, ReplayError::TooLarge(2000)), "{upstream}");
}

#[tokio::test]
async fn a_lenient_replay_refuses_repeats_if_it_is_told_to() {
    let recorded = || [up(add("1", 1)), down(result("1", "1"))];
    for (repeats, is_refused) in [(Repeats::Refuse, true), (Repeats::Last, false)] {
        let options = Options::new().matching(Matching::Lenient).repeats(repeats);
        let mut replay = replay_by(options, recorded());
        assert_eq!(only(&mut replay, add("8", 1)).await, result("8", "1"));
        let more = only(&mut replay, add("8", 1)).await;
        assert_eq!(more.contains("more often than it was recorded"), is_refused, "{more}");
        assert_eq!(only(&mut replay, add("8", 2)).await, result("8", "1"));
    }
}

#[test]
fn a_tape_of_one_session_needs_no_choice() {
    let of = |session: &str| [up(add("1", 1)), down(result("1", "{}"))].map(|entry| entry.session(session));
    let replay = Replay::of(&mut source([vec![up(note("notifications/x"))], of("a").to_vec()].concat()));
    let frames: Vec<_> = replay.unwrap().unused().iter().map(|unused| unused.frame).collect();
    assert_eq!(frames, [1, 2]);
}
