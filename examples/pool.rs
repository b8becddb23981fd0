//! What a warm pool saves: `pool [-- COMMAND ARGS…]`
//!
//! Starts servers one after the other and calls each once, cold and from a pool. Without a command the server is
//! this example itself, speaking for the demo server on its stdin and stdout. Try it:
//!
//! ```sh
//! cargo run -q --example pool
//! ```

#![allow(clippy::print_stdout, reason = "it is a server on stdio only when it is its own")]

mod demo;

use std::time::{Duration, Instant};

use shadowcat::connect::{Command, Leaf, Pool};
use shadowcat::{BoxError, JsonRpcMessage, serve};
use tower::Service;

const ROUNDS: u32 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let command = match args.next().as_deref() {
        Some("serve") => return Ok(serve::stdio(demo::server()).run().await?),
        Some("--") => match args.next() {
            Some(program) => Command::new(program).args(args),
            None => return Err("usage: pool [-- COMMAND ARGS…]".into()),
        },
        _ => Command::new(std::env::current_exe()?).arg("serve"),
    };

    let mut cold = Duration::ZERO;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut server = command.clone().spawn()?;
        hello(&mut server).await?;
        cold += started.elapsed();
        server.shutdown().await;
    }

    // A spare is fit once it has answered; a server that is not through its start is not one.
    let pool = Pool::new(command).spawn_ahead(2).max_processes(8).check(|mut spare| async move {
        let ping = JsonRpcMessage::request(0, "ping", "")?;
        spare.call(ping).await.map(drop).map_err(BoxError::from)
    });
    let mut warm = Duration::ZERO;
    for _ in 0..ROUNDS {
        pool.warm().await?;
        let started = Instant::now();
        let mut server = pool.acquire().await?;
        hello(&mut server).await?;
        warm += started.elapsed();
    } // each server that was used ends here
    let made = pool.stats().made;
    pool.shutdown().await;

    println!("cold: {:?} until the first answer", cold / ROUNDS);
    println!("warm: {:?}", warm / ROUNDS);
    let left = pool.stats().alive;
    println!(
        "pool: ok, {made} servers made, {left} left, warm is {:.0} times as fast",
        cold.as_secs_f64() / warm.as_secs_f64()
    );
    Ok(())
}

/// What a session begins with.
async fn hello(server: &mut impl Leaf) -> Result<(), BoxError> {
    let params =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"pool","version":"1"}}"#;
    let reply = server.call(JsonRpcMessage::request(1, "initialize", params)?).await?;
    let answer = reply.as_one().and_then(|answer| answer.result()).map(drop);
    answer.ok_or_else(|| "the server refused the handshake".into())
}
