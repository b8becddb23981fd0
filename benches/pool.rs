//! A leaf from a warm pool beside one that is started: an acquisition until the server's first answer, and until
//! the leaf is in hand. Each pair is measured in one run; the ratio is printed.

#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::print_stdout, reason = "a bench reports")]

#[cfg(all(unix, feature = "stdio"))]
#[path = "../tests/process/mod.rs"]
mod process;

#[cfg(all(unix, feature = "stdio"))]
mod bench {
    use std::time::{Duration, Instant};

    use criterion::{Criterion, criterion_group};
    use shadowcat::connect::{Command, Leaf, MakeLeaf, Pool};
    use shadowcat::{Error, JsonRpcMessage};
    use tokio::runtime::Runtime;

    use super::process;

    fn command() -> Command {
        Command::new(process::peer()).args(["echo"])
    }

    /// Until the server has answered: only then has a process started in earnest.
    async fn ask(server: &mut impl Leaf) -> Result<(), Error> {
        let ping = JsonRpcMessage::request(1, "ping", "").expect("a constant message is well formed");
        server.call(ping).await.map(drop)
    }

    /// Spares are there, and have answered once, as a server that is through its start has.
    async fn warm<M: MakeLeaf>(pool: &Pool<M>) {
        while pool.stats().idle < 4 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            pool.warm().await.expect("spares are made");
        }
    }

    fn pool() -> Pool<Command> {
        let check = |mut spare: shadowcat::connect::Child| async move { Ok(ask(&mut spare).await?) };
        Pool::new(command()).spawn_ahead(4).check(check)
    }

    /// Time spent in `measure`, with what is around it left out.
    async fn spend<T>(total: &mut Duration, measured: impl Future<Output = T>) -> T {
        let started = Instant::now();
        let outcome = measured.await;
        *total += started.elapsed();
        outcome
    }

    async fn cold(rounds: u64, answered: bool) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..rounds {
            let server = spend(&mut total, async {
                let mut server = command().spawn().expect("the peer starts");
                if answered {
                    ask(&mut server).await.expect("it answers");
                }
                server
            })
            .await;
            server.shutdown().await;
        }
        total
    }

    async fn ready(pool: &Pool<Command>, rounds: u64, answered: bool) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..rounds {
            warm(pool).await;
            let server = spend(&mut total, async {
                let mut server = pool.acquire().await.expect("there is a spare");
                if answered {
                    ask(&mut server).await.expect("it answers");
                }
                server
            })
            .await;
            let ended = server.ended();
            server.stop(Error::closed("measured"));
            ended.await;
        }
        total
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
    }

    fn acquire(c: &mut Criterion) {
        let (runtime, pool) = (runtime(), pool());
        for answered in [false, true] {
            let until = if answered { "until the first answer" } else { "until in hand" };
            let mut group = c.benchmark_group(format!("acquire, {until}"));
            group.sample_size(20);
            group.bench_function("cold", |b| {
                b.to_async(&runtime).iter_custom(|rounds| cold(rounds, answered))
            });
            group.bench_function("warm", |b| {
                b.to_async(&runtime).iter_custom(|rounds| ready(&pool, rounds, answered));
            });
            group.finish();
            runtime.block_on(async {
                let (mut cold_time, mut warm_time) = (Duration::ZERO, Duration::ZERO);
                for _ in 0..20 {
                    cold_time += cold(5, answered).await;
                    warm_time += ready(&pool, 5, answered).await;
                }
                let ratio = warm_time.as_secs_f64() / cold_time.as_secs_f64();
                println!(
                    "pool: warm / cold, {until}: {ratio:.4} ({:?} / {:?})",
                    warm_time / 100,
                    cold_time / 100
                );
            });
        }
        runtime.block_on(pool.shutdown());
    }

    criterion_group!(benches, acquire);
}

#[cfg(all(unix, feature = "stdio"))]
criterion::criterion_main!(bench::benches);

#[cfg(not(all(unix, feature = "stdio")))]
fn main() {}
