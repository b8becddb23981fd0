//! One leaf per session: when it is made, and in which order it is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shadowcat::connect::{Multiplex, PerSession, Pool, pipe};
use shadowcat::{Error, JsonRpcMessage};
use tower::{Service, service_fn};

use crate::made::Made;
use crate::sessions::{gated, of, servers};
use crate::support::{call, call_text, done, msg, note, peer, poll_once, rest, settled, soon};

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
