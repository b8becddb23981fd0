//! Whole sessions: transcripts of the real Wassette, on stdio and on HTTP+SSE, and real servers, recorded and replayed
//! to the same client behind the same front end.

#![cfg(all(feature = "stdio", unix))]

use std::path::Path;

use shadowcat::connect::replay::{Mode, Options, ReplayError};
use shadowcat::connect::{Command, Replay};
use shadowcat::tape::{self, Edge, Entry, EntryKind, Sink, Tape, json, lines};
use shadowcat::{Direction, Error, JsonRpcMessage, Reply, RpcService, serve};
use tokio::task::JoinHandle;
use tower::{ServiceExt, service_fn};

use crate::process;
use crate::replayed::{down, up};
use crate::support::{Peer, msg, peer, soon};
use crate::taped::Folder;

fn write(path: &Path, entries: &[Entry]) {
    write_tape(path, &Tape::new().unwrap(), entries);
}

fn write_tape(path: &Path, tape: &Tape, entries: &[Entry]) {
    let mut sink: Box<dyn Sink> = match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => Box::new(lines::Writer::create(path, tape).unwrap()),
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::create(path, tape).unwrap()),
        _ => Box::new(json::Writer::create(path, tape).unwrap()),
    };
    entries.iter().for_each(|entry| sink.append(entry).unwrap());
    sink.finish().unwrap();
}

fn serve(stack: impl RpcService) -> (Peer, JoinHandle<Result<(), Error>>) {
    let (peer, read, write) = peer(1 << 20);
    (peer, tokio::spawn(serve::stdio(stack).run_on(read, write)))
}

async fn end(mut peer: Peer, served: JoinHandle<Result<(), Error>>) {
    peer.close().await;
    soon(served).await.unwrap().unwrap();
}

/// The client says its part of the transcript again, and hears the server's.
async fn again(name: &str, path: &Path) {
    let transcript = process::wassette::transcript(name);
    let entry = |line: &process::wassette::Entry| match line.dir.as_str() {
        "client_to_server" => Some(up(&line.line)),
        "server_to_client" => Some(down(&line.line)),
        _ => None,
    };
    let entries: Vec<Entry> = transcript.iter().filter_map(entry).collect();
    write(path, &entries);
    let replay = Replay::from_path(path).unwrap();
    let (mut client, served) = serve(replay.clone());
    let mut waiting = None;
    for line in &transcript {
        let (line, is_up) = (&line.line, line.dir == "client_to_server");
        if is_up {
            unanswered(&mut client, waiting.take()).await;
            client.say(line).await;
            waiting = msg(line).owned_id();
        } else if line.starts_with('{') {
            if msg(line).owned_id().is_some_and(|id| waiting.as_ref() != Some(&id)) {
                continue; // Wassette 0.2 answers an id beyond 32 bits under another
            }
            assert_eq!(client.hear().await.as_deref(), Some(&**line), "{name}");
            waiting = waiting.filter(|_| msg(line).id().is_none());
        }
    }
    unanswered(&mut client, waiting).await;
    assert!(replay.unused().is_empty() && replay.mismatches().is_empty(), "{name}: {replay:?}");
    assert_eq!(replay.stats().unrecorded_notifications, 0);
    end(client, served).await;
}

/// What the real one never answered fails.
async fn unanswered(client: &mut Peer, id: Option<shadowcat::OwnedId>) {
    if let Some(id) = id {
        client.hear_error(Some(&id.as_str()), -32603).await;
    }
}

#[tokio::test]
async fn wassette_says_again_what_it_said_whatever_the_format() {
    let folder = Folder::new();
    for name in [
        "stdio-components",
        "stdio-real-components",
        "stdio-errors",
        "stdio-deaf",
        "stdio-deaf-discover-after-init",
        "stdio-discover",
        "stdio-string-and-big-ids",
    ] {
        again(name, &folder.path(&format!("{name}.json"))).await;
        again(name, &folder.path(&format!("{name}.jsonl"))).await;
        #[cfg(feature = "sqlite")]
        again(name, &folder.path(&format!("{name}.db"))).await;
    }
}

/// What the client says, and how much it hears then.
type Script = Vec<(String, usize)>;

const MODERN: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;

fn legacy() -> Script {
    let initialize = r#"{"jsonrpc":"2.0","id":ID0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}}"#;
    let call = |id: u32, arguments: &str, meta: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":ID{id},"method":"tools/call","params":{{"name":"t","arguments":{arguments}{meta}}}}}"#
        )
    };
    vec![
        (initialize.into(), 1),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into(), 0),
        (r#"{"jsonrpc":"2.0","id":ID1,"method":"tools/list"}"#.into(), 1),
        (call(2, r#"{"a":"x"}"#, r#","_meta":{"progressToken":ID2}"#), 2),
        (call(3, r#"{"do":"ask"}"#, ""), 2),
        (r#"{"jsonrpc":"2.0","id":77,"result":{"action":"accept"}}"#.into(), 0),
        (call(4, r#"{"do":"wait"}"#, ""), 0),
        (r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":ID4}}"#.into(), 0),
        (call(5, r#"{"a":"x"}"#, ""), 1),
        (call(6, r#"{"do":"crash"}"#, ""), 1),
    ]
}

fn modern() -> Script {
    let of = |id: u32, method: &str, params: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":ID{id},"method":"{method}","params":{{"_meta":{{{MODERN}}}{params}}}}}"#
        )
    };
    vec![
        (of(1, "server/discover", ""), 1),
        (of(2, "subscriptions/listen", r#","notifications":{"toolsListChanged":true}"#), 1),
        (of(3, "tools/call", r#","name":"t","arguments":{"a":"é"}"#), 1),
        (of(4, "tools/call", r#","name":"t","arguments":{"do":"rename"}"#), 2),
        (of(5, "tools/list", ""), 1),
        (of(6, "tools/call", r#","name":"t","arguments":{"do":"finish"}"#), 2),
    ]
}

/// The reply that a message belongs to, by the id, token or subscription in it; what has none is in order with itself.
fn stream(line: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(line).unwrap();
    let own = message.get("id").filter(|_| message.get("method").is_none());
    let token = message.pointer("/params/progressToken");
    let listen = message.pointer("/params/_meta/io.modelcontextprotocol~1subscriptionId");
    own.or(token).or(listen).map(ToString::to_string).unwrap_or_default()
}

/// What is heard at each step: each reply in its order, one after the other.
async fn run(stack: impl RpcService, script: &Script, first_id: u32) -> Vec<Vec<String>> {
    let (mut client, served) = serve(stack);
    let (mut heard, last) = (Vec::new(), script.len() as u32);
    for (line, many) in script {
        let spelled = (0..=last)
            .rev()
            .fold(line.clone(), |line, id| line.replace(&format!("ID{id}"), &(first_id + id).to_string()));
        client.say(spelled).await;
        let mut step = Vec::new();
        for _ in 0..*many {
            step.push(client.hear().await.unwrap());
        }
        step.sort_by_key(|line| stream(line));
        heard.push(step);
    }
    client.close().await;
    // A server that crashed ends the session with an error.
    let _ = soon(served).await.unwrap();
    heard
}

/// With the ids of a session that began at 0.
fn renumbered(heard: Vec<Vec<String>>, first_id: u32) -> Vec<Vec<String>> {
    let number = |line: String| {
        (0..20).fold(line, |line, id| {
            ["\"id\":", "progressToken\":", "subscriptionId\":"].into_iter().fold(line, |line, key| {
                let (from, to) = (format!("{key}{}", first_id + id), format!("{key}{id}"));
                line.replace(&format!("{from},"), &format!("{to},"))
                    .replace(&format!("{from}}}"), &format!("{to}}}"))
            })
        })
    };
    heard.into_iter().map(|step| step.into_iter().map(number).collect()).collect()
}

async fn recorded_and_replayed(script: Script) {
    let folder = Folder::new();
    let path = folder.path("session.json");
    let server = Options::new()
        .mode(Mode::Missing)
        .open_or_record(&path, || Command::new(process::modern_peer()).arg(folder.path("heard")).spawn())
        .unwrap();
    let recorded = run(server.clone(), &script, 0).await;
    assert!(server.replay().is_none());
    let changes = server.finish().unwrap();
    assert!(changes.removed.is_empty() && changes.changed.is_empty() && !changes.added.is_empty());

    for first_id in [0, 500] {
        let never = || Err::<Replay, _>(Error::closed("the real server is not needed"));
        let server = Options::new().mode(Mode::Missing).open_or_record(&path, never).unwrap();
        let replayed = renumbered(run(server.clone(), &script, first_id).await, first_id);
        let replay = server.replay().unwrap();
        assert!(replay.unused().is_empty() && replay.mismatches().is_empty(), "{:?}", replay.mismatches());
        // What broke is told by the front end in the same words.
        assert_eq!(replayed, recorded);
        assert!(server.finish().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_session_with_a_handshake_is_heard_again() {
    recorded_and_replayed(legacy()).await;
}

#[tokio::test]
async fn a_session_without_a_handshake_is_heard_again() {
    recorded_and_replayed(modern()).await;
}

/// A leaf that answers every request with this.
fn answering(result: &'static str) -> impl RpcService<Error = Error> + Clone {
    service_fn(move |message: JsonRpcMessage| async move {
        Ok(message.responder().result(result).unwrap().map_or_else(Reply::empty, Reply::one))
    })
}

async fn ask(leaf: &mut impl RpcService<Error = Error>, method: &str) {
    let request = JsonRpcMessage::request(1, method, "{}").unwrap();
    let reply = leaf.ready().await.unwrap().call(request).await.unwrap();
    assert!(!reply.collect(1 << 20).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_update_says_what_changed_and_replaces_the_tape_only_when_it_is_finished() {
    let folder = Folder::new();
    for name in ["a.json", "a.jsonl"] {
        let path = folder.path(name);
        let record = |mode, result| {
            let server =
                Options::new().mode(mode).open_or_record(&path, || Ok::<_, Error>(answering(result)));
            server.unwrap()
        };
        let mut server = record(Mode::Missing, r#"{"n":1}"#);
        for method in ["ping", "tools/list", "old/one"] {
            ask(&mut server, method).await;
        }
        server.finish().unwrap();
        let before = std::fs::read(&path).unwrap();

        let mut server = record(Mode::Update, r#"{"n":2}"#);
        for method in ["ping", "new/one"] {
            ask(&mut server, method).await;
        }
        assert_eq!(std::fs::read(&path).unwrap(), before);
        drop(server.clone());
        let changes = server.finish().unwrap();
        assert_eq!(changes.added, ["new/one"]);
        assert_eq!(changes.removed, ["old/one", "tools/list"]);
        assert_eq!(changes.changed[0].what, "ping");
        assert_eq!(changes.changed[0].differences[0].path, "/result/n");
        assert!(
            changes.to_string().starts_with("new: new/one\ngone: old/one\ngone: tools/list\nchanged: ping\n")
        );
        let unused: Vec<String> =
            Replay::from_path(&path).unwrap().unused().into_iter().map(|unused| unused.what).collect();
        assert_eq!(unused, ["ping", "new/one"]);
        assert_eq!(tape::open(&path).unwrap().count(), 6);
    }
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 2);
}

#[tokio::test]
async fn what_cannot_be_recorded_leaves_the_tape_as_it_was() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let missing = Options::new().mode(Mode::Replay).open_or_record(&path, || Ok::<_, Error>(answering("{}")));
    let missing = missing.unwrap_err();
    assert!(matches!(missing, ReplayError::Missing(_)));
    assert!(missing.to_string().ends_with("run with SHADOWCAT_TAPES=missing to record it"), "{missing}");

    let broken = Options::new().mode(Mode::Missing);
    let broken = broken.open_or_record(&path, || Err::<Replay, _>(Error::closed("no such program")));
    assert!(broken.unwrap_err().to_string().ends_with("no such program"));

    let update = |options: Options| {
        options.mode(Mode::Update).open_or_record(&path, || Ok::<_, Error>(answering("{}")))
    };
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(update(Options::new()), Err(ReplayError::Tape(error)) if error.is_foreign()));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");

    std::fs::remove_file(&path).unwrap();
    write(&path, &[up(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)]);
    let before = std::fs::read(&path).unwrap();
    let empty = update(Options::new()).unwrap();
    assert!(matches!(empty.finish(), Err(ReplayError::Empty(_))));
    let mut large = update(Options::new().max_bytes(10)).unwrap();
    ask(&mut large, "ping").await;
    assert!(matches!(large.finish(), Err(ReplayError::TooLarge(10))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_a_connector_answered_by_itself_can_be_recorded_anew() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    for mode in [Mode::Missing, Mode::Update] {
        let refuses = tower::service_fn(|message: shadowcat::JsonRpcMessage| async move {
            Ok::<_, Error>(shadowcat::Reply::refuse(&message, shadowcat::Code::INTERNAL_ERROR, "no"))
        });
        let mut server = Options::new().mode(mode).open_or_record(&path, || Ok::<_, Error>(refuses)).unwrap();
        ask(&mut server, "ping").await;
        assert_eq!(server.finish().unwrap().is_empty(), mode == Mode::Update);
    }
    assert!(tape::open(&path).unwrap().any(|entry| entry.unwrap().synthetic));
}

#[tokio::test]
async fn a_recording_is_of_the_session_and_the_edge_that_a_replay_chooses() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    for mode in [Mode::Missing, Mode::Update, Mode::Replay] {
        let options = Options::new().session("mine").edge(Edge::Upstream).mode(mode);
        let mut server = options.open_or_record(&path, || Ok::<_, Error>(answering("{}"))).unwrap();
        ask(&mut server, "ping").await;
        assert_eq!(server.finish().unwrap().is_empty(), mode != Mode::Missing);
    }
    let mut entries = tape::open(&path).unwrap().map(Result::unwrap);
    assert!(entries.all(|entry| entry.session.as_deref() == Some("mine") && entry.edge == Edge::Upstream));
}

#[tokio::test]
async fn an_update_does_not_replace_what_it_does_not_record() {
    let folder = Folder::new();
    let ping = || up(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let two = [ping().session("a"), ping().session("b")];
    let edges = [ping(), ping().edge(Edge::Upstream)];
    let refused = |name: &str, options: Options| {
        let path = folder.path(name);
        let before = std::fs::read(&path).ok();
        let recorded =
            options.mode(Mode::Update).open_or_record(&path, || Ok::<_, Error>(answering("{}"))).unwrap_err();
        assert_eq!(std::fs::read(&path).ok(), before);
        recorded.to_string()
    };
    write(&folder.path("two.json"), &two);
    write(&folder.path("one.jsonl"), &two[..1]);
    write(&folder.path("edges.jsonl"), &edges);
    assert!(refused("two.json", Options::new()).contains("it holds several sessions"));
    assert!(refused("two.json", Options::new().session("a")).contains("it holds several sessions"));
    assert!(refused("one.jsonl", Options::new().session("b")).contains("it holds another session"));
    assert!(refused("edges.jsonl", Options::new()).contains("another edge"));
    assert!(refused("one.jsonl", Options::new().edge(Edge::Upstream)).contains("another edge"));

    let of = |kind| Entry::new(kind, Direction::ToClient, "{}");
    let mut made_up = ping();
    made_up.synthetic = true;
    let mut of_component = ping();
    of_component.component = Some("fetch".into());
    let kinds = [EntryKind::Note, EntryKind::Snapshot, EntryKind::Refused, EntryKind::Component].map(of);
    for (number, entry) in kinds.into_iter().chain([made_up, of_component]).enumerate() {
        let name = format!("more{number}.json");
        write(&folder.path(&name), &[ping(), entry]);
        assert!(refused(&name, Options::new()).contains("it holds more than messages"), "{number}");
    }
    let tape = || Tape::new().unwrap();
    let mut part = tape();
    part.part = Some(1);
    for (number, (tape, why)) in [
        (tape().label("a", "b"), "it has components or labels"),
        (tape().component(tape::Component::new("fetch")), "it has components or labels"),
        (part, "it is a part of a longer one"),
        #[cfg(not(feature = "secret"))]
        (tape().redaction("secrets"), "it is masked, which takes the feature `secret`"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("tape{number}.json");
        write_tape(&folder.path(&name), &tape, &[ping()]);
        assert!(refused(&name, Options::new()).contains(why), "{number}");
    }

    std::fs::copy(folder.path("one.jsonl"), folder.path("lines.json")).unwrap();
    std::fs::copy(folder.path("two.json"), folder.path("document.jsonl")).unwrap();
    for name in ["lines.json", "document.jsonl"] {
        assert!(refused(name, Options::new()).contains("another format than its name says"), "{name}");
    }
    for name in ["a.db", "a.jsonl.zst", "a"] {
        assert!(refused(name, Options::new()).ends_with("recorded as .json or .jsonl"), "{name}");
    }
    #[cfg(feature = "sqlite")]
    {
        write(&folder.path("sqlite.db"), &two[..1]);
        std::fs::rename(folder.path("sqlite.db"), folder.path("sqlite.json")).unwrap();
        assert!(refused("sqlite.json", Options::new()).contains("another format than its name says"));
    }
}

#[tokio::test]
async fn an_updated_tape_says_between_whom_it_was() {
    let folder = Folder::new();
    let path = folder.path("a.json");
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"me","version":"1"}}}"#;
    let old = Tape::new().unwrap().transport("stdio").upstream_transport("http");
    let old = old.server_info(tape::Json::new(br#"{"name":"old"}"#).unwrap());
    write_tape(&path, &old, &[up(initialize)]);
    let answer = r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"new"}}"#;
    let options = Options::new().mode(Mode::Update);
    let taped = options.open_or_record(&path, || Ok::<_, Error>(answering(answer))).unwrap();
    drop(soon(taped.clone().oneshot(msg(initialize))).await.unwrap());
    taped.finish().unwrap();
    let source = tape::open(&path).unwrap();
    let new = source.tape();
    assert_eq!(new.transport.as_deref(), Some("stdio"));
    assert_eq!(new.upstream_transport.as_deref(), Some("http"));
    assert_eq!(new.protocol_version.as_deref(), Some("2025-11-25"));
    assert_eq!(new.client_info.as_ref().unwrap().as_str(), r#"{"name":"me","version":"1"}"#);
    assert_eq!(new.server_info.as_ref().unwrap().as_str(), r#"{"name":"new"}"#);
}

#[test]
fn the_word_for_the_mode_is_one_of_three() {
    for (word, mode) in [("replay", Mode::Replay), ("missing", Mode::Missing), ("update", Mode::Update)] {
        assert_eq!(word.parse::<Mode>().unwrap(), mode);
    }
    let error = "record".parse::<Mode>().unwrap_err();
    assert_eq!(error.to_string(), r#"SHADOWCAT_TAPES is "record"; it is replay, missing or update"#);
}
