//! Chains of interceptors: failures, what one leaves for the next, changes while traffic goes on.

use std::sync::{Arc, Mutex};

use shadowcat::layer::intercept::{
    Action, Chain, InterceptLayer, Interception, Interceptor, Interest, Link, on,
};
use shadowcat::{BoxError, Direction, Error, JsonRpcMessage, Kind, Reply};
use tower::{Layer, Service, ServiceExt};

use crate::chain::*;
use crate::support::{self, msg, next, rest, text};

/// Fails in one of three ways.
struct Failing(&'static str);

impl Interceptor for Failing {
    async fn intercept(&self, _: &mut Interception) -> Result<Action, BoxError> {
        match self.0 {
            "fails" => Err("the secret is 42".into()),
            "panics" => panic!("on purpose"),
            "late" => std::future::pending().await,
            "other id" => Ok(Action::Modify(msg(OTHER))),
            "other kind" => Ok(Action::Modify(msg(NOTE))),
            _ => Ok(Action::Respond(Reply::one(msg(NOTE)))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_blocks_or_lets_pass_as_it_was_told() {
    for way in ["fails", "panics", "late", "other id", "other kind", "no response"] {
        let (open, closed) = (Chain::new(), Chain::new());
        open.add_link(Link::new(way, Failing(way)).fail_open()).unwrap();
        closed.add(way, Failing(way)).unwrap();
        assert_eq!(through(&open, CALL, &[RESULT]).await, (vec![RESULT.into()], vec![CALL.into()]), "{way}");
        let blocked = (vec![error("\"a\"", -32603, UNCHECKED)], vec![]);
        assert_eq!(through(&closed, CALL, &[RESULT]).await, blocked, "{way}");
        let stats = closed.stats(way).unwrap();
        let counted = match way {
            "panics" => stats.panicked,
            "late" => stats.late,
            _ => stats.failed,
        };
        assert_eq!(counted, 1, "{way}: {stats:?}");
    }
}

#[tokio::test]
async fn each_sees_what_the_one_before_left_and_metadata_reaches_the_reply() {
    #[derive(Clone, Debug, PartialEq)]
    struct Seen(String);

    let chain = deciding(Interest::requests(), |seen| {
        let text = text(seen.message());
        seen.metadata_mut().insert(Seen(text));
        with(seen.message(), "/params/name", "\"u\"")
    });
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    chain
        .add(
            "two",
            on(Interest::everything(), move |seen| {
                let request = seen.request().map(text);
                kept.lock().unwrap().push((
                    seen.direction(),
                    request,
                    seen.metadata().get::<Seen>().cloned(),
                ));
                Action::Continue
            }),
        )
        .unwrap();
    through(&chain, CALL, &[PROGRESS, RESULT]).await;
    let (changed, seen) = (CALL.replace("\"t\"", "\"u\""), Some(Seen(CALL.into())));
    let back = (Direction::ToClient, Some(changed.clone()), seen.clone());
    assert_eq!(*found.lock().unwrap(), [(Direction::ToUpstream, Some(changed), seen), back.clone(), back]);
}

#[tokio::test]
async fn an_answer_is_told_by_the_question_it_answers() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    let chain = deciding(only(Direction::ToUpstream, Kind::Response).method("roots/list"), move |seen| {
        kept.lock().unwrap().push(seen.method().map(str::to_owned));
        Action::Continue
    });
    let (mut stack, _) = stack(&chain, &[QUESTION, RESULT]);
    let reply = stack.call(msg(CALL)).await.unwrap();
    rest(reply).await;
    rest(stack.call(msg(ANSWER)).await.unwrap()).await;
    rest(stack.call(msg(ANSWER.replace("\"q\"", "\"unasked\""))).await.unwrap()).await;
    assert_eq!(*found.lock().unwrap(), [Some("roots/list".to_owned())]);
}

/// The servers of two sessions count their questions alike.
#[tokio::test]
async fn an_answer_is_told_by_the_question_of_its_own_session() {
    let of = |session: &str, sent: &str| {
        msg(sent).with_context(Arc::new(shadowcat::Context::new(Direction::ToUpstream).session(session)))
    };
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    let chain = deciding(only(Direction::ToUpstream, Kind::Response), move |seen| {
        kept.lock().unwrap().push(seen.method().map(str::to_owned));
        Action::Continue
    });
    let (mut stack, _) = stack(&chain, &[QUESTION, RESULT]);
    rest(stack.call(of("one", CALL)).await.unwrap()).await;
    rest(stack.call(of("other", ANSWER)).await.unwrap()).await;
    rest(stack.call(of("one", ANSWER)).await.unwrap()).await;
    assert_eq!(*found.lock().unwrap(), [None, Some("roots/list".to_owned())]);
}

#[tokio::test]
async fn one_that_joins_later_sees_what_an_open_reply_still_brings() {
    let chain = Chain::new();
    let (mut stack, _) = stack(&chain, &[PROGRESS, PROGRESS, RESULT]);
    let mut reply = stack.call(msg(CALL)).await.unwrap();
    assert_eq!(next(&mut reply).await, PROGRESS);
    chain.add("late", on(only(Direction::ToClient, Kind::Notification), |_| Action::Drop)).unwrap();
    assert_eq!(next(&mut reply).await, RESULT);
}

#[tokio::test]
async fn the_front_ends_own_listen_is_shown_to_nobody() {
    let chain = deciding(Interest::everything(), |seen| {
        assert_ne!(seen.direction(), Direction::ToUpstream);
        Action::Continue
    });
    let (mut stack, _) = stack(&chain, &[QUESTION, NOTE]);
    let context = shadowcat::Context::new(Direction::ToUpstream).session_listen();
    let listen =
        msg(r#"{"jsonrpc":"2.0","id":0,"method":"subscriptions/listen"}"#).with_context(Arc::new(context));
    let reply = stack.call(listen).await.unwrap();
    assert_eq!(rest(reply).await.len(), 2);
    assert_eq!(chain.stats("one").unwrap().seen, 2);
    assert_eq!(chain.stats("one").unwrap().panicked, 0);
}

/// What the server asks there is answered in the client's place, and the answer is no listen.
#[tokio::test]
async fn an_answer_to_what_was_asked_on_the_listen_reaches_the_server_as_an_answer() {
    let chain = deciding(only(Direction::ToClient, Kind::Request), |_| Action::Drop);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let kept = taken.clone();
    let mut stack = InterceptLayer::new(chain).layer(tower::service_fn(move |message: JsonRpcMessage| {
        kept.lock().unwrap().push((message.kind(), message.is_session_listen()));
        let says = (message.kind() == Kind::Request).then(|| Ok(msg(QUESTION)));
        async { Ok::<_, Error>(Reply::stream(futures::stream::iter(says))) }
    }));
    rest(stack.call(support::session_listen()).await.unwrap()).await;
    assert_eq!(*taken.lock().unwrap(), [(Kind::Request, true), (Kind::Response, false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_that_changes_under_load_loses_nothing() {
    let chain = deciding(Interest::everything(), |_| Action::Continue);
    let (stack, server) = stack(&chain, &[PROGRESS, RESULT]);
    let calls = tokio::spawn(async move {
        let mut stack = stack;
        for _ in 0..2_000 {
            let reply = stack.ready().await.unwrap().call(msg(CALL)).await.unwrap();
            assert_eq!(rest(reply).await.len(), 2);
            tokio::task::yield_now().await;
        }
    });
    let mut changes = 0_u64;
    while !calls.is_finished() || changes < 1_000 {
        let name = format!("extra {}", changes % 3);
        chain.add(&name, on(Interest::everything(), |_| Action::Continue)).unwrap();
        assert!(chain.move_to(&name, 0) && chain.remove(&name));
        changes += 1;
        tokio::task::yield_now().await;
    }
    calls.await.unwrap();
    assert_eq!(server.told().len(), 2_000);
    assert_eq!(chain.stats("one").unwrap().seen, 6_000);
}

#[tokio::test]
async fn what_nobody_wants_to_see_is_not_boxed_and_what_rides_beside_a_reply_stays() {
    let chain = deciding(Interest::everything().method("ping"), |_| Action::Drop);
    let (mut stack, _) = stack(&chain, &[RESULT]);
    assert!(stack.call(msg(CALL)).await.unwrap().as_one().is_some());

    let wanted = deciding(Interest::responses(), |seen| {
        assert_eq!(seen.transport().get::<u8>(), Some(&7));
        Action::Continue
    });
    let guard = Arc::new(());
    let held = guard.clone();
    let mut stack = InterceptLayer::new(wanted.clone()).layer(tower::service_fn(move |_: JsonRpcMessage| {
        let mut reply = Reply::one(msg(RESULT)).hold(held.clone());
        reply.extensions_mut().insert(7_u8);
        async { Ok::<_, Error>(reply) }
    }));
    let reply = stack.call(msg(CALL)).await.unwrap();
    assert_eq!(reply.extensions().get::<u8>(), Some(&7));
    let held = Arc::strong_count(&guard);
    drop(reply);
    assert_eq!(Arc::strong_count(&guard), held - 1);
    assert_eq!(wanted.stats("one").unwrap().panicked, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asked_for_progress_gets_some_while_its_request_or_its_response_is_held() {
    for interest in [Interest::requests(), Interest::responses()] {
        let chain = deciding(interest, |_| {
            Action::hold(async {
                tokio::time::sleep(std::time::Duration::from_secs(40)).await;
                Action::Continue
            })
        });
        let sent = CALL.replace(r#""name":"t""#, r#""name":"t","_meta":{"progressToken":"p"}"#);
        let (got, told) = through(&chain, &sent, &[RESULT]).await;
        assert_eq!(told, [sent]);
        let ours = |n: u32| progress_of("\"p\"", &format!("0.00000{n}"));
        assert_eq!(got, [ours(1), ours(2), RESULT.into()]);
    }
}

#[tokio::test(start_paused = true)]
async fn progress_of_ours_goes_on_where_the_servers_stopped() {
    let chain = deciding(Interest::responses(), |_| Action::Delay(std::time::Duration::from_secs(20)));
    let sent = CALL.replace(r#""name":"t""#, r#""name":"t","_meta":{"progressToken":1}"#);
    let got = through(&chain, &sent, &[PROGRESS, RESULT]).await.0;
    assert_eq!(got, [PROGRESS.into(), progress_of("1", "1.000001"), RESULT.to_owned()]);
}

/// Held on its way there and on its way back, by a server that takes its time in between.
#[tokio::test(start_paused = true)]
async fn progress_of_ours_only_grows_and_there_is_none_while_the_server_works() {
    let slowly = || tokio::time::sleep(std::time::Duration::from_secs(18));
    for says in [&[RESULT][..], &[PROGRESS, RESULT]] {
        let held = Interest::everything().method("tools/call");
        let chain = deciding(held, move |_| {
            Action::hold(async move {
                slowly().await;
                Action::Continue
            })
        });
        let mut stack =
            InterceptLayer::new(chain).layer(tower::service_fn(move |_: JsonRpcMessage| async move {
                slowly().await;
                Ok::<_, Error>(match says {
                    [one] => Reply::one(msg(one)),
                    _ => Reply::stream(futures::stream::iter(says.iter().map(|said| Ok(msg(said))))),
                })
            }));
        let sent = CALL.replace(r#""name":"t""#, r#""name":"t","_meta":{"progressToken":1}"#);
        let got = rest(stack.call(msg(sent)).await.unwrap()).await;
        let ours = |progress: &str| progress_of("1", progress);
        let (said, after) = match says {
            [_] => (None, ours("0.000002")),
            _ => (Some(PROGRESS.to_owned()), ours("1.000001")),
        };
        let due = [ours("0.000001")].into_iter().chain(said).chain([after, RESULT.to_owned()]);
        assert_eq!(got, due.collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asked_for_none_gets_none() {
    let chain = deciding(Interest::everything(), |_| Action::Delay(std::time::Duration::from_secs(20)));
    assert_eq!(through(&chain, CALL, &[RESULT]).await.0, [RESULT]);
}

fn progress_of(token: &str, progress: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{progress},"message":"Waiting for a decision"}}}}"#
    )
}
