//! One leaf per session: when it is made, in which order it is called, and when it goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shadowcat::connect::{MakeLeaf, Multiplex, PerSession, Pool, pipe};
use shadowcat::{Context, Direction, Error, JsonRpcMessage};
use support::{Peer, call, call_text, done, msg, next, note, peer, poll_once, rest, settled, soon};
use tokio::sync::Semaphore;
use tower::{Service, service_fn};

const LIMIT: Duration = Duration::from_secs(1600);

#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<Option<Peer>>>>);

impl Made {
    fn leaf(&self) -> Multiplex {
        let (peer, read, write) = peer(1 << 16);
        self.0.lock().unwrap().push(Some(peer));
        pipe(read, write)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn take(&self, at: usize) -> Peer {
        self.0.lock().unwrap()[at].take().unwrap()
    }
}

fn servers() -> (Made, PerSession<impl MakeLeaf<Leaf = Multiplex>>) {
    let made = Made::default();
    let maker = made.clone();
    let make = service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf())));
    (made, PerSession::new(make).idle_timeout(LIMIT))
}

/// The same, where each leaf needs a permit to be made.
fn gated() -> (Made, Arc<Semaphore>, PerSession<impl MakeLeaf<Leaf = Multiplex>>) {
    let (made, gate) = (Made::default(), Arc::new(Semaphore::new(0)));
    let (maker, open) = (made.clone(), gate.clone());
    let make = service_fn(move |()| {
        let (maker, open) = (maker.clone(), open.clone());
        async move {
            open.acquire().await.unwrap().forget();
            Ok::<_, Error>(maker.leaf())
        }
    });
    (made, gate, PerSession::new(make))
}

fn of(session: &str, message: JsonRpcMessage) -> JsonRpcMessage {
    message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(session)))
}

fn listen_of(session: &str) -> JsonRpcMessage {
    let context = Context::new(Direction::ToUpstream).session(session).session_listen();
    support::session_listen().with_context(Arc::new(context))
}

#[tokio::test(start_paused = true)]
async fn every_session_has_a_leaf_of_its_own() {
    let (made, mut servers) = servers();
    let (ann, bob) = (servers.call(of("ann", call(1))), servers.call(of("bob", call(1))));
    settled().await;
    assert_eq!(made.len(), 2);
    let (mut first, mut second) = (made.take(0), made.take(1));
    for peer in [&mut second, &mut first] {
        assert_eq!(peer.hear().await.unwrap(), call_text(1));
    }
    second.say(r#"{"jsonrpc":"2.0","id":1,"result":"bob's"}"#).await;
    first.say(r#"{"jsonrpc":"2.0","id":1,"result":"ann's"}"#).await;
    assert!(rest(ann.await.unwrap()).await[0].contains("ann's"));
    assert!(rest(bob.await.unwrap()).await[0].contains("bob's"));
    let again = servers.clone().call(of("ann", call(2)));
    assert_eq!(first.hear().await.unwrap(), call_text(2));
    drop(again);
    assert_eq!(made.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_leaf_is_made_goes_out_in_call_order() {
    let (made, gate, mut servers) = gated();
    let mut calls: Vec<_> = (0..20).map(|id| servers.call(of("s", call(id)))).collect();
    for call in calls.iter_mut().rev() {
        assert!(poll_once(std::pin::Pin::new(&mut *call)).is_pending());
    }
    drop(calls.remove(3));
    drop(calls.remove(0));
    gate.add_permits(1);
    settled().await;
    calls.push(servers.call(of("s", call(20))));
    let mut peer = made.take(0);
    for id in (0..=20).filter(|id| ![0, 3].contains(id)) {
        assert_eq!(peer.hear().await.unwrap(), call_text(id), "what was cancelled is not sent");
        peer.say(done(id)).await;
    }
    for call in calls {
        soon(call).await.unwrap().collect(1000).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded() {
    let (_, _, mut servers) = gated();
    let waiting: Vec<_> = (0..1024).map(|id| servers.call(of("s", call(id)))).collect();
    let error = servers.call(of("s", call(1024))).await.unwrap_err();
    assert!(error.is_busy() && error.is_unsent(), "{error}");
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_session_is_refused() {
    let (made, mut servers) = servers();
    let error = servers.call(call(1)).await.unwrap_err();
    assert!(error.is_invalid() && error.is_unsent() && error.to_string().contains("session"), "{error}");
    assert_eq!(made.len(), 0);
}

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
async fn a_leaf_that_is_not_ready_holds_up_its_session_and_keeps_the_order() {
    let (made, ready) = (Made::default(), Arc::new(AtomicBool::new(true)));
    let (maker, is_ready) = (made.clone(), ready.clone());
    let make = service_fn(move |()| {
        std::future::ready(Ok::<_, Error>(Moody { leaf: maker.leaf(), is_ready: is_ready.clone() }))
    });
    let mut servers = PerSession::new(make);
    let first = servers.call(of("s", call(1)));
    settled().await;
    ready.store(false, Ordering::Relaxed);
    let (second, third) = (servers.call(of("s", call(2))), servers.call(of("s", call(3))));
    let mut peer = made.take(0);
    assert_eq!(peer.hear().await.unwrap(), call_text(1));
    peer.hears_nothing().await;
    ready.store(true, Ordering::Relaxed);
    let fourth = servers.call(of("s", call(4)));
    for id in 2..=4 {
        assert_eq!(peer.hear().await.unwrap(), call_text(id));
    }
    drop((first, second, third, fourth));
}

/// Ready when it is told to be, and looks every 10 ms.
#[derive(Clone)]
struct Moody {
    leaf: Multiplex,
    is_ready: Arc<AtomicBool>,
}

impl Service<JsonRpcMessage> for Moody {
    type Response = shadowcat::Reply;
    type Error = Error;
    type Future = <Multiplex as Service<JsonRpcMessage>>::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        if self.is_ready.load(Ordering::Relaxed) {
            return self.leaf.poll_ready(cx);
        }
        let waker = cx.waker().clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            waker.wake();
        });
        std::task::Poll::Pending
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.leaf.call(message)
    }
}

impl shadowcat::connect::Leaf for Moody {
    fn ended(&self) -> impl Future<Output = shadowcat::connect::Exit> + Send + 'static {
        shadowcat::connect::Leaf::ended(&self.leaf)
    }

    fn stop(&self, why: Error) {
        self.leaf.stop(why);
    }
}

#[tokio::test(start_paused = true)]
async fn it_takes_its_leaves_from_a_pool_and_shutdown_ends_them() {
    let made = Made::default();
    let maker = made.clone();
    let make = service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf())));
    let pool = Pool::new(make).spawn_ahead(2);
    pool.warm().await.unwrap();
    let mut servers = PerSession::new(pool.clone());
    let _ = servers.call(of("a", msg(note("notifications/x")))).await.unwrap();
    let _ = servers.call(of("b", msg(note("notifications/x")))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await; // spares are replaced
    assert_eq!((pool.stats().in_use, pool.stats().idle), (2, 2));
    servers.shutdown().await;
    settled().await;
    assert_eq!((pool.stats().in_use, pool.stats().alive), (0, 2));
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

#[tokio::test]
async fn sessions_on_many_threads_do_not_meet() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let checked = runtime.spawn(async {
        let make = service_fn(|()| {
            let (mut peer, read, write) = peer(1 << 16);
            tokio::spawn(async move {
                while let Some(line) = peer.hear().await {
                    let id = msg(&line).owned_id().unwrap();
                    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"line":{line}}}}}"#)).await;
                }
            });
            std::future::ready(Ok::<_, Error>(pipe(read, write)))
        });
        let servers = PerSession::new(make);
        let clients = (0..50).map(|client| {
            let mut servers = servers.clone();
            tokio::spawn(async move {
                for round in 0..50 {
                    let text = format!(
                        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"of":"{client}-{round}"}}}}"#
                    );
                    let reply = servers.call(of(&client.to_string(), msg(text))).await.unwrap();
                    assert!(rest(reply).await[0].contains(&format!("\"{client}-{round}\"")));
                }
            })
        });
        futures::future::try_join_all(clients).await.unwrap();
        assert_eq!(servers.stats().sessions, 50);
    });
    checked.await.unwrap();
    runtime.shutdown_background();
}
