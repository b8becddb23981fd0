//! With no layer in between, what one side sends is what the other receives: every byte, in order.

#![cfg(all(unix, feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use process::{Folder, Proxy, forward_stdio, tell};
use serde::Deserialize;

const FRAMES: usize = 2000;
/// The server asks more often than this.
const ANSWERS: usize = 20;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Every kind of id, none twice.
fn id(n: usize, random: &mut Random) -> String {
    match random.below(7) {
        0 => format!("{n}"),
        1 => format!("-{}", n + 1),
        2 => format!("{}", 9_007_199_254_740_991 - n),
        3 => format!(r#""{n}""#),
        4 => format!(r#""\u0069d\/{n}""#),
        5 => format!(r#""é 😀 {n}""#),
        _ => format!(r#""{}-{n}""#, "long".repeat(random.below(200))),
    }
}

fn params(n: usize, random: &mut Random) -> String {
    match random.below(8) {
        0 => r#"{"name":"t","arguments":{"s":"\u0000\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 \ud83d"}}"#.to_owned(),
        1 => r#"{ "name" : "t" ,	"arguments" : { "n" : [ 1 , -0 , 1.50 , 1E+2 , 1e-400 , true , null ] } }"#
            .to_owned(),
        2 => format!(r#"{{"_meta":{{"progressToken":"t{n}","x":{{}}}},"name":"t"}}"#),
        3 => format!(r#"{{"_meta":{{"progressToken":{n}}},"name":"ü\u2028 ","arguments":{{}}}}"#),
        4 => format!(r#"{{"name":"big","arguments":{{"x":"{}"}}}}"#, "ab\\n".repeat(random.below(20_000))),
        5 => format!(r#"{{"name":"deep","arguments":{{"x":{}{}}}}}"#, "[".repeat(120), "]".repeat(120)),
        6 => r#"{"uri":"file:///a%20b","":"","é":{"a":{"a":{"a":0}}}}"#.to_owned(),
        _ => "{}".to_owned(),
    }
}

/// One or two lines of the client; requests that the peer never answers are cancelled at once.
fn frame(n: usize, random: &mut Random) -> String {
    let kind = random.below(16);
    let (id, params) = (id(n, random), params(n, random));
    match kind {
        0 => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{params}}}\n"),
        1 => format!(" {{\"params\":{params},\t\"method\":\"prompts\\/get\",\"id\":{id} ,\"jsonrpc\":\"2.0\"}} \n"),
        2 => format!("{{\"jsonrpc\":\"\\u0032.0\",\"id\" : {id},\"method\":\"vendor/thing.do\",\"params\":{params}}}\n"),
        3 => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n"),
        4 => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\",\"params\":null,\"x-vendor\":[{{}}]}}\n"),
        5 => format!("{{\"extra\":{params},\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/list\",\"params\":{{}}}}\n"),
        6 => format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"never/answered\"}}\n\
             {{\"jsonrpc\":\"2.0\", \"method\":\"notifications/cancelled\",\"params\":{{\"reason\":\"\\u00e9 {n}\",\"requestId\":{id}}}}}\n"
        ),
        7 => "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"nobody\"}}\n".to_owned(),
        8 | 9 => "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n".to_owned(),
        10 | 11 => format!("{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{params}}}\n"),
        _ => format!("\t{{\"method\":\"notifications/roots/list_changed\" , \"jsonrpc\":\"2.0\",\"é\":{n}}}\n"),
    }
}

#[derive(Deserialize)]
struct Envelope {
    id: Option<serde_json::Value>,
    method: Option<String>,
}

/// An answer to a line of the server that is a question.
fn answer(line: &[u8]) -> Option<Vec<u8>> {
    let Envelope { id: Some(id), method: Some(_) } = serde_json::from_slice(line).ok()? else { return None };
    let outcome = match line.len() % 2 {
        0 => r#""result":{"roots":[{"uri":"file:\/\/\/é"}]}"#,
        _ => r#""error":{ "code":-1,"message":"no","data":[1.0] }"#,
    };
    Some(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{outcome}}}\n").into_bytes())
}

/// Sends every frame and, between them, the answers that are ready, without waiting. Gives what it sent.
fn talk(mut stdin: impl Write, answers: &Receiver<Vec<u8>>) -> Vec<u8> {
    let mut random = Random(11);
    let (mut sent, mut answered) = (Vec::new(), 0);
    let mut say = |bytes: &[u8]| {
        stdin.write_all(bytes).expect("the proxy takes what it is sent");
        sent.extend_from_slice(bytes);
    };
    for n in 0..FRAMES {
        say(frame(n, &mut random).as_bytes());
        for answer in answers.try_iter() {
            say(&answer);
            answered += 1;
        }
    }
    for answer in answers.iter().take(ANSWERS.saturating_sub(answered)) {
        say(&answer);
    }
    say(b"{\"jsonrpc\":\"2.0\",\"id\":\"the end\",\"method\":\"session/end\"}\n");
    sent
}

/// Takes everything until the peer ends, and hands the answers to its questions over.
fn listen(mut stdout: impl BufRead, answers: &SyncSender<Vec<u8>>) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        let start = got.len();
        if stdout.read_until(b'\n', &mut got).expect("the proxy's output is readable") == 0 {
            return got;
        }
        if let Some(answer) = answer(&got[start..]) {
            let _ = answers.try_send(answer); // the client may have nothing more to say
        }
    }
}

/// Equal, or where the first line that is not.
#[track_caller]
fn expect_same(what: &str, got: &[u8], due: &[u8]) {
    if got == due {
        return;
    }
    let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (got, due) = (lines(got), lines(due));
    let at = got.iter().zip(&due).take_while(|(got, due)| got == due).count();
    let show = |lines: &[Vec<u8>]| {
        let near = lines.iter().skip(at).take(3);
        near.map(|line| String::from_utf8_lossy(&line[..line.len().min(160)]).into_owned())
            .collect::<Vec<_>>()
    };
    panic!(
        "{what}: {} of {} lines, they differ at line {at}: {:?} for {:?}",
        got.len(),
        due.len(),
        show(&got),
        show(&due)
    );
}

#[test]
fn a_session_of_2000_varied_frames_passes_byte_for_byte_both_ways() {
    let folder = Folder::new();
    let peer = process::peer().to_str().unwrap();
    let args = ["--stack", "none", "--", peer, "session", folder.name()];
    let mut proxy = Proxy::start(forward_stdio(), &args);
    let started = Instant::now();
    let (answer, answers) = sync_channel(FRAMES);
    let (stdin, stdout) = (proxy.take_stdin(), proxy.take_stdout());
    let talker = thread::spawn(move || talk(stdin, &answers));
    let got = listen(stdout, &answer);
    let sent = talker.join().unwrap();
    proxy.finish();

    expect_same("what the server received", &folder.read("received"), &sent);
    expect_same("what the client received", &got, &folder.read("sent"));
    let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    tell(&format!(
        "{} frames, {} bytes there and {} frames, {} bytes back in {:?}",
        count(&sent),
        sent.len(),
        count(&got),
        got.len(),
        started.elapsed()
    ));
}
