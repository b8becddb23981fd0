//! A tape for each session, while the sessions go on.

#![cfg(feature = "tape")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use shadowcat::layer::RecordLayer;
use shadowcat::tape::{
    Edge, Entry, EntryKind, Recorder, RecorderOptions, Sink, Snapshot, SnapshotKind, Tape, TapeError,
};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply, serve};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tower::{Layer, Service, service_fn};

#[cfg(feature = "http")]
use crate::front;
use crate::recorded::*;
use crate::support::*;

/// Each by the session that it was made for.
type Tapes = Arc<Mutex<BTreeMap<String, Memory>>>;

fn per_session() -> (RecordLayer, Tapes) {
    let (layer, tapes, _) = per_session_told();
    (layer, tapes)
}

/// The sessions of which the tapes end are told.
fn per_session_told() -> (RecordLayer, Tapes, Receiver<String>) {
    let (tapes, (ended, told)) = (Tapes::default(), channel(8));
    let made = tapes.clone();
    let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape: &Tape| {
        let (memory, name) = (Memory::default(), tape.session.as_deref().unwrap_or_default().to_owned());
        made.lock().unwrap().insert(name.clone(), memory.clone());
        Ok(Box::new(Told(memory, name, ended.clone())) as Box<dyn Sink>)
    });
    (layer, tapes, told)
}

/// Tells of its end.
struct Told(Memory, String, Sender<String>);

impl Sink for Told {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        self.0.append(entry)
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.0.update(tape)
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        let _ = self.2.try_send(self.1.clone());
        Ok(())
    }
}

fn taped(tapes: &Tapes, session: &str) -> Memory {
    tapes.lock().unwrap()[session].clone()
}

async fn say<S: Service<JsonRpcMessage, Response = Reply, Error = Error>>(
    stack: &mut S,
    session: &str,
    id: u32,
) {
    let context = Context::new(Direction::ToUpstream).session(session);
    let _ = run(stack, call(id).with_context(Arc::new(context))).await.unwrap();
}

fn of_session(layer: &RecordLayer, session: &str) -> Recorder {
    let is_it = |recorder: &Recorder| recorder.tape().session.as_deref() == Some(session);
    layer.recorders().into_iter().find(is_it).unwrap()
}

#[tokio::test]
async fn each_session_is_paused_noted_and_titled_by_itself() {
    let (layer, tapes) = per_session();
    let layer = layer.title(|mut tape, first| {
        assert_eq!(first.id().unwrap().to_string(), "1");
        tape.software = Some("proxy 1".into());
        tape.upstream_transport("stdio").label("team", "search")
    });
    let (mut a, mut b) = (layer.layer(service_fn(echo)), layer.layer(service_fn(echo)));
    assert!(layer.recorders().is_empty());
    say(&mut a, "a", 1).await;
    say(&mut b, "b", 1).await;
    let recorder = of_session(&layer, "a");
    recorder.pause();
    say(&mut a, "a", 2).await;
    say(&mut b, "b", 2).await;
    recorder.resume();
    recorder.annotate("seen");
    recorder.update(|tape| tape.labels.insert("case".into(), "7".into()).into_iter().for_each(drop));
    drop(b);
    assert_eq!(layer.recorders().len(), 1, "the other stack is gone");
    soon(layer.finish()).await.unwrap();

    let (a, b) = (taped(&tapes, "a"), taped(&tapes, "b"));
    assert_eq!(a.kinds(), ["request", "response", "end", "note", "note", "note"]);
    assert_eq!(a.said()[3..], ["note paused", "note resumed", "note seen"]);
    assert_eq!(b.kinds(), ["request", "response", "end", "request", "response", "end"]);
    for (tape, labels) in [(a.tape(), 2), (b.tape(), 1)] {
        assert_eq!(tape.labels["team"], "search");
        assert_eq!(tape.labels.len(), labels);
        assert_eq!(tape.software.as_deref(), Some("proxy 1"));
        assert_eq!(tape.upstream_transport.as_deref(), Some("stdio"));
    }
}

#[tokio::test]
async fn while_it_is_stopped_no_session_gets_a_tape_and_those_that_have_one_go_on() {
    let (layer, tapes) = per_session();
    let (mut a, mut b) = (layer.layer(service_fn(echo)), layer.layer(service_fn(echo)));
    say(&mut a, "a", 1).await;
    assert!(layer.stop().is_none());
    say(&mut a, "a", 2).await;
    say(&mut b, "b", 1).await;
    assert_eq!(layer.recorders().len(), 1);
    layer.start_sessions();
    say(&mut b, "b", 2).await;
    soon(layer.finish()).await.unwrap();
    assert_eq!(taped(&tapes, "a").entries().len(), 6);
    let b = taped(&tapes, "b").said();
    assert_eq!(b[0], format!("request {}", call_text(2)));
    assert_eq!((b.len(), layer.stats().unrecorded), (3, 0));
}

#[cfg(feature = "http")]
#[tokio::test]
async fn what_a_front_end_refuses_is_on_the_tape_of_its_session() {
    let (layer, tapes) = per_session();
    let on_refused = layer.on_refused();
    let answer = |message: JsonRpcMessage| async move {
        let result = if message.is_method("initialize") { front::AGREED } else { "{}" };
        Ok::<_, Error>(message.responder().result(result).unwrap().map_or_else(Reply::empty, Reply::one))
    };
    let stacks = layer.clone();
    let make = service_fn(move |_: serve::http::SessionInfo| {
        let stack = stacks.layer(service_fn(answer));
        async move { Ok::<_, Error>(stack) }
    });
    let http = serve::http(front::endpoint()).sessions(make).on_refused(on_refused).build();
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let response = front::send(&http, front::post(None, front::INITIALIZE)).await;
        sessions.push(response.headers()["mcp-session-id"].to_str().unwrap().to_owned());
    }
    let mut odd = front::post(Some(&*sessions[1]), call_text(1));
    odd.headers_mut().insert("mcp-protocol-version", "1999-01-01".parse().unwrap());
    for request in [
        front::post(Some(&*sessions[1]), "{"),
        front::post(None, "{"),
        front::post(Some("unknown"), call_text(1)),
        odd,
    ] {
        assert!(front::send(&http, request).await.status().is_client_error());
    }
    soon(layer.finish()).await.unwrap();
    let all: Vec<Memory> = tapes.lock().unwrap().values().cloned().collect();
    let refused = |tape: &Memory| tape.kinds().iter().filter(|kind| **kind == "refused").count();
    for tape in &all {
        let names: Vec<_> = tape.entries().into_iter().map(|entry| entry.session).collect();
        assert!(names.iter().all(|name| *name == tape.tape().session), "{names:?}");
    }
    let mut counts: Vec<_> = all.iter().map(refused).collect();
    counts.sort_unstable();
    assert_eq!(counts, [0, 2], "{tapes:?}", tapes = tapes.lock().unwrap().keys());
    assert!(all.iter().all(|tape| tape.tape().transport.as_deref() == Some("http")));
}

#[tokio::test]
async fn on_a_pipe_what_is_refused_is_on_the_one_tape_that_there_is() {
    let (layer, tapes) = per_session();
    let front = serve::stdio(layer.layer(service_fn(echo))).on_refused(layer.on_refused());
    let (mut peer, read, write) = peer(1 << 16);
    let served = tokio::spawn(front.run_on(read, write));
    peer.say("{").await;
    let _ = soon(peer.hear()).await;
    let other = layer.layer(service_fn(echo));
    drop(peer);
    let _ = soon(served).await.unwrap();
    drop(other);
    soon(layer.finish()).await.unwrap();
    let tape = taped(&tapes, "");
    assert!(tape.kinds().contains(&"refused"), "{:?}", tape.kinds());
    assert_eq!(tape.tape().transport.as_deref(), Some("stdio"));
}

#[tokio::test]
async fn state_from_outside_is_kept_on_a_tape_that_is_recorded() {
    let (layer, tapes) = per_session();
    let mut stack = layer.layer(service_fn(echo));
    say(&mut stack, "a", 1).await;
    let clean = Snapshot::new("notes.txt", SnapshotKind::File, "buy milk");
    let secret = Snapshot::environment("server", [("API_TOKEN", "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")]);
    layer.snapshot(&clean);
    layer.snapshot(&secret);
    let recorder = of_session(&layer, "a");
    recorder.snapshot(&clean);
    recorder.snapshot(&secret);
    soon(layer.finish()).await.unwrap();
    recorder.snapshot(&clean);
    let entries = taped(&tapes, "a").entries();
    let kept: Vec<_> = entries.iter().filter(|entry| entry.kind == EntryKind::Snapshot).collect();
    assert_eq!(kept.len(), 4);
    for two in kept.chunks(2) {
        assert_eq!(Snapshot::read(two[0]).unwrap().unwrap(), clean);
        let is_masked = !String::from_utf8_lossy(&two[1].bytes).contains("ghp_");
        assert_eq!(is_masked, cfg!(feature = "secret"));
        assert_eq!(Snapshot::read(two[1]).is_ok(), !is_masked, "what is masked cannot be put back");
    }
}

#[tokio::test]
async fn both_edges_of_a_session_go_onto_its_one_tape() {
    let (layer, tapes) = per_session();
    let upstream = layer.clone().edge(Edge::Upstream);
    // One stack for both below, as over a leaf that clients share; and one for each.
    let below = upstream.layer(service_fn(echo));
    let [mut a, mut b] = [(); 2].map(|()| layer.layer(below.clone()));
    let mut c = layer.layer(upstream.layer(service_fn(echo)));
    let listening = JsonRpcMessage::notification("notifications/initialized", "{}").unwrap();
    let context = Context::new(Direction::ToUpstream).session("c");
    let _ = run(&mut c, listening.with_context(Arc::new(context))).await.unwrap();
    for id in 1..=2 {
        for (stack, session) in [(&mut a, "a"), (&mut b, "b")] {
            say(stack, session, id).await;
        }
        say(&mut c, "c", id).await;
    }
    assert_eq!(layer.recorders().len(), 3);
    soon(layer.finish()).await.unwrap();
    for (session, notes) in [("a", 0), ("b", 0), ("c", 1)] {
        let entries = taped(&tapes, session).entries();
        assert!(entries.iter().all(|entry| entry.session.as_deref() == Some(session)));
        for edge in [Edge::Client, Edge::Upstream] {
            let mut calls: Vec<_> = entries.iter().filter(|it| it.edge == edge).map(|it| it.call).collect();
            calls.sort_unstable();
            let expected = [vec![None; notes], vec![Some(1); 3], vec![Some(2); 3]].concat();
            assert_eq!(calls, expected, "{session} {edge}");
        }
    }
}

#[tokio::test]
async fn what_is_not_recorded_of_a_session_is_on_the_tape_of_no_other_that_shares_its_leaf() {
    let (layer, tapes) = per_session();
    let below = layer.clone().edge(Edge::Upstream).layer(service_fn(echo));
    let [mut a, mut b, mut late] = [(); 3].map(|()| layer.layer(below.clone()));
    say(&mut a, "a", 1).await;
    say(&mut b, "b", 1).await;
    of_session(&layer, "a").pause();
    layer.stop();
    for id in 2..=3 {
        say(&mut a, "a", id).await;
        say(&mut late, "late", id).await;
    }
    of_session(&layer, "a").resume();
    say(&mut a, "a", 4).await;
    layer.start_sessions();
    say(&mut late, "late", 4).await;
    // What no stack above has seen could be of any of them.
    say(&mut below.clone(), "other", 1).await;
    soon(layer.finish()).await.unwrap();
    for (session, said) in [("a", 12), ("b", 6), ("late", 6), ("other", 3)] {
        let entries = taped(&tapes, session).entries();
        let of_it = entries.iter().filter(|entry| entry.session.as_deref() == Some(session));
        let notes = entries.iter().filter(|entry| entry.kind == EntryKind::Note).count();
        assert_eq!((of_it.count(), entries.len() - notes), (said, said), "{session}");
    }
}

#[tokio::test]
async fn a_tape_ends_with_the_stack_of_its_session_whatever_goes_on_below() {
    let (layer, tapes, mut ended) = per_session_told();
    let mut below = layer.clone().edge(Edge::Upstream).layer(service_fn(echo));
    for session in ["a", "b"] {
        let mut above = layer.layer(below.clone());
        say(&mut above, session, 1).await;
        drop(above);
        assert_eq!(soon(ended.recv()).await.unwrap(), session);
    }
    assert!(layer.recorders().is_empty());
    // What comes from no stack above then has a tape of its own, which goes on while there are others.
    say(&mut below, "c", 1).await;
    say(&mut layer.layer(below.clone()), "d", 1).await;
    assert_eq!(soon(ended.recv()).await.unwrap(), "d");
    say(&mut below, "c", 2).await;
    soon(layer.finish()).await.unwrap();
    assert_eq!(soon(ended.recv()).await.unwrap(), "c");
    let counts = ["a", "b", "c", "d"].map(|session| taped(&tapes, session).entries().len());
    assert_eq!(counts, [6; 4]);
    assert_eq!(tapes.lock().unwrap().len(), 4);
}
