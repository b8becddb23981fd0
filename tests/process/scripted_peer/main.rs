//! A server that does what a test needs, and nothing else: `scripted_peer MODE ARGS…`.
//!
//! Every mode but `relay` is one blocking thread on purpose: while it writes, it reads nothing.

mod answer;
mod misbehave;
mod relay;
mod session;

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::exit;

use serde::Deserialize;
use serde_json::value::RawValue;

use answer::{answer_all, ask, echo, half, open_many, report, shuffle};
use misbehave::{
    burn, close_stdout, flood, silent, sleep, sleep_after_eof, start_grandchild, stderr_lines, stubborn, take,
};
use relay::relay;
use session::{script, session};

const READ: usize = 64 << 10;

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["echo"] => echo(),
        ["shuffle"] => shuffle(),
        ["half"] => half(),
        ["half", "grandchild"] => {
            start_grandchild("half")?;
            half()
        }
        ["ask", count, bytes] => ask(number(count), number(bytes)),
        ["script", folder] => script(Path::new(folder)),
        ["session", folder] => session(Path::new(folder)),
        ["relay", port] => relay(number(port) as u16),
        ["report", ..] => report(),
        ["stderr"] => stderr_lines(),
        ["deaf"] => sleep_after_eof(),
        ["stubborn", mark] => stubborn(mark),
        ["stubborn", mark, "started"] => {
            start_grandchild(mark)?;
            sleep_after_eof()
        }
        ["grandchild", _] => sleep(),
        ["exit", status] => exit(number(status) as i32),
        ["garbage-exit"] => say(b"Server listening on port 3000\n{]\n"),
        ["garbage"] => {
            say(b"Server listening on port 3000\n{]\n")?;
            sleep_after_eof()
        }
        ["flood", bytes] => flood(number(bytes)).map(drop),
        ["flood", bytes, "then-echo"] => answer_all(flood(number(bytes))?),
        ["silent", record] => silent(Path::new(record)),
        ["close-stdout"] => close_stdout(),
        ["take", mebibytes] => take(number(mebibytes)),
        ["burn"] => burn(),
        ["open", path] => open_many(Path::new(path)),
        _ => panic!("no such mode: {words:?}"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

fn lines() -> impl Iterator<Item = Vec<u8>> {
    let mut input = BufReader::with_capacity(READ, io::stdin());
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = input.read_until(b'\n', &mut line).expect("stdin is readable");
        (read > 0).then_some(line)
    })
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<String>,
}

fn envelope(line: &[u8]) -> Envelope<'_> {
    serde_json::from_slice(line).expect("what the proxy forwards is JSON-RPC")
}

/// A response whose result holds the request as it came.
fn mirror(line: &[u8]) -> Vec<u8> {
    let id = envelope(line).id.expect("a request has an id").get();
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"line":"#);
    [head.as_bytes(), line.trim_ascii_end(), b"}}\n"].concat()
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}
