//! A sidecar: watches a running process from beside it, and its log. Nothing passes through it.
//!
//! Clients talk to Wassette directly; a [`Monitor`] reads what /proc says of the process, and Wassette's log where it
//! is given one. It works on any process that may be read, and the log of any program: lines of another form stay
//! messages. It cannot see or change messages; that needs a proxy.
//!
//! ```
//! use std::time::Duration;
//! use futures::StreamExt;
//! use shadowcat::monitor::{Event, Monitor};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut process = std::process::Command::new("sleep").arg("600").spawn()?;
//! let mut samples = Monitor::attach(process.id())?.interval(Duration::from_millis(50)).samples();
//! while let Some(event) = samples.next().await {
//!     match event {
//!         Event::Usage(usage) => {
//!             println!("{} bytes, {} threads", usage.resident_bytes, usage.threads);
//!             process.kill()?;
//!         }
//!         Event::Log(line) => println!("{}", line.message),
//!         Event::Ended => println!("it is gone"),
//!         _ => {}
//!     }
//! }
//! # process.wait()?;
//! # Ok(()) }
//! ```
//!
//! # Where it works
//!
//! On Linux; elsewhere this module does not exist. The process must be in sight of our /proc: a container sees its own
//! processes only. Another user's process can be watched too; before Linux 6.2 only root sees its descriptors.
//!
//! # What it costs
//!
//! Nothing to the process. A sample reads two small files that the kernel makes up in memory, in some ten microseconds,
//! so it is read where the stream is polled, with no thread and no task of its own. With descendants one file for each
//! process of the system is read, in about 5 µs each: watch a tree on a busy host at an interval of seconds.
//!
//! # Logs
//!
//! A reader's lines are read until its end. To follow a file through its rotation, read the output of `tail -F`. A
//! pipe that the process writes to must be read on, or the process waits: whoever drops [`Samples`] closes its reader.
#![cfg_attr(
    feature = "metrics",
    doc = "\n# Metrics\n\nWith the feature `metrics`, [`Monitor::metrics`] names what the recorder is told."
)]

mod attach_error;
mod invocations;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod process;
mod samples;
mod tell;
mod tree;
mod usage;

use std::time::Duration;

use tokio::io::AsyncRead;

use self::log::Log;
use self::process::Process;
use self::samples::Parts;
use self::tell::Tell;

pub use attach_error::AttachError;
pub use invocations::{Invocations, Tally, Tool};
pub use log::{LogLines, LogSender, log_channel};
pub use samples::{Event, Lost, Samples};
pub use usage::Usage;

/// The kernel counts CPU time no finer.
const SHORTEST: Duration = Duration::from_millis(10);

/// How a process is to be watched.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::monitor::Monitor;
///
/// # fn main() -> Result<(), shadowcat::monitor::AttachError> {
/// let log: &[u8] = b"2026-11-20T22:41:40Z  INFO wassette: Starting MCP server with stdio transport\n";
/// let monitor = Monitor::attach(std::process::id())?
///     .interval(Duration::from_secs(5))
///     .descendants(true)
///     .log(log);
/// # drop(monitor);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a monitor does nothing until its samples are polled"]
pub struct Monitor {
    process: Process,
    interval: Duration,
    descendants: bool,
    log: Log,
    tell: Option<Box<dyn Tell>>,
}

impl Monitor {
    /// Takes hold of a running process by its id. If another process gets the id later, that is not mixed up.
    ///
    /// # Errors
    ///
    /// There is no such process, the id is a thread's, it may not be read, or /proc does not work.
    pub fn attach(pid: u32) -> Result<Self, AttachError> {
        Ok(Self {
            process: Process::attach(pid)?,
            interval: Duration::from_secs(1),
            descendants: false,
            log: Log::default(),
            tell: None,
        })
    }

    /// The time between two samples, at least 10 ms; 1 s by default. The first comes at once.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST);
        self
    }

    /// Whether the sum of the process and all that descend from it is told; off by default. A process whose parent
    /// ended descends from it no more.
    pub fn descendants(mut self, yes: bool) -> Self {
        self.descendants = yes;
        self
    }

    /// Reads the log from here, instead of from what was given before. Lines may be 16 KiB long; of longer ones the
    /// first 4 KiB are read, and they are [counted](Lost::cut_lines).
    pub fn log(mut self, reader: impl AsyncRead + Send + 'static) -> Self {
        self.log = Log::reader(reader);
        self
    }

    /// Takes the log's lines from a [`log_channel`], instead of from what was given before.
    pub fn log_lines(mut self, lines: LogLines) -> Self {
        self.log = Log::lines(lines);
        self
    }

    /// Tells the recorder of the [`metrics`](::metrics) crate what the stream shows, while that is polled. Each carries
    /// the label `server`.
    ///
    /// | name, behind `shadowcat_monitor_` | kind | unit | more labels |
    /// |---|---|---|---|
    /// | `up` | gauge | 1 while it runs and is watched, else 0 | |
    /// | `cpu_cores` | gauge | cores | |
    /// | `cpu_seconds` | gauge | seconds | |
    /// | `resident_bytes`, `virtual_bytes` | gauge | bytes | |
    /// | `descriptors`, `threads`, `processes` | gauge | count | |
    /// | `log_lines_total` | counter | lines | `level`: `trace` to `error`, or `none` |
    /// | `invocations_total` | counter | calls | `component`, `tool`, `event`: `called`, `returned`, `failed` |
    /// | `invocation_seconds` | histogram | seconds | `component`, `tool` |
    /// | `lost_total` | counter | count | `what`: `samples`, `lines`, `cut_lines` |
    ///
    /// At most 256 tools have labels of their own; the rest have `other`. Install the recorder first.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, server: impl Into<String>) -> Self {
        self.tell = Some(Box::new(metrics::Metrics::new(server.into())));
        self
    }

    /// Starts to watch.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn samples(self) -> Samples {
        Samples::new(Parts {
            process: self.process,
            with_descendants: self.descendants,
            every: self.interval,
            log: self.log,
            tell: self.tell,
        })
    }
}
