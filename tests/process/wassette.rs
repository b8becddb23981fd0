//! Wassette 0.2 on raw pipes: the fixture `wassette_0_2`, or the real program that `SHADOWCAT_WASSETTE` names.
//! And transcripts of the real one.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

/// What the environment names instead of the fixture.
pub(crate) fn real() -> Option<PathBuf> {
    env::var_os("SHADOWCAT_WASSETTE").map(PathBuf::from)
}

/// To be given arguments and started.
pub(crate) fn command() -> Command {
    Command::new(real().as_deref().unwrap_or_else(|| super::wassette_0_2()))
}

/// What the process said: a line of its stdout or of its log, without the end.
#[derive(Debug)]
pub(crate) enum Said {
    Out(String),
    Log(String),
}

/// A running server; killed when it hangs, and when dropped.
#[derive(Debug)]
pub(crate) struct Wassette {
    process: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<Said>,
    _alarm: SyncSender<()>,
}

impl Wassette {
    /// With its stdin, stdout and stderr on pipes.
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = piped.spawn().expect("the server can be started");
        let alarm = super::alarm(process.id());
        let (sender, said) = sync_channel(64);
        tell(process.stdout.take().expect("stdout is a pipe"), Said::Out, sender.clone());
        tell(process.stderr.take().expect("stderr is a pipe"), Said::Log, sender);
        Self { stdin: process.stdin.take(), process, said, _alarm: alarm }
    }

    /// `serve --stdio` with this component directory.
    pub(crate) fn serve(plugin_dir: &Path) -> Self {
        Self::start(command().args(["serve", "--stdio", "--plugin-dir"]).arg(plugin_dir))
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// In one write, with the end of the line.
    pub(crate) fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("the pipe has room and a reader");
    }

    /// The next line of stdout or of the log; `None` when both have ended.
    pub(crate) fn hear(&self) -> Option<Said> {
        self.said.recv().ok()
    }

    /// Nothing on stdout for so long.
    pub(crate) fn says_nothing(&self, wait: Duration) -> bool {
        while let Ok(said) = self.said.recv_timeout(wait) {
            if matches!(said, Said::Out(_)) {
                return false;
            }
        }
        true
    }

    /// The next line of stdout.
    pub(crate) fn receive(&self) -> Option<String> {
        std::iter::from_fn(|| self.hear()).find_map(|said| match said {
            Said::Out(line) => Some(line),
            Said::Log(_) => None,
        })
    }

    /// Waits for a line with this text in the log.
    pub(crate) fn logs(&self, text: &str) {
        let found = std::iter::from_fn(|| self.hear()).any(|said| match said {
            Said::Log(line) => line.contains(text),
            Said::Out(line) => panic!("before the log has {text:?}, stdout has {line}"),
        });
        assert!(found, "the log has no {text:?}");
    }

    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("the server is our child")
    }
}

impl Drop for Wassette {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tell(from: impl Read + Send + 'static, what: fn(String) -> Said, to: SyncSender<Said>) {
    thread::spawn(move || {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        lines.map(what).all(|said| to.send(said).is_ok())
    });
}

/// A line of a transcript.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) dir: String,
    pub(crate) line: String,
}

/// The transcript of this name, without its ending.
pub(crate) fn transcript(name: &str) -> Vec<Entry> {
    let path = folder().join("transcripts").join(name).with_extension("jsonl");
    entries(&path)
}

/// One JSON object a line.
pub(crate) fn entries<T: for<'a> Deserialize<'a>>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("an entry is a JSON object")).collect()
}

pub(crate) fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wassette"))
}
