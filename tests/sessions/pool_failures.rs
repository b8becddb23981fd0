//! Makers that fail or hang, and spares that are not fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shadowcat::connect::{Multiplex, Pool, pipe};
use shadowcat::{BoxError, Error};
use tower::service_fn;

use crate::made::pool;
use crate::support::{peer, settled};

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
async fn a_leaf_that_ends_behind_its_check_is_not_handed_out() {
    let (made, pool) = pool();
    let checks = AtomicUsize::new(0);
    let pool = pool.spawn_ahead(0).check(move |leaf: Multiplex| {
        let first = checks.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let ended = leaf.ended();
            if first {
                leaf.stop(Error::closed("it ended behind its check"));
                drop(leaf);
                ended.await;
            }
            Ok(())
        }
    });
    let error = pool.acquire().await.unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("behind its check"), "{error}");
    settled().await;
    assert_eq!((pool.stats().idle, pool.stats().alive), (0, 0), "nor does it become a spare");
    pool.acquire().await.unwrap();
    assert_eq!(made.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_fails_its_leaf_only() {
    let (_, pool) = pool();
    let checks = AtomicUsize::new(0);
    let pool = pool.check(move |_| {
        assert!(checks.fetch_add(1, Ordering::Relaxed) > 0, "the first check panics");
        std::future::ready(Ok(()))
    });
    let error = pool.acquire().await.unwrap_err();
    assert!(error.to_string().contains("a check of the pool"), "{error}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    pool.acquire().await.unwrap();
}
