//! The bounded way from a leaf to the reader of a reply.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::message::JsonRpcMessage;

/// The writing half of [`Reply::channel`](super::Reply::channel).
///
/// Dropped before [`finish`](Self::finish), it ends the reply with an error that `is_closed()`.
///
/// # Backpressure
///
/// [`send`](Self::send) waits for room; [`try_send`](Self::try_send) gives the message back. One slot is kept
/// for the final response, so `finish` never waits.
#[derive(Debug)]
pub struct ReplySender {
    shared: Arc<Shared>,
}

/// The reading half.
#[derive(Debug)]
pub(super) struct Receiver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    queue: VecDeque<JsonRpcMessage>,
    capacity: usize,
    queued_bytes: usize,
    max_bytes: usize,
    /// What comes behind the queue: nothing yet, the end, or a failure.
    end: Option<Option<Error>>,
    reader: Option<Waker>,
    /// Whoever waits for room or for a cancellation.
    writers: Vec<Waker>,
    reader_gone: bool,
}

/// Why a message was not queued; it is given back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError {
    /// The reader is slow: the queue is full.
    #[error("the reply's queue is full")]
    Full(JsonRpcMessage),
    /// The reader dropped the reply, which cancels the call.
    #[error("the reply was dropped")]
    Cancelled(JsonRpcMessage),
}

/// A message that is larger than `max_bytes` alone still finds an empty queue open.
pub(super) fn channel(capacity: usize, max_bytes: usize) -> (ReplySender, Receiver) {
    let state = State {
        queue: VecDeque::new(),
        capacity: capacity.max(1),
        queued_bytes: 0,
        max_bytes,
        end: None,
        reader: None,
        writers: Vec::new(),
        reader_gone: false,
    };
    let shared = Arc::new(Shared(Mutex::new(state)));
    (ReplySender { shared: shared.clone() }, Receiver { shared })
}

impl State {
    fn is_full(&self) -> bool {
        self.queue.len() >= self.capacity || self.queued_bytes > self.max_bytes
    }

    fn push(&mut self, message: JsonRpcMessage) {
        self.queued_bytes += message.bytes().len();
        self.queue.push_back(message);
    }

    /// One place per task, so that it does not grow with how often each asks.
    fn await_reader(&mut self, cx: &Context<'_>) {
        if !self.writers.iter().any(|writer| writer.will_wake(cx.waker())) {
            self.writers.push(cx.waker().clone());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl ReplySender {
    /// Queues a message that is not the final response.
    ///
    /// # Errors
    ///
    /// The queue is full, or the reader is gone; the message comes back.
    pub fn try_send(&self, message: JsonRpcMessage) -> Result<(), TrySendError> {
        let mut state = self.shared.lock();
        if state.reader_gone {
            return Err(TrySendError::Cancelled(message));
        }
        if state.is_full() {
            return Err(TrySendError::Full(message));
        }
        state.push(message);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Ok(())
    }

    /// Queues a message, waiting for room.
    ///
    /// ```
    /// use shadowcat::{JsonRpcMessage, Reply};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (sender, reply) = Reply::channel(1);
    /// let leaf = tokio::spawn(async move {
    ///     for _ in 0..10 {
    ///         sender.send(JsonRpcMessage::notification("notifications/x", "")?).await?;
    ///     }
    ///     sender.finish(JsonRpcMessage::response(1, "{}")?);
    ///     Ok::<_, shadowcat::BoxError>(())
    /// });
    /// assert_eq!(reply.collect(4096).await?.len(), 11);
    /// # leaf.await?.unwrap(); Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The reader dropped the reply: the call is cancelled, and the message comes back.
    pub async fn send(&self, message: JsonRpcMessage) -> Result<(), TrySendError> {
        let mut message = Some(message);
        poll_fn(|cx| {
            let Some(next) = message.take() else { return Poll::Ready(Ok(())) };
            match self.try_send(next) {
                Err(TrySendError::Full(back)) => {
                    message = Some(back);
                    self.poll_room(cx)
                }
                done => Poll::Ready(done),
            }
        })
        .await
    }

    /// Never ready: registers for the next message that the reader takes.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), TrySendError>> {
        let mut state = self.shared.lock();
        if state.reader_gone || !state.is_full() {
            cx.waker().wake_by_ref();
        }
        state.await_reader(cx);
        Poll::Pending
    }

    /// Queues the final response behind everything else and ends the reply.
    pub fn finish(self, response: JsonRpcMessage) {
        self.close(Some(response), None);
    }

    /// Ends the reply with an error behind everything queued.
    pub fn fail(self, error: Error) {
        self.close(None, Some(error));
    }

    /// Resolves when the reader drops the reply: the call is cancelled.
    pub async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if state.reader_gone {
                return Poll::Ready(());
            }
            state.await_reader(cx);
            Poll::Pending
        })
        .await;
    }

    fn close(&self, response: Option<JsonRpcMessage>, error: Option<Error>) {
        let mut state = self.shared.lock();
        if state.end.is_some() {
            return;
        }
        if let Some(response) = response {
            state.push(response);
        }
        state.end = Some(error);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

impl Drop for ReplySender {
    fn drop(&mut self) {
        if self.shared.lock().end.is_none() {
            self.close(None, Some(Error::closed("the reply was never finished")));
        }
    }
}

impl Receiver {
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<JsonRpcMessage, Error>>> {
        let mut state = self.shared.lock();
        if let Some(message) = state.queue.pop_front() {
            state.queued_bytes -= message.bytes().len();
            let writers = mem::take(&mut state.writers);
            drop(state);
            wake(writers);
            return Poll::Ready(Some(Ok(message)));
        }
        match &mut state.end {
            Some(error) => Poll::Ready(error.take().map(Err)),
            None => {
                if !state.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                    state.reader = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.reader_gone = true;
        state.queue.clear();
        let writers = mem::take(&mut state.writers);
        drop(state);
        wake(writers);
    }
}
