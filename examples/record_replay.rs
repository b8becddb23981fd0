//! Records sessions, answers from what was recorded, and holds a server against it:
//! `record_replay record|replay|verify|show TAPE [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]`
//!
//! - `record` is a proxy, on stdio or on HTTP at `/mcp`, that writes what passes to the new file TAPE: `.jsonl` (also
//!   while it grows), `.json` or `.db`. Secrets are masked.
//! - `replay` is a server that answers from TAPE.
//! - `verify` plays the client's side of TAPE to the server and tells what it answers otherwise than it did. With
//!   `--load URI` a component of TAPE that came from there is loaded first, as a Wassette does; with `--grant` it may
//!   what TAPE says that it was granted.
//! - `show` prints TAPE.
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

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proxy::{Leaf, Proxy, Stack};
use shadowcat::BoxError;
use shadowcat::connect::Replay;
use shadowcat::layer::{CatchErrorLayer, RecordLayer};
use shadowcat::tape::{
    self, Component, Payload, Recorder, RecorderOptions, Show, Sink, Tape, json, lines, sqlite,
};
use shadowcat::verify::Verify;
use tower::util::BoxService;
use tower::{ServiceBuilder, ServiceExt};

const USAGE: &str = "usage: record_replay record|replay|verify|show TAPE [--listen 127.0.0.1:PORT] \
    [--upstream URL | -- COMMAND ARGS…], and for verify [--load URI]… [--grant]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
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
    proxy: Proxy,
    chosen: Chosen,
}

/// Components of a tape that may be loaded.
#[derive(Default)]
struct Chosen {
    uris: Vec<String>,
    grants: bool,
}

enum What {
    Record,
    Replay,
    Verify,
    Show,
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Task, String> {
    let what = match args.next().as_deref() {
        Some("record") => What::Record,
        Some("replay") => What::Replay,
        Some("verify") => What::Verify,
        Some("show") => What::Show,
        other => return Err(format!("record, replay, verify or show, not {}", other.unwrap_or("nothing"))),
    };
    let tape = args.next().ok_or("no TAPE is named")?.into();
    let mut task = Task { what, tape, proxy: Proxy::default(), chosen: Chosen::default() };
    while let Some(arg) = args.next() {
        if matches!(task.what, What::Verify) && task.chosen.take(&arg, &mut args)? {
            continue;
        }
        if !task.proxy.take(&arg, &mut args)? {
            return Err(format!("{arg}: what is that?"));
        }
    }
    Ok(task)
}

impl Chosen {
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
    let Task { what, tape, proxy, chosen } = task;
    match what {
        What::Record => record(&tape, proxy).await?,
        What::Replay => replay(&tape, proxy).await?,
        What::Verify => return verify(&tape, &proxy, chosen).await,
        What::Show => show(&tape)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(path: &Path, proxy: Proxy) -> Result<(), BoxError> {
    let tape = Tape::new()?;
    let recorder = Recorder::start(sink(path, &tape)?, tape, RecorderOptions::new())?;
    let layer = RecordLayer::new(recorder.clone());
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

/// Of the format that the name says.
fn sink(path: &Path, tape: &Tape) -> Result<Box<dyn Sink>, BoxError> {
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("jsonl") => Box::new(lines::Writer::create(path, tape)?),
        Some("json") => Box::new(json::Writer::create(path, tape)?),
        Some("db") => Box::new(sqlite::Writer::create(path, tape)?),
        _ => return Err(format!("{}: ends in none of .jsonl, .json and .db", path.display()).into()),
    })
}

/// A session plays the tape from its beginning.
async fn replay(path: &Path, proxy: Proxy) -> Result<(), BoxError> {
    let tape = Replay::from_path(path)?;
    let played = tape.clone();
    let answers = move || Leaf::new(played.rewound().map_err(Into::into));
    let stack = |leaf| BoxService::new(ServiceBuilder::new().layer(CatchErrorLayer::new()).service(leaf));
    proxy.answered_by(answers).run(stack).await
}

async fn verify(path: &Path, proxy: &Proxy, chosen: Chosen) -> Result<ExitCode, BoxError> {
    let verify = Verify::of(tape::open(path)?).components(move |component| chosen.choose(component));
    let report = verify.run(proxy.leaf()?).await?;
    print!("{report}");
    Ok(if report.is_deterministic() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(path: &Path) -> Result<(), BoxError> {
    Show::new().payload(Payload::Full).write(tape::open(path)?, &mut std::io::stdout().lock())?;
    Ok(())
}
