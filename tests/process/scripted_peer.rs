//! A server that does what a test needs, and nothing else: `scripted_peer MODE ARGS…`.
//!
//! Every mode is one blocking thread on purpose: while it writes, it reads nothing.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::Duration;
use std::{env, mem};

use serde::Deserialize;
use serde_json::value::RawValue;

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

/// Answers every request before it reads the next.
fn echo() -> io::Result<()> {
    answer_all(lines())
}

fn answer_all(lines: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    for line in lines {
        if envelope(&line).id.is_some() {
            say(&mirror(&line))?;
        }
    }
    Ok(())
}

/// Answers what it has read so far, in random order; then it reads on.
fn shuffle() -> io::Result<()> {
    let mut input = BufReader::with_capacity(READ, io::stdin());
    let mut out = BufWriter::with_capacity(READ, io::stdout());
    let (mut waiting, mut random) = (Vec::new(), Random(7));
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if envelope(&line).id.is_some() {
            waiting.push(line);
        }
        while input.buffer().is_empty() && !waiting.is_empty() {
            let at = random.below(waiting.len());
            out.write_all(&mirror(&waiting.swap_remove(at)))?;
        }
        out.flush()?;
    }
}

/// Answers every second request and keeps the others waiting.
fn half() -> io::Result<()> {
    for line in lines().step_by(2) {
        say(&mirror(&line))?;
    }
    Ok(())
}

/// Asks the client `count` questions of `bytes` each before it reads anything. Then it answers what it is asked
/// and takes the answers; after the last it says how many came back unharmed.
fn ask(count: usize, bytes: usize) -> io::Result<()> {
    let padding = "q".repeat(bytes);
    for id in 0..count {
        let params = format!(r#"{{"x":"{padding}"}}"#);
        say(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"roots/list\",\"params\":{params}}}\n")
            .as_bytes())?;
    }
    let (mut answers, mut good) = (0, 0);
    let mut open: Vec<_> = (0..count).collect();
    for line in lines() {
        if line.starts_with(br#"{"jsonrpc":"2.0","id":"client-"#) {
            say(&mirror(&line))?;
            continue;
        }
        // In any order: questions of different replies may change places where more than 1 MiB waits.
        let id = open
            .iter()
            .position(|id| line.starts_with(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},").as_bytes()));
        answers += 1;
        if let Some(id) = id.map(|at| open.swap_remove(at)) {
            let due = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"x\":\"{padding}\"}}}}\n");
            good += usize::from(line == due.as_bytes());
        }
        if answers == count {
            let params = format!(r#"{{"level":"info","data":{good}}}"#);
            let method = "notifications/message";
            say(format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}\n").as_bytes())?;
        }
    }
    Ok(())
}

/// The steps of a hostile case, from the files of a folder: writes `first`, awaits as many lines as `await`
/// says, writes `play`, then answers the request with the id `"probe"` and closes. Records what it receives.
fn script(folder: &Path) -> io::Result<()> {
    let mut received = File::create(folder.join("received"))?;
    let mut input = lines().inspect(|line| received.write_all(line).expect("the record is writable"));
    say(&fs::read(folder.join("first"))?)?;
    let awaited = fs::read_to_string(folder.join("await"))?;
    for _ in 0..number(&awaited) {
        input.next();
    }
    say(&fs::read(folder.join("play"))?)?;
    if input.any(|line| line == b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"method\":\"ping\"}\n") {
        say(b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n")?;
    }
    Ok(())
}

/// One side of a long varied session; records what it receives and what it sends.
///
/// Requests are answered late and out of order, except those whose method begins with `never/`; in between it
/// says whatever a server may say unasked. Ends after its answer to the method `session/end`.
fn session(folder: &Path) -> io::Result<()> {
    let mut received = BufWriter::new(File::create(folder.join("received"))?);
    let mut sent = BufWriter::new(File::create(folder.join("sent"))?);
    let mut out = BufWriter::with_capacity(READ, io::stdout());
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    let mut random = Random(7);
    for (number, line) in lines().enumerate() {
        received.write_all(&line)?;
        let Envelope { id, method } = envelope(&line);
        let ends = method.as_deref() == Some("session/end");
        if id.is_some() && method.is_some_and(|method| !method.starts_with("never/")) && !ends {
            waiting.push(line.clone());
        }
        let mut frames = Vec::new();
        if random.below(3) == 0 {
            frames.push(unasked(number, &mut random));
        }
        while !waiting.is_empty() && (ends || waiting.len() > 20 || random.below(3) > 0) {
            let at = random.below(waiting.len());
            frames.push(reply(&waiting.swap_remove(at), &mut random));
        }
        if ends {
            frames.push(reply(&line, &mut random));
        }
        for frame in frames {
            sent.write_all(&frame)?;
            out.write_all(&frame)?;
        }
        if random.below(2) == 0 || waiting.is_empty() {
            out.flush()?;
        }
        if ends {
            break;
        }
    }
    received.flush()?;
    sent.flush()?;
    out.flush()
}

fn reply(line: &[u8], random: &mut Random) -> Vec<u8> {
    let id = envelope(line).id.expect("a request has an id").get();
    let text = match random.below(6) {
        0 => mirror(line).trim_ascii_end().to_vec(),
        1 => format!(r#" {{"id" : {id},"jsonrpc":"2.0", "error":{{"message":"nö","code":-32000,"data":null}} }}"#).into(),
        2 => format!(r#"{{"result":{{"content":[{{"type":"text","text":"\u00e9\/\ud83d"}}]}},"jsonrpc":"\u0032.0","id":{id}}}"#).into(),
        3 => format!(r#"{{"jsonrpc":"2.0","id":{id},"x-vendor":[1,2.50,-0,1E+2],"result":"plain"}}"#).into(),
        4 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"big":"{}"}}}}"#, "z".repeat(random.below(50_000))).into(),
        _ => format!("{{\"jsonrpc\":\"2.0\",\t\"id\":{id},\"result\":{{}}}}  ").into(),
    };
    [&text[..], b"\n"].concat()
}

fn unasked(number: usize, random: &mut Random) -> Vec<u8> {
    let text = match random.below(6) {
        0 => format!(r#"{{"jsonrpc":"2.0","id":"q{number}","method":"roots/list"}}"#),
        1 => format!(
            r#"{{ "jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"\u2028{number}"}} }}"#
        ),
        2 => format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"t{}","progress":{number}}}}}"#,
            random.below(number + 1)
        ),
        3 => r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what was that?"}}"#.to_owned(),
        4 => r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"or that?"}}"#.to_owned(),
        _ => r#"{"method":"notifications/tools/list_changed","jsonrpc":"2.0","extra":{"a":{"b":[]}}}"#
            .to_owned(),
    };
    (text + "\n").into_bytes()
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Answers with how it was started.
fn report() -> io::Result<()> {
    let variables: Vec<_> = env::vars().collect();
    let report = serde_json::json!({
        "arguments": env::args().skip(2).collect::<Vec<_>>(),
        "variables": variables,
        "folder": env::current_dir()?,
    });
    for line in lines() {
        let id = envelope(&line).id.expect("a request has an id").get();
        say(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{report}}}\n").as_bytes())?;
    }
    Ok(())
}

/// Text, bytes that are no UTF-8, and a line of a megabyte; then an ordinary one.
fn stderr_lines() -> io::Result<()> {
    let mut errors = io::stderr().lock();
    errors.write_all(b"first\r\nbad \xff byte\n")?;
    errors.write_all(&vec![b'x'; 1 << 20])?;
    errors.write_all(b"\nlast, without an end")?;
    Ok(())
}

/// Ignores that its stdin is closed.
fn sleep_after_eof() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink())?;
    sleep()
}

fn sleep() -> io::Result<()> {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Ignores a closed stdin and SIGTERM, and so does its grandchild: an ignored signal stays ignored over exec.
#[cfg(unix)]
fn stubborn(mark: &str) -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let own = env::current_exe()?;
    let script = r#"trap '' TERM INT HUP; exec "$0" stubborn "$1" started"#;
    Err(Command::new("/bin/sh").args(["-c", script]).arg(own).arg(mark).exec())
}

#[cfg(not(unix))]
fn stubborn(_: &str) -> io::Result<()> {
    sleep()
}

/// It holds our stdout and stderr open, as real ones do.
fn start_grandchild(mark: &str) -> io::Result<()> {
    let own = env::current_exe()?;
    let grandchild = Command::new(own).args(["grandchild", mark]).stdin(Stdio::null()).spawn()?;
    mem::forget(grandchild);
    Ok(())
}

/// Bytes without a line break, and a reply behind them that belongs to the same line. Gives what is yet to be
/// read.
fn flood(bytes: usize) -> io::Result<impl Iterator<Item = Vec<u8>>> {
    let mut requests = lines();
    let line = requests.next().expect("a request comes first");
    let mut out = io::stdout().lock();
    let block = vec![b'a'; READ];
    for _ in 0..bytes / READ {
        out.write_all(&block)?;
    }
    out.write_all(&mirror(&line))?;
    Ok(requests)
}

/// Never answers; records what it receives.
fn silent(record: &Path) -> io::Result<()> {
    let mut record = File::create(record)?;
    let mut block = [0; READ];
    loop {
        let read = io::stdin().read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        record.write_all(&block[..read])?;
    }
}

/// Takes memory and keeps it.
fn take(mebibytes: usize) -> io::Result<()> {
    let taken = vec![1u8; mebibytes << 20];
    std::hint::black_box(&taken);
    sleep()
}

/// Takes CPU time; bounded, in case nobody ends it.
fn burn() -> io::Result<()> {
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        std::hint::spin_loop();
    }
    Ok(())
}

/// Answers with how often it could open a file.
fn open_many(path: &Path) -> io::Result<()> {
    for line in lines() {
        let open: Vec<_> = (0..10_000).map_while(|_| File::open(path).ok()).collect();
        let (id, opened) = (envelope(&line).id.expect("a request has an id").get(), open.len());
        drop(open);
        say(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{opened}}}\n").as_bytes())?;
    }
    Ok(())
}

/// Runs on without its stdout.
#[cfg(unix)]
fn close_stdout() -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let own = env::current_exe()?;
    Err(Command::new("/bin/sh").args(["-c", r#"exec "$0" deaf >&-"#]).arg(own).exec())
}

#[cfg(not(unix))]
fn close_stdout() -> io::Result<()> {
    sleep()
}
