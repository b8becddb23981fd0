//! A Wassette that says what the real one said: `transcript_peer serve --stdio … FILE`, FILE a transcript of it.
//!
//! Each line it reads is looked up in the transcript, from where it stands and then from the start, whatever its
//! id; it says what followed there, under the id it was asked with. What FILE does not know is looked up in the
//! transcripts beside it. After a request without an answer it is deaf: it reads on and says nothing more. As the
//! real one it ends with its stdin only where the transcript notes a status for that; else it needs a signal.
//! What it hears goes to stderr.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::exit;
use std::{env, fs, thread};

use serde::Deserialize;
use serde_json::Value;

/// A line of a transcript.
#[derive(Deserialize)]
struct Entry {
    dir: String,
    line: String,
}

/// A line of the client, without its id, and what was said then.
struct Exchange {
    line: Value,
    answers: Vec<String>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let Some(file) = words.last().filter(|_| words.first().is_some_and(|word| word == "serve")) else {
        return say("wassette-mcp-server 0.2.0");
    };
    let file = Path::new(file);
    let (mut own, status) = read(file);
    let mut beside: Vec<_> = fs::read_dir(file.parent().unwrap_or(file))?.flatten().collect();
    beside.sort_by_key(fs::DirEntry::file_name);
    let is_stdio =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"stdio-"));
    let others = beside.into_iter().map(|entry| entry.path()).filter(|path| is_stdio(path));
    let others: Vec<Exchange> = others.flat_map(|path| read(&path).0).collect();

    let mut deaf = false;
    for line in io::stdin().lock().lines() {
        let line = line?;
        eprintln!("heard {line}");
        let (known, id) = without_id(&line);
        let same = |exchange: &Exchange| exchange.line == known;
        // What was found goes to the end, so that the search goes on behind it.
        let found = match own.iter().position(same) {
            Some(at) => {
                own.rotate_left(at + 1);
                own.last()
            }
            None => others.iter().find(|exchange| same(exchange)),
        };
        deaf = deaf || id.is_some() && found.is_none_or(|exchange| exchange.answers.is_empty());
        for answer in found.iter().filter(|_| !deaf).flat_map(|exchange| &exchange.answers) {
            say(&under(id.as_ref(), answer))?;
        }
    }
    match status {
        Some(status) => exit(status),
        None => loop {
            thread::park();
        },
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

/// The exchanges until it was deaf, and the status with which it ended when its stdin was closed.
fn read(file: &Path) -> (Vec<Exchange>, Option<i32>) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (mut exchanges, mut status): (Vec<Exchange>, _) = (Vec::new(), None);
    for line in text.lines() {
        let Entry { dir, line } = serde_json::from_str(line).expect("an entry is a JSON object");
        match (dir.as_str(), exchanges.last_mut()) {
            ("client_to_server", _) => {
                exchanges
                    .push(Exchange { line: serde_json::from_str(&line).expect("JSON"), answers: Vec::new() });
            }
            ("server_to_client", Some(exchange)) => exchange.answers.push(line),
            _ => {
                let noted = line.strip_prefix("stdin closed; exit status after 0.5 s: ");
                status = status.or(noted.and_then(|noted| noted.parse().ok()));
            }
        }
    }
    let is_deaf = |exchange: &Exchange| exchange.line.get("id").is_some() && exchange.answers.is_empty();
    let deaf = exchanges.iter().position(is_deaf).unwrap_or(exchanges.len());
    exchanges.truncate(deaf);
    for exchange in &mut exchanges {
        exchange.line.as_object_mut().map(|line| line.remove("id"));
    }
    (exchanges, status)
}

fn without_id(line: &str) -> (Value, Option<Value>) {
    let mut line: Value = serde_json::from_str(line).expect("what the connector sends is JSON");
    let id = line.as_object_mut().and_then(|line| line.remove("id"));
    (line, id)
}

/// The answer under another id; as the real one, it gives none beyond 32 bits back.
fn under(id: Option<&Value>, answer: &str) -> String {
    let (Some(id), (_, Some(old))) = (id, without_id(answer)) else { return answer.to_owned() };
    let id = match id.as_u64() {
        Some(id) => id.min(u64::from(u32::MAX)).to_string(),
        None => id.to_string(),
    };
    answer.replacen(&format!(r#""id":{old}"#), &format!(r#""id":{id}"#), 1)
}
