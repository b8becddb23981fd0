//! One leaf per session: how many there may be, and when one goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shadowcat::connect::PerSession;
use shadowcat::{Error, JsonRpcMessage};
use tower::{Service, service_fn};

use crate::made::Made;
use crate::sessions::{LIMIT, gated, listen_of, of, servers};
use crate::support::{self, call, call_text, done, msg, next, note, rest, settled, soon};

#[tokio::test(start_paused = true)]
async fn a_session_too_many_is_refused_until_another_ends() {
    let (made, servers) = servers();
    let mut servers = servers.max_sessions(2);
    let first = [servers.call(of("a", call(1))), servers.call(of("b", call(1)))];
    let error = servers.call(of("c", call(1))).await.unwrap_err();
    assert!(error.is_busy() && error.is_unsent() && error.to_string().contains("2 sessions"), "{error}");
    assert!(servers.end("a"));
    assert!(!servers.end("a"));
    let third = servers.call(of("c", call(1)));
    settled().await;
    assert_eq!(
        (made.len(), servers.stats().sessions, servers.stats().refused),
        (2, 2, 1),
        "a was ended before it was made"
    );
    drop((first, third));
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_stopped_and_its_name_begins_another() {
    let (made, mut servers) = servers();
    let mut listen = servers.call(listen_of("s")).await.unwrap();
    let pending = servers.call(of("s", call(1)));
    settled().await;
    servers.end("s");
    let error = pending.await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("ended"), "{error}");
    let listened = soon(futures::StreamExt::next(&mut listen)).await.unwrap();
    assert!(listened.unwrap_err().to_string().contains("ended"));
    let mut peer = made.take(0);
    assert_eq!(peer.hear().await.as_deref(), Some(&*call_text(1)));
    assert_eq!(peer.hear().await, None, "its pipe is closed");
    drop(servers.call(of("s", call(2))));
    settled().await;
    assert_eq!(made.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_ended_while_its_leaf_is_made_gets_none() {
    let (made, gate, mut servers) = gated();
    let waiting = servers.call(of("s", call(1)));
    settled().await;
    servers.end("s");
    let error = waiting.await.unwrap_err();
    assert!(error.is_closed() && error.is_unsent(), "{error}");
    gate.add_permits(1);
    settled().await;
    assert_eq!(made.len(), 0, "its making was given up");
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_is_lost_and_a_busy_one_is_not() {
    let (made, mut servers) = servers();
    let mut listen = servers.call(listen_of("idle")).await.unwrap();
    let pending = servers.call(of("busy", call(1)));
    let streaming = servers.call(of("reading", with_token()));
    settled().await;
    let mut reader = made.take(2);
    reader.say(support::progress(1, 1)).await;
    let mut reply = streaming.await.unwrap();
    next(&mut reply).await;

    tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
    assert_eq!(servers.stats().sessions, 3);
    tokio::time::sleep(LIMIT / 16 + Duration::from_secs(2)).await;
    assert_eq!((servers.stats().sessions, servers.stats().timed_out), (2, 1));
    let why = soon(futures::StreamExt::next(&mut listen)).await.unwrap().unwrap_err();
    assert!(why.is_closed() && why.to_string().contains("idle"), "{why}");
    let late = servers.call(of("idle", call(2))).await.unwrap_err();
    assert!(late.is_closed() && late.is_unsent() && late.to_string().contains("idle"), "{late}");
    assert_eq!(made.len(), 3, "a lost session is not begun anew");

    reader.say(done(1)).await;
    rest(reply).await;
    drop(pending);
    tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
    assert_eq!(servers.stats().sessions, 2, "from the end of the last reply on");
    tokio::time::sleep(LIMIT / 8).await;
    assert_eq!((servers.stats().sessions, servers.stats().lost), (0, 3));
    servers.end("idle");
    drop(servers.call(of("idle", call(3))));
    assert_eq!((servers.stats().sessions, servers.stats().lost), (1, 2), "after its end the name is free");
}

fn with_token() -> JsonRpcMessage {
    msg(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_session_is_lost_with_its_leaf() {
    let (made, mut servers) = servers();
    let pending = servers.call(of("s", call(1)));
    settled().await;
    drop(made.take(0));
    assert!(pending.await.unwrap_err().is_closed());
    for wait in [Duration::ZERO, LIMIT / 8] {
        tokio::time::sleep(wait).await;
        let error = servers.call(of("s", call(2))).await.unwrap_err();
        assert!(error.is_closed() && error.is_unsent() && error.to_string().contains("output"), "{error}");
    }
    assert_eq!((made.len(), servers.stats().sessions, servers.stats().lost), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_could_not_be_made_is_tried_again_with_the_next_call() {
    let (tries, made) = (Arc::new(AtomicUsize::new(0)), Made::default());
    let (counted, maker) = (tries.clone(), made.clone());
    let make = service_fn(move |()| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if first { Err(Error::closed("no such program")) } else { Ok(maker.leaf()) })
    });
    let mut servers = PerSession::new(make);
    let (first, second) = (servers.call(of("s", call(1))), servers.call(of("s", call(2))));
    for call in [first, second] {
        let error = call.await.unwrap_err();
        assert!(error.is_unsent() && error.to_string().contains("no such program"), "{error}");
    }
    assert_eq!(servers.stats().sessions, 0);
    drop(servers.call(of("s", call(3))));
    settled().await;
    assert_eq!(made.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_when_the_last_handle_is_gone() {
    let (made, mut servers) = servers();
    let pending = servers.call(of("s", call(1)));
    let _ = servers.call(of("t", msg(note("notifications/x")))).await.unwrap();
    settled().await;
    drop(servers);
    settled().await;
    let mut idle = made.take(1);
    idle.hear().await.unwrap();
    assert_eq!(idle.hear().await, None);
    let mut busy = made.take(0);
    busy.hear().await.unwrap();
    busy.say(done(1)).await;
    assert_eq!(rest(pending.await.unwrap()).await, [done(1)], "what is pending is answered");
    settled().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_panics_fails_what_waits_and_is_tried_again() {
    let (mut tries, made) = (0, Made::default());
    let maker = made.clone();
    let make = service_fn(move |()| {
        tries += 1;
        let (first, maker) = (tries == 1, maker.clone());
        async move {
            assert!(!first, "the first leaf panics");
            Ok::<_, Error>(maker.leaf())
        }
    });
    let mut servers = PerSession::new(make);
    let error = soon(servers.call(of("s", call(1)))).await.unwrap_err();
    assert!(error.is_closed() && error.is_unsent(), "{error}");
    assert_eq!(servers.stats().sessions, 0);
    drop(servers.call(of("s", call(2))));
    settled().await;
    assert_eq!(made.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_hangs_is_given_up() {
    let (_, _, servers) = gated();
    let mut servers = servers.spawn_timeout(Duration::from_secs(3));
    let before = tokio::time::Instant::now();
    let error = servers.call(of("s", call(1))).await.unwrap_err();
    assert!(error.is_timeout() && error.is_unsent(), "{error}");
    assert_eq!((before.elapsed().as_secs(), servers.stats().sessions), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn the_listen_does_not_outlive_the_last_call_when_the_last_handle_is_gone() {
    let (made, mut servers) = servers();
    let pending = servers.call(of("s", call(1)));
    let mut listen = servers.call(listen_of("s")).await.unwrap();
    let mut peer = made.take(0);
    peer.hear().await.unwrap();
    drop(servers);
    settled().await;
    peer.say(done(1)).await;
    assert_eq!(rest(pending.await.unwrap()).await, [done(1)]);
    assert_eq!(soon(peer.hear()).await, None, "its pipe is closed");
    assert!(soon(futures::StreamExt::next(&mut listen)).await.unwrap().unwrap_err().is_closed());
}
