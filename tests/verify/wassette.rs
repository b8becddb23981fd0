//! Tapes of a real Wassette, played against what says the same, the fixture, and the real one where there is one:
//! `SHADOWCAT_WASSETTE` names it. And components that are loaded before the rest is played.

#![cfg(all(feature = "stdio", unix))]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use shadowcat::policy::wassette::Digest;
use shadowcat::tape::{self, Component, Sink, json};
use shadowcat::verify::{Cause, Report, Verdict, Verify, VerifyError};
use shadowcat::wassette::Dialect;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt};

use crate::process::wassette::{Entry, transcript};
use crate::process::{self, tell};
use crate::recorded;
use crate::support::{self, Seen, leaf, msg, soon};
use crate::verified::{Made, Played, found};
use crate::world::{Kind, World};

/// On each Wassette that there is.
async fn on_each(kinds: &[Kind], mut case: impl AsyncFnMut(World)) {
    for kind in kinds {
        match World::new(*kind) {
            Some(world) => case(world).await,
            None => tell("skipped: SHADOWCAT_WASSETTE is not set; no real Wassette ran"),
        }
    }
}

/// A transcript as a tape, in this world.
fn tape_of(name: &str, world: &World) -> Made {
    let steps = transcript(name).into_iter();
    steps.fold(Made::new(), |made, Entry { dir, line }| match dir.as_str() {
        "client_to_server" => made.client(&world.here(&line)),
        "server_to_client" => made.server(&world.here(&line)),
        _ => made,
    })
}

async fn verified(verify: Verify, world: &World) -> Result<Report, VerifyError> {
    let server = soon(world.connector().start()).await.unwrap();
    let report = soon(verify.run(server.clone())).await;
    soon(server.shutdown()).await;
    report
}

#[tokio::test]
async fn a_transcript_of_a_real_wassette_is_played_and_is_as_it_was() {
    on_each(&[Kind::Scripted("stdio-components")], async |world| {
        let tape = tape_of("stdio-components", &world);
        let report = verified(Verify::new(tape.source()), &world).await.unwrap();
        assert!(report.is_deterministic(), "{report}");
        assert_eq!((report.totals.calls, report.totals.equal), (12, 12), "{report}");
    })
    .await;
}

/// What differs between two runs of a program, and no more.
#[tokio::test]
async fn a_transcript_differs_from_another_run_by_its_times_and_files() {
    on_each(&[Kind::Fixture, Kind::Real], async |world| {
        let tape = tape_of("stdio-real-components", &world);
        let path = Cause::words("file", |a, b| {
            a.contains('/') && b.contains('/') || a.contains(':') && b.contains(':')
        });
        let verify = Verify::new(tape.source()).tolerate("time").tolerate("file").cause(path);
        let report = verified(verify, &world).await.unwrap();
        // What 0.2 cannot list, the connector answers in its place.
        let differ: Vec<_> = report.calls.iter().filter(|call| call.verdict > Verdict::Tolerated).collect();
        assert!(differ.iter().all(|call| call.method.ends_with("s/list")), "{report}");
        assert!(report.totals.equal > 40 && differ.len() == 2 && report.unasked.is_empty(), "{report}");
    })
    .await;
}

fn component(world: &World, name: &str) -> (String, PathBuf) {
    let uri = world.here(&format!("file:///components/{name}.wasm"));
    let path = uri.strip_prefix("file://").unwrap().into();
    (uri, path)
}

fn digest(path: &PathBuf) -> String {
    Digest::of(fs::File::open(path).unwrap(), u64::MAX).unwrap().unwrap().to_string()
}

const INITIALIZE: &str =
    r#"{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#;

/// A session that calls what was loaded before it was recorded.
fn session_of_echo() -> Made {
    let said = r#"{"content":[{"type":"text","text":"hello"}]}"#;
    let call = r#"{"name":"echo","arguments":{"s":"hello"}}"#;
    Made::new()
        .call(0, "initialize", INITIALIZE, "{}")
        .client(&support::note("notifications/initialized"))
        .call(1, "tools/call", call, said)
}

fn of_echo(component: Component) -> Made {
    let mut made = session_of_echo();
    made.tape.components.push(component);
    made
}

#[tokio::test]
async fn components_are_loaded_and_get_their_policies_before_the_rest_is_played() {
    on_each(&[Kind::Fixture, Kind::Real], async |world| {
        let (uri, path) = component(&world, "echo");
        let policy = r#"{"version":"1.0","permissions":{
            "storage":{"allow":[{"uri":"fs:///tmp","access":["read"]}]},"network":{"allow":[{"host":"a.example"}]},
            "environment":{"allow":[{"key":"LANG"}]}}}"#;
        let echo = Component::new("echo").uri(&*uri).digest(digest(&path)).policy(policy);
        // Through a file, as it will be kept.
        let folder = process::Folder::new();
        let file = folder.path().join("tape.json");
        let made = of_echo(echo);
        let mut writer = json::Writer::create(&file, &made.tape).unwrap();
        made.entries.iter().for_each(|entry| writer.append(entry).unwrap());
        writer.finish().unwrap();

        let report = verified(Verify::of(tape::open(&file).unwrap()).components(Some), &world).await.unwrap();
        assert_eq!(report.calls[1].verdict, Verdict::Equal, "{report}");
        assert!(report.notes.iter().any(|note| note.contains("echo was loaded")), "{report}");
        let written = fs::read_to_string(world.component_dir().join("echo.policy.yaml")).unwrap();
        for granted in ["fs:///tmp", "a.example", "LANG"] {
            assert!(written.contains(granted), "{written}");
        }
        assert_eq!(report.unasked, [], "that the tools changed was not recorded");
    })
    .await;
}

#[tokio::test]
async fn without_its_component_a_session_differs() {
    on_each(&[Kind::Fixture], async |world| {
        let (uri, _) = component(&world, "echo");
        let verify = Verify::new(of_echo(Component::new("echo").uri(uri)).source());
        let report = verified(verify, &world).await.unwrap();
        assert_ne!(report.calls[1].verdict, Verdict::Equal, "{report}");
        assert!(report.notes.iter().any(|note| note.contains("echo was not loaded")), "{report}");
    })
    .await;
}

#[tokio::test]
async fn a_component_that_cannot_be_had_as_it_was_is_an_error_that_says_why() {
    on_each(&[Kind::Fixture, Kind::Real], async |world| {
        let (uri, path) = component(&world, "echo");
        let (missing, _) = component(&world, "nowhere");
        let other = format!("sha256:{}", "0".repeat(64));
        for (component, why) in [
            (Component::new("echo").uri(&*missing), "load-component failed"),
            (Component::new("echo").uri(&*uri).digest(other), "is another file"),
            (Component::new("other").uri(&*uri).digest(digest(&path)), "under another id"),
            (Component::new("echo").uri(&*uri).policy("{"), "its policy cannot be read"),
        ] {
            let verify = Verify::new(of_echo(component).source()).components(Some);
            let error = verified(verify, &world).await.unwrap_err();
            assert!(error.is_component() && error.to_string().contains(why), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_tape_loads_by_itself_is_not_loaded_before() {
    on_each(&[Kind::Scripted("stdio-components")], async |world| {
        let mut tape = tape_of("stdio-components", &world);
        tape.tape.components.push(Component::new("filesystem").uri("file:///components/filesystem.wasm"));
        let report = verified(Verify::new(tape.source()).components(Some), &world).await.unwrap();
        assert!(report.is_deterministic() && report.notes.is_empty(), "{report}");
    })
    .await;
}

/// The words of 0.8, in its revision: what is asked first carries what the client's own requests carry.
#[tokio::test]
async fn a_wassette_of_the_new_dialect_is_asked_in_its_revision() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"p"}"#;
    let call = format!(r#"{{"name":"echo","arguments":{{"s":"x"}},{meta}}}"#);
    let mut tape = Made::new().call(1, "server/discover", &format!("{{{meta}}}"), "{}").call(
        2,
        "tools/call",
        &call,
        r#"{"content":[]}"#,
    );
    tape.tape.components.push(
        Component::new("echo")
            .uri("oci://ghcr.io/example/echo:1")
            .policy(r#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"a.example"}]}}}"#),
    );
    let server = leaf(|message: JsonRpcMessage| {
        let text = support::text(&message);
        let told = |text: &str| {
            let text = Value::from(text);
            format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#)
        };
        let result = match () {
            () if text.contains("load-component") => {
                told(r#"{"status":"component loaded successfully","id":"echo","tools":["echo"]}"#)
            }
            () if text.contains("grant-network") => told(
                r#"{"status":"permission granted successfully","component_id":"echo","permission_type":"network","details":{"host":"a.example"}}"#,
            ),
            () if message.is_method("tools/call") => r#"{"content":[]}"#.to_owned(),
            () => "{}".to_owned(),
        };
        let reply = Reply::one(message.responder().result(result).unwrap().unwrap());
        async { Ok::<_, Error>(reply) }
    });
    let seen: Seen = server.seen.clone();
    let report = Verify::new(tape.source()).components(Some).run(server).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    let seen = seen.all();
    assert!(seen[0].contains("server/discover") && seen[1].contains("load-component"), "{seen:?}");
    for own in &seen[1..3] {
        assert!(own.contains("2026-07-28") && !own.contains("progressToken"), "{own}");
        msg(own);
    }
    assert_eq!(Dialect::ALL.len(), 5, "a new dialect is looked at here");
}

/// Of another server, in two eras, by a recording of it.
#[tokio::test]
async fn a_recording_of_a_child_is_equal_to_another_run_of_it() {
    let folder = process::Folder::new();
    let record = folder.path().join("heard");
    let start = || {
        let command = shadowcat::connect::Command::new(process::modern_peer()).arg(&record);
        command.spawn().unwrap()
    };
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"p"}"#;
    let requests = [
        ("tools/list", format!("{{{meta}}}")),
        ("tools/call", format!(r#"{{"name":"t","arguments":{{"a":"x"}},{meta}}}"#)),
        ("tools/call", r#"{"name":"t","arguments":{"a":"y","do":"ask"}}"#.to_owned()),
    ];
    let mut server = start();
    let mut made = Made::new();
    for (id, (method, params)) in requests.iter().enumerate() {
        let request = JsonRpcMessage::request(id as i64 + 100, method, params).unwrap();
        made = made.client(&support::text(&request));
        let reply = soon(support::run(&mut server, request)).await.unwrap();
        for said in support::rest(reply).await {
            made = made.server(&said);
        }
    }
    let again = start();
    let report = soon(Verify::new(made.source()).linger(Duration::from_millis(10)).run(again)).await.unwrap();
    // It tells its process's id, and nothing else is new.
    assert_eq!(
        found(&report).into_iter().map(|(call, _, path)| (call, path)).collect::<Vec<_>>(),
        [(2, "/result/process"), (3, "/result/process")],
        "{report}"
    );
    assert_eq!(report.totals.calls, 3);
}

/// As a layer records it: with a listen, progress, a question and a call that is dropped.
#[tokio::test]
async fn what_a_layer_recorded_is_equal_to_another_run() {
    let folder = process::Folder::new();
    let heard = folder.path().join("heard");
    let start = || shadowcat::connect::Command::new(process::modern_peer()).arg(&heard).spawn().unwrap();
    let (recorder, memory) = recorded::recording(tape::RecorderOptions::new());
    let mut stack = shadowcat::layer::RecordLayer::new(recorder.clone()).layer(start());
    let request = |id: i64, method: &str, params: &str| JsonRpcMessage::request(id, method, params).unwrap();

    let opened = soon(support::run(&mut stack, request(50, "initialize", INITIALIZE))).await.unwrap();
    support::rest(opened).await;
    let listen = soon(support::run(&mut stack, support::session_listen())).await.unwrap();
    let _ = soon(support::run(&mut stack, msg(support::note("notifications/initialized")))).await.unwrap();
    let progress = r#"{"name":"t","arguments":{"a":"x"},"_meta":{"progressToken":"p"}}"#;
    let asks = r#"{"name":"t","arguments":{"do":"ask"}}"#;
    for (id, params) in [(51, progress), (52, asks)] {
        let reply = soon(support::run(&mut stack, request(id, "tools/call", params))).await.unwrap();
        assert_eq!(support::rest(reply).await.len(), 2);
    }
    let _ = soon(support::run(&mut stack, msg(r#"{"jsonrpc":"2.0","id":77,"result":{"action":"accept"}}"#)))
        .await
        .unwrap();
    let waits = request(53, "tools/call", r#"{"name":"t","arguments":{"do":"wait"}}"#);
    drop(stack.ready().await.unwrap().call(waits));
    let last = soon(support::run(&mut stack, request(54, "tools/list", "{}"))).await.unwrap();
    support::rest(last).await;
    drop((listen, stack));
    soon(recorder.finish()).await.unwrap();

    let compare = tape::Comparison::structural().ignore("/result/process").unwrap();
    let verify = Verify::new(Played::new(memory.tape(), memory.entries())).compare(compare);
    let report = soon(verify.linger(Duration::from_secs(10)).run(start())).await.unwrap();
    assert!(report.is_deterministic() && report.notes.is_empty(), "{report}");
    assert_eq!((report.totals.calls, report.totals.equal), (5, 5), "{report}");
    // Both runs said the same to the server, but for ids: a cancellation of the call that was dropped, too.
    let heard = fs::read_to_string(&heard).unwrap();
    assert_eq!(heard.matches("notifications/cancelled").count(), 2, "{heard}");
    assert_eq!(heard.matches(r#""action":"accept""#).count(), 2, "{heard}");
}
