//! Warm leaves: when they are made, who gets one, and when they go.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use shadowcat::connect::{Exit, Leaf, MakeLeaf, Multiplex, Pool, Pooled};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tokio::sync::{Semaphore, watch};
use tower::{Service, ServiceExt, service_fn};

use crate::made::{Made, pool, refilled};
use crate::support::{call, done, poll_once, rest, settled, soon};

#[tokio::test(start_paused = true)]
async fn spares_are_made_ahead_and_replaced_when_one_is_taken() {
    let (made, pool) = pool();
    let pool = pool.spawn_ahead(2);
    assert_eq!(made.len(), 0, "nothing is made before somebody asks");
    pool.warm().await.unwrap();
    assert_eq!((made.len(), pool.stats().idle), (2, 2));

    let taken = pool.acquire().await.unwrap();
    refilled().await;
    assert_eq!((made.len(), pool.stats().idle, pool.stats().in_use), (3, 2, 1));
    drop(taken);
    refilled().await;
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.alive, made.len()), (0, 2, 3), "what was used is no spare again");
}

#[tokio::test(start_paused = true)]
async fn a_leaf_in_use_answers_and_its_open_replies_outlive_the_handle() {
    let made = Made::default();
    let maker = made.clone();
    let pool = Pool::new(service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf()))));
    let pending = tokio::spawn(pool.acquire().await.unwrap().oneshot(call(1)));
    settled().await;
    let mut peer = made.take(0);
    peer.hear().await.unwrap();
    peer.say(done(1)).await;
    assert_eq!(rest(pending.await.unwrap().unwrap()).await, [done(1)]);
    assert_eq!(peer.hear().await, None, "then it is closed");
}

#[tokio::test(start_paused = true)]
async fn a_spare_that_ended_is_thrown_away_and_the_next_is_handed_out() {
    let made = Made::default();
    let maker = made.clone();
    let pool =
        Pool::new(service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf())))).spawn_ahead(2);
    pool.warm().await.unwrap();
    drop(made.take(0)); // the first spare's server dies
    settled().await;
    let mut taken = pool.acquire().await.unwrap();
    let mut second = made.take(1);
    let pending = taken.call(call(7));
    second.hear().await.unwrap();
    second.say(done(7)).await;
    assert_eq!(rest(pending.await.unwrap()).await, [done(7)]);
    assert_eq!(pool.stats().thrown_away, 1);
}

#[tokio::test(start_paused = true)]
async fn at_the_bound_it_refuses_and_a_leaf_counts_until_it_has_ended() {
    let made = Made::default();
    let maker = made.clone();
    let pool = Pool::new(service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf()))));
    let pool = pool.spawn_ahead(1).max_processes(2);
    let (first, second) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let refused = pool.acquire().await.unwrap_err();
    assert!(refused.is_busy() && refused.is_unsent(), "{refused}");
    assert!(refused.to_string().contains("2 processes"), "{refused}");

    drop(first);
    drop(made.take(0));
    refilled().await;
    assert_eq!(made.len(), 3, "there is room for a spare again");
    pool.acquire().await.unwrap();
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_a_spare_and_not_a_process() {
    let (gate, made) = (Arc::new(Semaphore::new(0)), Made::default());
    let (maker, open) = (made.clone(), gate.clone());
    let pool = Pool::new(service_fn(move |()| {
        let (maker, open) = (maker.clone(), open.clone());
        async move {
            open.acquire().await.unwrap().forget();
            Ok::<_, Error>(maker.leaf())
        }
    }))
    .spawn_ahead(0);
    let mut waiting = Box::pin(pool.acquire());
    assert!(poll_once(waiting.as_mut()).is_pending());
    settled().await;
    drop(waiting);
    gate.add_permits(1);
    settled().await;
    let stats = pool.stats();
    assert_eq!((stats.made, stats.idle, stats.in_use), (1, 1, 0));

    let mut late = Box::pin(pool.acquire());
    let taken = soon(late.as_mut()).await.unwrap();
    assert_eq!((pool.stats().made, pool.stats().in_use), (1, 1), "it is the same one");
    drop((late, taken));

    // And one that comes at the very moment when nobody waits any more.
    let mut waiting = Box::pin(pool.acquire());
    assert!(poll_once(waiting.as_mut()).is_pending());
    settled().await;
    gate.add_permits(1);
    settled().await;
    drop(waiting);
    assert_eq!((pool.stats().made, pool.stats().idle), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn shutdown_stops_what_is_in_use_and_waits_for_it() {
    let (_, pool) = pool();
    let pool = pool.spawn_ahead(3);
    pool.warm().await.unwrap();
    let mut used = pool.acquire().await.unwrap();
    let pending = used.call(call(1));
    pool.shutdown().await;
    assert_eq!(pool.stats().alive, 0);
    let error = pending.await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("shut down"), "{error}");
    assert!(pool.acquire().await.unwrap_err().is_closed());
    assert!(pool.warm().await.unwrap_err().is_closed());
    pool.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_when_the_last_handle_is_gone() {
    let made = Made::default();
    let maker = made.clone();
    let pool =
        Pool::new(service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf())))).spawn_ahead(1);
    pool.warm().await.unwrap();
    let used = pool.acquire().await.unwrap();
    refilled().await;
    drop(pool);
    settled().await;
    assert_eq!(made.take(1).hear().await, None, "the spare is closed");
    let mut mine = made.take(0);
    let pending = tokio::spawn(used.oneshot(call(1)));
    mine.hear().await.unwrap();
    mine.say(done(1)).await;
    assert_eq!(rest(pending.await.unwrap().unwrap()).await, [done(1)]);
    assert_eq!(mine.hear().await, None);
    settled().await;
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks, 0);
}

#[tokio::test(start_paused = true)]
async fn it_makes_leaves_for_others() {
    fn maker(_: &impl MakeLeaf<Leaf = Pooled<Multiplex>>) {}
    let (_, mut pool) = pool();
    maker(&pool);
    let leaf = pool.ready().await.unwrap().call(()).await.unwrap();
    leaf.stop(Error::closed("enough"));
    assert!(leaf.ended().await.error().to_string().contains("enough"));
}

/// Closed long before it has ended.
#[derive(Clone)]
struct Closed(Multiplex, watch::Sender<Option<Error>>);

impl Closed {
    fn new(leaf: Multiplex) -> Self {
        Self(leaf, watch::Sender::new(None))
    }
}

impl Service<JsonRpcMessage> for Closed {
    type Response = Reply;
    type Error = Error;
    type Future = <Multiplex as Service<JsonRpcMessage>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.0.call(message)
    }
}

impl Leaf for Closed {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.0.ended()
    }

    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let mut why = self.1.subscribe();
        async move { why.wait_for(Option::is_some).await.unwrap().clone().unwrap() }
    }

    fn stop(&self, why: Error) {
        self.1.send_replace(Some(why));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pooled_leaf_is_closed_when_the_leaf_is() {
    let made = Made::default();
    let pool = Pool::new(service_fn(move |()| std::future::ready(Ok::<_, Error>(Closed::new(made.leaf())))));
    let pooled = pool.acquire().await.unwrap();
    pooled.stop(Error::closed("enough"));
    soon(pooled.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_spare_that_is_closed_is_handed_to_nobody_though_it_has_not_ended() {
    let (made, all) = (Made::default(), Arc::new(Mutex::new(Vec::new())));
    let kept = all.clone();
    let pool = Pool::new(service_fn(move |()| {
        let leaf = Closed::new(made.leaf());
        kept.lock().unwrap().push(leaf.clone());
        std::future::ready(Ok::<_, Error>(leaf))
    }));
    pool.warm().await.unwrap();
    all.lock().unwrap()[0].stop(Error::closed("by somebody else"));
    let pooled = pool.acquire().await.unwrap();
    assert!(poll_once(std::pin::pin!(pooled.closed())).is_pending());
    assert_eq!(pool.stats().thrown_away, 1);
}
