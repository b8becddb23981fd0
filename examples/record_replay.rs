//! Records sessions, answers from what was recorded, and holds a server against it:
//! `record_replay record|replay|verify|show TAPE [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]`
//!
//! - `record` is a proxy, on stdio or on HTTP at `/mcp`, that writes what passes to the new file TAPE: `.jsonl` (also
//!   while it grows), `.json` or `.db`; Ctrl-C and SIGTERM end it in good order, too. Secrets are masked, unless it is
//!   said by `--unmasked`. With `--keep FILE` what FILE holds now is kept on TAPE, too. With `--rotate-mib MIB` files of at
//!   most so many MiB are written: for `day.jsonl` `day.000001.jsonl`, `day.000002.jsonl` and so on, each a tape.
//! - `replay` is a server that answers from TAPE.
//! - `verify` plays the client's side of TAPE to the server and tells what it answers otherwise than it did. With
//!   `--load URI` a component of TAPE that came from there is loaded first, as a Wassette does; with `--grant` it may
//!   what TAPE says that it was granted.
//! - `show` prints TAPE.
//!
//! Of a file with several tapes `--tape ID` says which, and of a tape with several sessions, as `record --listen` makes
//! one, `--session NAME`, or `--no-session` for what was said outside of them, as by clients of 2026-07-28 on HTTP; with
//! `--incomplete` a TAPE that lacks something, as one that was cut off, is played all the same.
//!
//! With `--key FILE` TAPE is encrypted, and read so; with `--chain-key FILE` nobody changes it unnoticed. FILE holds 32
//! random bytes, or 64 hexadecimal digits, and is for its owner alone: `(umask 077; openssl rand -hex 32 >FILE)`. What
//! `.db` does not encrypt is in the docs of `sqlite::Options`; a `.json` has no key.
//!
//! Without URL and COMMAND there is a small demo server in this process. Try it:
//!
//! ```sh
//! alias record_replay='cargo run -q --features full --example record_replay --'
//! echo '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' | record_replay record /tmp/tools.jsonl
//! echo '{"jsonrpc":"2.0","id":"a","method":"tools/list"}' | record_replay replay /tmp/tools.jsonl
//! record_replay verify /tmp/tools.jsonl
//! record_replay show /tmp/tools.jsonl
//! ```

#![allow(clippy::print_stdout, reason = "what is shown is its output")]

mod demo;
mod proxy;
mod recorded;

use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;

use proxy::{Leaf, Proxy, Stack};
use recorded::{Keys, Recording, Session, Task, USAGE, Verifying, What, Which, parse};
use shadowcat::BoxError;
use shadowcat::connect::Replay;
use shadowcat::layer::{CatchErrorLayer, RecordLayer};
use shadowcat::tape::{
    self, Filter, PartFormat, Payload, Purpose, Recorder, RecorderOptions, Rotate, Rotating, Show, Sink,
    Snapshot, SnapshotKind, Tape, json, lines, sqlite,
};
use shadowcat::verify::Verify;
use tower::util::BoxService;
use tower::{ServiceBuilder, ServiceExt};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("record_replay: {why}");
            return ExitCode::from(2);
        }
    };
    let status = runtime.block_on(all());
    runtime.shutdown_background(); // a terminal may still be read
    status
}

async fn all() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter("warn").init();
    let ended = match parse(std::env::args().skip(1)) {
        Ok(task) => run(task).await.map_err(|error| error.to_string()),
        Err(why) => Err(format!("{why}\n{USAGE}")),
    };
    match ended {
        Ok(status) => status,
        Err(why) => {
            eprintln!("record_replay: {why}");
            ExitCode::from(2)
        }
    }
}

async fn run(task: Task) -> Result<ExitCode, BoxError> {
    let Task { what, tape, keys, which, proxy } = task;
    match what {
        What::Record(recording) => record(&tape, &keys, proxy, recording).await?,
        What::Replay => replay(&tape, &keys, which, proxy).await?,
        What::Verify(verifying) => return verify(&tape, &keys, which, &proxy, verifying).await,
        What::Show => show(&tape, &keys, &which)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(path: &Path, keys: &Keys, proxy: Proxy, recording: Recording) -> Result<(), BoxError> {
    let mut tape = Tape::new()?;
    tape.upstream_transport = proxy.upstream_transport().map(Into::into);
    let sink = match recording.rotate {
        Some(mib) => parts(path, keys, &tape, mib)?,
        None => sink(path, keys, &tape)?,
    };
    let recorder = Recorder::start(sink, tape, RecorderOptions::new())?;
    let layer = RecordLayer::new(recorder.clone());
    let layer = if recording.unmasked { layer.unmasked() } else { layer };
    for file in recording.kept {
        let bytes = std::fs::read(&file).map_err(|why| format!("{file}: {why}"))?;
        layer.snapshot(&Snapshot::new(file, SnapshotKind::File, bytes));
    }
    let proxy = proxy.on_refused(layer.on_refused());
    let served = proxy.run(move |leaf| recorded(leaf, &layer)).await;
    recorder.finish().await?;
    let stats = recorder.stats();
    eprintln!("recorded {} entries, lost {}", stats.recorded, stats.lost);
    served
}

/// What is recorded is what the client sees: errors of the stack are answers there.
fn recorded(leaf: Leaf, layer: &RecordLayer) -> Stack {
    BoxService::new(ServiceBuilder::new().layer(layer.clone()).layer(CatchErrorLayer::new()).service(leaf))
}

/// One file of the format that its name says.
fn sink(path: &Path, keys: &Keys, tape: &Tape) -> Result<Box<dyn Sink>, BoxError> {
    Ok(match format(path, keys)? {
        PartFormat::Lines(options) => Box::new(lines::Writer::create_with(path, tape, &options)?),
        PartFormat::Sqlite(options) => Box::new(sqlite::Writer::create_with(path, tape, &options)?),
        _ => Box::new(json::Writer::create(path, tape)?),
    })
}

/// Files of at most so many MiB, of the format that the name says.
fn parts(path: &Path, keys: &Keys, tape: &Tape, mib: NonZeroU32) -> Result<Box<dyn Sink>, BoxError> {
    let rotate = Rotate::new().max_bytes(u64::from(mib.get()) << 20);
    Ok(Box::new(Rotating::create_with(path.with_extension(""), tape, rotate, format(path, keys)?)?))
}

fn format(path: &Path, keys: &Keys) -> Result<PartFormat, BoxError> {
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("jsonl") => keys.lines()?.into(),
        Some("db") => keys.sqlite()?.into(),
        Some("json") if keys.is_none() => PartFormat::Json,
        Some("json") => return Err("a key is of no use to .json: .jsonl and .db take one".into()),
        _ => return Err(format!("{}: ends in none of .jsonl, .json and .db", path.display()).into()),
    })
}

/// A session plays the tape from its beginning. All clients without one share a stack, and play it one after the other:
/// from its beginning if each begins as the recorded one did.
async fn replay(path: &Path, keys: &Keys, which: Which, proxy: Proxy) -> Result<(), BoxError> {
    let options = Replay::options().rewind_for_next_client(true).incomplete(which.incomplete);
    let options = options.open_options(keys.open(which.opening())?);
    let options = match which.session {
        Some(Session::Named(name)) => options.session(name),
        Some(Session::None) => options.without_session(),
        None => options,
    };
    let tape = options.open(path)?;
    let played = tape.clone();
    let answers = move || Leaf::new(played.rewound().map_err(Into::into));
    let stack = |leaf| BoxService::new(ServiceBuilder::new().layer(CatchErrorLayer::new()).service(leaf));
    proxy.answered_by(answers).run(stack).await
}

async fn verify(
    path: &Path,
    keys: &Keys,
    which: Which,
    proxy: &Proxy,
    verifying: Verifying,
) -> Result<ExitCode, BoxError> {
    let tape = tape::open_with(path, &keys.open(which.opening())?.purpose(Purpose::Verify))?;
    let verify = Verify::of(tape).incomplete(which.incomplete);
    let verify = match which.session {
        Some(Session::Named(name)) => verify.session(name),
        Some(Session::None) => verify.without_session(),
        None => verify,
    };
    let verify = verify.components(move |component| verifying.choose(component));
    let report = verify.run(proxy.leaf()?).await?;
    println!("{report}");
    Ok(if report.is_deterministic() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(path: &Path, keys: &Keys, which: &Which) -> Result<(), BoxError> {
    let filter = match &which.session {
        Some(Session::Named(name)) => Filter::new().session(name),
        Some(Session::None) => Filter::new().without_session(),
        None => Filter::new(),
    };
    let tape = filter.apply(tape::open_with(path, &keys.open(which.opening())?)?);
    Show::new().payload(Payload::Full).write(tape, &mut std::io::stdout().lock())?;
    Ok(())
}
