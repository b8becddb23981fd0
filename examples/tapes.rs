//! Tools over tapes, whatever their format:
//!
//! ```text
//! tapes list FILE|FOLDER…
//! tapes show FILE [--payload]
//! tapes filter FILE NEW [--method M] [--tool T] [--session S] [--errors]
//! tapes diff OLD NEW
//! tapes stats FILE
//! tapes merge NEW FILE…
//! tapes split FILE FOLDER            one file for each session
//! tapes mocks FILE                   rules that answer as the tape did, on stdout
//! ```
//!
//! Without arguments it makes two small tapes and uses each tool on them.

#![allow(clippy::print_stdout, reason = "it speaks no protocol")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shadowcat::tape::{
    self, Comparison, Entry, Filter, Mocks, Payload, Show, Sink, Source, Split, Stats, Tape, lines,
};
use shadowcat::{BoxError, Direction, JsonRpcMessage};

const USAGE: &str = "usage: tapes list|show|filter|diff|stats|merge|split|mocks FILE…";

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() { demo() } else { run(&arguments) }
}

fn run(arguments: &[String]) -> Result<(), BoxError> {
    let (options, files): (Vec<&str>, Vec<&str>) = (
        arguments.iter().skip_while(|it| !it.starts_with("--")).map(String::as_str).collect(),
        arguments.iter().take_while(|it| !it.starts_with("--")).map(String::as_str).collect(),
    );
    match (&files[..], &options[..]) {
        (["list", paths @ ..], []) => list(paths),
        (["show", file], []) => show(file, Payload::Hidden),
        (["show", file], ["--payload"]) => show(file, Payload::Full),
        (["filter", file, new], options) => save(filter(options)?.apply(tape::open(file)?), new),
        (["diff", old, new], []) => diff(old, new),
        (["stats", file], []) => print_all(Stats::of(tape::open(file)?)?),
        (["merge", new, files @ ..], []) if !files.is_empty() => {
            let tapes = files.iter().map(tape::open).collect::<Result<Vec<_>, _>>()?;
            save(tape::merge(tapes)?, new)
        }
        (["split", file, folder], []) => split(file, folder.as_ref()),
        (["mocks", file], []) => {
            let mocks = Mocks::of(tape::open(file)?)?;
            eprint!("{}", if mocks.is_torn() { "the tape is torn: there was more\n" } else { "" });
            print_all(mocks.as_json())
        }
        _ => Err(USAGE.into()),
    }
}

fn print_all(text: impl std::fmt::Display) -> Result<(), BoxError> {
    print!("{text}");
    Ok(())
}

fn list(paths: &[&str]) -> Result<(), BoxError> {
    for path in paths {
        for listed in tape::list(path)? {
            match listed {
                Ok(listed) => println!("{listed}"),
                Err(error) => eprintln!("{error}"),
            }
        }
    }
    Ok(())
}

fn show(file: &str, payload: Payload) -> Result<(), BoxError> {
    Show::new().payload(payload).write(tape::open(file)?, &mut std::io::stdout().lock())?;
    Ok(())
}

fn filter(options: &[&str]) -> Result<Filter, BoxError> {
    let (mut filter, mut options) = (Filter::new(), options.iter());
    while let Some(option) = options.next() {
        let mut value = || options.next().ok_or_else(|| format!("{option} needs a value"));
        filter = match *option {
            "--method" => filter.method(value()?),
            "--tool" => filter.tool(value()?),
            "--session" => filter.session(value()?),
            "--errors" => filter.errors(),
            _ => return Err(format!("{option}: what is that?").into()),
        };
    }
    Ok(filter)
}

/// Writes what is read to a new tape, in JSON Lines.
fn save(mut from: impl Source, path: &str) -> Result<(), BoxError> {
    let mut to = lines::Writer::create(path, from.tape())?;
    let copied = tape::copy(&mut from, &mut to)?;
    println!("{path}: {} entries{}", copied.entries, torn(copied.torn));
    Ok(())
}

fn diff(old: &str, new: &str) -> Result<(), BoxError> {
    for call in tape::diff(tape::open(old)?, tape::open(new)?, Comparison::structural()) {
        println!("{}", call?);
    }
    Ok(())
}

fn split(file: &str, folder: &Path) -> Result<(), BoxError> {
    let cut = Split::by_session().run(tape::open(file)?, |part, number| {
        let path = folder.join(format!("session-{number}.jsonl"));
        Ok(Box::new(lines::Writer::create(path, part)?))
    })?;
    println!("{} sessions in {}{}", cut.parts, folder.display(), torn(cut.torn));
    Ok(())
}

/// What is added where a tape was cut by a crash.
fn torn(is_torn: bool) -> &'static str {
    if is_torn { ", torn: there was more" } else { "" }
}

/// A folder that is gone afterwards.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn demo() -> Result<(), BoxError> {
    let folder = Folder(std::env::temp_dir().join(format!("tapes-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0)?;
    let path = |name: &str| folder.0.join(name).display().to_string();
    record(&path("monday.jsonl"), "sunny")?;
    record(&path("tuesday.jsonl"), "rain")?;
    for command in [
        "list .",
        "show monday.jsonl --payload",
        "filter monday.jsonl weather.jsonl --tool weather",
        "diff monday.jsonl tuesday.jsonl",
        "stats monday.jsonl",
        "merge both.jsonl monday.jsonl tuesday.jsonl",
        "split both.jsonl .",
        "mocks monday.jsonl",
    ] {
        println!("\n$ tapes {command}");
        std::io::stdout().flush()?;
        let is_file = |word: &str| word == "." || word.ends_with(".jsonl");
        let arguments =
            command.split(' ').map(|word| if is_file(word) { path(word) } else { word.to_owned() });
        run(&arguments.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Two calls of tools, as a recorder writes them.
fn record(path: &str, weather: &str) -> Result<(), BoxError> {
    let mut tape = lines::Writer::create(path, &Tape::new()?.transport("stdio"))?;
    let text = |text: &str| format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
    let calls = [
        (r#"{"name":"weather","arguments":{"city":"Ulm"}}"#, text(weather)),
        (r#"{"name":"echo","arguments":{"text":"hello"}}"#, text("hello")),
    ];
    for (id, (params, result)) in (1_i64..).zip(calls) {
        let at = |ms| Duration::from_millis(100 * id.unsigned_abs() + ms);
        let request = JsonRpcMessage::request(id, "tools/call", params)?;
        let response = JsonRpcMessage::response(id, result)?;
        for entry in [
            Entry::message(&request, Direction::ToUpstream).at(at(0)),
            Entry::message(&response, Direction::ToClient).at(at(7)),
        ] {
            tape.append(&entry.session("s-1").call(id.unsigned_abs()))?;
        }
    }
    tape.finish()?;
    Ok(())
}
