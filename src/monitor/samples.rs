use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use rustix::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};

use super::invocations::Invocations;
use super::log::{Log, Next};
use super::process::{Failure, Process};
use super::tell::Tell;
use super::usage::Usage;
use crate::error::Error;
use crate::wassette::log::LogLine;

/// How long the log may go on once the process has ended: what it said last is often why.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// So many lines in a row, and the runtime has its turn: it cannot keep time while a stream is always ready.
const LINES: u32 = 32;

/// What a [`Monitor`](super::Monitor) sees: a stream of [`Event`]s.
///
/// It ends after [`Event::Ended`]. Polling it is cancel safe, and dropping it stops everything: there is no task, and
/// the process does not notice. While it is not polled nothing is read: a slow reader gets fewer samples, never a
/// backlog of them.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is polled"]
pub struct Samples {
    process: Process,
    with_descendants: bool,
    interval: Interval,
    /// Readable when the process has ended; without it, the next sample tells.
    exit: Option<AsyncFd<OwnedFd>>,
    log: Log,
    /// Since it last waited.
    lines: u32,
    state: State,
    last: Option<Usage>,
    invocations: Invocations,
    lost_samples: u64,
    tell: Option<Box<dyn Tell>>,
}

#[derive(Debug)]
enum State {
    Running,
    /// The process is gone; the log has so long.
    Ending(Pin<Box<Sleep>>),
    Done,
}

/// One thing that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// It is time, and this is what the process uses.
    Usage(Usage),
    /// A line of its log.
    Log(LogLine),
    /// The log ended; with an error if it could not be read any more. The process may still run.
    LogEnded(Option<Error>),
    /// The process has ended, and nothing follows. Whoever has its number from now on is another process.
    Ended,
}

/// What did not reach the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lost {
    /// Samples that /proc did not give.
    pub samples: u64,
    /// Lines that found a [`log_channel`](super::log_channel) full.
    pub lines: u64,
    /// Lines longer than 16 KiB, of which only the first 4 KiB were read.
    pub cut_lines: u64,
}

/// What a [`Samples`] is made from.
pub(super) struct Parts {
    pub(super) process: Process,
    pub(super) with_descendants: bool,
    pub(super) every: Duration,
    pub(super) log: Log,
    pub(super) tell: Option<Box<dyn Tell>>,
}

impl Samples {
    pub(super) fn new(parts: Parts) -> Self {
        let mut interval = interval(parts.every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            exit: parts.process.exit_descriptor().and_then(exit),
            process: parts.process,
            with_descendants: parts.with_descendants,
            interval,
            log: parts.log,
            lines: 0,
            state: State::Running,
            last: None,
            invocations: Invocations::default(),
            lost_samples: 0,
            tell: parts.tell,
        }
    }

    /// The process that is watched.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What its log told of calls so far.
    pub fn invocations(&self) -> &Invocations {
        &self.invocations
    }

    /// What did not reach this stream so far.
    pub fn lost(&self) -> Lost {
        let (lines, cut_lines) = self.log.losses();
        Lost { samples: self.lost_samples, lines, cut_lines }
    }

    /// The next sample, unless the process ends.
    fn poll_usage(&mut self, cx: &mut Context<'_>) -> Poll<Usage> {
        while self.interval.poll_tick(cx).is_ready() {
            match self.process.read(self.with_descendants) {
                Ok(reading) => {
                    let usage = Usage::new(&reading, Instant::now(), self.last.as_ref());
                    self.last = Some(usage.clone());
                    return Poll::Ready(usage);
                }
                Err(Failure::Unreadable(error)) => {
                    tracing::debug!(pid = self.id(), %error, "a sample is lost");
                    self.lost_samples += 1;
                }
                Err(Failure::Gone) => {
                    self.state = State::Ending(Box::pin(sleep(LAST_WORDS)));
                    return Poll::Pending;
                }
            }
        }
        if self.exit.as_ref().is_some_and(|exit| exit.poll_read_ready(cx).is_ready()) {
            self.state = State::Ending(Box::pin(sleep(LAST_WORDS)));
        }
        Poll::Pending
    }

    fn poll_log(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.lines == LINES {
            self.lines = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = self.log.poll_next(cx);
        self.lines = if next.is_ready() { self.lines + 1 } else { 0 };
        next.map(|next| match next {
            Next::Line(line) => {
                let step = self.invocations.step(&line);
                if let Some(tell) = &mut self.tell {
                    tell.line(&line, step.as_ref());
                }
                Event::Log(line)
            }
            Next::End(error) => Event::LogEnded(error),
        })
    }

    /// What comes next; each kind has its turn however much there is of another.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if matches!(self.state, State::Running)
            && let Poll::Ready(usage) = self.poll_usage(cx)
        {
            if let Some(tell) = &mut self.tell {
                tell.usage(&usage);
            }
            return Poll::Ready(Event::Usage(usage));
        }
        let is_late = match &mut self.state {
            State::Ending(deadline) => deadline.as_mut().poll(cx).is_ready(),
            _ => false,
        };
        if !is_late && let Poll::Ready(event) = self.poll_log(cx) {
            return Poll::Ready(event);
        }
        if is_late || (matches!(self.state, State::Ending(_)) && self.log.is_over()) {
            return Poll::Ready(Event::Ended);
        }
        Poll::Pending
    }
}

#[allow(
    deprecated,
    reason = "what replaces it needs tokio 1.54; an OwnedFd is all that the new one asks for"
)]
fn exit(descriptor: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE).ok()
}

impl Stream for Samples {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if matches!(self.state, State::Done) {
            return Poll::Ready(None);
        }
        let event = self.poll_event(cx);
        if matches!(event, Poll::Ready(Event::Ended)) {
            self.state = State::Done;
            self.exit = None;
            self.log.close();
        }
        let lost = self.lost();
        if event.is_ready()
            && let Some(tell) = &mut self.tell
        {
            tell.lost(lost);
            if matches!(event, Poll::Ready(Event::Ended)) {
                tell.ended();
            }
        }
        event.map(Some)
    }
}
