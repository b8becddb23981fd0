//! What a client sees when things go wrong, on purpose: a tool that fails every other time, a slow one, one whose
//! answer is cut, and a connection that breaks.
//!
//! `cargo run -q --example fault_injection`

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use std::time::Duration;

use serde_json::Value;
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::rules::{Action, Failure, Fault, Matcher, Rule, RuleSet, Text};
use shadowcat::{BoxError, Code, Direction, Kind, Pointer, rules::Test, serve};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::Instant;
use tower::ServiceBuilder;

fn goes_wrong(delay: Duration, failure: Option<Failure>) -> Action {
    let mut fault = Fault::default();
    (fault.delay, fault.failure) = (delay, failure);
    Action::Fault(fault)
}

/// Each is for calls of `echo` with another message.
fn rules() -> Result<RuleSet, BoxError> {
    let message: Pointer = "/params/arguments/message".parse()?;
    let echo = |said: &str| {
        let echo = Matcher::new().tool(Text::exact("echo"));
        echo.when(message.clone(), Test::Equals(said.into()))
    };
    // A response says itself what it echoes.
    let echoed = |said: &str| {
        let echoed =
            Matcher::new().tool(Text::exact("echo")).kind(Kind::Response).direction(Direction::ToClient);
        echoed.result(serde_json::json!({"content": [{"text": said}]}))
    };
    let down = Failure::Error { code: Code::INTERNAL_ERROR, message: "the disk is full".into() };
    let now = Duration::ZERO;
    Ok(RuleSet::new([
        Rule::new("fails", echo("hello"), goes_wrong(now, Some(down))).from(2).every(2),
        Rule::new("slow", echo("slow"), goes_wrong(Duration::from_millis(300), None)),
        Rule::new("cut", echoed("cut"), goes_wrong(now, Some(Failure::Truncate(40)))),
        Rule::new("twice", echoed("twice"), goes_wrong(now, Some(Failure::Duplicate(1)))),
        Rule::new("breaks", echoed("bye"), goes_wrong(now, Some(Failure::Disconnect))),
    ])?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let rules = Rules::new(rules()?)?;
    let stack = ServiceBuilder::new().layer(RulesLayer::new(&rules)).service(demo::server());
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(theirs);
    tokio::spawn(serve::stdio(stack).run_on(read, write));

    let (read, mut write) = tokio::io::split(ours);
    let mut lines = BufReader::new(read).lines();
    let mut said = Vec::new();
    let began = Instant::now();
    for (id, message) in (1..).zip(["hello", "hello", "slow", "cut", "twice", "bye"]) {
        let params = serde_json::json!({"name": "echo", "arguments": {"message": message}});
        let call = serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        write.write_all(format!("{call}\n").as_bytes()).await?;
        for _ in 0..if message == "twice" { 2 } else { 1 } {
            let line = lines.next_line().await?.unwrap_or_else(|| "(the connection is over)".to_owned());
            println!("{:>4} ms  {line}", began.elapsed().as_millis());
            said.push(line);
        }
    }

    let error: Value = serde_json::from_str(&said[0])?;
    assert!(error["error"].is_null(), "the first is fine");
    assert_eq!(serde_json::from_str::<Value>(&said[1])?["error"]["message"], "the disk is full");
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(said[3].len(), 40);
    assert_eq!(said[4], said[5]);
    assert_eq!(said[6], "(the connection is over)");
    assert_eq!(rules.stats().damaged, 3);
    Ok(())
}
