//! Whatever callers do, nobody gets a leaf twice.

use std::collections::HashSet;

use proptest::prelude::*;
use shadowcat::Error;
use shadowcat::connect::{Leaf, Multiplex, Pool};
use tower::{Service, service_fn};

use crate::made::Made;
use crate::support::{call, poll_once, settled};

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
