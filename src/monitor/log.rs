//! Where lines of a log come from.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncRead;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::wassette::log::{self, LogLine};
use crate::wire::lines::{Decoder, Line};

/// In bytes. Of a longer line, only the beginning is read.
pub(super) const MAX_LINE: usize = 16 << 10;
/// How much of a line that is too long is left.
const CUT_TO: usize = 4 << 10;
/// How often one poll reads, at most, before others have their turn.
const READS: usize = 16;

/// A bounded queue for lines of a log, for a child whose stderr is already read:
///
/// ```no_run
/// use shadowcat::connect::Command;
/// use shadowcat::monitor::{Monitor, log_channel};
///
/// # #[cfg(feature = "stdio")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (log, lines) = log_channel(256);
/// let server = Command::new("wassette").args(["serve", "--stdio"]);
/// let server = server.on_stderr(move |line| {
///     log.try_line(line);
/// });
/// let server = server.spawn()?;
/// let samples = Monitor::attach(server.id())?.log_lines(lines).samples();
/// # Ok(()) }
/// # #[cfg(not(feature = "stdio"))] fn main() {}
/// ```
///
/// # Backpressure
///
/// It holds `capacity` lines, at least one, of at most 16 KiB. A line that finds it full is lost and counted in
/// [`Lost::lines`](super::Lost::lines): a log never holds up what it is about.
pub fn log_channel(capacity: usize) -> (LogSender, LogLines) {
    let (sender, lines) = mpsc::channel(capacity.clamp(1, tokio::sync::Semaphore::MAX_PERMITS));
    let counts = Arc::<Counts>::default();
    (LogSender { lines: sender, counts: counts.clone() }, LogLines { lines, counts })
}

/// The writing end of [`log_channel`]. The log ends when all clones are gone.
#[derive(Clone, Debug)]
pub struct LogSender {
    lines: mpsc::Sender<Box<str>>,
    counts: Arc<Counts>,
}

impl LogSender {
    /// Hands one line over, and tells whether it was taken. It never waits.
    ///
    /// ```
    /// let (log, lines) = shadowcat::monitor::log_channel(1);
    /// assert!(log.try_line("INFO wassette: one"));
    /// assert!(!log.try_line("INFO wassette: two")); // full
    /// drop(lines);
    /// assert!(log.is_closed());
    /// ```
    pub fn try_line(&self, line: &str) -> bool {
        let Ok(place) = self.lines.try_reserve() else {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        if line.len() > MAX_LINE {
            self.counts.cut.fetch_add(1, Ordering::Relaxed);
        }
        place.send(head(line).into());
        true
    }

    /// Nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.lines.is_closed()
    }
}

/// The line, or the beginning of one that is too long.
fn head(line: &str) -> &str {
    if line.len() <= MAX_LINE {
        return line;
    }
    let end = (0..=CUT_TO).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
    &line[..end]
}

/// The reading end of [`log_channel`].
#[derive(Debug)]
pub struct LogLines {
    lines: mpsc::Receiver<Box<str>>,
    counts: Arc<Counts>,
}

/// What happened to lines on their way.
#[derive(Debug, Default)]
struct Counts {
    lost: AtomicU64,
    cut: AtomicU64,
}

/// What is read next of a log.
#[derive(Debug)]
pub(super) enum Next {
    Line(LogLine),
    /// Its end, or that it cannot be read any more.
    End(Option<Error>),
}

/// A log, or none; over once its end was told.
#[derive(Debug, Default)]
pub(super) struct Log {
    source: Option<Source>,
    counts: Arc<Counts>,
}

enum Source {
    Reader(Box<Reader>),
    Lines(mpsc::Receiver<Box<str>>),
}

struct Reader {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    decoder: Decoder,
    /// Nothing that is kept of a log holds a secret. (A child's lines have lost them on their way here.)
    #[cfg(feature = "secret")]
    mask: crate::secret::MaskLines,
}

impl Log {
    pub(super) fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        let reader = Reader {
            reader: Box::pin(reader),
            decoder: Decoder::new(MAX_LINE),
            #[cfg(feature = "secret")]
            mask: crate::secret::MaskLines::default(),
        };
        Self { source: Some(Source::Reader(Box::new(reader))), counts: Arc::default() }
    }

    pub(super) fn lines(lines: LogLines) -> Self {
        Self { source: Some(Source::Lines(lines.lines)), counts: lines.counts }
    }

    /// There is nothing more to come.
    pub(super) fn is_over(&self) -> bool {
        self.source.is_none()
    }

    /// Lets go of the source; what it lost stays counted.
    pub(super) fn close(&mut self) {
        self.source = None;
    }

    /// Lines that found the queue full, and lines that were cut.
    pub(super) fn losses(&self) -> (u64, u64) {
        (self.counts.lost.load(Ordering::Relaxed), self.counts.cut.load(Ordering::Relaxed))
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let next = match &mut self.source {
            None => return Poll::Pending,
            Some(Source::Lines(lines)) => {
                ready!(lines.poll_recv(cx)).map_or(Next::End(None), |line| Next::Line(log::parse(&line)))
            }
            Some(Source::Reader(reader)) => ready!(reader.poll_line(&self.counts, cx)),
        };
        if matches!(next, Next::End(_)) {
            self.source = None;
        }
        Poll::Ready(next)
    }
}

impl Reader {
    fn poll_line(&mut self, counts: &Counts, cx: &mut Context<'_>) -> Poll<Next> {
        for _ in 0..READS {
            if let Some(line) = self.decoder.next_line() {
                return Poll::Ready(Next::Line(self.parse(&line, counts)));
            }
            match ready!(self.decoder.poll_read(&mut self.reader, cx)) {
                Ok(0) => {
                    let rest = self.decoder.finish().map(|line| Next::Line(self.parse(&line, counts)));
                    return Poll::Ready(rest.unwrap_or(Next::End(None)));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Next::End(Some(Error::io("cannot read the log", error)))),
            }
        }
        // A line that does not end: others have their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn parse(&mut self, line: &Line, counts: &Counts) -> LogLine {
        if matches!(line, Line::TooLong(_)) {
            counts.cut.fetch_add(1, Ordering::Relaxed);
        }
        let (Line::Frame(bytes)
        | Line::CarriageReturn(bytes)
        | Line::TooLong(bytes)
        | Line::Incomplete(bytes)) = line;
        let text = String::from_utf8_lossy(bytes);
        #[cfg(feature = "secret")]
        let text = match line {
            Line::TooLong(_) => self.mask.mask_cut(&text),
            _ => self.mask.mask(&text),
        };
        log::parse(&text)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader(_) => "Reader",
            Self::Lines(_) => "Lines",
        })
    }
}
