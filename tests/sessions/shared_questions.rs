//! Whom a shared server may ask: the client whose call it works on, and nobody else.

use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::{Leaf, Multiplex, Shared, pipe, shared::Client};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::Service;

use crate::support::{self, Peer, call, done, msg, next, peer, rest, session_listen, settled};

async fn server() -> (Peer, Shared<Multiplex>, [(Client<Multiplex>, Reply); 2]) {
    let (peer, read, write) = peer(1 << 20);
    let shared = Shared::new(pipe(read, write));
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let to_ann = ann.call(session_listen()).await.unwrap();
    let to_bob = bob.call(session_listen()).await.unwrap();
    settled().await;
    (peer, shared, [(ann, to_ann), (bob, to_bob)])
}

fn question(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

fn log(data: u32) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":{data}}}}}"#
    )
}

fn id(message: &JsonRpcMessage) -> String {
    message.id().unwrap().as_str().to_owned()
}

async fn is_quiet(reply: &mut Reply) {
    let heard = tokio::time::timeout(Duration::from_millis(50), reply.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn the_only_call_is_asked_and_only_its_client_may_answer() {
    let (mut peer, shared, [(mut ann, mut to_ann), (mut bob, mut to_bob)]) = server().await;
    let pending = ann.call(call(1));
    let asked = peer.hear_message().await;
    peer.say(question(9)).await;
    let mut reply = pending.await.unwrap();
    assert_eq!(next(&mut reply).await, question(9));
    bob.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    peer.hears_nothing().await;
    assert_eq!(shared.stats().unmatched_answers, 1);
    ann.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), done(9));
    ann.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    peer.say(done(id(&asked))).await;
    assert_eq!(rest(reply).await, [done(1)]);
    peer.hears_nothing().await;
    is_quiet(&mut to_ann).await;
    is_quiet(&mut to_bob).await;
}

#[tokio::test(start_paused = true)]
async fn several_calls_of_one_client_are_one_clients() {
    let (mut peer, _shared, [(mut ann, mut to_ann), (_bob, mut to_bob)]) = server().await;
    let pending = (ann.call(call(1)), ann.call(call(2)));
    peer.hear().await;
    peer.hear().await;
    peer.say(question(9)).await;
    peer.say(log(1)).await;
    assert_eq!(next(&mut to_ann).await, question(9));
    assert_eq!(next(&mut to_ann).await, log(1));
    ann.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), done(9));
    is_quiet(&mut to_bob).await;
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn where_it_cannot_be_told_nobody_is_asked() {
    let (mut peer, shared, [(mut ann, mut to_ann), (mut bob, mut to_bob)]) = server().await;
    peer.say(question(7)).await;
    peer.hear_error(Some("7"), -32603).await;
    let pending = (ann.call(call(1)), bob.call(call(1)));
    peer.hear().await;
    peer.hear().await;
    peer.say(question(8)).await;
    peer.hear_error(Some("8"), -32603).await;
    peer.say(log(1)).await;
    is_quiet(&mut to_ann).await;
    is_quiet(&mut to_bob).await;
    assert_eq!((shared.stats().refused_questions, shared.stats().dropped_notifications), (2, 1));
    peer.say(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#).await;
    assert_eq!(peer.hear().await.unwrap(), done("\"p\""), "that it is there needs no client");
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_may_be_what_the_server_still_works_on() {
    let (mut peer, shared, [(mut ann, _to_ann), (mut bob, mut to_bob)]) = server().await;
    drop(ann.call(call(1)));
    peer.hear().await;
    peer.hear().await;
    let pending = bob.call(call(1));
    let asked = peer.hear_message().await;
    peer.say(question(1)).await; // about ann's, for all one knows
    peer.say(log(1)).await;
    let first = tokio::spawn(async move {
        let mut reply = pending.await.unwrap();
        (next(&mut reply).await, reply)
    });
    peer.hear_error(Some("1"), -32603).await;
    assert_eq!((shared.stats().refused_questions, shared.stats().dropped_notifications), (1, 1));
    tokio::time::sleep(Duration::from_secs(31)).await;
    peer.say(question(2)).await;
    let (first, reply) = first.await.unwrap();
    assert_eq!(first, question(2));
    peer.say(done(id(&asked))).await;
    assert_eq!(rest(reply).await, [done(1)]);
    is_quiet(&mut to_bob).await;
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_of_those_who_ran_when_it_was_asked() {
    let (mut peer, shared, [(mut ann, mut to_ann), (mut bob, mut to_bob)]) = server().await;
    let (first, second) = (ann.call(call(1)), ann.call(call(2)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    // All in one read: by the time that the question is looked at, ann's calls are over and bob's runs.
    let all = [question(9), done(id(&one)), done(id(&two))].join("\n") + "\n";
    peer.say_raw(all.as_bytes()).await;
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok());
    let pending = bob.call(call(1));
    settled().await;
    is_quiet(&mut to_bob).await;
    let is_ann = futures::FutureExt::now_or_never(to_ann.next()).is_some();
    assert!(is_ann || shared.stats().refused_questions == 1);
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn what_a_gone_client_was_asked_is_refused() {
    let (mut peer, _shared, [(mut ann, mut to_ann), (_bob, _to_bob)]) = server().await;
    let pending = (ann.call(call(1)), ann.call(call(2)));
    peer.hear().await;
    peer.hear().await;
    peer.say(question(8)).await;
    peer.say(question(9)).await;
    assert_eq!(next(&mut to_ann).await, question(8));
    drop(to_ann); // the other is not read
    peer.hear_error(Some("9"), -32603).await;
    peer.hears_nothing().await;
    ann.stop(Error::closed("gone"));
    peer.hear_error(Some("8"), -32603).await;
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_question_is_withdrawn_from_whom_it_was_asked() {
    let (mut peer, _shared, [(mut ann, mut to_ann), (_bob, mut to_bob)]) = server().await;
    let pending = (ann.call(call(1)), ann.call(call(2)));
    peer.hear().await;
    peer.hear().await;
    peer.say(question(9)).await;
    assert_eq!(next(&mut to_ann).await, question(9));
    peer.say(support::cancelled(9)).await;
    assert_eq!(next(&mut to_ann).await, support::cancelled(9));
    ann.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    peer.hears_nothing().await;
    is_quiet(&mut to_bob).await;
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn who_gave_up_its_call_cannot_answer_what_was_asked_in_it() {
    let (mut peer, shared, [(mut ann, _to_ann), (mut bob, _to_bob)]) = server().await;
    let pending = ann.call(call(1));
    peer.hear().await;
    peer.say(question(9)).await;
    let mut reply = pending.await.unwrap();
    assert_eq!(next(&mut reply).await, question(9));
    drop(reply);
    peer.hear_error(Some("9"), -32603).await;
    assert!(peer.hear().await.unwrap().contains("notifications/cancelled"));
    peer.hears_nothing().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let pending = bob.call(call(1));
    peer.hear().await;
    peer.say(question(9)).await; // the same id, and bob has not read it yet
    settled().await;
    ann.call(msg(done(9))).await.unwrap().collect(1).await.unwrap();
    peer.hears_nothing().await;
    assert_eq!(shared.stats().unmatched_answers, 1);
    drop(pending);
}

#[tokio::test(start_paused = true)]
async fn one_client_cannot_use_up_the_questions_of_all() {
    let (mut peer, shared, [(mut ann, mut to_ann), (mut bob, _to_bob)]) = server().await;
    let pending = (ann.call(call(1)), ann.call(call(2)));
    peer.hear().await;
    peer.hear().await;
    for number in 0..128 {
        peer.say(question(number)).await;
        assert_eq!(next(&mut to_ann).await, question(number));
    }
    peer.say(question(128)).await;
    peer.hear_error(Some("128"), -32603).await;
    drop(pending);
    peer.hear().await;
    peer.hear().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let pending = bob.call(call(1));
    peer.hear().await;
    peer.say(question(5000)).await;
    assert_eq!(next(&mut pending.await.unwrap()).await, question(5000));
    assert_eq!(shared.stats().refused_questions, 2, "one too many, and one whose reader is gone");
}
