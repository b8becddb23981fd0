//! A test against a recording: the server runs once, to make the tape, and never again.
//!
//! `cargo run -q --example replay_in_tests`
//!
//! In a test of your own the tape lies in `tests/tapes`, and `SHADOWCAT_TAPES=missing cargo test` makes it:
//!
//! ```text
//! let server = Replay::or_record("tests/tapes/add.json", || Command::new("my-server").spawn())?;
//! ```

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use serde_json::{Value, json};
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Mode, Options};
use shadowcat::{BoxError, JsonRpcMessage, RpcService};
use tower::ServiceExt;

/// What is tested: something that uses a server.
async fn sum(server: &mut impl RpcService, a: u32, b: u32) -> Result<String, BoxError> {
    let params = json!({"name": "add", "arguments": {"a": a, "b": b}});
    let request = JsonRpcMessage::request(1, "tools/call", params.to_string())?;
    let reply = server.ready().await.map_err(Into::into)?.call(request).await.map_err(Into::into)?;
    let answer = reply.collect(1 << 16).await?.pop().ok_or("no answer")?;
    if let Some(error) = answer.error() {
        return Err(String::from_utf8_lossy(error).into());
    }
    let result: Value = serde_json::from_slice(answer.result().unwrap_or_default())?;
    Ok(result["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let path = std::env::temp_dir().join(format!("replay-in-tests-{}.json", std::process::id()));

    // The first run: with the real server, which is recorded.
    let real = || Ok::<_, BoxError>(demo::server());
    let mut server = Options::new().mode(Mode::Missing).open_or_record(&path, real)?;
    assert_eq!(sum(&mut server, 1, 2).await?, "3");
    print!("recorded\n{}", server.finish()?);

    // Every run after that: without.
    let mut server = Replay::from_path(&path)?;
    assert_eq!(sum(&mut server, 1, 2).await?, "3");
    println!("replayed: {:?}", server.stats());

    // What the tape does not hold fails, and says what comes nearest.
    let error = sum(&mut server, 1, 3).await.expect_err("nobody has asked that before");
    println!("refused: {error}");
    assert!(server.unused().is_empty());
    std::fs::remove_file(&path)?;
    Ok(())
}
