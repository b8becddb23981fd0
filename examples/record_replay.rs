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
//! one, `--session NAME`; with `--incomplete` a TAPE that lacks something, as one that was cut off, is played all the same.
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

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proxy::{Leaf, Proxy, Stack};
use shadowcat::BoxError;
use shadowcat::connect::Replay;
use shadowcat::layer::{CatchErrorLayer, RecordLayer};
use shadowcat::tape::{
    self, Component, Filter, OpenOptions, PartFormat, Payload, Purpose, Recorder, RecorderOptions, Rotate,
    Rotating, Show, Sink, Snapshot, SnapshotKind, Tape, TapeId, json, lines, sqlite,
};
use shadowcat::verify::Verify;
use tower::util::BoxService;
use tower::{ServiceBuilder, ServiceExt};

const USAGE: &str = "usage: record_replay record|replay|verify|show TAPE [--listen 127.0.0.1:PORT] \
    [--upstream URL | -- COMMAND ARGS…], for record [--unmasked] [--keep FILE]… [--rotate-mib MIB], \
    for the others [--tape ID] [--session NAME] [--incomplete], and for verify [--load URI]… [--grant]";

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

struct Task {
    what: What,
    tape: PathBuf,
    which: Which,
    proxy: Proxy,
}

/// Which of what TAPE holds is meant, and whether it may lack something.
#[derive(Default)]
struct Which {
    tape: Option<TapeId>,
    session: Option<String>,
    incomplete: bool,
}

/// What is recorded otherwise than by default.
#[derive(Default)]
struct Recording {
    unmasked: bool,
    kept: Vec<String>,
    /// MiB of one file.
    rotate: Option<NonZeroU32>,
}

/// Components of a tape that may be loaded.
#[derive(Default)]
struct Verifying {
    uris: Vec<String>,
    grants: bool,
}

enum What {
    Record(Recording),
    Replay,
    Verify(Verifying),
    Show,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Task, String> {
    let what = match args.next().as_deref() {
        Some("record") => What::Record(Recording::default()),
        Some("replay") => What::Replay,
        Some("verify") => What::Verify(Verifying::default()),
        Some("show") => What::Show,
        other => return Err(format!("record, replay, verify or show, not {}", other.unwrap_or("nothing"))),
    };
    let tape = args.next().ok_or("no TAPE is named")?.into();
    let mut task = Task { what, tape, which: Which::default(), proxy: Proxy::default() };
    while let Some(arg) = args.next() {
        let is_taken = match &mut task.what {
            What::Record(recording) => recording.take(&arg, &mut args)?,
            What::Verify(verifying) => {
                verifying.take(&arg, &mut args)? || task.which.take(&arg, &mut args)?
            }
            What::Replay | What::Show => task.which.take(&arg, &mut args)?,
        };
        if !is_taken && !task.proxy.take(&arg, &mut args)? {
            return Err(format!("{arg}: what is that?"));
        }
    }
    Ok(task)
}

impl Which {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--tape" => self.tape = Some(TapeId::from_text(&args.next().ok_or("--tape: which ID?")?)),
            "--session" => self.session = Some(args.next().ok_or("--session: which NAME?")?),
            "--incomplete" => self.incomplete = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn opening(&self) -> OpenOptions {
        self.tape.iter().cloned().fold(OpenOptions::new(), OpenOptions::tape)
    }
}

impl Recording {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--unmasked" => self.unmasked = true,
            "--keep" => self.kept.push(args.next().ok_or("--keep: which FILE?")?),
            "--rotate-mib" => {
                let mib = args.next().ok_or("--rotate-mib: how many MIB?")?;
                self.rotate = Some(mib.parse().map_err(|why| format!("--rotate-mib {mib}: {why}"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Verifying {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--load" => self.uris.push(args.next().ok_or("--load: which URI?")?),
            "--grant" => self.grants = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn choose(&self, mut component: Component) -> Option<Component> {
        if !self.grants {
            component.policy = None;
        }
        let uri = component.uri.as_deref()?;
        self.uris.iter().any(|known| known == uri).then_some(component)
    }
}

async fn run(task: Task) -> Result<ExitCode, BoxError> {
    let Task { what, tape, which, proxy } = task;
    match what {
        What::Record(recording) => record(&tape, proxy, recording).await?,
        What::Replay => replay(&tape, which, proxy).await?,
        What::Verify(verifying) => return verify(&tape, which, &proxy, verifying).await,
        What::Show => show(&tape, &which)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(path: &Path, proxy: Proxy, recording: Recording) -> Result<(), BoxError> {
    let mut tape = Tape::new()?;
    tape.upstream_transport = proxy.upstream_transport().map(Into::into);
    let sink = match recording.rotate {
        Some(mib) => parts(path, &tape, mib)?,
        None => sink(path, &tape)?,
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
fn sink(path: &Path, tape: &Tape) -> Result<Box<dyn Sink>, BoxError> {
    Ok(match ending(path) {
        Some("jsonl") => Box::new(lines::Writer::create(path, tape)?),
        Some("json") => Box::new(json::Writer::create(path, tape)?),
        Some("db") => Box::new(sqlite::Writer::create(path, tape)?),
        _ => return Err(of_no_format(path)),
    })
}

/// Files of at most so many MiB, of the format that the name says.
fn parts(path: &Path, tape: &Tape, mib: NonZeroU32) -> Result<Box<dyn Sink>, BoxError> {
    let format = match ending(path) {
        Some("jsonl") => PartFormat::default(),
        Some("json") => PartFormat::Json,
        Some("db") => sqlite::Options::new().into(),
        _ => return Err(of_no_format(path)),
    };
    let rotate = Rotate::new().max_bytes(u64::from(mib.get()) << 20);
    Ok(Box::new(Rotating::create_with(path.with_extension(""), tape, rotate, format)?))
}

fn ending(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

fn of_no_format(path: &Path) -> BoxError {
    format!("{}: ends in none of .jsonl, .json and .db", path.display()).into()
}

/// A session plays the tape from its beginning. All clients without one share a stack, and play it one after the other:
/// from its beginning if each begins as the recorded one did.
async fn replay(path: &Path, which: Which, proxy: Proxy) -> Result<(), BoxError> {
    let options = Replay::options().rewind_for_next_client(true).incomplete(which.incomplete);
    let mut options = options.open_options(which.opening());
    if let Some(name) = which.session {
        options = options.session(name);
    }
    let tape = options.open(path)?;
    let played = tape.clone();
    let answers = move || Leaf::new(played.rewound().map_err(Into::into));
    let stack = |leaf| BoxService::new(ServiceBuilder::new().layer(CatchErrorLayer::new()).service(leaf));
    proxy.answered_by(answers).run(stack).await
}

async fn verify(
    path: &Path,
    which: Which,
    proxy: &Proxy,
    verifying: Verifying,
) -> Result<ExitCode, BoxError> {
    let tape = tape::open_with(path, &which.opening().purpose(Purpose::Verify))?;
    let mut verify = Verify::of(tape).incomplete(which.incomplete);
    if let Some(name) = which.session {
        verify = verify.session(name);
    }
    let verify = verify.components(move |component| verifying.choose(component));
    let report = verify.run(proxy.leaf()?).await?;
    println!("{report}");
    Ok(if report.is_deterministic() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(path: &Path, which: &Which) -> Result<(), BoxError> {
    let filter = which.session.iter().fold(Filter::new(), |filter, name| filter.session(name));
    let tape = filter.apply(tape::open_with(path, &which.opening())?);
    Show::new().payload(Payload::Full).write(tape, &mut std::io::stdout().lock())?;
    Ok(())
}
