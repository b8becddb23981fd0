//! Peers that write before they read, and block on it: a proxy that stops reading when it cannot write would
//! wait for them for ever, and they for it.

#![cfg(all(unix, feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::collections::BTreeSet;
use std::time::Instant;

use process::{Proxy, forward_stdio, tell};

/// How many are in flight, and how large each is.
const LOADS: [(usize, usize); 3] = [(64, 4 << 10), (64, 64 << 10), (4, 1 << 20)];

fn start(stack: &str, peer: &[&str]) -> Proxy {
    let program = process::peer().to_str().unwrap();
    Proxy::start(forward_stdio(), &[&["--stack", stack, "--", program], peer].concat())
}

fn requests(count: usize, bytes: usize) -> Vec<String> {
    let padding = "r".repeat(bytes);
    let params = format!(r#"{{"name":"t","arguments":{{"x":"{padding}"}}}}"#);
    let request =
        |n| format!(r#"{{"jsonrpc":"2.0","id":"client-{n}","method":"tools/call","params":{params}}}"#);
    (0..count).map(request).collect()
}

/// What the peer answers, each with its line break.
fn answers(requests: &[String]) -> BTreeSet<Vec<u8>> {
    let answer =
        |(n, line)| format!("{{\"jsonrpc\":\"2.0\",\"id\":\"client-{n}\",\"result\":{{\"line\":{line}}}}}\n");
    requests.iter().enumerate().map(answer).map(String::into_bytes).collect()
}

fn send_all(proxy: &mut Proxy, requests: &[String]) {
    requests.iter().for_each(|line| proxy.send(format!("{line}\n").as_bytes()));
}

/// Runs one load through one stack and says how long it took.
fn timed(what: &str, stack: &str, (count, bytes): (usize, usize), run: impl FnOnce()) {
    let started = Instant::now();
    run();
    tell(&format!("{what}, stack {stack}: {count} × {bytes} bytes in {:?}", started.elapsed()));
}

fn write_everything_then_read(stack: &str, (count, bytes): (usize, usize)) {
    let mut proxy = start(stack, &["echo"]);
    let requests = requests(count, bytes);
    send_all(&mut proxy, &requests);
    let got: Vec<_> = (0..count).map(|_| proxy.receive()).collect();
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), answers(&requests));
    assert!(proxy.finish().success());
}

/// The answer to a question of the peer: what it sent, sent back.
fn answer(question: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(question).unwrap();
    text.replace(r#""method":"roots/list","params""#, r#""result""#).into_bytes()
}

/// As the peer asks, we answer, and read nothing more until the answer is written. `own` requests of ours are
/// all written before we read at all.
fn answer_a_server_that_asks_before_it_reads(stack: &str, (count, bytes): (usize, usize), own: usize) {
    let mut proxy = start(stack, &["ask", &count.to_string(), &bytes.to_string()]);
    let requests = requests(own, bytes);
    send_all(&mut proxy, &requests);
    let mut due = answers(&requests);
    let mut unharmed = None;
    while unharmed.is_none() || !due.is_empty() {
        let line = proxy.receive();
        assert!(!line.is_empty(), "the proxy ended");
        if line.windows(12).take(60).any(|part| part == b"\"roots/list\"") {
            proxy.send(&answer(&line));
        } else if line.starts_with(br#"{"jsonrpc":"2.0","method":"notifications/message""#) {
            unharmed = Some(line);
        } else {
            assert!(due.remove(&line), "an answer of {} bytes is not due", line.len());
        }
    }
    let unharmed = String::from_utf8(unharmed.unwrap()).unwrap();
    assert!(unharmed.ends_with(&format!("\"data\":{count}}}}}\n")), "of {count} x {bytes}: {unharmed}");
    assert!(proxy.finish().success());
}

#[test]
fn a_client_that_writes_everything_before_it_reads_gets_every_answer() {
    for (stack, load) in ["none", "standard"].into_iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
        timed("client writes first", stack, load, || write_everything_then_read(stack, load));
    }
}

#[test]
fn a_server_that_asks_everything_before_it_reads_gets_every_answer() {
    for (stack, load) in ["none", "standard"].into_iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
        timed("server asks first", stack, load, || answer_a_server_that_asks_before_it_reads(stack, load, 0));
    }
}

#[test]
fn two_peers_that_both_write_everything_before_they_read_get_every_answer() {
    for (stack, load) in ["none", "standard"].into_iter().flat_map(|stack| LOADS.map(|load| (stack, load))) {
        timed("both write first", stack, load, || {
            answer_a_server_that_asks_before_it_reads(stack, load, load.0)
        });
    }
}
