//! What happens at the seams of a restart: late answers, dropped calls, broken leaves, questions of the dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::StreamExt;
use shadowcat::connect::supervise::{Backoff, HealthCheck, Restart, Status};
use shadowcat::connect::{Exit, Leaf, Multiplex, Options, Supervisor, multiplex};
use shadowcat::{Error, JsonRpcMessage, Reply, serve};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};

use crate::supervised::*;
use crate::support;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_session_whose_answer_came_from_a_leaf_that_is_gone_is_lost_and_not_forgotten() {
    for reestablish in [false, true] {
        let (supervisor, mut peers) = supervisor();
        let mut server = supervisor.reestablish(reestablish).start();
        let mut peer = peers.recv().await.unwrap();
        let answer = server.ready().await.unwrap().call(initialize(1));
        peer.hear().await.unwrap();
        peer.say(welcome(1, "2025-06-18")).await;
        settled().await;
        drop(peer);
        let mut peer = peers.recv().await.unwrap();
        soon(server.running()).await.unwrap();
        assert!(soon(answer).await.unwrap().as_one().unwrap().result().is_some());
        for message in [initialized(), call(2)] {
            let error = soon(server.ready().await.unwrap().call(message)).await.unwrap_err();
            assert!(error.is_session_lost(), "{error:?}");
        }
        peer.hears_nothing().await;
        assert_eq!(server.stats().lost_sessions, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_initialize_that_was_never_sent_or_was_given_up_makes_nobody_unhealthy() {
    let (peers, mut to_test) = mpsc::channel(1);
    let make = service_fn(move |()| {
        let (peer, read, write) = peer(1 << 16);
        peers.try_send(peer).ok();
        std::future::ready(Ok::<_, Error>(Multiplex::new(read, write, Options::new().max_pending(1))))
    });
    let mut server = Supervisor::new(make).spawn_timeout(WAIT).start();
    let mut peer = to_test.recv().await.unwrap();
    let running = server.ready().await.unwrap().call(call(7));
    assert!(soon(server.call(initialize(1))).await.unwrap_err().is_busy());
    tokio::time::sleep(10 * WAIT).await;
    assert!(server.status().is_running());
    assert_eq!(peer.hear().await.unwrap(), call_text(7));
    peer.say(done(7)).await;
    assert!(soon(running).await.is_ok());

    drop(server.ready().await.unwrap().call(initialize(2)));
    let running = server.ready().await.unwrap().call(call(8));
    tokio::time::sleep(10 * WAIT).await;
    assert!(server.status().is_running());
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_second_initialize_that_is_refused_leaves_the_session_as_it_was() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    let second = server.ready().await.unwrap().call(initialize(5));
    peer.hear().await.unwrap();
    peer.say(r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32600,"message":"already"}}"#).await;
    drop(soon(second).await.unwrap());
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), text(&initialize(1)));
}

#[tokio::test(start_paused = true)]
async fn a_new_session_on_stdio_works_after_an_old_one_was_lost() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    soon(server.running()).await.unwrap();

    let (mut client, read, write) = support::peer(1 << 16);
    let served = tokio::spawn(serve::stdio(server).run_on(read, write));
    client.say(text(&initialize(1))).await;
    assert_eq!(peer.hear().await.unwrap(), text(&initialize(1)));
    peer.say(welcome(1, "2025-06-18")).await;
    assert_eq!(client.hear().await.unwrap(), welcome(1, "2025-06-18"));
    client.say(text(&initialized())).await;
    peer.hear().await.unwrap();
    peer.say(note("notifications/tools/list_changed")).await;
    assert_eq!(client.hear().await.unwrap(), note("notifications/tools/list_changed"));
    client.close().await;
    soon(served).await.unwrap().unwrap();
}

fn question(id: u32, text: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"elicitation/create","params":{{"message":"{text}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_dead_process_never_settles_a_question_of_the_next() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    open_session(&mut server, &mut peer).await;
    peer.say(question(0, "read notes?")).await;
    let harmless = msg(next(&mut listen).await);
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    peer.hear().await.unwrap();
    peer.say(question(0, "asked meanwhile")).await;
    peer.say(welcome(1, "2025-06-18")).await;
    peer.hear().await.unwrap();
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    let harmful = msg(next(&mut listen).await);
    assert_eq!(harmful.id().unwrap().as_str(), r#""shadowcat/restart/2/0""#);

    let yes =
        |question: &JsonRpcMessage| question.responder().result(r#"{"action":"accept"}"#).unwrap().unwrap();
    drop(soon(server.ready().await.unwrap().call(yes(&harmless))).await.unwrap());
    peer.hears_nothing().await;
    drop(soon(server.ready().await.unwrap().call(yes(&harmful))).await.unwrap());
    assert_eq!(peer.hear().await.unwrap(), r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}"#);
}

#[tokio::test(start_paused = true)]
async fn a_legacy_server_that_refuses_a_modern_request_is_not_taken_for_a_modern_one() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.health(HealthCheck::new().interval(WAIT)).start();
    let mut peer = peers.recv().await.unwrap();
    let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    let probe = JsonRpcMessage::request(1, "server/discover", params).unwrap();
    let answer = server.ready().await.unwrap().call(probe);
    peer.hear().await.unwrap();
    peer.say(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#).await;
    drop(soon(answer).await.unwrap());
    tokio::time::sleep(5 * WAIT).await;
    peer.hears_nothing().await;
}

/// A leaf whose `poll_ready` can be made to fail, and whose end is told apart from that.
#[derive(Clone)]
struct Moody {
    inner: Multiplex,
    broken: Arc<AtomicBool>,
}

impl Service<JsonRpcMessage> for Moody {
    type Response = Reply;
    type Error = Error;
    type Future = multiplex::ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.broken.load(Ordering::Relaxed) {
            return Poll::Ready(Err(Error::closed("it is moody")));
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.inner.call(message)
    }
}

impl Leaf for Moody {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.inner.ended()
    }

    fn stop(&self, why: Error) {
        self.inner.stop(why);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_is_not_ready_any_more_is_replaced_and_the_call_waits_for_the_next() {
    let (peers, mut to_test) = mpsc::channel(4);
    let (broken, second) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut moods = vec![second, broken.clone()];
    let make = service_fn(move |()| {
        let (peer, read, write) = peer(1 << 16);
        peers.try_send(peer).ok();
        let broken = moods.pop().unwrap_or_default();
        std::future::ready(Ok::<_, Error>(Moody { inner: shadowcat::connect::pipe(read, write), broken }))
    });
    let mut server = Supervisor::new(make).backoff(Backoff::new(WAIT, WAIT)).start();
    let _first = to_test.recv().await.unwrap();
    soon(server.running()).await.unwrap();
    server.ready().await.unwrap();
    let mut idle = server.clone();
    idle.ready().await.unwrap();

    broken.store(true, Ordering::Relaxed);
    let waits = server.ready().await.unwrap().call(call(1));
    let mut peer = to_test.recv().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), call_text(1));
    peer.say(done(1)).await;
    assert!(soon(waits).await.is_ok());
    // A clone that still holds the broken one does no harm to the new.
    idle.ready().await.unwrap();
    let answer = server.ready().await.unwrap().call(call(2));
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    peer.say(done(2)).await;
    assert!(soon(answer).await.is_ok() && server.status().is_running());
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_stop_is_told_and_so_is_how_it_ended_by_itself() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let _peer = peers.recv().await.unwrap();
    let pending = server.ready().await.unwrap().call(call(1));
    Leaf::stop(&server, Error::closed("the tenant is gone"));
    assert!(soon(pending).await.unwrap_err().to_string().contains("the tenant is gone"));
    assert!(soon(Leaf::ended(&server)).await.to_string().contains("the tenant is gone"));
    assert!(soon(server.call(call(2))).await.unwrap_err().to_string().contains("the tenant is gone"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_larger_than_the_room_for_those_that_wait_is_refused() {
    let make = service_fn(|()| std::future::pending::<Result<Multiplex, Error>>());
    let mut server = Supervisor::new(make).start();
    let large = |id: i64| {
        let params = format!(r#"{{"name":"{}"}}"#, "x".repeat(3 << 20));
        JsonRpcMessage::request(id, "tools/call", params).unwrap()
    };
    let _waiting = [server.call(large(1)), server.call(large(2))];
    assert!(soon(server.call(large(3))).await.unwrap_err().is_busy());
}

#[tokio::test(start_paused = true)]
async fn listens_that_come_and_go_leave_nothing_behind() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.restart(Restart::Never).start();
    let peer = peers.recv().await.unwrap();
    soon(server.running()).await.unwrap();
    let dropped = Dropped::default();
    for _ in 0..10 {
        let mut listen = soon(server.call(session_listen())).await.unwrap();
        let guard = dropped.guard();
        let waker = futures::task::waker(Arc::new(Woken(guard)));
        assert!(listen.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
        let ended = std::pin::pin!(Leaf::ended(&server));
        assert!(ended.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(dropped.alive(), 0);
    drop(peer);
    assert!(matches!(status_at_end(&server).await, Status::Failed { .. }));
}

struct Woken(#[expect(dead_code, reason = "it is dropped with its waker")] Dropped);

impl futures::task::ArcWake for Woken {
    fn wake_by_ref(_: &Arc<Self>) {}
}

async fn status_at_end(server: &Server) -> Status {
    soon(server.statuses().filter(|status| std::future::ready(status.is_final())).next()).await.unwrap()
}
