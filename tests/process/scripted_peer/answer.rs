//! Peers that answer, each in a way of its own.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use super::{READ, Random, envelope, lines, mirror, say};

/// Answers every request before it reads the next.
pub(super) fn echo() -> io::Result<()> {
    answer_all(lines())
}

pub(super) fn answer_all(lines: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    for line in lines {
        if envelope(&line).id.is_some() {
            say(&mirror(&line))?;
        }
    }
    Ok(())
}

/// Answers what it has read so far, in random order; then it reads on.
pub(super) fn shuffle() -> io::Result<()> {
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
pub(super) fn half() -> io::Result<()> {
    for line in lines().step_by(2) {
        say(&mirror(&line))?;
    }
    Ok(())
}

/// Asks the client `count` questions of `bytes` each before it reads anything. Then it answers what it is asked
/// and takes the answers; after the last it says how many came back unharmed.
pub(super) fn ask(count: usize, bytes: usize) -> io::Result<()> {
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

/// Answers with how it was started.
pub(super) fn report() -> io::Result<()> {
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

/// Answers with how often it could open a file.
pub(super) fn open_many(path: &Path) -> io::Result<()> {
    for line in lines() {
        let open: Vec<_> = (0..10_000).map_while(|_| File::open(path).ok()).collect();
        let (id, opened) = (envelope(&line).id.expect("a request has an id").get(), open.len());
        drop(open);
        say(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{opened}}}\n").as_bytes())?;
    }
    Ok(())
}
