//! The task that reads and writes the pipe.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Sleep, sleep, timeout};

use super::read::{self, Read, Refused};
use super::{Shared, State};
use crate::error::Error;
use crate::message::{ScanOptions, batch_of_server};
use crate::wire::lines::{Decoder, Encoder, Line};

/// Reads of one poll before other tasks get their turn.
const READS: usize = 4;
/// How long the server's last words are awaited once it takes no more of ours.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a server that reads nothing is waited for with what is left to write once no caller is.
const FAREWELL: Duration = Duration::from_millis(500);
/// How often that wait begins anew because the server read something.
const RENEWALS: u32 = 9;

pub(in crate::connect) struct Driver<R, W> {
    shared: Arc<Shared>,
    reader: R,
    writer: Option<W>,
    decoder: Decoder,
    /// Swapped with the shared one, so that no lock is held while writing.
    out: Encoder,
    scan: ScanOptions,
    /// Set once the writer failed; the reader may still have something.
    dying: Option<(Error, Pin<Box<Sleep>>)>,
    /// Set once no caller is left and something is still to be written.
    farewell: Option<Farewell>,
    /// Counts what was read, so that order can be told once messages went different ways.
    sequence: u64,
    reads: Vec<Read>,
    wakers: Vec<Waker>,
    /// Everybody has been told of the end.
    over: bool,
}

/// The patience with a server that is to read the rest.
struct Farewell {
    left: usize,
    renewals: u32,
    sleep: Pin<Box<Sleep>>,
}

/// Why the pipe came to its end.
#[derive(Debug)]
pub(in crate::connect) enum Cause {
    /// The server closed its side, after so many lines that were no messages.
    Ended {
        unreadable_lines: u64,
    },
    Failed(Error),
    /// No caller is left.
    Released,
}

impl Cause {
    pub(in crate::connect) fn into_error(self) -> Error {
        match self {
            Self::Ended { unreadable_lines: 0 } => Error::closed("the server closed its output"),
            Self::Ended { unreadable_lines: lines } => Error::closed(format_args!(
                "the server closed its output; lines of it that were no JSON-RPC messages: {lines}"
            )),
            Self::Failed(error) => error,
            Self::Released => Error::closed("every caller is gone"),
        }
    }
}

impl<R, W> Driver<R, W> {
    pub(super) fn new(shared: Arc<Shared>, reader: R, writer: W) -> Self {
        let scan = shared.lock().options.scan;
        let one_per_write = shared.lock().options.one_per_write;
        Self {
            shared,
            reader,
            writer: Some(writer),
            decoder: Decoder::new(scan.max_bytes),
            out: if one_per_write { Encoder::new().one_per_write() } else { Encoder::new() },
            scan,
            dying: None,
            farewell: None,
            sequence: first_sequence(),
            reads: Vec::new(),
            wakers: Vec::new(),
            over: false,
        }
    }

    /// Ends every pending call and stream with `error`.
    pub(in crate::connect) fn fail_all(&mut self, error: Error) {
        self.over = true;
        let mut wakers = Vec::new();
        self.shared.lock().fail_all(&error, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Driver<R, W> {
    /// Reads and writes until the pipe ends; then the writer is closed.
    pub(in crate::connect) async fn run(&mut self) -> Cause {
        let cause = poll_fn(|cx| self.poll_run(cx)).await;
        self.shared.lock().break_off();
        if let (Some(writer), Cause::Released) = (&mut self.writer, &cause) {
            let _ = timeout(FAREWELL, tokio::io::AsyncWriteExt::shutdown(writer)).await;
        }
        self.writer = None;
        cause
    }

    /// Reads and drops what the server still says, so that it does not block on it; ends with its output.
    #[cfg(all(feature = "stdio", unix))]
    pub(in crate::connect) async fn drain(&mut self) {
        let mut sink = Decoder::new(0);
        while let Ok(1..) = poll_fn(|cx| sink.poll_read(&mut self.reader, cx)).await {
            while sink.next_line().is_some() {}
        }
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        for _ in 0..READS {
            let released = self.poll_write(cx);
            if let Some(error) = self.shared.lock().aborted.take() {
                return Poll::Ready(Cause::Failed(error));
            }
            if released && self.poll_farewell(cx).is_ready() {
                return Poll::Ready(Cause::Released);
            }
            if let Some((error, sleep)) = &mut self.dying
                && sleep.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Cause::Failed(error.clone()));
            }
            match self.decoder.poll_read(&mut self.reader, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(self.end()),
                Poll::Ready(Ok(_)) => self.deliver(),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Cause::Failed(Error::io("reading from the server", error)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what is ready. Tells whether no caller is left.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            let released = self.take_outgoing(cx);
            let Some(writer) = &mut self.writer else { return released };
            if self.out.is_flushed() {
                return released;
            }
            match self.out.poll_flush(writer, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return released,
                Poll::Ready(Err(error)) => {
                    self.writer = None;
                    self.out = Encoder::new();
                    self.shared.lock().break_off();
                    let error = Error::io("writing to the server", error);
                    self.dying = Some((error, Box::pin(sleep(LAST_WORDS))));
                    return released;
                }
            }
        }
    }

    /// Swaps an empty queue for the shared one and arms the wake-up, in one lock.
    fn take_outgoing(&mut self, cx: &mut Context<'_>) -> bool {
        let mut state = self.shared.lock();
        if self.out.is_flushed() {
            std::mem::swap(&mut self.out, &mut state.out);
        }
        if self.writer.is_none() {
            self.out = Encoder::new();
            state.out = Encoder::new();
        }
        state.writing = self.out.len();
        state.set_driver(cx.waker());
        state.released
    }

    /// Frames and parses outside the lock, routes inside it, and then wakes whoever awaits a call. Readers of
    /// streams are woken by their channels, inside.
    fn deliver(&mut self) {
        while let Some(line) = self.decoder.next_line() {
            self.read(line);
        }
        if self.reads.is_empty() {
            return;
        }
        let mut state = self.shared.lock();
        for read in self.reads.drain(..) {
            route(&mut state, read, &mut self.wakers);
        }
        drop(state);
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn read(&mut self, line: Line) {
        self.sequence += 1;
        match read::line(line, &self.scan, self.sequence) {
            Read::Unreadable(refused) if refused.1.is_batch() => self.read_batch(refused),
            read => self.reads.push(read),
        }
    }

    /// Several messages in one line, where the revision has that.
    fn read_batch(&mut self, refused: Refused) {
        let has_batches = self.shared.lock().has_batches;
        let Some(Ok(entries)) = has_batches.then(|| batch_of_server(&refused.0)) else {
            return self.reads.push(Read::Unreadable(refused));
        };
        for entry in entries {
            self.sequence += 1;
            self.reads.push(read::frame(entry, &self.scan, self.sequence));
        }
    }

    fn end(&mut self) -> Cause {
        if let Some(line) = self.decoder.finish() {
            self.read(line);
        }
        self.deliver();
        let unreadable_lines = self.shared.lock().stats.unreadable_lines;
        Cause::Ended { unreadable_lines }
    }

    /// Ready once everything is written, or the server has not read on for too long.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.out.is_empty() {
            return Poll::Ready(());
        }
        let left = self.out.len();
        let farewell = self.farewell.get_or_insert_with(|| Farewell {
            left,
            renewals: RENEWALS,
            sleep: Box::pin(sleep(FAREWELL)),
        });
        if left != farewell.left && farewell.renewals > 0 {
            (farewell.left, farewell.renewals) = (left, farewell.renewals - 1);
            farewell.sleep.set(sleep(FAREWELL));
        }
        farewell.sleep.as_mut().poll(cx)
    }
}

impl<R, W> Drop for Driver<R, W> {
    /// Its task panicked, or the runtime is gone: nobody else tells those who wait.
    fn drop(&mut self) {
        if !self.over {
            self.fail_all(Error::closed("the task that drives the server's pipe is gone"));
        }
    }
}

/// Greater than whatever an earlier pipe counted: one that takes another's place goes on in its order. No server
/// says 256 messages in a microsecond.
fn first_sequence() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX >> 8) << 8
}

fn route(state: &mut State, read: Read, wakers: &mut Vec<Waker>) {
    match read {
        Read::Message(message) => state.route(message, wakers),
        Read::Unreadable(refused) => state.unreadable(&refused.0, &refused.1, wakers),
    }
}
