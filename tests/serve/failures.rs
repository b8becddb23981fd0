//! Panics and failures behind the stdio front end: one error to one caller.

use futures::{StreamExt, stream};
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply, RpcService, serve};
use tokio::task::JoinHandle;
use tower::service_fn;

use crate::support::{Peer, Seen, by_hand, call_text, cancelled, done, echo, leaf, msg, note, peer, settled};

type Served = JoinHandle<Result<(), Error>>;

fn serve<S: RpcService>(stack: S) -> (Peer, Served) {
    let (peer, read, write) = peer(1 << 20);
    (peer, tokio::spawn(serve::stdio(stack).run_on(read, write)))
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_error_to_one_caller() {
    let stack = leaf(|message: JsonRpcMessage| {
        let id = message.id().and_then(|id| id.as_i64());
        assert!(id != Some(1), "in call");
        async move {
            assert!(id != Some(2), "in the future");
            match id {
                Some(3) => Ok(Reply::stream(stream::poll_fn(|_| panic!("in the reply")))),
                Some(4) => {
                    let begun = stream::iter([Ok(msg(note("begun")))]);
                    Ok(Reply::stream(begun.chain(stream::poll_fn(|_| panic!("later in the reply")))))
                }
                _ => echo(message).await,
            }
        }
    });
    let (mut client, served) = serve(stack);
    for id in 1..=5 {
        client.say(call_text(id)).await;
    }
    for id in ["1", "2", "3"] {
        let error = client.hear_error(Some(id), -32603).await;
        assert!(!error.contains("server is gone"), "nor is the server to blame: {error}");
    }
    assert_eq!(client.hear().await.unwrap(), note("begun"));
    client.hear_error(Some("4"), -32603).await;
    assert_eq!(client.hear().await.unwrap(), done(5));
    client.close().await;
    served.await.unwrap().unwrap();
}

/// Not ready, broken or panicking, as the next word says.
#[derive(Clone)]
struct Moody(Seen);

impl tower::Service<JsonRpcMessage> for Moody {
    type Response = Reply;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        self.0.push("asked");
        match self.0.len() {
            2 => panic!("in poll_ready"),
            3 => std::task::Poll::Ready(Err(Error::closed("secret"))),
            _ => std::task::Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        Box::pin(echo(message))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_panics_or_fails_when_asked_is_one_error_each() {
    let (mut client, _served) = serve(Moody(Seen::default()));
    settled().await;
    for id in 1..=3 {
        client.say(call_text(id)).await;
    }
    client.hear_error(Some("1"), -32603).await;
    assert!(!client.hear_error(Some("2"), -32603).await.contains("secret"));
    assert_eq!(client.hear().await.unwrap(), done(3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_something_is_dropped_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in drop");
            }
        }
    }
    let stack = service_fn(|message: JsonRpcMessage| async move {
        if message.id().is_some_and(|id| id.as_i64() == Some(1)) {
            return Ok::<_, Error>(Reply::stream(stream::pending()).hold(Bomb));
        }
        echo(message).await
    });
    let (mut client, _served) = serve(stack);
    for line in [call_text(1), cancelled(1), call_text(2)] {
        client.say(line).await;
    }
    assert_eq!(client.hear().await.unwrap(), done(2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_internal_error_without_its_details() {
    let stack = service_fn(|message: JsonRpcMessage| async move {
        match message.id().and_then(|id| id.as_i64()) {
            Some(1) => Err::<_, BoxError>("secret one".into()),
            Some(2) => {
                Ok(Reply::stream(stream::iter([Err(Error::io("secret two", std::io::Error::other("x")))])))
            }
            Some(3) => Ok(Reply::empty()),
            Some(4) => Ok(Reply::one(msg(done(99)))),
            Some(5) => Ok(Reply::one(msg(note("n")))),
            _ if message.is_listen() => Ok(Reply::stream(stream::pending())),
            _ => Err("secret three".into()),
        }
    });
    let (mut client, _served) = serve(stack);
    client.say(note("notifications/x")).await;
    for id in ["1", "2", "3", "4"] {
        client.say(call_text(id)).await;
        assert!(!client.hear_error(Some(id), -32603).await.contains("secret"));
    }
    client.say(call_text(5)).await;
    assert_eq!(client.hear().await.unwrap(), note("n"));
    client.hear_error(Some("5"), -32603).await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_ends_the_session_after_the_last_answer() {
    let (stack, mut calls) = by_hand();
    let (mut client, served) = serve(stack);
    let (_, listen) = calls.recv().await.unwrap();
    client.say(call_text(1)).await;
    let (_, sender) = calls.recv().await.unwrap();
    listen.fail(Error::closed("the server exited with status 3"));
    settled().await;
    assert!(!served.is_finished(), "a call is still pending");
    sender.fail(Error::closed("the server exited with status 3"));
    client.hear_error(Some("1"), -32603).await;
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the server exited with status 3");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_listen_does_not_end_the_session() {
    let stack = service_fn(|message: JsonRpcMessage| async move {
        match message.is_listen() {
            true => {
                Ok::<_, Error>(Reply::stream(stream::poll_fn(|_| panic!("a layer that watches the listen"))))
            }
            false => echo(message).await,
        }
    });
    let (mut client, served) = serve(stack);
    client.say(call_text(1)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));
    assert!(!served.is_finished());
}
