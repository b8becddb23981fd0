//! What the server says unasked, for as many streams as the client has open: each message goes to one of them.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use super::live::Live;
use super::replay::{EventId, Stream};
use super::trail::Trail;
use super::turns::Turn;
use crate::error::{BoxError, Error};
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::Reply;

/// A session's listen. It is opened with the first stream, and what comes while no stream is open waits in it.
pub(super) struct Listen {
    max_readers: usize,
    readers: Arc<Readers>,
    source: Mutex<Source>,
}

enum Source {
    NotYet,
    Opening(Turn),
    Open(Reply, Option<JsonRpcMessage>),
    /// The server says nothing more.
    Over,
}

/// The streams that wait. A message wakes all, and the first that polls has it: one that its client does not read
/// would keep it from the others.
#[derive(Default)]
struct Readers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next: u64,
    readers: Vec<Reader>,
    closed: bool,
}

struct Reader {
    number: u64,
    stream: Option<Stream>,
    waker: Option<Waker>,
}

impl Listen {
    pub(super) fn new(max_readers: usize) -> Self {
        Self { max_readers, readers: Arc::default(), source: Mutex::new(Source::NotYet) }
    }

    /// Adds a stream; `None` where there are too many. One that takes up a stream ends whoever had it before: a
    /// client comes back when its connection broke, and our side of it may not know yet. `missed` is asked for when
    /// that one takes nothing more.
    pub(super) fn join<T>(&self, stream: Option<Stream>, missed: impl FnOnce() -> T) -> Option<(u64, T)> {
        let (number, before, missed) = {
            let _nothing_is_taken = self.lock();
            let (number, before) = self.readers.join(stream, self.max_readers)?;
            (number, before, missed())
        };
        before.and_then(|reader| reader.waker).into_iter().for_each(Waker::wake);
        Some((number, missed))
    }

    pub(super) fn leave(&self, number: u64) {
        self.readers.lock().readers.retain(|reader| reader.number != number);
        self.put_off();
    }

    /// A listen that is being opened while nobody polls it would keep its place in the stack from others: the next
    /// stream opens it anew.
    fn put_off(&self) {
        if !self.readers.lock().readers.is_empty() {
            return;
        }
        let opening = {
            let mut source = self.lock();
            let is_opening = matches!(&*source, Source::Opening(_));
            is_opening.then(|| mem::replace(&mut *source, Source::NotYet))
        };
        if opening.is_some() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(opening)));
            self.readers.wake_all(); // one that joined meanwhile waits for what was dropped
        }
    }

    /// The next message for this stream, and where it is kept; `None` once the stream is over.
    pub(super) fn poll_next(
        &self,
        live: &Arc<Live>,
        number: u64,
        trail: Option<&Trail>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(Option<EventId>, JsonRpcMessage)>> {
        let polled = {
            let mut source = self.lock();
            if !self.readers.register(number, cx) {
                return Poll::Ready(None);
            }
            let waker = Waker::from(self.readers.clone());
            let polled = source.poll(live, &mut Context::from_waker(&waker));
            // Under the lock: who takes the stream up finds whatever was taken before.
            polled.map_ok(|message| (trail.and_then(|trail| trail.mark(&message)), message))
        };
        match polled {
            Poll::Ready(Ok(next)) => Poll::Ready(Some(next)),
            Poll::Ready(Err(lost)) => {
                live.end(&lost);
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Asks the server whether it is still there, and ends the session if not.
    pub(super) fn probe(&self, live: &Arc<Live>) {
        let lost = {
            let mut source = self.lock();
            if matches!(&*source, Source::Open(_, Some(_))) {
                return;
            }
            let waker = Waker::from(self.readers.clone());
            match source.poll(live, &mut Context::from_waker(&waker)) {
                Poll::Ready(Ok(message)) => {
                    if let Source::Open(_, kept) = &mut *source {
                        *kept = Some(message);
                    }
                    None
                }
                Poll::Ready(Err(lost)) => Some(lost),
                Poll::Pending => None,
            }
        };
        match lost {
            Some(lost) => live.end(&lost),
            None => {
                self.put_off();
                self.readers.wake_all();
            }
        }
    }

    /// Ends every stream, and the listen.
    pub(super) fn close(&self) {
        self.end_readers();
        let source = mem::replace(&mut *self.lock(), Source::Over);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(source)));
    }

    /// Ends every stream; no other is let in.
    pub(super) fn end_readers(&self) {
        let mut waiting = self.readers.lock();
        waiting.closed = true;
        let readers = mem::take(&mut waiting.readers);
        drop(waiting);
        readers.into_iter().filter_map(|reader| reader.waker).for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// A message, or how the session was lost.
    fn poll(&mut self, live: &Arc<Live>, cx: &mut Context<'_>) -> Poll<Result<JsonRpcMessage, Error>> {
        loop {
            let polled = catch_unwind(AssertUnwindSafe(|| self.poll_inner(live, cx)));
            match polled {
                Ok(Poll::Ready(Some(Ok(message)))) if message.kind() == Kind::Response => {
                    if message.id().is_some() {
                        *self = Self::Over; // a server that knows the question otherwise; that answer is ours
                    }
                }
                Ok(Poll::Ready(Some(Ok(message)))) if !live.tells(&message) => {}
                Ok(Poll::Ready(Some(Ok(message)))) => return Poll::Ready(Ok(message)),
                Ok(Poll::Ready(Some(Err(error)))) => {
                    *self = Self::Over;
                    match self.lost(&error) {
                        Some(lost) => return Poll::Ready(Err(lost)),
                        None => continue,
                    }
                }
                Ok(Poll::Ready(None)) => *self = Self::Over,
                Ok(Poll::Pending) => return Poll::Pending,
                Err(_) => *self = Self::Over,
            }
        }
    }

    /// The session, if that is what the failure says; else what comes next is decided.
    fn lost(&mut self, error: &BoxError) -> Option<Error> {
        tracing::warn!(%error, "a session's listen failed");
        let error = error.downcast_ref::<Error>()?;
        if error.is_overflow() {
            *self = Self::NotYet; // its client was too slow; it is opened again
        }
        error.is_closed().then(|| error.clone())
    }

    fn poll_inner(
        &mut self,
        live: &Live,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<JsonRpcMessage, BoxError>>> {
        if let Self::NotYet = self {
            match live.open_listen() {
                Some(calling) => *self = Self::Opening(calling),
                None => *self = Self::Over,
            }
        }
        if let Self::Opening(calling) = self {
            match ready!(Pin::new(calling).poll(cx)) {
                Ok(reply) => *self = Self::Open(reply, None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        match self {
            Self::Open(_, kept) if kept.is_some() => Poll::Ready(kept.take().map(Ok)),
            Self::Open(reply, _) => {
                reply.poll_message(cx).map(|item| item.map(|item| item.map_err(Into::into)))
            }
            _ => Poll::Pending,
        }
    }
}

impl Readers {
    /// Another, and whom it ends; `None` where there are too many.
    fn join(&self, stream: Option<Stream>, max: usize) -> Option<(u64, Option<Reader>)> {
        let mut waiting = self.lock();
        let before = waiting.readers.iter().position(|reader| stream.is_some() && reader.stream == stream);
        let before = before.map(|at| waiting.readers.swap_remove(at));
        if waiting.closed || waiting.readers.len() >= max {
            return None;
        }
        waiting.next += 1;
        let number = waiting.next;
        waiting.readers.push(Reader { number, stream, waker: None });
        Some((number, before))
    }

    /// False once the stream is over.
    fn register(&self, number: u64, cx: &Context<'_>) -> bool {
        let mut waiting = self.lock();
        let reader = waiting.readers.iter_mut().find(|reader| reader.number == number);
        reader.map(|reader| reader.waker = Some(cx.waker().clone())).is_some()
    }

    fn wake_all(&self) {
        let wakers: Vec<_> =
            self.lock().readers.iter_mut().filter_map(|reader| reader.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}
