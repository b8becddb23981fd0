//! Limits of time, on a paused clock.

use std::time::Duration;

use futures::{StreamExt, stream};
use shadowcat::layer::TimeoutLayer;
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::*;

/// A stack whose one call is answered by hand, and whether it lives.
fn by_hand(
    limits: TimeoutLayer,
) -> (impl Service<JsonRpcMessage, Response = Reply, Error = BoxError>, Handle) {
    mock(limits)
}

const S: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_without_a_first_message_is_answered_and_dropped() {
    let held = Dropped::default();
    let guard = held.guard();
    let hangs = service_fn(move |_| {
        let guard = guard.clone();
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Ok::<_, Error>(Reply::empty())
        }
    });
    let start = tokio::time::Instant::now();
    let mut stack = TimeoutLayer::new().first(3 * S).layer(hangs);
    let mut pending = Box::pin(stack.call(call(1)));
    assert!(poll_once(pending.as_mut()).is_pending());
    assert_eq!(held.alive(), 2);
    let reply = pending.as_mut().await.unwrap();
    assert_eq!((start.elapsed().as_secs(), held.alive()), (3, 1), "dropped, though its future still lives");
    assert!(error_of(&reply).contains("timeout"));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_reply_and_progress_extends_it() {
    let (mut stack, mut server) = by_hand(TimeoutLayer::new().first(S).idle(3 * S).whole(60 * S));
    let pending = stack.ready().await.unwrap().call(call(1));
    let (sender, reply) = Reply::channel(8);
    server.next_request().await.unwrap().1.send_response(reply);
    let mut reply = pending.await.unwrap();
    for step in 0..5 {
        tokio::time::sleep(2 * S).await;
        sender.try_send(msg(progress(1, step))).unwrap();
        assert_eq!(next(&mut reply).await, progress(1, step));
    }
    let start = tokio::time::Instant::now();
    let last = reply.next().await.unwrap().unwrap();
    assert_eq!((start.elapsed().as_secs(), last.error().is_some()), (3, true));
    assert!(reply.is_end());
    sender.cancelled().await;
}

/// Reads a reply to its end, `pause` between the reads; tells how many messages came and whether in time.
async fn read(mut reply: Reply, pause: Duration) -> (usize, bool) {
    let mut count = 0;
    loop {
        tokio::time::sleep(pause).await;
        let message = reply.next().await.unwrap().unwrap();
        count += 1;
        if reply.is_end() {
            return (count, message.error().is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_never_extends_the_whole() {
    let endless = || {
        stream::unfold(0, |step| async move {
            tokio::time::sleep(S).await;
            Some((Ok(msg(progress(1, step))), step + 1))
        })
    };
    let stack = service_fn(|_| async move { Ok::<_, Error>(Reply::stream(endless())) });
    let mut stack = TimeoutLayer::new().idle(2 * S).whole(10 * S).layer(stack);
    let start = tokio::time::Instant::now();
    let (_, in_time) = read(run(&mut stack, call(1)).await.unwrap(), Duration::ZERO).await;
    assert_eq!((in_time, start.elapsed().as_secs()), (false, 10));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_always_has_more_is_cut_off_at_the_whole() {
    let chatty = service_fn(|_| async {
        Ok::<_, Error>(Reply::stream(stream::repeat_with(|| Ok(msg(progress(1, 0))))))
    });
    let mut stack = TimeoutLayer::new().whole(10 * S).layer(chatty);
    let reply = run(&mut stack, call(1)).await.unwrap();
    let (count, in_time) = tokio::time::timeout(60 * S, read(reply, S)).await.expect("it is cut off");
    assert!(!in_time && (9..=11).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_is_not_thrown_away_because_its_reader_was_late() {
    let answered = service_fn(|_| async {
        Ok::<_, Error>(Reply::stream(stream::iter([Ok(msg(progress(1, 0))), Ok(msg(done(1)))])))
    });
    let mut stack = TimeoutLayer::new().idle(S).whole(10 * S).layer(answered);
    let reply = run(&mut stack, call(1)).await.unwrap();
    assert_eq!(read(reply, 6 * S).await, (2, true));
}

#[tokio::test(start_paused = true)]
async fn listens_and_notifications_have_no_limit_of_time() {
    let hour = Duration::from_secs(3600);
    let slow = service_fn(move |message: JsonRpcMessage| async move {
        tokio::time::sleep(hour).await;
        echo(message).await
    });
    let mut stack = TimeoutLayer::new().first(S).idle(S).whole(S).layer(slow);
    let modern = JsonRpcMessage::request(1, "subscriptions/listen", "{}").unwrap();
    for message in [session_listen(), modern] {
        let mut listen = run(&mut stack, message).await.unwrap();
        assert!(tokio::time::timeout(hour, listen.next()).await.is_err(), "still open");
    }
    assert!(run(&mut stack, msg(note("n"))).await.unwrap().is_end());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_no_clock_reaches_is_none() {
    let layer = TimeoutLayer::new().first(Duration::MAX).idle(Duration::MAX).whole(Duration::MAX);
    let (mut stack, mut handle) = mock(layer);
    let answered =
        tokio::spawn(
            async move { run(&mut stack, call(1)).await.unwrap().collect(usize::MAX).await.unwrap() },
        );
    let (_, send) = handle.next_request().await.unwrap();
    let (sender, reply) = Reply::channel(4);
    send.send_response(reply);
    sender.try_send(msg(progress(1, 1))).unwrap();
    tokio::time::sleep(Duration::from_secs(365 * 24 * 3600)).await;
    sender.finish(msg(done(1)));
    assert_eq!(answered.await.unwrap(), [msg(progress(1, 1)), msg(done(1))]);
}
