//! A tower layer on requests only: who waits, who does not, and nobody is stranded.

use std::sync::Arc;
use std::task::Poll;

use shadowcat::layer::OnRequestsLayer;
use shadowcat::{BoxError, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceBuilder};

use crate::support::*;

/// `OnRequestsLayer(concurrency_limit(1))` over calls that end when the test says so.
fn limited(
    max_waiting: usize,
) -> (impl Service<JsonRpcMessage, Response = Reply, Error = BoxError>, Seen, Senders) {
    let senders = Senders::default();
    let to_test = senders.clone();
    let leaf = leaf(move |message: JsonRpcMessage| {
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        to_test.lock().unwrap().push(answer);
        async move {
            if message.responder().id().is_some() && !message.is_listen() {
                let _ = answered.await;
            }
            echo(message).await
        }
    });
    let seen = leaf.seen.clone();
    let limit = ServiceBuilder::new().concurrency_limit(1).into_inner();
    (OnRequestsLayer::new(limit).max_waiting(max_waiting).layer(leaf), seen, senders)
}

type Senders = Arc<std::sync::Mutex<Vec<tokio::sync::oneshot::Sender<()>>>>;

#[tokio::test]
async fn requests_wait_in_order_and_everything_else_goes_straight_on() {
    let (mut stack, seen, _answers) = limited(10);
    let mut calls: Vec<_> = (1..=3).map(|id| tokio_test::task::spawn(stack.call(call(id)))).collect();
    calls.iter_mut().rev().for_each(|call| assert!(call.poll().is_pending()));
    for direct in [msg(note("n")), msg(done(5)), session_listen()] {
        let _ = run(&mut stack, direct.clone()).await.unwrap();
        assert_eq!(seen.all().last(), Some(&text(&direct)));
    }
    assert_eq!(seen.len(), 4);
    drop(calls.remove(0));
    assert!(calls[0].is_woken() && !calls[1].is_woken(), "one after the other");
    assert!(calls[0].poll().is_pending());
    assert_eq!(seen.all().last(), Some(&call_text(2)));
}

#[tokio::test]
async fn a_waiter_that_leaves_moves_the_next_one_up() {
    let (mut stack, seen, answers) = limited(10);
    let mut calls: Vec<_> = (1..=4).map(|id| tokio_test::task::spawn(stack.call(call(id)))).collect();
    calls.iter_mut().for_each(|call| assert!(call.poll().is_pending()));
    let mut fourth = calls.pop().unwrap();
    let (third, second, mut first) = (calls.pop().unwrap(), calls.pop().unwrap(), calls.pop().unwrap());
    drop(second);
    answers.lock().unwrap().remove(0).send(()).unwrap();
    assert!(matches!(first.poll(), Poll::Ready(Ok(_))));
    drop(first); // with it goes its permit
    drop(third); // its turn had come, but it never took it
    assert!(fourth.is_woken() && fourth.poll().is_pending());
    assert_eq!(seen.all(), [call_text(1), call_text(4)]);
}

#[tokio::test]
async fn beyond_its_bound_the_queue_refuses() {
    let (mut stack, seen, _answers) = limited(1);
    let (_first, _second) = (stack.call(call(1)), stack.call(call(2)));
    assert!(error_of(&stack.call(call(3)).await.unwrap()).contains("-32603"));
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn beyond_eight_mebibytes_the_queue_refuses() {
    let (mut stack, seen, _answers) = limited(100);
    let large = format!(r#"{{"name":"t","arguments":{{"text":"{}"}}}}"#, "x".repeat(3 << 20));
    let large = JsonRpcMessage::request(1, "tools/call", large).unwrap();
    let _through_and_waiting: Vec<_> = (0..4).map(|_| stack.call(large.clone())).collect();
    assert!(error_of(&stack.call(call(6)).await.unwrap()).contains("-32603"));
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_call_that_panics_strands_nobody_who_waits() {
    let leaf = leaf(|message: JsonRpcMessage| {
        assert!(message.id().unwrap().as_i64() != Some(2), "the second call panics");
        async move {
            if message.id().unwrap().as_i64() == Some(1) {
                std::future::pending().await
            } else {
                echo(message).await
            }
        }
    });
    let limit = ServiceBuilder::new().concurrency_limit(1).into_inner();
    let mut stack = OnRequestsLayer::new(limit).layer(leaf);
    let mut calls: Vec<_> = (1..=3).map(|id| Box::pin(stack.call(call(id)))).collect();
    calls.iter_mut().for_each(|call| assert!(poll_once(call.as_mut()).is_pending()));
    drop(calls.remove(0));
    let mut second = calls.remove(0);
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(second.as_mut()).is_ready()));
    assert!(panicked.is_err());
    drop(second);
    let third = poll_once(calls[0].as_mut());
    assert!(matches!(third, Poll::Ready(Ok(_))), "the third is not stranded");
}

#[tokio::test]
async fn a_permit_is_free_again_when_its_call_is_dropped_in_the_queue() {
    let (mut stack, seen, answers) = limited(10);
    for _ in 0..100 {
        let first = stack.call(call(1));
        let second = stack.call(call(2));
        drop(first);
        drop(second);
    }
    let mut last = tokio_test::task::spawn(stack.call(call(3)));
    assert!(last.poll().is_pending());
    assert_eq!(seen.all().last(), Some(&call_text(3)));
    answers.lock().unwrap().pop().unwrap().send(()).unwrap();
    assert!(last.await.unwrap().as_one().is_some());
}
