//! The crate's own layers, each alone.

use futures::{StreamExt, stream};
use shadowcat::layer::{CatchErrorLayer, MapLayer, Next, OnRequestsLayer, TimeoutLayer, from_fn};
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::*;

#[tokio::test]
async fn a_map_changes_each_way_alone_or_both() {
    let up = |message: JsonRpcMessage| message.with_id(50);
    let down = |message: JsonRpcMessage| message.with_id("down");
    for (layer, sent, got) in [
        (MapLayer::requests(up), call_text(50), done(50)),
        (MapLayer::replies(down), call_text(1), done("\"down\"")),
        (MapLayer::requests(up).and_replies(down), call_text(50), done("\"down\"")),
    ] {
        let leaf = leaf(echo);
        let seen = leaf.seen.clone();
        let reply = run(&mut layer.layer(leaf), call(1)).await.unwrap();
        assert_eq!((seen.all(), rest(reply).await), (vec![sent], vec![got]));
    }
}

#[tokio::test]
async fn a_function_begins_in_call_so_that_order_is_kept() {
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut stack = from_fn(|message, next: Next| next.run(message)).layer(leaf);
    let first = stack.ready().await.unwrap().call(call(1));
    let second = stack.ready().await.unwrap().call(call(2));
    assert_eq!(seen.all(), [call_text(1), call_text(2)]);
    assert_eq!(rest(second.await.unwrap()).await, [done(2)]);
    assert_eq!(rest(first.await.unwrap()).await, [done(1)]);
}

#[tokio::test]
async fn a_function_may_wait_before_and_after() {
    let (open, gate) = tokio::sync::watch::channel(false);
    let layer = from_fn(move |message, next: Next| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            Ok(next.run(message).await?.map(|message| message.with_id("changed")))
        }
    });
    let (mut stack, mut server) = mock(layer);
    let mut waiting = tokio_test::task::spawn(stack.ready().await.unwrap().call(call(1)));
    assert!(waiting.poll().is_pending());
    open.send(true).unwrap();
    assert!(waiting.is_woken() && waiting.poll().is_pending());
    let (message, respond) = server.next_request().await.unwrap();
    respond.send_response(Reply::one(msg(done(message.id().unwrap()))));
    assert_eq!(rest(waiting.await.unwrap()).await, [done("\"changed\"")]);
}

#[tokio::test]
async fn a_refused_call_never_reaches_the_server() {
    let refuse = from_fn(|message: JsonRpcMessage, _next| async move {
        Ok(Reply::refuse(&message, shadowcat::Code::INVALID_PARAMS, "no"))
    });
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut stack = refuse.layer(leaf);
    assert!(error_of(&run(&mut stack, call(1)).await.unwrap()).contains("-32602"));
    assert_eq!(seen.len(), 0);
}

#[tokio::test]
async fn errors_become_one_answer_without_their_details() {
    let failing = |message: JsonRpcMessage| async move {
        match message.id().and_then(|id| id.as_i64()) {
            Some(1) => Err::<Reply, BoxError>("secret".into()),
            Some(2) => Ok(Reply::stream(stream::iter([
                Ok(msg(note("n"))),
                Err(Error::timeout("secret")),
                Ok(msg(done(2))),
            ]))),
            Some(3) => Ok(Reply::one(msg(done(3)))),
            _ => Err("secret".into()),
        }
    };
    let mut stack = CatchErrorLayer::new().layer(service_fn(failing));
    let reply = run(&mut stack, call(1)).await.unwrap();
    assert!(!error_of(&reply).contains("secret"));
    assert_eq!(reply.as_one().unwrap().id().unwrap().as_i64(), Some(1));

    let all = run(&mut stack, call(2)).await.unwrap().collect(9999).await.unwrap();
    assert_eq!((all.len(), text(&all[0])), (2, note("n")));
    assert!(all[1].error().is_some() && !text(&all[1]).contains("secret"));

    assert_eq!(rest(run(&mut stack, call(3)).await.unwrap()).await, [done(3)]);
    assert!(run(&mut stack, msg(note("n"))).await.unwrap().is_end(), "a notification is never answered");
    let mut listen = run(&mut stack, session_listen()).await.unwrap();
    assert!(listen.next().await.unwrap().is_err(), "how a front end learns that the server is gone");
}

#[tokio::test]
async fn a_stack_that_broke_is_not_asked_again() {
    let (mut stack, mut server) = mock(CatchErrorLayer::new());
    server.send_error(Error::closed("secret"));
    for id in 1..=2 {
        assert!(!error_of(&run(&mut stack, call(id)).await.unwrap()).contains("secret"));
    }
    assert!(run(&mut stack, msg(note("n"))).await.unwrap().is_end());
}

#[test]
fn layers_go_where_users_put_them() {
    fn shared<T: Send + Sync + Clone + Unpin + 'static>(_: &T) {}
    let leaf = leaf(echo);
    shared(&MapLayer::requests(|message| message).layer(leaf.clone()));
    shared(&CatchErrorLayer::new().layer(leaf.clone()));
    shared(&TimeoutLayer::new().layer(leaf.clone()));
    shared(&shadowcat::layer::TraceLayer::new().layer(leaf.clone()));
    shared(&from_fn(|message, next: Next| next.run(message)).layer(leaf.clone()));
    shared(&OnRequestsLayer::new(tower::layer::util::Identity::new()).layer(leaf.clone()));
}
