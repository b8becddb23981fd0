//! The one task of a session: read, call, write.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Sleep, timeout};

use super::Stdio;
use super::batches::Batches;
use crate::error::Error;
use crate::message::{JsonRpcMessage, ParseError, ScanOptions, salvage_id};
use crate::protocol::peek;
use crate::reply::RpcService;
use crate::serve::dispatch::Dispatch;
use crate::wire::lines::{Decoder, Encoder, Line};

/// Above this much waiting to be written, replies stay where they are.
const HIGH_WATER: usize = 1 << 20;
/// How long the writer may take to close; a client that does not read would keep it open.
const GOODBYE: Duration = Duration::from_secs(1);
/// Reads of one poll before other tasks get their turn.
const READS: usize = 4;

pub(super) struct Session<S: RpcService, R, W> {
    dispatch: Dispatch<S>,
    reader: R,
    writer: W,
    decoder: Decoder,
    out: Encoder,
    scan: ScanOptions,
    batches: Batches,
    drain: Duration,
    phase: Phase,
}

enum Phase {
    Start,
    Open,
    /// The client has closed its side.
    Draining(Pin<Box<Sleep>>),
}

impl<S, R, W> Session<S, R, W>
where
    S: RpcService,
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    pub(super) fn new(front: Stdio<S>, reader: R, writer: W) -> Self {
        Self {
            dispatch: Dispatch::new(front.stack, front.session.as_deref(), front.max_in_flight)
                .on_refused(front.on_refused),
            reader,
            writer,
            decoder: Decoder::new(front.scan.max_bytes),
            out: Encoder::new(),
            scan: front.scan,
            batches: Batches::new(front.max_batch),
            drain: front.drain,
            phase: Phase::Start,
        }
    }

    pub(super) async fn run(mut self) -> Result<(), Error> {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        let Self { dispatch, mut writer, mut batches, mut out, .. } = self;
        drop(dispatch); // what is still in flight is cancelled first
        if batches.finish(&mut out) {
            let _ = timeout(GOODBYE, poll_fn(|cx| out.poll_flush(&mut writer, cx))).await;
        }
        // A writer that says goodbye, as TLS does, is given the chance to, and not longer than that.
        let _ = timeout(GOODBYE, writer.shutdown()).await;
        ended
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Phase::Start = self.phase {
            self.phase = Phase::Open;
            self.dispatch.listen(cx);
        }
        for _ in 0..READS {
            let written = self.poll_answers(cx)?;
            // What the client has already said is answered before the session ends.
            match self.poll_requests(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if written && self.dispatch.in_flight() == 0 => return self.poll_end(cx),
                Poll::Pending => return self.poll_drain(cx),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Nothing is in flight and nothing left to write.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match (self.dispatch.upstream_gone(), &self.phase) {
            (Some(error), _) => Poll::Ready(Err(error.clone())),
            (None, Phase::Draining(_)) => Poll::Ready(Ok(())),
            (None, _) => self.poll_drain(cx),
        }
    }

    /// Moves answers to the client. Tells whether everything is written.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        loop {
            if self.out.len() < HIGH_WATER {
                let (out, batches) = (&mut self.out, &mut self.batches);
                self.dispatch.poll(cx, |message| batches.say(&message, out));
            }
            if self.out.is_flushed() {
                return Ok(true);
            }
            match self.out.poll_flush(&mut self.writer, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(Error::io("writing to the client", error)),
                Poll::Pending => return Ok(false),
            }
        }
    }

    /// Reads once and gives the stack what came.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Phase::Draining(_) = self.phase {
            return Poll::Pending;
        }
        let read = match self.decoder.poll_read(&mut self.reader, cx) {
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(Error::io("reading from the client", error))),
            Poll::Pending => return Poll::Pending,
        };
        while let Some(line) = self.decoder.next_line() {
            self.accept(line, cx);
        }
        if read == 0 {
            if let Some(line) = self.decoder.finish() {
                self.accept(line, cx);
            }
            self.phase = Phase::Draining(Box::pin(tokio::time::sleep(self.drain)));
        }
        Poll::Ready(Ok(()))
    }

    fn accept(&mut self, line: Line, cx: &mut Context<'_>) {
        let read = match line.into_frame() {
            Ok(frame) => JsonRpcMessage::read(frame, &self.scan, self.dispatch.beside()),
            Err((bytes, fault)) => {
                let id = salvage_id(&bytes, &self.scan);
                let error = ParseError::new(fault, bytes.len()).with_id(id);
                Err((bytes, error))
            }
        };
        match read {
            Ok(message) => self.accept_message(message, cx),
            Err((bytes, error)) if error.is_batch() && self.batches.are_agreed() => {
                self.accept_batch(&bytes, cx);
            }
            Err((bytes, error)) => self.dispatch.refuse(&bytes, &error, cx),
        }
    }

    fn accept_message(&mut self, message: JsonRpcMessage, cx: &mut Context<'_>) {
        if self.batches.are_off() {
            return self.dispatch.accept(message, cx);
        }
        self.batches.note(&message);
        let cancelled = peek::cancelled_id(&message).ok().flatten().map(|id| id.to_owned());
        let cancelled = cancelled.filter(|id| self.dispatch.is_pending(id));
        self.dispatch.accept(message, cx);
        if let Some(id) = cancelled.filter(|id| !self.dispatch.is_pending(id)) {
            self.batches.forget(&id, &mut self.out);
        }
    }

    fn accept_batch(&mut self, bytes: &Bytes, cx: &mut Context<'_>) {
        match self.batches.read(bytes, &self.scan, &self.dispatch.beside()) {
            Ok(messages) => {
                self.batches.begin(&messages, |id| self.dispatch.is_pending(id));
                messages.into_iter().for_each(|message| self.accept_message(message, cx));
            }
            Err((code, why)) => self.dispatch.refuse_batch(bytes, code, &why),
        }
    }

    /// Calls that outlive the client's patience are cancelled by ending.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.phase {
            Phase::Draining(sleep) => sleep.as_mut().poll(cx).map(Ok),
            Phase::Start | Phase::Open => Poll::Pending,
        }
    }
}
