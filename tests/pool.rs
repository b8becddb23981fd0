//! Warm leaves: when they are made, who gets one, and that nobody gets one twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use shadowcat::connect::{Leaf, MakeLeaf, Multiplex, Pool, Pooled, pipe};
use shadowcat::{BoxError, Error};
use support::{Peer, call, done, peer, poll_once, rest, settled, soon};
use tokio::sync::Semaphore;
use tower::{Service, ServiceExt, service_fn};

/// What the peers of all leaves are, in the order that they were made.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<Option<Peer>>>>);

impl Made {
    fn leaf(&self) -> Multiplex {
        let (peer, read, write) = peer(1 << 16);
        self.0.lock().unwrap().push(Some(peer));
        pipe(read, write)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn take(&self, at: usize) -> Peer {
        self.0.lock().unwrap()[at].take().unwrap()
    }

    /// A peer lives until its leaf closes it.
    fn attend(&self, at: usize) {
        let mut peer = self.take(at);
        tokio::spawn(async move { while peer.hear().await.is_some() {} });
    }
}

/// A pool whose leaves' peers end when they are closed.
fn pool() -> (Made, Pool<impl MakeLeaf<Leaf = Multiplex>>) {
    let made = Made::default();
    let maker = made.clone();
    let make = service_fn(move |()| {
        let leaf = maker.leaf();
        maker.attend(maker.len() - 1);
        std::future::ready(Ok::<_, Error>(leaf))
    });
    (made, Pool::new(make))
}

/// Spares that were taken have been replaced.
async fn refilled() {
    tokio::time::sleep(Duration::from_millis(21)).await;
}

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
async fn a_maker_that_fails_is_asked_again_later_and_later() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let pool = Pool::new(service_fn(move |()| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<Multiplex, _>(Error::closed("no such program")))
    }));
    let error = pool.warm().await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("no such program"), "{error}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tries.load(Ordering::Relaxed), 4, "at 0, 100, 300 and 700 ms");
    let before = tries.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let more = tries.load(Ordering::Relaxed) - before;
    assert!((20..=30).contains(&more), "every 30 s at last: {more}");
    assert!(pool.acquire().await.unwrap_err().is_unsent(), "who asks is told at once");
}

#[tokio::test(start_paused = true)]
async fn spares_that_die_at_once_do_not_make_it_loop() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let pool = Pool::new(service_fn(move |()| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (peer, read, write) = peer(64);
        drop(peer);
        std::future::ready(Ok::<_, Error>(pipe(read, write)))
    }));
    let _ = pool.warm().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!((5..=10).contains(&tries.load(Ordering::Relaxed)), "{tries:?}");
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_hangs_is_given_up() {
    let pool = Pool::new(service_fn(|()| std::future::pending::<Result<Multiplex, Error>>()));
    let pool = pool.spawn_timeout(Duration::from_secs(3));
    let error = pool.acquire().await.unwrap_err();
    assert!(error.is_timeout() && error.is_unsent(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_spare_is_checked_when_it_is_made_and_from_time_to_time() {
    let (made, pool) = pool();
    let checks = Arc::new(AtomicUsize::new(0));
    let counted = checks.clone();
    let fit = Arc::new(AtomicUsize::new(1));
    let is_fit = fit.clone();
    let pool = pool
        .check(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            let fit = is_fit.load(Ordering::Relaxed) == 1;
            async move { if fit { Ok(()) } else { Err(BoxError::from("ill")) } }
        })
        .check_times(Duration::from_secs(1), Duration::from_secs(10));
    pool.warm().await.unwrap();
    let first = checks.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(25)).await;
    let later = checks.load(Ordering::Relaxed);
    assert!(later >= first + 2, "{first} {later}");
    pool.acquire().await.unwrap();
    assert_eq!(made.len(), 1, "the hand-out itself asks nothing");
    fit.store(0, Ordering::Relaxed);
    settled().await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(pool.stats().idle, 0, "{:?}", pool.stats());
    let error = pool.acquire().await.unwrap_err();
    assert!(error.to_string().contains("check") && error.to_string().contains("ill"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_given_up() {
    let (_, pool) = pool();
    let pool = pool.check(|_| std::future::pending());
    assert!(pool.acquire().await.unwrap_err().to_string().contains("5s"));
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

#[derive(Clone, Debug)]
enum Step {
    Acquire,
    Abandon,
    Release(usize),
    Use(usize),
    Kill,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Acquire),
        2 => Just(Step::Abandon),
        3 => (0_usize..8).prop_map(Step::Release),
        1 => (0_usize..8).prop_map(Step::Use),
        1 => Just(Step::Kill),
        2 => Just(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever callers do, no leaf is handed out twice, the bound holds, and nothing is left at the end.
    #[test]
    fn no_leaf_serves_two(steps in prop::collection::vec(step(), 1..60), ahead in 0_usize..4, most in 1_usize..6) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let made = Made::default();
            let maker = made.clone();
            let make = service_fn(move |()| {
                let leaf = maker.leaf();
                let number = maker.len() - 1;
                std::future::ready(Ok::<_, Error>(Numbered { leaf, number }))
            });
            let pool = Pool::new(make).spawn_ahead(ahead).max_processes(most);
            let (mut held, mut seen) = (Vec::new(), HashSet::new());
            for step in steps {
                match step {
                    Step::Acquire => match pool.acquire().await {
                        Ok(leaf) => {
                            assert!(seen.insert(leaf.get_ref().number), "handed out twice");
                            held.push(leaf);
                        }
                        Err(error) => assert!(error.is_busy(), "{error}"),
                    },
                    Step::Abandon => {
                        let mut waiting = Box::pin(pool.acquire());
                        if let std::task::Poll::Ready(Ok(leaf)) = poll_once(waiting.as_mut()) {
                            assert!(seen.insert(leaf.get_ref().number), "handed out twice");
                        }
                    }
                    Step::Release(at) if at < held.len() => drop(held.swap_remove(at)),
                    Step::Use(at) if at < held.len() => drop(held[at].call(call(1))),
                    Step::Kill => {
                        let peers: Vec<_> = made.0.lock().unwrap().iter_mut().filter_map(Option::take).take(1).collect();
                        drop(peers);
                    }
                    _ => settled().await,
                }
                assert!(pool.stats().alive <= most);
                assert_eq!(pool.stats().in_use, held.len());
            }
            made.0.lock().unwrap().clear();
            pool.shutdown().await;
            assert_eq!(pool.stats().alive, 0);
        });
    }
}

/// A leaf that can be told from others.
#[derive(Clone)]
struct Numbered {
    leaf: Multiplex,
    number: usize,
}

impl Service<shadowcat::JsonRpcMessage> for Numbered {
    type Response = shadowcat::Reply;
    type Error = Error;
    type Future = <Multiplex as Service<shadowcat::JsonRpcMessage>>::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        self.leaf.poll_ready(cx)
    }

    fn call(&mut self, message: shadowcat::JsonRpcMessage) -> Self::Future {
        self.leaf.call(message)
    }
}

impl Leaf for Numbered {
    fn ended(&self) -> impl Future<Output = shadowcat::connect::Exit> + Send + 'static {
        Leaf::ended(&self.leaf)
    }

    fn stop(&self, why: Error) {
        self.leaf.stop(why);
    }
}
