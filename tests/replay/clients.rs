//! Several clients: on one tape, where some have a session and some have none, and of one replay, one after the other.

use futures::StreamExt;
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, Mode, Options, Repeats, ReplayError};
use shadowcat::tape::{Edge, Entry, Filter, Outcome, Sink, json};
use shadowcat::verify::Verify;
use shadowcat::{Error, JsonRpcMessage};
use tower::{Service, ServiceExt};

use crate::replayed::*;
use crate::support::{self, next, note, session_listen};
use crate::taped::{self, Folder};
use crate::verified::says;

fn of(session: Option<&str>, said: &str) -> Vec<Entry> {
    let entries = [up(tool("1", "t", "{}")), down(result("1", said))];
    let name = |entry: Entry| match session {
        Some(name) => entry.session(name),
        None => entry,
    };
    entries.map(name).to_vec()
}

/// As a front end for both eras records them.
fn both() -> Vec<Entry> {
    let (named, unnamed) = (of(Some("s-1"), r#""named""#), of(None, r#""unnamed""#));
    [named[0].clone(), unnamed[0].clone(), named[1].clone(), unnamed[1].clone()].to_vec()
}

const TOLD: &str = r#""s-1", what was said outside of sessions (`without_session`)"#;

#[tokio::test]
async fn a_client_without_a_session_is_one_of_several() {
    let several = Replay::of(&mut source(both())).unwrap_err();
    assert!(several.to_string().ends_with(&format!("choose one by `session`: {TOLD}")), "{several}");
    for (options, said) in
        [(Options::new().session("s-1"), r#""named""#), (Options::new().without_session(), r#""unnamed""#)]
    {
        let mut replay = replay_by(options, both());
        assert_eq!(only(&mut replay, tool("5", "t", "{}")).await, result("5", said));
        assert!(replay.unused().is_empty());
    }
    let unknown = Options::new().session("s-2").read(&mut source(both())).unwrap_err();
    assert!(unknown.to_string().ends_with(&format!(r#"no session "s-2"; it holds {TOLD}"#)), "{unknown}");
    let none = Options::new().without_session().read(&mut source(of(Some("s-1"), "{}"))).unwrap_err();
    assert!(matches!(&none, ReplayError::NoSession { name: None, unnamed: false, .. }), "{none:?}");
    assert!(none.to_string().ends_with(r#"no request outside of sessions; it holds "s-1""#), "{none}");
    assert_eq!(replay_by(Options::new().without_session(), of(None, "{}")).unused().len(), 1);
}

/// A front end for both eras has no session before it was made: what asks for one is of nobody else.
#[tokio::test]
async fn what_asks_for_a_session_is_no_client_of_its_own() {
    for probe in ["initialize", "server/discover"] {
        let asked = [up(ask("0", probe)), down(result("0", "{}"))];
        let tape = [&asked[..], &of(Some("s-1"), r#""named""#)].concat();
        let mut replay = replay_by(Options::new(), tape.clone());
        assert_eq!(only(&mut replay, ask("4", probe)).await, result("4", "{}"));
        assert_eq!(only(&mut replay, tool("5", "t", "{}")).await, result("5", r#""named""#));
        let other = [&tape[..], &[up(tool("2", "t", "{}"))]].concat();
        let several = Replay::of(&mut source(other)).unwrap_err();
        assert!(several.to_string().ends_with(TOLD), "{probe}: {several}");
    }
}

#[tokio::test]
async fn either_client_of_a_tape_is_played_to_a_server() {
    let several = Verify::new(source(both())).run(says(&[])).await.unwrap_err();
    assert!(several.is_session() && several.to_string().ends_with(TOLD), "{several}");
    for (verify, said) in [
        (Verify::new(source(both())).session("s-1"), r#""named""#),
        (Verify::new(source(both())).without_session(), r#""unnamed""#),
    ] {
        let report = verify.run(says(&[said])).await.unwrap();
        assert!(report.is_deterministic() && report.totals.calls == 1, "{report}");
    }
    let none = Verify::new(source(of(Some("s-1"), "{}"))).without_session();
    let none = none.run(says(&[])).await.unwrap_err();
    assert!(none.is_session() && none.to_string().ends_with(r#"it has "s-1""#), "{none}");
}

/// A client of both eras asks first what there is, without a session, and then opens one.
#[tokio::test]
async fn who_only_asks_what_there_is_goes_on_in_its_session() {
    let discover = r#"{"jsonrpc":"2.0","id":0,"method":"server/discover"}"#;
    let probe = [up(discover), down(r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"no"}}"#)];
    let mut replay = replay([probe.to_vec(), of(Some("s-1"), r#""named""#)].concat());
    assert!(only(&mut replay, discover).await.contains("-32601"));
    assert_eq!(only(&mut replay, tool("5", "t", "{}")).await, result("5", r#""named""#));
}

#[test]
fn what_a_layer_asks_and_what_was_seen_at_another_edge_is_no_other_client() {
    let named = of(Some("s-1"), "{}");
    let mut synthetic = of(None, "{}");
    synthetic[0].synthetic = true;
    let upstream: Vec<_> = of(None, "{}").into_iter().map(|entry| entry.edge(Edge::Upstream)).collect();
    for other in [synthetic, upstream.clone()] {
        Replay::of(&mut source([named.clone(), other.clone()].concat())).unwrap();
        Replay::of(&mut source([other, named.clone()].concat())).unwrap();
    }
    let named = named.into_iter().map(|entry| entry.edge(Edge::Upstream));
    let several = Replay::of(&mut source(upstream.into_iter().chain(named))).unwrap_err();
    assert!(matches!(several, ReplayError::SeveralSessions { unnamed: true, .. }), "{several}");
}

#[test]
fn a_filter_finds_what_was_said_outside_of_sessions() {
    let found = |filter: Filter| filter.apply(source(both())).map(Result::unwrap).collect::<Vec<_>>();
    let unnamed = found(Filter::new().session("s-1").without_session());
    assert_eq!(unnamed, of(None, r#""unnamed""#));
    assert_eq!(found(Filter::new().without_session().session("s-1")), of(Some("s-1"), r#""named""#));
    assert_eq!(found(Filter::new()).len(), 4);
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_finds_it_too() {
    use shadowcat::tape::sqlite;
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = sqlite::Writer::create(&path, &taped::tape()).unwrap();
    // More than stand in one block of the index.
    let all = (0..200).flat_map(|_| both());
    all.for_each(|entry| writer.append(&entry).unwrap());
    writer.finish().unwrap();
    let found = Filter::new().without_session().apply(sqlite::Reader::open(&path).unwrap());
    assert_eq!(found.filter(|entry| entry.as_ref().unwrap().session.is_none()).count(), 400);
}

#[test]
fn a_tape_of_a_session_is_not_recorded_anew_without_one() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let mut writer = json::Writer::create(&path, &taped::tape()).unwrap();
    of(Some("s-1"), "{}").iter().for_each(|entry| writer.append(entry).unwrap());
    writer.finish().unwrap();
    let options = Options::new().without_session().mode(Mode::Update);
    let kept = options.open_or_record(&path, || Ok::<Replay, Error>(replay(of(None, "{}")))).unwrap_err();
    assert!(kept.to_string().contains("it holds another session"), "{kept}");
}

fn ask(id: &str, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

fn counting() -> Vec<Entry> {
    let discover = up(ask("0", "server/discover"));
    let mut tape = vec![discover, down(result("0", r#""what there is""#)), up(note("notifications/x"))];
    tape.extend(["1", "2", "3"].iter().flat_map(|n| [up(ask(n, "count")), down(result(n, n))]));
    tape
}

async fn count(replay: &mut Replay) -> String {
    only(replay, ask("7", "count")).await
}

async fn discover(replay: &mut Replay) -> String {
    only(replay, ask("6", "server/discover")).await
}

#[tokio::test]
async fn a_rewound_replay_tells_the_next_client_what_it_told_the_first() {
    for options in
        [Options::new(), Options::new().repeats(Repeats::Refuse), Options::new().matching(Matching::Sequence)]
    {
        let mut replay = replay_by(options, counting());
        let same = replay.clone();
        for client in 1..4 {
            assert_eq!(replay.unused().len(), 5);
            discover(&mut replay).await;
            tell(&mut replay, note("notifications/x")).await;
            for n in ["1", "2", "3"] {
                assert_eq!(count(&mut replay).await, result("7", n));
            }
            assert!(replay.unused().is_empty());
            assert_eq!((replay.stats().requests, replay.stats().repeats), (4 * client, 0));
            same.rewind();
        }
        assert!(replay.mismatches().is_empty());
    }
}

#[tokio::test]
async fn mismatches_are_of_all_clients() {
    let mut replay = replay(counting());
    tell(&mut replay, note("notifications/y")).await;
    replay.rewind();
    assert_eq!((replay.mismatches().len(), replay.stats().unrecorded_notifications), (1, 1));
}

#[tokio::test]
async fn a_client_that_begins_as_the_recorded_one_rewinds_if_it_may() {
    for (rewinds, second) in [(true, "1"), (false, "3")] {
        let mut replay = replay_by(Options::new().rewind_for_next_client(rewinds), counting());
        for client in 0..2 {
            assert_eq!(discover(&mut replay).await, result("6", r#""what there is""#));
            let first = count(&mut replay).await;
            assert_eq!(first, result("7", if client == 0 { "1" } else { second }));
            count(&mut replay).await;
            count(&mut replay).await;
        }
    }
}

#[tokio::test]
async fn a_call_under_way_goes_on_when_another_client_begins() {
    let question = r#"{"jsonrpc":"2.0","id":51,"method":"elicitation/create","params":{}}"#;
    let answer = result("51", r#"{"action":"accept"}"#);
    let tape = [up(tool("1", "t", "{}")), down(question), up(&answer), down(result("1", "{}"))];
    let mut replay = replay(tape);
    let mut reply = say(&mut replay, tool("5", "t", "{}")).await;
    assert_eq!(next(&mut reply).await, question);
    replay.rewind();
    let mut other = say(&mut replay, tool("6", "t", "{}")).await;
    let asked = next(&mut other).await;
    assert!(asked.contains(r#""id":"replay-1""#), "{asked}");
    tell(&mut replay, &answer).await;
    assert_eq!(next(&mut reply).await, result("5", "{}"));
    tell(&mut replay, answer.replace("51", r#""replay-1""#)).await;
    assert_eq!(next(&mut other).await, result("6", "{}"));
}

#[tokio::test]
async fn a_listen_of_the_next_client_hears_it_all_again() {
    let changed = note("notifications/tools/list_changed");
    let question = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;
    let answer = result("51", "{}");
    let tape = [
        up(tool("1", "t", "{}")).call(1),
        down(&changed),
        down(question),
        up(&answer),
        down(result("1", "{}")).call(1),
    ];
    let mut replay = replay(tape.into_iter().chain([end(1, Outcome::Answered, "")]));
    for _ in 0..2 {
        let mut listen = send(&mut replay, session_listen()).await;
        let mut caller = replay.clone();
        let call = JsonRpcMessage::parse(tool("5", "t", "{}")).unwrap();
        let call = tokio::spawn(async move { caller.ready().await.unwrap().call(call).await.unwrap() });
        assert_eq!(next(&mut listen).await, changed);
        assert_eq!(next(&mut listen).await, question);
        tell(&mut replay, &answer).await;
        let mut reply = support::soon(call).await.unwrap();
        assert_eq!(next(&mut reply).await, result("5", "{}"));
        assert!(futures::poll!(listen.next()).is_pending());
        drop(listen);
        replay.rewind();
    }
}

/// A listen hears of a change after a call, and what was asked before that ends later.
fn late() -> Vec<Entry> {
    let of = |id: &str, method: &str| up(ask(id, method)).call(id.parse().unwrap());
    vec![
        of("1", "server/discover"),
        down(result("1", "{}")).call(1),
        of("2", "subscriptions/listen"),
        of("3", "ask"),
        down(ask("51", "roots/list")).call(3),
        of("4", "fail"),
        of("5", "wait"),
        of("6", "change"),
        down(result("6", "{}")).call(6),
        down(note("notifications/tools/list_changed")).call(2),
        up(result("51", "{}")),
        down(result("5", "{}")).call(5),
        end(4, Outcome::Failed, "gone"),
        end(2, Outcome::Cancelled, ""),
    ]
}

#[tokio::test]
async fn what_the_last_client_does_late_tells_the_next_one_nothing() {
    for late_one in ["answers", "is answered", "fails", "cancels its listen"] {
        let mut replay = replay_by(Options::new().rewind_for_next_client(true), late());
        discover(&mut replay).await;
        let listen = say(&mut replay, ask("2", "subscriptions/listen")).await;
        let mut asking = say(&mut replay, ask("3", "ask")).await;
        next(&mut asking).await;
        let begin = |method| replay.clone().call(support::msg(ask("4", method)));
        let (failing, waiting) = (begin("fail"), begin("wait"));
        discover(&mut replay).await;
        let mut heard = say(&mut replay, ask("2", "subscriptions/listen")).await;
        match late_one {
            "answers" => tell(&mut replay, result("51", "{}")).await,
            "is answered" => drop(support::soon(waiting).await.unwrap()),
            "fails" => drop(support::soon(failing).await.unwrap_err()),
            _ => drop(listen),
        }
        assert!(futures::poll!(heard.next()).is_pending(), "{late_one}");
        only(&mut replay, ask("6", "change")).await;
        assert_eq!(next(&mut heard).await, note("notifications/tools/list_changed"));
    }
}

#[tokio::test]
async fn equal_notes_are_said_as_often_as_they_were_recorded() {
    let begun = [up(tool("1", "t", "{}")), down(result("1", "{}"))];
    let notes = ["x", "y", "x", "x"].map(|name| up(note(&format!("notifications/{name}"))));
    let mut replay = replay_by(Options::new().repeats(Repeats::Refuse), [&begun[..], &notes].concat());
    for client in 1..3 {
        for left in [3, 2, 1] {
            tell(&mut replay, note("notifications/x")).await;
            assert_eq!(replay.unused().len(), 1 + left);
        }
        tell(&mut replay, note("notifications/x")).await;
        assert_eq!((replay.unused().len(), replay.mismatches().len()), (2, client));
        assert_eq!(replay.mismatches()[0].nearest, Some(3));
        replay.rewind();
    }
}
