//! One session: its leaf, and what waits for it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::clock::Ticks;
use super::future::ResponseFuture;
use super::start;
use crate::connect::leaf::{self, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;

/// Messages that wait for one session's leaf.
const MESSAGES: usize = 1024;
/// Bytes of them.
const BYTES: usize = 8 << 20;

pub(super) struct Session<L: Leaf> {
    state: Mutex<State<L>>,
    ticks: Arc<Ticks>,
    /// Calls pending and replies open.
    active: AtomicU32,
    /// No handle is left: the session ends with the last of them.
    orphaned: AtomicBool,
    /// When the last of them ended.
    last_used: AtomicU32,
}

struct State<L: Leaf> {
    phase: Phase<L>,
    waiting: VecDeque<Waiting<L>>,
    waiting_bytes: usize,
    /// The task that brings what waits to the leaf.
    pump: Option<AbortHandle>,
}

enum Phase<L> {
    Making,
    Made(L),
    Gone(Error),
}

/// A message that waits, and where the future of its call goes.
pub(super) struct Waiting<L: Leaf> {
    message: JsonRpcMessage,
    called: oneshot::Sender<Result<L::Future, Error>>,
}

/// Keeps its session from being idle.
pub(super) struct Active<L: Leaf>(Arc<Session<L>>);

impl<L: Leaf> Session<L> {
    pub(super) fn new(ticks: &Arc<Ticks>) -> Arc<Self> {
        let state = State { phase: Phase::Making, waiting: VecDeque::new(), waiting_bytes: 0, pump: None };
        let last_used = AtomicU32::new(ticks.now());
        Arc::new(Self {
            state: Mutex::new(state),
            ticks: ticks.clone(),
            active: AtomicU32::new(0),
            orphaned: AtomicBool::new(false),
            last_used,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_pump(&self, pump: AbortHandle) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Gone(_)) {
            return pump.abort();
        }
        state.pump = Some(pump);
    }

    /// Calls the leaf at once, in the order of calls; or queues the message where the leaf cannot take it.
    pub(super) fn call(self: &Arc<Self>, message: JsonRpcMessage) -> ResponseFuture<L> {
        let active = (!message.is_session_listen()).then(|| Active::new(self));
        let mut state = self.lock();
        let State { phase, waiting, .. } = &mut *state;
        match phase {
            Phase::Made(leaf) if waiting.is_empty() => {
                match leaf.poll_ready(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(())) => return ResponseFuture::called(leaf.call(message), active),
                    Poll::Ready(Err(error)) => return ResponseFuture::failed(error.unsent()),
                    Poll::Pending => state.pump = Some(start::pump(self)),
                }
            }
            Phase::Gone(why) => return ResponseFuture::failed(why.clone().unsent()),
            Phase::Made(_) | Phase::Making => {}
        }
        match state.queue(message) {
            Ok(called) => ResponseFuture::waiting(called, active),
            Err(error) => ResponseFuture::failed(error.unsent()),
        }
    }

    /// The leaf is there. Tells whether it is wanted; if not, it is stopped.
    pub(super) fn begin(&self, leaf: L) -> bool {
        let mut state = self.lock();
        if let Phase::Gone(why) = &state.phase {
            let why = why.clone();
            drop(state);
            leaf.stop(why);
            return false;
        }
        state.phase = Phase::Made(leaf);
        true
    }

    /// Calls the leaf with what waits, until nothing does or the leaf is not ready.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        loop {
            let State { phase: Phase::Made(leaf), waiting, waiting_bytes, .. } = &mut *state else {
                return Poll::Ready(());
            };
            // Whoever does not wait for the future has cancelled the call.
            let cancelled = waiting.iter().take_while(|waiting| waiting.called.is_closed()).count();
            for cancelled in waiting.drain(..cancelled) {
                *waiting_bytes -= cancelled.message.bytes().len();
            }
            if waiting.is_empty() {
                return Poll::Ready(());
            }
            // A panic fails its own message: what waits behind it has nobody else to bring it on.
            let ready = catch_unwind(AssertUnwindSafe(|| leaf.poll_ready(cx)));
            let ready = std::task::ready!(ready.unwrap_or_else(|_| Poll::Ready(Err(panicked()))));
            let Some(next) = waiting.pop_front() else { return Poll::Ready(()) };
            *waiting_bytes -= next.message.bytes().len();
            let called = ready.map_err(Error::unsent).and_then(|()| {
                catch_unwind(AssertUnwindSafe(|| leaf.call(next.message))).map_err(|_| panicked())
            });
            let _ = next.called.send(called);
        }
    }

    /// The leaf is gone, or never comes: what waits fails, and so does whatever comes. Gives the leaf.
    pub(super) fn stop(&self, why: &Error) -> Option<L> {
        self.end(self.lock(), why)
    }

    /// Stops it if nothing was pending or open for so many ticks, and tells why. No call comes in between.
    pub(super) fn stop_idle(&self, ticks: u32) -> Option<Error> {
        let state = self.lock();
        let idle_for = self.ticks.now().wrapping_sub(self.last_used.load(Relaxed));
        if self.active.load(SeqCst) > 0 || idle_for <= ticks || matches!(state.phase, Phase::Making) {
            return None;
        }
        let why = Error::closed("the session is lost: it was idle for too long");
        self.end(state, &why);
        Some(why)
    }

    fn end(&self, mut state: MutexGuard<'_, State<L>>, why: &Error) -> Option<L> {
        let phase = std::mem::replace(&mut state.phase, Phase::Gone(why.clone()));
        let waiting = std::mem::take(&mut state.waiting);
        let pump = state.pump.take();
        drop(state);
        if let Some(pump) = pump {
            pump.abort();
        }
        waiting.into_iter().for_each(|waiting| drop(waiting.called.send(Err(why.clone().unsent()))));
        let Phase::Made(leaf) = phase else { return None };
        leaf.stop(why.clone());
        Some(leaf)
    }

    /// Nobody is left to call: stops it now, or with the last call and reply.
    pub(super) fn orphan(&self) {
        self.orphaned.store(true, SeqCst);
        if self.active.load(SeqCst) == 0 {
            self.stop(&Error::closed("nobody is left to begin or end sessions"));
        }
    }

    pub(super) fn is_making(&self) -> bool {
        matches!(self.lock().phase, Phase::Making)
    }

    /// Why the leaf has ended, or takes no calls any more, if that is so.
    pub(super) fn end_of_leaf(&self) -> Option<Error> {
        let state = self.lock();
        let Phase::Made(leaf) = &state.phase else { return None };
        let (ended, closed) = (leaf.ended(), leaf.closed());
        drop(state);
        leaf::known(ended, closed)
    }
}

impl<L: Leaf> State<L> {
    fn queue(
        &mut self,
        message: JsonRpcMessage,
    ) -> Result<oneshot::Receiver<Result<L::Future, Error>>, Error> {
        let bytes = self.waiting_bytes + message.bytes().len();
        if self.waiting.len() >= MESSAGES || bytes > BYTES {
            return Err(Error::busy("too much waits for the session's server"));
        }
        self.waiting_bytes = bytes;
        let (called, future) = oneshot::channel();
        self.waiting.push_back(Waiting { message, called });
        Ok(future)
    }
}

impl<L: Leaf> Active<L> {
    fn new(session: &Arc<Session<L>>) -> Self {
        session.active.fetch_add(1, SeqCst);
        Self(session.clone())
    }
}

impl<L: Leaf> Drop for Active<L> {
    fn drop(&mut self) {
        self.0.last_used.store(self.0.ticks.now(), Relaxed);
        if self.0.active.fetch_sub(1, SeqCst) == 1 && self.0.orphaned.load(SeqCst) {
            self.0.orphan();
        }
    }
}

fn panicked() -> Error {
    Error::closed("the session's leaf panicked")
}
