//! What the audit layer writes down, and what it does when it cannot.

use std::sync::Arc;

use shadowcat::audit::{Key, Options, Overflow, Record, Writer};
use shadowcat::layer::{AuditLayer, CatchErrorLayer, MapLayer, OnRequestsLayer, TimeoutLayer};
use shadowcat::policy::{Decision, Decisions};
use shadowcat::session::Principal;
use shadowcat::{Code, Context, Direction, Error, JsonRpcMessage, Reply};
use tower::{Layer, ServiceBuilder, service_fn};

use crate::audited::{Folder, lines, verify};
use crate::support::{
    by_hand, call, done, echo, error_of, leaf, msg, next, note, progress, rest, run, session_listen,
};

fn tool(id: u32, arguments: &str) -> JsonRpcMessage {
    let params = format!(r#"{{"name":"t","arguments":{arguments}}}"#);
    JsonRpcMessage::request(i64::from(id), "tools/call", params).unwrap()
}

/// What was written besides the opening.
async fn written(folder: &Folder, log: &Writer) -> Vec<serde_json::Value> {
    log.flushed().await;
    assert!(verify([folder.log()]).is_whole());
    lines(&folder.log()).split_off(1)
}

#[tokio::test]
async fn a_call_is_written_down_with_who_and_what_and_no_value() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let mut stack = AuditLayer::new(log.clone()).layer(leaf(echo));
    let mut context = Context::new(Direction::ToUpstream).session("s-1").upstream("files");
    context.shared_mut().insert(Principal::new("alice"));
    let message = tool(3, r#"{"path":"/private"}"#).with_context(Arc::new(context));
    let _ = run(&mut stack, message).await.unwrap();
    let _ = run(&mut stack, msg(note("notifications/x"))).await.unwrap();
    let all = written(&folder, &log).await;
    let line = &all[0];
    for (member, value) in [
        ("kind", "call"),
        ("principal", "alice"),
        ("session", "s-1"),
        ("upstream", "files"),
        ("method", "tools/call"),
        ("tool", "t"),
        ("id", "3"),
        ("outcome", "ok"),
    ] {
        assert_eq!(line[member], value, "{line}");
    }
    assert_eq!(line["arguments_bytes"], 19);
    assert!(line["arguments"].as_str().unwrap().starts_with("sha256:") && line["duration_ms"].is_u64());
    assert!(!line.to_string().contains("private"));
    assert_eq!((&all[1]["kind"], &all[1]["outcome"]), (&"notification".into(), &"ok".into()));
    assert!(all[1].get("duration_ms").is_none() && all[1].get("arguments").is_none());
}

#[tokio::test]
async fn a_digest_with_a_key_is_no_plain_hash() {
    let mut digests = Vec::new();
    for options in [Options::new(), Options::new().arguments_key(Key::new([3; 32]))] {
        let folder = Folder::new();
        let log = Writer::open(folder.log(), options).unwrap();
        let mut stack = AuditLayer::new(log.clone()).layer(leaf(echo));
        let _ = run(&mut stack, tool(1, "{}")).await.unwrap();
        digests.push(written(&folder, &log).await[0]["arguments"].as_str().unwrap().to_owned());
    }
    let plain = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(digests[0], plain);
    assert!(digests[1].starts_with("hmac-sha256:") && !digests[1].ends_with(&plain[7..]));
}

#[tokio::test]
async fn every_outcome_is_told() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let leaf = service_fn(|message: JsonRpcMessage| async move {
        let responder = message.responder();
        Ok(match message.id().unwrap().as_i64().unwrap() {
            1 => Reply::one(responder.result("{}").unwrap().unwrap()),
            2 => Reply::one(responder.result(r#"{"content":[],"isError":true}"#).unwrap().unwrap()),
            3 => Reply::refuse(&message, Code::INVALID_PARAMS, "no"),
            4 => {
                let mut refused = Reply::refuse(&message, Code::INVALID_PARAMS, "no");
                Decisions::add(&mut refused, Decision::deny("access").rule("no-t").reason("it is denied"));
                refused
            }
            5 => return Err(Error::closed("gone")),
            6 => Reply::empty(),
            _ => Reply::stream(futures::stream::pending()),
        })
    });
    let mut stack = AuditLayer::new(log.clone()).layer(leaf);
    for id in 1..8 {
        drop(run(&mut stack, call(id)).await);
    }
    let all = written(&folder, &log).await;
    let told: Vec<_> = all.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(told, ["ok", "tool error", "error", "refused", "failed", "dropped", "cancelled"]);
    assert_eq!((&all[2]["code"], &all[3]["code"]), (&(-32602).into(), &(-32602).into()));
    let decided = &all[3]["decisions"][0];
    assert_eq!((&decided["by"], &decided["rule"]), (&"access".into(), &"no-t".into()));
    assert_eq!((&decided["verdict"], &decided["enforced"]), (&"deny".into(), &true.into()));
}

#[tokio::test]
async fn decisions_come_through_the_layers_between() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let leaf = service_fn(|message: JsonRpcMessage| async move {
        let (sender, mut reply) = Reply::channel(4);
        sender.try_send(msg(progress(1, 1))).unwrap();
        sender.finish(message.responder().result("{}").unwrap().unwrap());
        Decisions::add(&mut reply, Decision::allow("access").rule("all"));
        Ok::<_, Error>(reply)
    });
    let mut stack = ServiceBuilder::new()
        .layer(AuditLayer::new(log.clone()))
        .layer(OnRequestsLayer::new(TimeoutLayer::new()))
        .layer(MapLayer::replies(|message| message))
        .service(leaf);
    let reply = run(&mut stack, call(1)).await.unwrap();
    assert_eq!(rest(reply).await.len(), 2);
    let all = written(&folder, &log).await;
    assert_eq!((&all[0]["decisions"][0]["rule"], &all[0]["messages"]), (&"all".into(), &1.into()));
}

#[tokio::test]
async fn what_the_server_says_of_its_own_accord_is_written_down_too() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let (stack, mut calls) = by_hand();
    let stack = AuditLayer::new(log.clone()).layer(stack);
    let mut stack = CatchErrorLayer::new().layer(stack);
    let mut listen = run(&mut stack, session_listen()).await.unwrap();
    let (_, sender) = calls.recv().await.unwrap();
    sender.try_send(msg(note("notifications/tools/list_changed"))).unwrap();
    sender.try_send(msg(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#)).unwrap();
    next(&mut listen).await;
    next(&mut listen).await;
    let _ = run(&mut stack, msg(done("\"q\""))).await;
    drop((listen, sender, calls.recv().await));
    let all = written(&folder, &log).await;
    let told: Vec<_> = all.iter().map(|line| (line["kind"].as_str().unwrap(), &line["from"])).collect();
    let server = serde_json::Value::from("server");
    assert_eq!(told[..2], [("notification", &server), ("question", &server)]);
    assert_eq!((told[2].0, &all[2]["id"]), ("answer", &r#""q""#.into()));
}

#[cfg(feature = "secret")]
#[tokio::test]
async fn a_secret_in_a_name_is_masked() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let secret = "oDn2wrpfkJMmrH7OhacoK5x6Gixs";
    log.record(Record::note(&format!("Authorization: Bearer {secret}")));
    log.flushed().await;
    let text = std::fs::read_to_string(folder.log()).unwrap();
    assert!(text.contains("REDACTED") && !text.contains(secret), "{text}");
}

#[tokio::test]
async fn where_it_fails_closed_a_call_without_room_does_not_go_on() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new().overflow(Overflow::Refuse).max_queued(2)).unwrap();
    let (stack, mut calls) = by_hand();
    let stack = AuditLayer::new(log.clone()).layer(stack);
    let mut stack = CatchErrorLayer::new().layer(stack);
    let first = run(&mut stack, call(1)).await.unwrap();
    let second = run(&mut stack, call(2)).await.unwrap();
    let refused = run(&mut stack, call(3)).await.unwrap();
    assert!(error_of(&refused).contains("-32603"));
    assert!(run(&mut stack, msg(note("notifications/x"))).await.unwrap().is_end());
    assert_eq!(log.stats().refused, 2);
    drop((first, second));
    log.flushed().await;
    let _fourth = run(&mut stack, call(4)).await.unwrap();
    let mut ids = Vec::new();
    while ids.len() < 3 {
        ids.push(calls.recv().await.unwrap().0.id().unwrap().to_string());
    }
    assert_eq!(ids, ["1", "2", "4"]);
    assert_eq!(log.stats().lost, 0);
}

#[tokio::test]
async fn what_is_lost_is_counted_at_its_place() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new().max_queued(1)).unwrap();
    for number in 0..20_000 {
        log.record(Record::note(&format!("{number}")));
    }
    log.flushed().await;
    // What was lost last is told with what comes next.
    log.record(Record::note("the last"));
    log.flushed().await;
    let found = verify([folder.log()]);
    let lost = log.stats().lost;
    assert!(found.is_whole() && lost > 0, "{found:?}");
    assert_eq!(found.lost, lost);
    let notes = lines(&folder.log()).iter().filter(|line| line["kind"] == "note").count() as u64;
    assert_eq!(notes + lost, 20_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_make_one_chain() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new().max_queued(1 << 16)).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let mut stack = AuditLayer::new(log.clone()).layer(leaf(echo));
            tokio::spawn(async move {
                for id in 0..250 {
                    let _ = run(&mut stack, call(id)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(written(&folder, &log).await.len(), 2000);
}
