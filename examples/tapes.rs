//! Tools over tapes, whatever their format:
//!
//! ```text
//! tapes list FILE|FOLDER…
//! tapes show FILE [--payload]
//! tapes convert FILE NEW
//! tapes filter FILE NEW [--method M] [--tool T] [--session S] [--since S] [--until S] [--errors]
//! tapes redact FILE NEW [--path /params/arguments/card]…    (feature `secret`)
//! tapes diff OLD NEW
//! tapes stats FILE
//! tapes merge NEW FILE…
//! tapes split FILE FOLDER            one file for each session
//! tapes mocks FILE                   rules that answer as the tape did, on stdout
//! ```
//!
//! NEW is written as it is named: `.jsonl`, `.json`, or `.db` with the feature `sqlite`. Times are seconds since the tape
//! began. Of a FILE with several tapes, `--tape ID` behind any of these says which.
//!
//! Without arguments it makes two small tapes and uses each tool on them.

#![allow(clippy::print_stdout, reason = "it speaks no protocol")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shadowcat::tape::{
    self, Comparison, Entry, Filter, Mocks, OpenOptions, Payload, Show, Sink, Source, Split, Stats, Tape,
    TapeId, json, lines,
};
use shadowcat::{BoxError, Direction, JsonRpcMessage};

const USAGE: &str = "usage: tapes list|show|convert|filter|redact|diff|stats|merge|split|mocks FILE…";

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() { demo() } else { run(&arguments) }
}

fn run(arguments: &[String]) -> Result<(), BoxError> {
    let (mut options, files): (Vec<&str>, Vec<&str>) = (
        arguments.iter().skip_while(|it| !it.starts_with("--")).map(String::as_str).collect(),
        arguments.iter().take_while(|it| !it.starts_with("--")).map(String::as_str).collect(),
    );
    let opening = opening(&mut options)?;
    let open = |file: &str| tape::open_with(file, &opening);
    match (&files[..], &options[..]) {
        (["list", paths @ ..], []) => list(paths, &opening),
        (["show", file], []) => show(open(file)?, Payload::Hidden),
        (["show", file], ["--payload"]) => show(open(file)?, Payload::Full),
        (["convert", file, new], []) => save(open(file)?, new.as_ref()),
        (["filter", file, new], options) => save(filter(options)?.apply(open(file)?), new.as_ref()),
        #[cfg(feature = "secret")]
        (["redact", file, new], options) => save(redact(options)?.apply(open(file)?), new.as_ref()),
        (["diff", old, new], []) => diff(open(old)?, open(new)?),
        (["stats", file], []) => print_all(Stats::of(open(file)?)?),
        (["merge", new, files @ ..], []) if !files.is_empty() => {
            let tapes = files.iter().map(|file| open(file)).collect::<Result<Vec<_>, _>>()?;
            save(tape::merge(tapes)?, new.as_ref())
        }
        (["split", file, folder], []) => split(open(file)?, folder.as_ref()),
        (["mocks", file], []) => {
            let mocks = Mocks::of(open(file)?)?;
            eprint!("{}", if mocks.is_torn() { "the tape is torn: there was more\n" } else { "" });
            print_all(mocks.as_json())
        }
        _ => Err(USAGE.into()),
    }
}

/// What is said of all files alike.
fn opening(options: &mut Vec<&str>) -> Result<OpenOptions, BoxError> {
    let Some(at) = options.iter().position(|option| *option == "--tape") else {
        return Ok(OpenOptions::new());
    };
    let id = options.get(at + 1).ok_or("--tape needs a value")?;
    let opening = OpenOptions::new().tape(TapeId::from_text(id));
    options.drain(at..at + 2);
    Ok(opening)
}

fn print_all(text: impl std::fmt::Display) -> Result<(), BoxError> {
    print!("{text}");
    Ok(())
}

fn list(paths: &[&str], opening: &OpenOptions) -> Result<(), BoxError> {
    for path in paths {
        for listed in tape::list_with(path, opening)? {
            match listed {
                Ok(listed) => println!("{listed}"),
                Err(error) => eprintln!("{error}"),
            }
        }
    }
    Ok(())
}

fn show(tape: impl Source, payload: Payload) -> Result<(), BoxError> {
    Show::new().payload(payload).write(tape, &mut std::io::stdout().lock())?;
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
            "--since" => filter.since(seconds(value()?)?),
            "--until" => filter.until(seconds(value()?)?),
            "--errors" => filter.errors(),
            _ => return Err(format!("{option}: what is that?").into()),
        };
    }
    Ok(filter)
}

fn seconds(text: &str) -> Result<Duration, BoxError> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}

#[cfg(feature = "secret")]
fn redact(options: &[&str]) -> Result<tape::Redact, BoxError> {
    let mut redact = tape::Redact::new();
    for option in options.chunks(2) {
        redact = match option {
            ["--path", path] => redact.path(path)?,
            _ => return Err(format!("{}: what is that?", option.join(" ")).into()),
        };
    }
    Ok(redact)
}

/// Writes what is read to a new tape.
fn save(mut from: impl Source, path: &Path) -> Result<(), BoxError> {
    let mut to = sink(path, from.tape())?;
    let copied = tape::copy(&mut from, &mut to)?;
    println!("{}: {} entries{}", path.display(), copied.entries, torn(copied.torn));
    Ok(())
}

/// Of the format that the name says.
fn sink(path: &Path, tape: &Tape) -> Result<Box<dyn Sink>, BoxError> {
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("jsonl") => Box::new(lines::Writer::create(path, tape)?),
        Some("json") => Box::new(json::Writer::create(path, tape)?),
        #[cfg(feature = "sqlite")]
        Some("db") => Box::new(tape::sqlite::Writer::create(path, tape)?),
        _ => return Err(format!("{}: tapes end with .jsonl, .json or .db", path.display()).into()),
    })
}

fn diff(old: impl Source + 'static, new: impl Source + 'static) -> Result<(), BoxError> {
    for call in tape::diff(old, new, Comparison::structural()) {
        println!("{}", call?);
    }
    Ok(())
}

fn split(tape: impl Source, folder: &Path) -> Result<(), BoxError> {
    let cut = Split::by_session().run(tape, |part, number| {
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
        "filter monday.jsonl second.jsonl --since 0.15",
        "convert monday.jsonl monday.json",
        #[cfg(feature = "secret")]
        "redact monday.json masked.jsonl --path /params/arguments/city",
        "diff monday.jsonl tuesday.jsonl",
        "stats monday.jsonl",
        "merge both.jsonl monday.jsonl tuesday.jsonl",
        "split both.jsonl .",
        "mocks monday.jsonl",
    ] {
        println!("\n$ tapes {command}");
        std::io::stdout().flush()?;
        let is_file = |word: &str| word == "." || word.ends_with(".jsonl") || word.ends_with(".json");
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
