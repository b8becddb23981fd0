//! What a recorder and its layer put on a tape.

#![cfg(feature = "tape")]

use std::sync::Arc;

use futures::StreamExt;
use shadowcat::layer::InterceptLayer;
use shadowcat::layer::RecordLayer;
use shadowcat::layer::intercept::{Action, Chain, Interest, on};
use shadowcat::message::RefusedFrame;
use shadowcat::tape::{
    self, Comparison, Component, Edge, Entry, EntryKind, Filter, Mocks, Outcome, Overflow, Recorder,
    RecorderOptions, Sink, Stats, Tape, lines,
};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, OwnedId, Reply};
use tower::{Layer, Service, ServiceBuilder, service_fn};

#[cfg(feature = "secret")]
use crate::corpus;
use crate::recorded::*;
use crate::support::*;
use crate::taped;

fn layer() -> (RecordLayer, Recorder, Memory) {
    let (recorder, memory) = recording(RecorderOptions::new());
    (RecordLayer::new(recorder.clone()), recorder, memory)
}

/// Says what it heard.
#[cfg(feature = "secret")]
fn parrot(message: JsonRpcMessage) -> std::future::Ready<Result<Reply, Error>> {
    let params = message.params().unwrap_or(b"{}").to_vec();
    std::future::ready(Ok(message.responder().result(params).unwrap().map_or_else(Reply::empty, Reply::one)))
}

fn of_session(message: JsonRpcMessage, context: &Arc<Context>) -> JsonRpcMessage {
    message.with_context(context.clone())
}

fn session() -> Arc<Context> {
    Arc::new(Context::new(Direction::ToUpstream).session("s-1"))
}

#[tokio::test]
async fn a_call_is_recorded_with_all_of_its_reply_and_its_end() {
    let (layer, recorder, memory) = layer();
    let (sender, reply) = Reply::channel(4);
    let mut reply = Some(reply);
    let mut stack = layer.layer(leaf(move |_| std::future::ready(Ok(reply.take().unwrap()))));
    let reply = run(&mut stack, of_session(call(1), &session())).await.unwrap();
    sender.try_send(msg(progress(1, 1))).unwrap();
    sender.finish(msg(done(1)));
    assert_eq!(rest(reply).await.len(), 2);
    soon(recorder.finish()).await.unwrap();

    assert_eq!(
        memory.said(),
        [
            format!("request {}", call_text(1)),
            format!("notification {}", progress(1, 1)),
            format!("response {}", done(1)),
            "end ".to_owned()
        ]
    );
    let entries = memory.entries();
    assert!(entries.iter().all(|entry| entry.call == Some(1) && entry.session.as_deref() == Some("s-1")));
    assert!(entries.is_sorted_by_key(|entry| entry.at) && entries.iter().all(|entry| entry.wall.is_some()));
    assert_eq!(entries[3].outcome, Some(Outcome::Answered));
    assert_eq!((entries[0].direction, entries[1].direction), (Direction::ToUpstream, Direction::ToClient));
    assert_eq!(recorder.stats().recorded, 4);
    assert_eq!(memory.tape().duration, Some(entries[3].at));
    assert_eq!(memory.tape().redaction.as_deref(), cfg!(feature = "secret").then_some("secrets"));
}

#[tokio::test]
async fn a_call_that_is_cancelled_is_recorded_with_the_clients_word_for_it() {
    let (layer, recorder, memory) = layer();
    let mut stack = layer.layer(service_fn(|_| std::future::pending::<Result<Reply, Error>>()));
    let context = session();
    let calling = stack.call(of_session(call(1), &context));
    context.leave_cancellation(OwnedId::from(1), msg(cancelled(1)));
    drop(calling);
    drop(stack.call(of_session(call(2), &context)));
    soon(recorder.finish()).await.unwrap();

    assert_eq!(memory.kinds(), ["request", "notification", "end", "request", "end"]);
    let entries = memory.entries();
    assert_eq!(entries[1].bytes, cancelled(1));
    assert_eq!([entries[2].outcome, entries[4].outcome], [Some(Outcome::Cancelled), Some(Outcome::Dropped)]);
    assert_eq!([entries[1].call, entries[4].call], [Some(1), Some(2)]);
}

#[tokio::test]
async fn a_reply_that_is_dropped_has_its_end() {
    let (layer, recorder, memory) = layer();
    let (sender, reply) = Reply::channel(4);
    let mut reply = Some(reply);
    let mut stack = layer.layer(leaf(move |_| std::future::ready(Ok(reply.take().unwrap()))));
    let mut reply = run(&mut stack, call(1)).await.unwrap();
    sender.try_send(msg(progress(1, 1))).unwrap();
    let _ = next(&mut reply).await;
    drop(reply);
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.kinds(), ["request", "notification", "end"]);
    assert_eq!(memory.entries()[2].outcome, Some(Outcome::Dropped));
}

#[tokio::test]
async fn what_breaks_is_recorded_with_its_reason_and_what_is_not_answered_too() {
    let (layer, recorder, memory) = layer();
    let mut broken =
        layer.layer(service_fn(|_| async { Err::<Reply, _>(Error::closed("the pipe is gone")) }));
    assert!(run(&mut broken, call(1)).await.is_err());
    assert!(run(&mut broken, msg(note("notifications/initialized"))).await.is_err());
    let mut silent = layer.layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let _ = run(&mut silent, call(2)).await.unwrap();
    let _ = run(&mut silent, msg(note("notifications/initialized"))).await.unwrap();
    soon(recorder.finish()).await.unwrap();

    assert_eq!(memory.kinds(), ["request", "end", "notification", "end", "request", "end", "notification"]);
    let entries = memory.entries();
    assert_eq!([entries[1].outcome, entries[5].outcome], [Some(Outcome::Failed), Some(Outcome::Unanswered)]);
    assert!(String::from_utf8_lossy(&entries[1].bytes).contains("the pipe is gone"));
    assert_eq!(entries[3].call, None);
}

/// What an error is asked by.
type Is = fn(&Error) -> bool;

/// Errors of all kinds.
fn errors() -> Vec<(Error, Is)> {
    vec![
        (Error::closed("it is gone"), |error| error.is_closed() && !error.is_session_lost()),
        (Error::session_lost("it forgot"), Error::is_session_lost),
        (Error::timeout("it took \"long\""), Error::is_timeout),
        (Error::too_large("9 bytes"), Error::is_too_large),
        (Error::overflow("it was slow"), Error::is_overflow),
        (Error::busy("no room").unsent(), |error| error.is_busy() && error.is_unsent()),
        (Error::invalid("no JSON"), |error| error.is_invalid() && !error.is_unsent()),
        (Error::io("reading", std::io::Error::other("no")), Error::is_io),
        (Error::limit_exceeded("9 GiB"), Error::is_limit_exceeded),
        (Error::from(shadowcat::BoxError::from("else")), |error| !error.is_closed() && !error.is_invalid()),
    ]
}

#[tokio::test]
async fn a_failure_that_was_recorded_is_of_the_same_kind_when_it_is_replayed() {
    let folder = taped::Folder::new();
    let path = folder.path("a.jsonl");
    let tape = Tape::new().unwrap();
    let to = lines::Writer::create(&path, &tape).unwrap();
    let recorder = Recorder::start(to, tape, RecorderOptions::new()).unwrap();
    let mut all = errors().into_iter().map(|(error, _)| error);
    let below = service_fn(move |_| std::future::ready(Err::<Reply, _>(all.next().unwrap())));
    let mut stack = RecordLayer::new(recorder.clone()).layer(below);
    for id in 0..errors().len() {
        assert!(run(&mut stack, call(id)).await.is_err());
    }
    soon(recorder.finish()).await.unwrap();

    let shown = shadowcat::tape::Show::new().payload(shadowcat::tape::Payload::Full);
    let ends: Vec<_> = taped::entries(&path).into_iter().filter(|it| it.kind == EntryKind::End).collect();
    let line = shown.entry(&ends[2]);
    assert!(line.contains("end: failed (timeout) call=3") && line.contains("it took"), "{line}");
    assert!(!line.contains('{'), "{line}");
    let mut replay = shadowcat::connect::Replay::from_path(&path).unwrap();
    for ((error, is_kind), id) in errors().into_iter().zip(0..) {
        let replayed = run(&mut replay, call(id)).await.map(|_| ()).unwrap_err();
        assert!(is_kind(&replayed) && replayed.is_unsent() == error.is_unsent(), "{error:?} {replayed:?}");
        assert_eq!(replayed.to_string(), format!("as recorded: {error}"));
    }
}

#[cfg(feature = "secret")]
#[tokio::test]
async fn what_an_error_tells_is_masked_and_its_kind_is_not() {
    const KEY: &str = "ghp_5nZk2JtQ8vXw3LmB7cRd9fHs4gYp6aTe1uWi";
    let (layer, recorder, memory) = layer();
    let below = service_fn(|_| async { Err::<Reply, _>(Error::timeout(format!("with {KEY} it hung"))) });
    assert!(run(&mut layer.layer(below), call(1)).await.is_err());
    soon(recorder.finish()).await.unwrap();
    let recorded = memory.entries().remove(1);
    let redacted =
        shadowcat::tape::Redact::new().entry(Entry::failed(&Error::timeout(format!("with {KEY} it hung"))));
    for end in [recorded, redacted] {
        let error = end.failure().unwrap();
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.to_string(), "with [REDACTED:github-token] it hung");
    }
}

#[tokio::test]
async fn a_front_ends_listen_is_not_recorded_and_what_comes_on_it_is() {
    let (layer, recorder, memory) = layer();
    let mut stack = layer.layer(service_fn(|_| async {
        let unasked = futures::stream::iter([Ok(msg(note("notifications/message")))]);
        Ok::<_, Error>(Reply::stream(unasked.chain(futures::stream::pending())))
    }));
    let mut reply = run(&mut stack, session_listen()).await.unwrap();
    let _ = next(&mut reply).await;
    drop(reply);
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.said(), [format!("notification {}", note("notifications/message"))]);
    assert_eq!(memory.entries()[0].call, None);
}

#[tokio::test]
async fn what_messages_tell_of_the_session_is_known_of_the_tape() {
    let (layer, recorder, memory) = layer();
    let mut stack = layer.layer(leaf(|message: JsonRpcMessage| {
        let result = match message.method() {
            Some("initialize") => {
                r#"{"protocolVersion":"2025-06-18","serverInfo":{"name":"srv"},"capabilities":{"tools":{}}}"#
            }
            _ => "{}",
        };
        std::future::ready(Ok(Reply::one(message.responder().result(result).unwrap().unwrap())))
    }));
    let params =
        r#"{"protocolVersion":"2025-11-25","clientInfo":{"name":"host"},"capabilities":{"roots":{}}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(1, "initialize", params).unwrap()).await.unwrap();
    let later = r#"{"clientInfo":{"name":"another"}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(2, "initialize", later).unwrap()).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    let tape = memory.tape();
    assert_eq!(tape.protocol_version.as_deref(), Some("2025-06-18"));
    assert_eq!(tape.client_info.unwrap().as_str(), r#"{"name":"host"}"#);
    assert_eq!(tape.client_capabilities.unwrap().as_str(), r#"{"roots":{}}"#);
    assert_eq!(tape.server_info.unwrap().as_str(), r#"{"name":"srv"}"#);
    assert_eq!(tape.server_capabilities.unwrap().as_str(), r#"{"tools":{}}"#);
}

#[tokio::test]
async fn a_modern_session_tells_it_in_each_request() {
    let (layer, recorder, memory) = layer();
    let mut stack = layer.layer(leaf(|message: JsonRpcMessage| {
        let result = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},
            "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"srv"}}}"#;
        std::future::ready(Ok(Reply::one(message.responder().result(result).unwrap().unwrap())))
    }));
    let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"host"},"io.modelcontextprotocol/clientCapabilities":{}}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(1, "server/discover", params).unwrap()).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    let tape = memory.tape();
    assert_eq!(tape.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(tape.client_info.unwrap().as_str(), r#"{"name":"host"}"#);
    assert_eq!(tape.server_info.unwrap().as_str(), r#"{"name":"srv"}"#);
    assert_eq!(tape.server_capabilities.unwrap().as_str(), r#"{"tools":{}}"#);
}

#[tokio::test]
async fn what_a_layer_answers_is_marked() {
    let (layer, recorder, memory) = layer();
    let chain = Chain::new();
    let block = on(Interest::requests().method("tools/call"), |_| {
        Action::block(shadowcat::Code::INVALID_PARAMS, "no")
    });
    chain.add("block", block).unwrap();
    let mut stack =
        ServiceBuilder::new().layer(layer).layer(InterceptLayer::new(chain)).service(service_fn(echo));
    let _ = rest(run(&mut stack, call(1)).await.unwrap()).await;
    let _ = rest(run(&mut stack, JsonRpcMessage::request(2, "ping", "{}").unwrap()).await.unwrap()).await;
    soon(recorder.finish()).await.unwrap();
    let synthetic: Vec<_> = memory.entries().iter().map(|entry| entry.synthetic).collect();
    assert_eq!(synthetic, [false, true, false, false, false, false]);
}

#[tokio::test]
async fn pauses_notes_and_other_tapes_are_for_the_running_stack() {
    let (layer, recorder, memory) = layer();
    let mut stack = layer.clone().layer(service_fn(echo));
    recorder.pause();
    let _ = run(&mut stack, call(1)).await.unwrap();
    recorder.resume();
    recorder.annotate("now it comes");
    let (second, other) = recording(RecorderOptions::new());
    let first = layer.start(second.clone()).unwrap();
    let _ = run(&mut stack, call(2)).await.unwrap();
    assert!(layer.stop().is_some());
    let _ = run(&mut stack, call(3)).await.unwrap();
    soon(first.finish()).await.unwrap();
    soon(second.finish()).await.unwrap();
    second.annotate("too late");
    soon(second.flushed()).await.unwrap();

    assert_eq!(memory.said(), ["note paused", "note resumed", "note now it comes"]);
    assert_eq!(other.kinds(), ["request", "response", "end"]);
    assert_eq!((recorder.stats().lost, second.stats().lost), (0, 0));
}

#[tokio::test]
async fn each_stack_has_a_tape_of_its_own_that_names_its_session() {
    let folder = taped::Folder::new();
    let path = folder.path("s-1.jsonl");
    let at = path.clone();
    let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape| {
        assert_eq!(tape.session.as_deref(), Some("s-1"));
        Ok(Box::new(lines::Writer::create(&at, tape)?) as Box<dyn Sink>)
    });
    let mut stack = layer.layer(service_fn(echo));
    assert!(!path.exists(), "nothing was said yet");
    let _ = run(&mut stack, of_session(call(1), &session())).await.unwrap();
    drop((stack, layer));
    // The recorder's thread ends the tape when its last handle is gone.
    let limit = std::time::Instant::now() + NEVER;
    while !std::fs::read_to_string(&path).is_ok_and(|text| text.contains(r#"{"end":3}"#)) {
        assert!(std::time::Instant::now() < limit, "{:?}", std::fs::read_to_string(&path));
        std::thread::yield_now();
    }
    assert_eq!(taped::entries(&path).len(), 3);
}

#[tokio::test]
async fn both_edges_of_a_stack_go_onto_one_tape() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let mut stack = ServiceBuilder::new()
        .layer(RecordLayer::new(recorder.clone()))
        .layer(RecordLayer::new(recorder.clone()).edge(Edge::Upstream))
        .service(service_fn(echo));
    let _ = rest(run(&mut stack, call(1)).await.unwrap()).await;
    soon(recorder.finish()).await.unwrap();
    let edges: Vec<_> = memory.entries().iter().map(|entry| (entry.edge, entry.call)).collect();
    let (outer, inner) = ((Edge::Client, Some(1)), (Edge::Upstream, Some(1)));
    assert_eq!(edges, [outer, inner, inner, inner, outer, outer]);
}

/// A tape of two edges, between which a call is tried again and a layer asks for something of its own.
async fn of_two_edges(folder: &taped::Folder) -> std::path::PathBuf {
    let (recorder, memory) = recording(RecorderOptions::new());
    let tries = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let upstream =
        RecordLayer::new(recorder.clone()).edge(Edge::Upstream).layer(service_fn(move |message| {
            let tries = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let broken = Err(Error::closed("the pipe is gone"));
            let reply = echo(message);
            async move { if tries == 0 { broken } else { reply.await } }
        }));
    let again = service_fn(move |message: JsonRpcMessage| {
        let mut upstream = upstream.clone();
        async move {
            let own = JsonRpcMessage::request("own", "tools/list", "{}").unwrap();
            let reply = match run(&mut upstream, message.clone()).await {
                Err(_) => run(&mut upstream, message).await,
                reply => reply,
            };
            rest(run(&mut upstream, own).await?).await;
            reply
        }
    });
    let mut stack = RecordLayer::new(recorder.clone()).layer(again);
    for id in [1, 2] {
        let params = r#"{"name":"add","arguments":{"a":1}}"#;
        let call = JsonRpcMessage::request(id, "tools/call", params).unwrap();
        let _ = rest(run(&mut stack, call).await.unwrap()).await;
    }
    soon(recorder.finish()).await.unwrap();
    let path = folder.path("two.jsonl");
    let mut tape = lines::Writer::create(&path, &memory.tape()).unwrap();
    memory.entries().iter().for_each(|entry| tape.append(entry).unwrap());
    tape.finish().unwrap();
    path
}

#[tokio::test]
async fn a_call_that_both_edges_saw_is_one_call_for_every_tool() {
    let folder = taped::Folder::new();
    let path = of_two_edges(&folder).await;
    let entries = taped::entries(&path);
    let ask = |entry: &&Entry| entry.kind == EntryKind::Request;
    let numbers: Vec<_> = entries.iter().filter(ask).map(|entry| (entry.edge, entry.call.unwrap())).collect();
    let (client, upstream) = (Edge::Client, Edge::Upstream);
    assert_eq!(
        numbers,
        [(client, 1), (upstream, 1), (upstream, 1), (upstream, 2), (client, 3), (upstream, 3), (upstream, 4)]
    );

    let stats = Stats::of(tape::open(&path).unwrap()).unwrap();
    let calls = &stats.methods["tools/call"];
    assert_eq!((calls.calls, calls.outcomes["answered"], calls.times.count()), (2, 2, 2), "{stats}");
    assert_eq!(stats.methods["tools/list"].calls, 2, "a layer's own");
    let mocks = Mocks::of(tape::open(&path).unwrap()).unwrap();
    assert_eq!(mocks.rules(), 1);
    assert_eq!(mocks.as_json().matches(r#""response":"#).count(), 1, "{}", mocks.as_json());

    // A filter keeps all that belongs to it, at both edges.
    let kept = Filter::new().tool("add").apply(tape::open(&path).unwrap());
    let kept: Vec<Entry> = kept.collect::<Result<_, _>>().unwrap();
    let own = |entry: &&Entry| [1, 3].contains(&entry.call.unwrap());
    assert_eq!(kept, entries.iter().filter(own).cloned().collect::<Vec<_>>());
    let failed = Filter::new().errors().apply(tape::open(&path).unwrap());
    assert_eq!(failed.count(), 0, "a try that failed is no call that did");

    // One edge less is no difference for whoever compares calls.
    let less = folder.path("one.jsonl");
    let mut tape = lines::Writer::create(&less, &taped::tape()).unwrap();
    let is_own = |entry: &&Entry| [2, 4].contains(&entry.call.unwrap());
    let one = entries.iter().filter(|entry| entry.edge == Edge::Client || is_own(entry));
    one.for_each(|entry| tape.append(entry).unwrap());
    tape.finish().unwrap();
    let (two, one) = (tape::open(&path).unwrap(), tape::open(&less).unwrap());
    let found: Vec<_> = tape::diff(two, one, Comparison::structural()).collect::<Result<_, _>>().unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn whose_tool_it_is_and_what_became_of_components_is_recorded() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let listed = r#"{"content":[{"type":"text","text":"{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"read\"}]}}],\"total\":1}"}]}"#;
    let none = r#"{"content":[{"type":"text","text":"{\"components\":[],\"total\":0}"}]}"#;
    let mut answers = vec![none, "{}", listed].into_iter().map(ToOwned::to_owned).collect::<Vec<String>>();
    let mut stack =
        RecordLayer::new(recorder.clone()).wassette().layer(leaf(move |message: JsonRpcMessage| {
            let result = answers.pop().unwrap();
            std::future::ready(Ok(Reply::one(message.responder().result(result).unwrap().unwrap())))
        }));
    for (id, tool) in [(1, "list-components"), (2, "read"), (3, "list-components")] {
        let params = format!(r#"{{"name":"{tool}","arguments":{{}}}}"#);
        let call = JsonRpcMessage::request(id, "tools/call", params).unwrap();
        let _ = rest(run(&mut stack, call).await.unwrap()).await;
    }
    soon(recorder.finish()).await.unwrap();
    let entries = memory.entries();
    let events: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == EntryKind::Component).collect();
    let events: Vec<serde_json::Value> =
        events.iter().map(|entry| serde_json::from_slice(&entry.bytes).unwrap()).collect();
    assert_eq!(events[0]["event"], "component_init");
    assert_eq!(events[0]["tools"], serde_json::json!(["read"]));
    assert_eq!(events[1]["event"], "component_exit");
    let of_tool: Vec<_> = entries.iter().filter(|entry| entry.call == Some(2)).collect();
    assert!(of_tool.iter().all(|entry| entry.component.as_deref() == Some("fs")), "{of_tool:?}");
    let tape = memory.tape();
    assert_eq!((&*tape.components[0].id, &*tape.components[0].tools[0]), ("fs", "read"));
}

#[tokio::test]
async fn what_a_front_end_refuses_is_recorded() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let layer = RecordLayer::new(recorder.clone());
    let front = shadowcat::serve::stdio(layer.layer(service_fn(echo))).on_refused(layer.on_refused());
    let (mut peer, read, write) = peer(1 << 16);
    let served = tokio::spawn(front.run_on(read, write));
    peer.say("{\"jsonrpc\":\"2.0\", password=hunter22-correct-horse").await;
    let _ = soon(peer.hear()).await;
    drop(peer);
    let _ = soon(served).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    let entries = memory.entries();
    assert_eq!((entries[0].kind, entries[1].kind), (EntryKind::Refused, EntryKind::End));
    assert!(entries[0].call.is_some() && entries[0].call == entries[1].call);
    assert!(!entries[1].bytes.is_empty(), "it says why");
    assert_eq!(memory.tape().transport.as_deref(), Some("stdio"));
    let masked = !String::from_utf8_lossy(&entries[0].bytes).contains("hunter22");
    assert_eq!(masked, cfg!(feature = "secret"));
}

/// What is on the tape of frames that were refused: what of them, and why.
async fn refused(layer: impl Fn(RecordLayer) -> RecordLayer, frames: &[&[u8]]) -> Vec<(String, String)> {
    let (recorder, memory) = recording(RecorderOptions::new().max_entries(64));
    let tell = layer(RecordLayer::new(recorder.clone())).on_refused();
    for frame in frames {
        tell(&RefusedFrame::new(frame, "no"));
        soon(recorder.flushed()).await.unwrap();
    }
    soon(recorder.finish()).await.unwrap();
    let text = |entry: &Entry| String::from_utf8_lossy(&entry.bytes).into_owned();
    memory.entries().chunks(2).map(|two| (text(&two[0]), text(&two[1]))).collect()
}

#[tokio::test]
async fn what_is_refused_is_masked_by_paths_too() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"arguments":{"card":4111}}}"#;
    let twice = call.replace(r#""card":4111"#, r#""card":4111,"card":"4111""#);
    let damaged = &call[..call.len() - 1];
    let batch = format!("[{call}, {call}]");
    let frames = [call, &batch, &twice, damaged].map(str::as_bytes);
    let told = refused(|layer| layer.mask_path("/params/arguments/card".parse().unwrap()), &frames).await;
    for ((text, _), count) in told.iter().zip([1, 2, 2, 0]) {
        assert_eq!(
            (text.matches("4111").count(), text.matches("[REDACTED:path]").count()),
            (0, count),
            "{text}"
        );
    }
    let unread = format!("no; its {} bytes are not recorded", damaged.len());
    assert_eq!((&*told[3].0, &told[3].1), ("", &unread));
    assert_eq!(told[0].1, "no");
}

#[cfg(feature = "secret")]
#[tokio::test]
async fn what_is_refused_is_masked_like_what_is_accepted() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"\u0070assword":"hunter2"}}"#;
    let batch = format!("[{call}]");
    let frames = [call, &batch, &call[..call.len() - 1]].map(str::as_bytes);
    for (text, _) in refused(|layer| layer, &frames).await {
        assert!(!text.contains("hunter2") && text.contains("REDACTED"), "{text}");
    }
    let told = refused(RecordLayer::unmasked, &frames).await;
    assert!(told.iter().all(|(text, _)| text.contains("hunter2")), "who asks for it has everything");
}

#[cfg(feature = "secret")]
#[tokio::test]
async fn a_refused_text_that_is_cut_shows_no_part_of_a_secret() {
    let key = "ghp_5nZk2JtQ8vXw3LmB7cRd9fHs4gYp6aTe1uWi";
    let keep = 64 << 10;
    // Where the text is cut, and where what is looked at is: a key lies across each.
    for at in [keep - 10, keep + (16 << 10) - 10] {
        for before in ["x ", "password=correct-horse-battery-staple-and-much-more-of-it-than-a-marker "] {
            let mut text = before.repeat(at / before.len() + 1);
            text.truncate(at - 1);
            text.push_str(&format!(" {key} {}", "y ".repeat(keep)));
            let told = refused(|layer| layer, &[text.as_bytes()]).await;
            assert!(told[0].0.len() <= keep && !told[0].0.contains(&key[..8]), "{at} {before}");
            assert!(told[0].0.len() > keep / 4);
        }
    }
    // As long as a private key is.
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(200));
    let text = format!("{}{pem}-----END PRIVATE KEY-----\n{}", "x ".repeat(31 << 10), "y ".repeat(keep));
    let told = refused(|layer| layer, &[text.as_bytes()]).await;
    assert!(!told[0].0.contains("MIIE"), "{}", &told[0].0[told[0].0.len() - 200..]);
}

#[tokio::test]
async fn a_full_queue_loses_and_counts_at_the_place() {
    let memory = Memory::default();
    let (sink, gate) = gated(&memory);
    let options = RecorderOptions::new().max_entries(2);
    let recorder = Recorder::start(sink, Tape::new().unwrap(), options).unwrap();
    recorder.annotate("0");
    gate.begun.recv().unwrap();
    // The thread is busy with the first; two more find room.
    (1..=5).for_each(|number| recorder.annotate(number.to_string()));
    assert_eq!(recorder.stats().lost, 3);
    drop(gate);
    soon(recorder.flushed()).await.unwrap();
    recorder.annotate("6");
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.said(), ["note 0", "note 1", "note 2", "lost 3", "note 6"]);
    assert_eq!(recorder.stats().lost, 3);
}

#[tokio::test]
async fn with_backpressure_a_call_waits_until_there_is_room_and_nothing_is_lost() {
    let memory = Memory::default();
    let (sink, gate) = gated(&memory);
    let options = RecorderOptions::new().max_entries(2).overflow(Overflow::Backpressure);
    let recorder = Recorder::start(sink, Tape::new().unwrap(), options).unwrap();
    let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(echo));
    recorder.annotate("0");
    gate.begun.recv().unwrap();

    let _ = run(&mut stack, call(1)).await.unwrap();
    let mut calling = Box::pin(run(&mut stack, call(2)));
    assert!(poll_once(calling.as_mut()).is_pending(), "the first and its answer fill the queue");
    drop(gate);
    let _ = soon(calling).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.kinds(), ["note", "request", "response", "end", "request", "response", "end"]);
    assert_eq!(recorder.stats().lost, 0);
}

#[tokio::test]
async fn what_fails_closed_refuses_calls_while_the_tape_cannot_be_written_and_goes_on_then() {
    let memory = Memory::default();
    let (sink, gate) = gated(&memory);
    let options = RecorderOptions::new().overflow(Overflow::FailClosed);
    let recorder = Recorder::start(sink, Tape::new().unwrap(), options).unwrap();
    let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(echo));
    gate.words.send(false).unwrap();
    let _ = run(&mut stack, call(1)).await.unwrap();
    // The second attempt begins when the first has failed.
    gate.begun.recv().unwrap();
    gate.begun.recv().unwrap();
    assert!(recorder.stats().is_failing);
    let refused = run(&mut stack, call(2)).await.unwrap();
    assert!(error_of(&refused).contains("cannot be recorded"), "{refused:?}");
    assert_eq!(recorder.stats().refused, 1);

    drop(gate);
    soon(recorder.flushed()).await.unwrap();
    let answered = run(&mut stack, call(3)).await.unwrap();
    assert!(answered.as_one().unwrap().result().is_some());
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.kinds(), ["request", "response", "end", "request", "response", "end"]);
}

#[tokio::test]
async fn a_sink_that_panics_stops_nobody() {
    struct Panics;
    impl Sink for Panics {
        fn append(&mut self, _: &Entry) -> Result<(), shadowcat::tape::TapeError> {
            panic!("on purpose")
        }
        fn update(&mut self, _: &Tape) -> Result<(), shadowcat::tape::TapeError> {
            Ok(())
        }
        fn commit(&mut self) -> Result<(), shadowcat::tape::TapeError> {
            Ok(())
        }
        fn due(&self) -> Option<std::time::Instant> {
            None
        }
        fn finish(&mut self) -> Result<(), shadowcat::tape::TapeError> {
            Ok(())
        }
    }
    for overflow in [Overflow::DropAndCount, Overflow::Backpressure] {
        let options = RecorderOptions::new().max_entries(1).overflow(overflow);
        let recorder = Recorder::start(Panics, Tape::new().unwrap(), options).unwrap();
        let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(echo));
        for id in 0..9 {
            let _ = rest(run(&mut stack, call(id)).await.unwrap()).await;
        }
        assert!(soon(recorder.flushed()).await.is_err());
        assert!(recorder.stats().is_failing && recorder.stats().lost > 0);
    }
}

#[tokio::test]
async fn what_only_a_transparent_scan_lets_pass_is_recorded_as_it_is() {
    let (layer, recorder, memory) = layer();
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"a":2}}"#;
    let odd = JsonRpcMessage::parse_with(text, &shadowcat::ScanOptions::new().transparent()).unwrap();
    assert!(!odd.is_strict());
    let mut stack = layer.layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let _ = run(&mut stack, odd).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    assert_eq!(memory.entries()[0].bytes, text);
}

#[tokio::test]
async fn what_stands_at_a_path_is_masked() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let layer = RecordLayer::new(recorder.clone()).mask_path("/params/arguments/card".parse().unwrap());
    let mut stack = layer.clone().layer(service_fn(|_| async { Ok::<_, Error>(Reply::empty()) }));
    let params = r#"{"name":"pay","arguments":{"card":{"number":4111}}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(1, "tools/call", params).unwrap()).await.unwrap();
    let twice =
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"arguments":{"card":1,"card":2}}}"#;
    let odd = JsonRpcMessage::parse_with(twice, &shadowcat::ScanOptions::new().transparent()).unwrap();
    let _ = run(&mut stack, odd).await.unwrap();
    soon(recorder.finish()).await.unwrap();
    let said = memory.said();
    assert!(said[0].contains(r#""card":"[REDACTED:path]""#), "{said:?}");
    assert_eq!(memory.kinds(), ["request", "end", "lost", "end"], "what cannot be masked is not recorded");
    assert_eq!((layer.stats().masked, layer.stats().unmaskable), (1, 1));
    assert!(memory.tape().redaction.unwrap().contains("path:/params/arguments/card"));
}

#[tokio::test]
async fn a_star_in_a_path_is_any_one_step() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let paths = ["/params/arguments/*/card", "/params/arguments/to/*", "/result/content/*/text"];
    let layer = RecordLayer::new(recorder.clone());
    let layer = paths.iter().fold(layer, |layer, path| layer.mask_path(path.parse().unwrap()));
    let mut stack = layer.clone().layer(service_fn(|message: JsonRpcMessage| async move {
        let result =
            r#"{"content":[{"type":"text","text":"4111"},{"text":{"a":["4111"]}},{"data":1}],"text":2}"#;
        Ok::<_, Error>(message.responder().result(result).unwrap().map_or_else(Reply::empty, Reply::one))
    }));
    let arguments = r#"{"a":{"card":4111,"name":"A"},"b":{"card":{"n":[4111]}},"to":[4111,"4111"],"card":3}"#;
    let params = format!(r#"{{"name":"pay","arguments":{arguments}}}"#);
    let _ = run(&mut stack, JsonRpcMessage::request(1, "tools/call", params).unwrap()).await.unwrap();
    let _ = run(&mut stack, JsonRpcMessage::request(2, "ping", "{}").unwrap()).await.unwrap();
    // Of what stands twice, also where it is any step, nobody can say which one counts.
    for twice in [r#"{"a":{"card":1},"a":{"card":4111}}"#, r#"{"a":{"card":1,"card":4111}}"#] {
        let twice =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"arguments":{twice}}}}}"#);
        let odd = JsonRpcMessage::parse_with(twice, &shadowcat::ScanOptions::new().transparent()).unwrap();
        let _ = run(&mut stack, odd).await.unwrap();
    }
    soon(recorder.finish()).await.unwrap();
    let said = memory.said();
    assert!(said.iter().all(|text| !text.contains("4111")), "{said:?}");
    let masked = r#""[REDACTED:path]""#;
    let arguments = format!(
        r#"{{"a":{{"card":{masked},"name":"A"}},"b":{{"card":{masked}}},"to":[{masked},{masked}],"card":3}}"#
    );
    assert!(said[0].contains(&arguments), "{said:?}");
    let result = format!(
        r#"{{"content":[{{"type":"text","text":{masked}}},{{"text":{masked}}},{{"data":1}}],"text":2}}"#
    );
    assert!(said[1].contains(&result) && said[4].contains(&result), "{said:?}");
    assert_eq!((layer.stats().masked, layer.stats().unmaskable), (3, 2));
    assert!(memory.tape().redaction.unwrap().contains("path:/params/arguments/*/card"));
}

/// As `show` writes it, of a tape that a recorder has made.
async fn shown(folder: &taped::Folder, name: &str) -> String {
    let (path, tape) = (folder.path(name), Tape::new().unwrap());
    let options = RecorderOptions::new();
    let recorder = match name {
        "a.jsonl" => Recorder::start(lines::Writer::create(&path, &tape).unwrap(), tape, options),
        "a.json" => Recorder::start(tape::json::Writer::create(&path, &tape).unwrap(), tape, options),
        #[cfg(feature = "sqlite")]
        "a.db" => Recorder::start(tape::sqlite::Writer::create(&path, &tape).unwrap(), tape, options),
        other => panic!("{other}"),
    };
    let recorder = recorder.unwrap();
    let fetch = Component::new("fetch").uri("oci://example.org/fetch:1").digest("sha256:00ff");
    let fetch = fetch.policy("{\"permissions\": {\"password\": \"hunter2hunter2\"}}").tool("fetch");
    let layer = RecordLayer::new(recorder.clone()).component(fetch);
    let mut stack = layer.layer(leaf(|message: JsonRpcMessage| {
        let result =
            r#"{"protocolVersion":"2025-06-18","serverInfo":{"name":"srv"},"capabilities":{"tools":{}}}"#;
        std::future::ready(Ok(Reply::one(message.responder().result(result).unwrap().unwrap())))
    }));
    let params =
        r#"{"protocolVersion":"2025-11-25","clientInfo":{"name":"host"},"capabilities":{"roots":{}}}"#;
    let _ = run(&mut stack, JsonRpcMessage::request(1, "initialize", params).unwrap()).await.unwrap();
    recorder.update(|tape| tape.part = Some(1));
    soon(recorder.finish()).await.unwrap();
    let mut text = Vec::new();
    assert_eq!(tape::Show::new().write(tape::open(&path).unwrap(), &mut text).unwrap(), 3);
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn what_is_shown_of_a_recording_is_all_that_is_known_of_it_whatever_its_format() {
    let folder = taped::Folder::new();
    let names: &[_] =
        if cfg!(feature = "sqlite") { &["a.jsonl", "a.json", "a.db"] } else { &["a.jsonl", "a.json"] };
    for name in names {
        let text = shown(&folder, name).await;
        for line in [
            "  duration: ",
            "  protocol version: 2025-06-18\n",
            "  part: 1\n",
            "  client: {\"name\":\"host\"}\n",
            "  client capabilities: {\"roots\":{}}\n",
            "  server: {\"name\":\"srv\"}\n",
            "  server capabilities: {\"tools\":{}}\n",
            "  component: fetch (1 tools)\n    uri: oci://example.org/fetch:1\n    digest: sha256:00ff\n    policy: \"{",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{name}: {line}\n{text}");
        }
        assert_eq!(text.contains("  redaction: secrets\n"), cfg!(feature = "secret"), "{text}");
        assert_eq!(text.contains("hunter2"), !cfg!(feature = "secret"), "{text}");
        let heads = text.matches("\n  created: ").count();
        assert_eq!(heads, if *name == "a.db" { 1 } else { 2 }, "{text}");
    }
}

#[cfg(feature = "secret")]
mod secrets {
    use shadowcat::layer::StripTokensLayer;

    use super::*;

    const KEY: &str = "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";

    fn with_key(id: i64) -> JsonRpcMessage {
        JsonRpcMessage::request(id, "tools/call", format!(r#"{{"name":"t","arguments":{{"a":"{KEY}"}}}}"#))
            .unwrap()
    }

    #[tokio::test]
    async fn what_is_noted_and_refused_is_masked_where_the_tape_says_so() {
        for redaction in [Some("secrets path:/params/card"), None] {
            let (recorder, memory) = recording(RecorderOptions::new());
            recorder.update(|tape| tape.redaction = redaction.map(Into::into));
            recorder.annotate(format!("they sent Authorization: Bearer {KEY}"));
            recorder.refused(Direction::ToUpstream, format!("no JSON {KEY}"), &format!("why {KEY}"));
            recorder.refused(
                Direction::ToUpstream,
                r#"{"jsonrpc":"2.0","params":{"card":"4111"}}"#,
                "no method",
            );
            let long = format!("{}{KEY}", " ".repeat((64 << 10) - 10));
            recorder.refused(Direction::ToUpstream, long, "too long");
            soon(recorder.finish()).await.unwrap();
            let said = memory.said();
            assert_eq!(memory.kinds(), ["note", "refused", "end", "refused", "end", "refused", "end"]);
            let is_masked = !said.iter().any(|text| text.contains(KEY) || text.contains("4111"));
            assert_eq!(is_masked, redaction.is_some(), "{said:?}");
            assert!(said[0].starts_with("note they sent Authorization: Bearer "), "{said:?}");
            let cut = !said.iter().any(|text| text.contains(&KEY[..8]));
            assert_eq!(cut, redaction.is_some());
            assert_eq!(
                said[6].ends_with(&format!("{} bytes are not recorded", (64 << 10) + 30)),
                cut,
                "{}",
                said[6]
            );
        }
    }

    #[tokio::test]
    async fn no_secret_of_the_corpus_is_in_the_file_of_any_format() {
        let Some(corpus) = corpus::folder() else { return };
        let folder = taped::Folder::new();
        for format in ["jsonl", "json", "db"] {
            let path = folder.path(&format!("a.{format}"));
            let tape = Tape::new().unwrap();
            let sink: Box<dyn Sink> = match format {
                "jsonl" => Box::new(lines::Writer::create(&path, &tape).unwrap()),
                "json" => Box::new(shadowcat::tape::json::Writer::create(&path, &tape).unwrap()),
                #[cfg(feature = "sqlite")]
                "db" => Box::new(shadowcat::tape::sqlite::Writer::create(&path, &tape).unwrap()),
                _ => continue,
            };
            let mut sink = Some(sink);
            let make = move |_: &Tape| Ok(sink.take().expect("it is made once"));
            let recorder = Recorder::start_late(make, tape, RecorderOptions::new()).unwrap();
            let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(parrot));
            let cases = corpus::cases(&corpus, "strip");
            for case in cases.iter().filter(|case| case.expect == "stripped") {
                let message = JsonRpcMessage::parse(case.bytes().trim_ascii_end().to_vec()).unwrap();
                let _ = run(&mut stack, message).await.unwrap();
                soon(recorder.room()).await;
            }
            soon(recorder.flushed()).await.unwrap();
            check(&folder, format, &cases);
            soon(recorder.finish()).await.unwrap();
            check(&folder, format, &cases);
            assert_eq!(recorder.stats().lost, 0);
        }
    }

    /// Neither the file nor what SQLite keeps beside it holds one.
    fn check(folder: &taped::Folder, format: &str, cases: &[corpus::Case]) {
        for beside in ["", "-wal", "-shm"] {
            let Ok(bytes) = std::fs::read(folder.path(&format!("a.{format}{beside}"))) else { continue };
            for case in cases.iter().filter(|case| case.expect == "stripped" && !case.is_should()) {
                for secret in case.forbidden() {
                    let found = memchr(&bytes, &secret);
                    assert!(
                        !found,
                        "{}: {} in {format}{beside}",
                        case.name,
                        String::from_utf8_lossy(&secret)
                    );
                }
            }
        }
    }

    fn memchr(bytes: &[u8], secret: &[u8]) -> bool {
        bytes.windows(secret.len()).any(|window| window == secret)
    }

    #[tokio::test]
    async fn a_layer_that_stands_above_the_stripping_notices_it_and_masks_all_the_same() {
        let (layer, recorder, memory) = layer();
        let mut stack = ServiceBuilder::new()
            .layer(layer.clone())
            .layer(StripTokensLayer::requests())
            .service(service_fn(parrot));
        let _ = run(&mut stack, with_key(1)).await.unwrap();
        assert!(layer.stats().is_above_strip);
        soon(recorder.finish()).await.unwrap();
        assert!(memory.said().iter().all(|said| !said.contains(KEY)));
    }

    #[tokio::test]
    async fn a_layer_below_the_stripping_records_what_is_left_and_does_not_search_it_again() {
        let (layer, recorder, memory) = layer();
        let mut stack = ServiceBuilder::new()
            .layer(StripTokensLayer::requests())
            .layer(layer.clone())
            .layer(StripTokensLayer::replies())
            .service(service_fn(parrot));
        let _ = run(&mut stack, with_key(1)).await.unwrap();
        soon(recorder.finish()).await.unwrap();
        assert_eq!((layer.stats().masked, layer.stats().is_above_strip), (0, false));
        assert!(memory.said().iter().all(|said| !said.contains(KEY)));
        assert!(memory.said()[0].contains("[REDACTED:"));
    }

    #[tokio::test]
    async fn what_is_changed_below_the_stripping_is_searched_again() {
        let (layer, recorder, memory) = layer();
        let mut stack = ServiceBuilder::new()
            .layer(StripTokensLayer::requests())
            .map_request(|message: JsonRpcMessage| {
                message
                    .edit()
                    .params(format!(r#"{{"name":"t","arguments":{{"a":"{KEY}"}}}}"#))
                    .finish()
                    .unwrap()
            })
            .layer(layer)
            .service(service_fn(parrot));
        let _ = run(&mut stack, call(1)).await.unwrap();
        soon(recorder.finish()).await.unwrap();
        assert!(memory.said().iter().all(|said| !said.contains(KEY)), "{:?}", memory.said());
    }

    #[tokio::test]
    async fn who_asks_for_it_has_everything_on_the_tape() {
        let (recorder, memory) = recording(RecorderOptions::new());
        let mut stack = RecordLayer::new(recorder.clone()).unmasked().layer(service_fn(parrot));
        let _ = run(&mut stack, with_key(1)).await.unwrap();
        soon(recorder.finish()).await.unwrap();
        assert!(memory.said()[0].contains(KEY));
    }
}
