//! A Wassette of our own that serves HTTP: the fixture `wassette_0_2` and the real 0.2.0 that `SHADOWCAT_WASSETTE`
//! names on the one port that they know, and in the place of newer versions a script that puts the fixture behind
//! Streamable HTTP.

#![cfg(all(feature = "http-client", feature = "http-server", target_os = "linux"))]

use std::future::Future;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use shadowcat::connect::http::HttpClient;
use shadowcat::connect::supervise::{Backoff, Restart};
use shadowcat::connect::wassette::Served;
use shadowcat::connect::{Leaf, PerSession, Pool, Supervisor, Wassette};
use shadowcat::wassette::Dialect;
use shadowcat::wassette::log::{self, Event};
use shadowcat::{Context as Facts, Direction, JsonRpcMessage};
use tower::ServiceExt;

use crate::old::{Old, gone};
use crate::process::system::group;
use crate::process::{self, eventually_async, kill, tell};
use crate::script::{Script, serves};
use crate::support::*;
use crate::talk::Client;
use crate::world::{Kind, World};

/// On the fixture, and on a real one where there is one.
fn on_both<F: Future<Output = ()>>(case: impl Fn(Old) -> F) {
    for kind in [Kind::Fixture, Kind::Real] {
        let Some(old) = Old::new(kind) else {
            tell("skipped: SHADOWCAT_WASSETTE is not set; no real Wassette ran");
            continue;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(case(old));
    }
}

fn spin(id: i64) -> JsonRpcMessage {
    JsonRpcMessage::request(id, "tools/call", r#"{"name":"spin","arguments":{}}"#).unwrap()
}

#[test]
fn it_is_ready_when_it_is_started_and_gone_when_the_leaf_is() {
    on_both(|old| async move {
        let server = soon(old.builder().spawn()).await.unwrap();
        let id = server.get_ref().id();
        assert_eq!(server.dialect(), Dialect::V0_2);
        assert_eq!(server.get_ref().uri(), "http://127.0.0.1:9001/sse");
        assert_eq!(server.pid(), Some(id));
        let mut client = Client::open(server).await;
        client.load(&old.component("echo")).await;
        assert_eq!(client.call("echo", json!({"s": "over HTTP"})).await, "over HTTP");
        let ended = client.server.get_ref().ended();
        drop(client);
        let exit = soon(ended).await;
        assert!(exit.to_string().ends_with("was stopped: every caller is gone"), "{exit}");
        assert!(group(id).is_empty());
        assert!(TcpListener::bind(Dialect::DEFAULT_ADDRESS).is_ok(), "and its port is free");
    });
}

#[test]
fn an_open_call_keeps_it() {
    on_both(|old| async move {
        let server = soon(old.builder().spawn()).await.unwrap();
        let id = server.get_ref().id();
        let client = Client::open(server).await;
        let Client { server, listen, .. } = client;
        let ended = server.get_ref().ended();
        drop(server);
        assert!(!group(id).is_empty());
        drop(listen);
        soon(ended).await;
        assert!(group(id).is_empty());
    });
}

#[test]
fn a_process_that_is_killed_fails_each_call_with_one_error_that_says_so() {
    on_both(|old| async move {
        let mut client = Client::open(soon(old.builder().spawn()).await.unwrap()).await;
        client.load(&old.component("spin")).await;
        let calls: Vec<_> = (1..=3).map(|id| tokio::spawn(client.server.clone().oneshot(spin(id)))).collect();
        assert!(client.ask("ping", json!({})).await["result"].is_object(), "they are on their way");
        kill(client.server.get_ref().id());
        let is_told = |error: &shadowcat::Error| {
            let text = error.to_string();
            assert!(error.is_closed() && !error.is_session_lost(), "{error:?}");
            assert!(text.contains(" serve --http --plugin-dir ") && text.contains("signal: 9"), "{text}");
        };
        for call in calls {
            is_told(&soon(call).await.unwrap().unwrap_err());
        }
        is_told(&soon(client.listen.next()).await.unwrap().unwrap_err());
        let late = client.send(spin(4)).await.unwrap_err();
        is_told(&late);
        assert!(late.is_unsent());
        is_told(soon(client.server.ended()).await.error());
    });
}

#[test]
fn a_supervised_one_is_made_again_and_the_session_with_it() {
    on_both(|old| async move {
        let soon_again = Duration::from_millis(10);
        let builder = old.builder().restart(Restart::Always).backoff(Backoff::new(soon_again, soon_again));
        let mut client = Client::open(soon(builder.start()).await.unwrap()).await;
        client.load(&old.component("echo")).await;
        let first = client.server.get_ref().current().unwrap().id();
        kill(first);
        assert_eq!(client.hear().await, "notifications/tools/list_changed", "it may have");
        assert_eq!(client.call("echo", json!({"s": "again"})).await, "again");
        assert_eq!(client.server.get_ref().stats().reestablished, 1);
        let second = client.server.pid().unwrap();
        assert_ne!(first, second);
        soon(client.server.shutdown()).await;
        assert!(group(second).is_empty());
    });
}

#[test]
fn a_component_is_never_loaded_from_where_it_is_copied_to() {
    on_both(|old| async move {
        let mut client = Client::open(soon(old.builder().spawn()).await.unwrap()).await;
        client.load(&old.component("echo")).await;
        let copy = format!("file://{}/echo.wasm", old.world.component_dir().display());
        let said = client.call("load-component", json!({"path": copy})).await;
        assert!(said.starts_with("Error: the file is in the component directory"), "{said}");
    });
}

#[test]
fn a_second_one_on_the_only_port_is_told_that_it_is_taken() {
    on_both(|old| async move {
        let first = soon(old.builder().spawn()).await.unwrap();
        let error = soon(old.builder().spawn()).await.unwrap_err();
        let taken = "127.0.0.1:9001, where wassette is to listen, is taken: ";
        assert!(error.is_io() && error.to_string().starts_with(taken), "{error}");
        // By whom does not matter.
        soon(first.into_inner().shutdown()).await;
        let _other = TcpListener::bind(Dialect::DEFAULT_ADDRESS).unwrap();
        let error = soon(old.builder().start()).await.unwrap_err();
        assert!(error.is_io() && error.to_string().starts_with(taken), "{error}");
    });
}

#[tokio::test]
async fn a_newer_version_is_reached_by_streamable_http_on_a_port_of_its_own() {
    let script = Script::new("0.8.0", &serves());
    let one = soon(script.builder().spawn()).await.unwrap();
    let other = soon(script.builder().bind(([127, 0, 0, 1], 0).into()).spawn()).await.unwrap();
    assert_eq!(one.dialect(), Dialect::V0_8);
    assert_eq!(one.get_ref().uri().path(), "/mcp");
    assert_ne!(one.get_ref().uri(), other.get_ref().uri());
    let words = script.runs()[0].1.clone();
    let address = one.get_ref().uri().authority().unwrap();
    let name = script.folder.name();
    let expected = format!("serve --streamable-http --bind-address {address} --component-dir {name}");
    assert_eq!(words, expected);
    let world = World::new(Kind::Fixture).unwrap();
    for server in [one, other] {
        let mut client = Client::open(server).await;
        client.load(&world.here("file:///components/filesystem.wasm")).await;
        assert!(client.call("list-components", json!({})).await.contains("filesystem"));
    }
    script.left_nothing().await;
}

#[tokio::test]
async fn another_session_on_the_same_process_is_had_by_attaching() {
    let script = Script::new("0.8.0", &serves());
    let server = soon(script.builder().spawn()).await.unwrap();
    let attach = Wassette::attach(HttpClient::new(), server.get_ref().uri().clone());
    let attached = attach.dialect(server.dialect()).connect();
    let mut client = Client::open(soon(attached).await.unwrap()).await;
    assert!(client.call("list-components", json!({})).await.contains("total"));
    drop(server);
    script.left_nothing().await;
    let error = soon(client.server.clone().oneshot(spin(1))).await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
}

#[tokio::test]
async fn a_flood_of_log_lines_stops_nothing() {
    let flood = "head -c 1048576 /dev/zero | tr '\\0' x; yes 'a line of a log' | head -c 1048576";
    let (proxy, fixture) = (process::reverse_http().display(), process::wassette_0_2().display());
    // Before it listens, and as long as it runs: each to both outputs.
    let script = Script::new(
        "0.8.0",
        &format!(
            "{{ {flood}; }}; {{ {flood}; }} >&2\n\
             {{ sleep 0.2; {flood}; echo; echo the end; }} &\n\
             {{ sleep 0.2; {flood}; echo; echo the end; }} >&2 &\n\
             {proxy} --listen \"$4\" --stack none -- {fixture} serve --stdio --plugin-dir \"$6\""
        ),
    );
    let (lines, ends) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (seen, ended) = (lines.clone(), ends.clone());
    let builder = script.builder().on_log(move |line| {
        *seen.lock().unwrap() += 1;
        *ended.lock().unwrap() += usize::from(line == "the end");
        assert!(line.len() <= 4 << 10);
    });
    let mut client = Client::open(soon(builder.spawn()).await.unwrap()).await;
    eventually_async(NEVER, "both outputs are read to the end", || *ends.lock().unwrap() == 2).await;
    assert!(client.call("list-components", json!({})).await.contains("total"));
    assert!(*lines.lock().unwrap() > 4 * (1 << 20) / 16, "each line was shown");
    drop(client);
    script.left_nothing().await;
}

#[test]
fn its_log_can_be_read() {
    on_both(|old| async move {
        let loaded = Arc::new(Mutex::new(Vec::new()));
        let see = loaded.clone();
        let builder = old.builder().env("RUST_LOG", "info").on_log(move |line| {
            let line = log::parse(line);
            if !matches!(line.event(), Event::Other) {
                see.lock().unwrap().push(format!("{:?}", line.event()));
            }
        });
        let mut client = Client::open(soon(builder.spawn()).await.unwrap()).await;
        client.load(&old.component("echo")).await;
        client.call("echo", json!({"s": "x"})).await;
        eventually_async(NEVER, "the log tells of something", || !loaded.lock().unwrap().is_empty()).await;
    });
}

#[tokio::test]
async fn pools_sessions_and_supervisors_take_it() {
    let script = Script::new("0.8.0", &serves());
    let pool = Pool::new(script.builder()).spawn_ahead(2);
    soon(pool.warm()).await.unwrap();
    assert_eq!(script.runs().len(), 2);
    let mut sessions = PerSession::new(pool.clone());
    let hello = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = JsonRpcMessage::request(1, "initialize", hello.to_string()).unwrap();
    let context = Arc::new(Facts::new(Direction::ToUpstream).session("one"));
    let reply = soon(run(&mut sessions, hello.with_context(context))).await.unwrap();
    assert!(rest(reply).await[0].contains("result"));
    drop(sessions);
    soon(pool.shutdown()).await;
    script.left_nothing().await;

    let supervised = Supervisor::new(script.builder()).start();
    soon(supervised.running()).await.unwrap();
    let leaf: Wassette<Served> = supervised.current().unwrap();
    let id = leaf.pid().unwrap();
    drop(leaf);
    soon(supervised.shutdown()).await;
    gone(id).await;
}
