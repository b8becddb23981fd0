//! One stack for many tasks.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;
use tower_service::Service;

use super::stack::{BoxStack, Calling};
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// With this many that wait, those that were given up are looked for.
const CROWD: usize = 64;

/// One stack for many tasks, in the order in which they come: `poll_ready` remembers only the last that asked.
///
/// While the stack is not ready, a task of its own asks it. Who waits may not be polled for long, as when its client
/// does not read, and would keep the turn from all behind it.
pub(super) struct Turns(Mutex<Queue>);

struct Queue {
    stack: BoxStack,
    waiting: VecDeque<Waiting>,
    crowd: usize,
    is_asked: bool,
}

struct Waiting {
    message: JsonRpcMessage,
    turn: oneshot::Sender<Result<Calling, BoxError>>,
}

impl Turns {
    pub(super) fn new(stack: BoxStack) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Queue { stack, waiting: VecDeque::new(), crowd: CROWD, is_asked: false })))
    }

    /// Waits for a turn, then calls. Dropped at any time, it leaves the turn to the next.
    pub(super) fn call(self: Arc<Self>, message: JsonRpcMessage) -> Turn {
        Turn(Step::New(self, message))
    }

    fn begin(self: Arc<Self>, message: JsonRpcMessage, cx: &mut Context<'_>) -> Result<Step, BoxError> {
        let mut queue = self.lock();
        if queue.waiting.is_empty()
            && let Poll::Ready(ready) = queue.stack.poll_ready(cx)
        {
            return ready.map(|()| Step::Called(queue.stack.call(message)));
        }
        let (turn, later) = oneshot::channel();
        queue.push(Waiting { message, turn });
        let asks = !mem::replace(&mut queue.is_asked, true);
        drop(queue);
        if asks {
            tokio::spawn(Asking(Some(self)));
        }
        Ok(Step::Waits(later))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, waiting: Waiting) {
        if self.waiting.len() >= self.crowd {
            self.waiting.retain(|waiting| !waiting.turn.is_closed());
            self.crowd = CROWD.max(2 * self.waiting.len());
        }
        self.waiting.push_back(waiting);
    }

    /// Calls for the first that still waits; `None` once nobody does.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Waiting, Result<Calling, BoxError>)>> {
        while let Some(first) = self.waiting.front_mut() {
            if first.turn.poll_closed(cx).is_ready() {
                self.waiting.pop_front();
                continue;
            }
            let message = first.message.clone();
            let stack = &mut self.stack;
            let polled = catch_unwind(AssertUnwindSafe(|| {
                stack.poll_ready(cx).map(|ready| ready.map(|()| stack.call(message)))
            }));
            let calling = ready!(polled.unwrap_or_else(|_| Poll::Ready(Err("a layer panicked".into()))));
            return Poll::Ready(self.waiting.pop_front().map(|first| (first, calling)));
        }
        self.is_asked = false;
        Poll::Ready(None)
    }
}

/// A call, from before its turn to its reply.
pub(super) struct Turn(Step);

enum Step {
    New(Arc<Turns>, JsonRpcMessage),
    Waits(oneshot::Receiver<Result<Calling, BoxError>>),
    Called(Calling),
    Over,
}

impl Future for Turn {
    type Output = Result<Reply, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            self.0 = match &mut self.0 {
                Step::Called(calling) => return calling.as_mut().poll(cx),
                Step::Waits(turn) => Step::Called(ready!(Pin::new(turn).poll(cx)).map_err(|_| gone())??),
                step => match mem::replace(step, Step::Over) {
                    Step::New(turns, message) => turns.begin(message, cx)?,
                    _ => return Poll::Ready(Err(gone())),
                },
            };
        }
    }
}

/// Asks the stack for those that wait, until nobody does.
struct Asking(Option<Arc<Turns>>);

impl Future for Asking {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(turns) = &self.0 {
            let first = ready!(turns.lock().poll_first(cx));
            match first {
                // Given up meanwhile, the call is dropped here, which cancels it.
                Some((first, calling)) => {
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(first.turn.send(calling))));
                }
                None => self.0 = None,
            }
        }
        Poll::Ready(())
    }
}

/// Its runtime is gone, and may not be the only one.
impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            let mut queue = turns.lock();
            queue.is_asked = false;
            let waiting = mem::take(&mut queue.waiting);
            drop(queue);
            drop(waiting);
        }
    }
}

fn gone() -> BoxError {
    Error::closed("the runtime shut down").into()
}
