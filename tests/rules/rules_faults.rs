//! What peers see of each fault that only shows in the bytes, on each transport and in each direction.

#![cfg(all(feature = "http-server", feature = "http-client"))]

use shadowcat::connect::{self};
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::rules::Failure;
use shadowcat::{Direction, serve};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tower::{Layer, Service, ServiceExt};

use crate::faults::*;
use crate::support::{msg, rest, soon};

/// What a client on stdio reads until it has the answer to its ping, or to the end.
async fn on_stdio(rules: &Rules, logs: bool) -> (Vec<Vec<u8>>, bool) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (read, write) = tokio::io::split(theirs);
    let stack = RulesLayer::new(rules).layer(server(logs));
    let served = tokio::spawn(serve::stdio(stack).run_on(read, write));
    let (read, mut write) = tokio::io::split(ours);
    let mut lines = BufReader::new(read).split(b'\n');
    write.write_all(format!("{CALL}\n{PING}\n").as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while let Some(line) = soon(lines.next_segment()).await.unwrap() {
        if line == PONG.as_bytes() {
            write.shutdown().await.unwrap();
        }
        heard.push(line);
    }
    (heard, soon(served).await.unwrap().is_ok())
}

#[tokio::test]
async fn a_client_on_stdio() {
    for (failure, is_right) in damages() {
        for (matcher, text, others) in [(responses(), RESULT, &[LOG][..]), (logs(), LOG, &[RESULT])] {
            let rules = faulty(matcher, failure.clone());
            let (mut heard, well) = on_stdio(&rules, true).await;
            if failure == Failure::Disconnect {
                assert!(!well, "the session ended with it");
                assert!(!heard.contains(&text.as_bytes().to_vec()));
                assert_eq!(rules.stats().damaged, 1);
                continue;
            }
            assert!(well);
            for other in others.iter().chain([&PONG]) {
                let at = heard.iter().position(|line| line == other.as_bytes());
                heard.remove(at.unwrap_or_else(|| panic!("{failure:?}: {other} is gone")));
            }
            assert_eq!(heard.len(), times(&failure), "{failure:?}");
            assert!(heard.iter().all(|line| is_right(line, text.as_bytes())), "{failure:?}: {heard:?}");
            assert_eq!(rules.stats().damaged, 1);
        }
    }
}

#[tokio::test]
async fn a_server_on_a_pipe() {
    for (failure, is_right) in damages() {
        for (matcher, text) in [(requests(), CALL), (logs().direction(Direction::ToUpstream), LOG)] {
            let rules = faulty(matcher, failure.clone());
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let (read, write) = tokio::io::split(ours);
            let mut stack = RulesLayer::new(&rules).layer(connect::pipe(read, write));
            let mut call = stack.ready().await.unwrap().call(msg(text));
            let mut ping = stack.ready().await.unwrap().call(msg(PING));
            let (read, mut write) = tokio::io::split(theirs);
            let mut lines = BufReader::new(read).split(b'\n');
            if failure == Failure::Disconnect {
                assert_eq!(soon(lines.next_segment()).await.unwrap(), None, "its input ends");
                drop((lines, write));
                assert!(soon(&mut ping).await.is_err());
                assert_eq!(soon(&mut call).await.is_err(), text == CALL);
                continue;
            }
            let mut heard = Vec::new();
            loop {
                let line = soon(lines.next_segment()).await.unwrap().unwrap();
                if line == PING.as_bytes() {
                    break;
                }
                heard.push(line);
            }
            assert_eq!(heard.len(), times(&failure), "{failure:?}");
            assert!(heard.iter().all(|line| is_right(line, text.as_bytes())), "{failure:?}: {heard:?}");
            write.write_all(format!("{PONG}\n").as_bytes()).await.unwrap();
            assert_eq!(rest(soon(ping).await.unwrap()).await, [PONG], "the pipe goes on");
            assert_eq!(rules.stats().damaged, 1);
        }
    }
}

#[cfg(all(unix, feature = "stdio"))]
#[tokio::test]
async fn a_process_whose_input_breaks_is_ended_and_reaped() {
    let rules = faulty(requests(), Failure::Disconnect);
    let child = connect::Command::new("cat").spawn().unwrap();
    let outcome = soon(RulesLayer::new(&rules).layer(child.clone()).oneshot(msg(CALL))).await;
    assert!(outcome.is_err());
    soon(child.ended()).await;
    assert_eq!(rules.stats().damaged, 1);
}
