//! Whose a message of the server is does not depend on when it is read, nor on which thread is first.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::{Exit, Leaf, Shared};
use shadowcat::{Error, JsonRpcMessage, Reply, ReplySender};
use tower::Service;

use crate::many::{is_quiet, server};
use crate::support::{call, msg, next, settled, text};

const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"bob's"}}"#;

fn question(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_hear_what_was_said_of_anothers_cancelled_call() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let of_bob = bob.call(call(1));
    peer.hear().await;
    let of_ann = ann.call(call(1));
    peer.hear().await;
    drop(of_bob); // the server still works on it
    peer.hear().await;
    peer.say(LOG).await;
    peer.say(question(77)).await;
    settled().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let mut reply = of_ann.await.unwrap();
    is_quiet(&mut reply).await;
    peer.hear_error(Some("77"), -32603).await;
    assert_eq!((shared.stats().refused_questions, shared.stats().dropped_notifications), (1, 1));
    peer.say(question(78)).await;
    assert_eq!(next(&mut reply).await, question(78), "by now it can only be ann's");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_long_after_a_cancellation_is_heard_by_a_reader_that_waited_all_the_time() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let of_ann = tokio::spawn(ann.call(call(1)));
    peer.hear().await;
    settled().await;
    drop(bob.call(call(1)));
    peer.hear().await;
    peer.hear().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    peer.say(question(1)).await;
    let mut reply = of_ann.await.unwrap().unwrap();
    assert_eq!(next(&mut reply).await, question(1));
}

type Hook = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Answers one client by hand; of the call that names bob it tells the moment when it is dropped.
#[derive(Clone, Default)]
struct Hooked {
    hook: Hook,
    to_ann: Arc<Mutex<Option<ReplySender>>>,
}

struct OnDrop(Hook);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let hook = self.0.lock().unwrap().take();
        hook.into_iter().for_each(|hook| hook());
    }
}

impl Service<JsonRpcMessage> for Hooked {
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if message.is_listen() {
            return Box::pin(async { Ok(Reply::stream(futures::stream::pending())) });
        }
        if text(&message).contains("bob") {
            let guard = OnDrop(self.hook.clone());
            return Box::pin(async move {
                let _guard = guard;
                futures::future::pending().await
            });
        }
        let (sender, reply) = Reply::channel(8);
        *self.to_ann.lock().unwrap() = Some(sender);
        Box::pin(async { Ok(reply) })
    }
}

impl Leaf for Hooked {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        futures::future::pending()
    }

    fn stop(&self, _: Error) {}
}

#[tokio::test]
async fn a_call_counts_as_cancelled_before_the_leaf_forgets_it() {
    let leaf = Hooked::default();
    let shared = Shared::new(leaf.clone());
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let of_bob = bob.call(msg(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bob"}}"#));
    let mut reply = ann.call(call(1)).await.unwrap();
    let (heard, to_ann) = (Arc::new(Mutex::new(None)), leaf.to_ann.clone());
    let hears = heard.clone();
    // What another thread may do at that very moment.
    *leaf.hook.lock().unwrap() = Some(Box::new(move || {
        to_ann.lock().unwrap().as_ref().unwrap().try_send(msg(LOG)).unwrap();
        let polled = reply.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        *hears.lock().unwrap() = Some(polled.is_pending());
    }));
    drop(of_bob);
    assert_eq!(heard.lock().unwrap().take(), Some(true), "ann heard what is bob's");
}
