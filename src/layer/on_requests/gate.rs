//! The way through the layer, and who waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tower_service::Service;

use crate::error::BoxError;
use crate::message::{Code, JsonRpcMessage};
use crate::reply::Reply;

/// Bytes of requests that wait; the one that passes it is the last to get a place.
const MAX_BYTES: usize = 8 << 20;

pub(super) struct Gate<W> {
    state: Mutex<State<W>>,
    max_waiting: usize,
}

struct State<W> {
    service: W,
    /// In the order in which they came. Only the first asks the service, so that its one waker is the right one.
    waiting: VecDeque<Place>,
    waiting_bytes: usize,
    next_ticket: u64,
}

struct Place {
    ticket: u64,
    bytes: usize,
    waker: Option<Waker>,
}

/// Where a request stands after it came.
pub(super) enum Entry<W: Service<JsonRpcMessage>> {
    Through(W::Future),
    Waiting(Waiter<W>),
    Refused(Reply),
    Failed(BoxError),
}

/// A request that waits its turn; dropping it gives the turn to the next.
pub(super) struct Waiter<W> {
    gate: Arc<Gate<W>>,
    ticket: u64,
    message: Option<JsonRpcMessage>,
    /// Its place is given up.
    left: bool,
}

impl<W> Gate<W> {
    pub(super) fn new(service: W, max_waiting: usize) -> Self {
        let state = State { service, waiting: VecDeque::new(), waiting_bytes: 0, next_ticket: 0 };
        Self { state: Mutex::new(state), max_waiting }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Gate<W>
where
    W: Service<JsonRpcMessage, Response = Reply>,
    W::Error: Into<BoxError>,
{
    /// Straight through while there is room, so that order is kept; else to the end of the queue.
    pub(super) fn enter(gate: &Arc<Self>, message: JsonRpcMessage) -> Entry<W> {
        let mut state = gate.lock();
        if state.waiting.is_empty() {
            match state.service.poll_ready(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(())) => return Entry::Through(state.service.call(message)),
                Poll::Ready(Err(error)) => return Entry::Failed(error.into()),
                Poll::Pending => {}
            }
        }
        if state.waiting.len() >= gate.max_waiting || state.waiting_bytes > MAX_BYTES {
            let why = "Too many requests are waiting; try again later";
            return Entry::Refused(Reply::refuse(&message, Code::INTERNAL_ERROR, why));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let bytes = message.bytes().len();
        state.waiting_bytes += bytes;
        state.waiting.push_back(Place { ticket, bytes, waker: None });
        drop(state);
        Entry::Waiting(Waiter { gate: gate.clone(), ticket, message: Some(message), left: false })
    }
}

impl<W> Waiter<W>
where
    W: Service<JsonRpcMessage>,
{
    /// The call, once it is this request's turn and there is room.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<W::Future, W::Error>> {
        let mut state = self.gate.lock();
        let first = state.waiting.front().map(|place| place.ticket);
        if first != Some(self.ticket) {
            let mine = state.waiting.iter_mut().find(|place| place.ticket == self.ticket);
            mine.expect("a waiter keeps its place until it is called or dropped").waker =
                Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Poll::Ready(ready) = state.service.poll_ready(cx) else { return Poll::Pending };
        let message = self.message.take().expect("a waiter is not polled after it is called");
        let call = ready.map(|()| state.service.call(message));
        self.left = true;
        leave(state, self.ticket);
        Poll::Ready(call)
    }
}

/// Gives the place up and wakes whoever is first now.
fn leave<W>(mut state: MutexGuard<'_, State<W>>, ticket: u64) {
    if let Some(at) = state.waiting.iter().position(|place| place.ticket == ticket) {
        let left = state.waiting.remove(at).map_or(0, |place| place.bytes);
        state.waiting_bytes -= left;
    }
    let next = state.waiting.front_mut().and_then(|place| place.waker.take());
    drop(state);
    if let Some(next) = next {
        next.wake();
    }
}

impl<W> Drop for Waiter<W> {
    fn drop(&mut self) {
        // A call that panicked has its place still.
        if !self.left {
            leave(self.gate.lock(), self.ticket);
        }
    }
}

impl<W> fmt::Debug for Gate<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}
