//! From a caller to the wire: one call's beginning, its future, and what happens when either is dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::questions::Asked;
use super::state::{Channel, State};
use super::table::{Call, CallKind, Phase, Ticket};
use super::{Handle, listen, rewrite};
use crate::connect::leaf::Probe;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// The future of a call through a [`Multiplex`](super::Multiplex). Dropping it cancels the call.
#[derive(Debug)]
pub struct ResponseFuture(Inner);

#[derive(Debug)]
enum Inner {
    Done(Option<Result<Reply, Error>>),
    Waiting(Guard),
    /// It came too late to be written.
    Late(Arc<Handle>),
}

/// Cancels its call when dropped, unless the call is over by then. Keeps the pipe open.
struct Guard {
    handle: Arc<Handle>,
    ticket: Ticket,
    /// The call has left the table.
    over: bool,
}

/// Enqueues in the call itself, so that call order is wire order.
pub(super) fn start(handle: &Arc<Handle>, message: JsonRpcMessage) -> ResponseFuture {
    let mut state = handle.0.lock();
    let outcome = match message.kind() {
        Kind::Request if message.is_session_listen() => listen::open(handle, &mut state).map(Started::Now),
        _ if !matches!(state.channel, Channel::Open) => Ok(Started::Late),
        Kind::Request => request(&mut state, &message).map(Started::Waiting),
        Kind::Notification => notification(&mut state, &message).map(|()| Started::Now(Reply::empty())),
        Kind::Response => answer(&mut state, &message).map(Started::Now),
    };
    let driver = if state.out.is_empty() && state.aborted.is_none() { None } else { state.take_driver() };
    drop(state);
    if let Some(driver) = driver {
        driver.wake();
    }
    ResponseFuture(match outcome {
        Ok(Started::Waiting(ticket)) => Inner::Waiting(Guard { handle: handle.clone(), ticket, over: false }),
        Ok(Started::Now(reply)) => Inner::Done(Some(Ok(reply))),
        Ok(Started::Late) => Inner::Late(handle.clone()),
        Err(error) => Inner::Done(Some(Err(error))),
    })
}

enum Started {
    Now(Reply),
    Waiting(Ticket),
    Late,
}

fn request(state: &mut State, message: &JsonRpcMessage) -> Result<Ticket, Error> {
    let is_probe = message.extensions().get::<Probe>().is_some();
    if !is_probe {
        check_pending(state)?;
        check_room(state)?;
        if state.era.is_none() {
            state.era = peek::settled_era(message);
        }
    }
    let kind = match message {
        _ if is_probe => CallKind::Probe,
        _ if message.is_method(method::INITIALIZE) => CallKind::Initialize,
        _ if message.is_listen() => CallKind::Listen,
        _ => CallKind::Ordinary,
    };
    let id = message.owned_id().ok_or_else(|| Error::invalid("a request without an id"))?;
    let token =
        message.meta().and_then(|_| peek::progress_token(message).ok()?).map(|token| token.to_owned());
    let mut call = Call::new(id, kind, message.context().cloned());
    let is_free =
        state.table.is_free(&call.id) && token.as_ref().is_none_or(|token| state.table.is_free_token(token));
    if state.options.rewrite_ids || !is_free {
        let sent = rewrite::request(state, message, &mut call, token)?;
        state.write(&sent);
    } else {
        call.token = token;
        state.write(message);
    }
    Ok(state.table.insert(call))
}

fn notification(state: &mut State, message: &JsonRpcMessage) -> Result<(), Error> {
    check_room(state)?;
    if !message.is_method(method::CANCELLED) {
        state.write(message);
    } else if let Some(cancelled) = rewrite::cancelled(state, message) {
        state.write(&cancelled);
    } else {
        state.stats.dropped_notifications += 1;
    }
    Ok(())
}

/// The client's answer to a question of the server; one that the server did not ask goes nowhere. Without room
/// for it the pipe ends: the server waits for it, and nobody would send it again.
fn answer(state: &mut State, message: &JsonRpcMessage) -> Result<Reply, Error> {
    let asked = message.owned_id().is_some_and(|id| state.questions.remove(&id).is_some());
    if !asked {
        state.stats.unmatched_answers += 1;
        tracing::debug!(id = ?message.id(), "an answer to a question that the server did not ask was dropped");
    } else if state.has_room_for_answers() {
        state.write(message);
    } else {
        let error = Error::closed("the server asks and does not read the answers");
        state.aborted = Some(error.clone());
        return Err(error.unsent());
    }
    Ok(Reply::empty())
}

fn check_pending(state: &State) -> Result<(), Error> {
    if state.table.len() >= state.options.max_pending {
        return Err(Error::busy("too many calls are pending").unsent());
    }
    Ok(())
}

fn check_room(state: &State) -> Result<(), Error> {
    if !state.has_room() {
        return Err(Error::busy("the server does not read what it is sent").unsent());
    }
    Ok(())
}

impl Future for ResponseFuture {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Done(outcome) => {
                Poll::Ready(outcome.take().expect("a future is not polled after it is ready"))
            }
            Inner::Late(handle) => handle.0.lock().poll_reason(cx).map(Err),
            Inner::Waiting(guard) => {
                let Some(outcome) = guard.poll(cx) else { return Poll::Pending };
                let Inner::Waiting(guard) = std::mem::replace(&mut self.0, Inner::Done(None)) else {
                    unreachable!("matched above")
                };
                Poll::Ready(outcome.map(|reply| if guard.over { reply } else { reply.hold(guard) }))
            }
        }
    }
}

impl Guard {
    /// The outcome, once there is one; a call that is over leaves the table with it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Option<Result<Reply, Error>> {
        let mut state = self.handle.0.lock();
        let call = state.table.get(self.ticket)?;
        match std::mem::replace(&mut call.phase, Phase::Waiting) {
            Phase::Opened(opened) => {
                let (reply, sender) = *opened;
                call.phase = sender.map_or(Phase::Waiting, Phase::Streaming);
                Some(Ok(reply))
            }
            Phase::Ready(outcome) => {
                state.table.remove(self.ticket);
                self.over = true;
                state.undelivered -= size(&outcome);
                Some(outcome)
            }
            other => {
                call.phase = other;
                if !call.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    call.waker = Some(cx.waker().clone());
                }
                None
            }
        }
    }
}

/// What an outcome counts for while nobody has taken it.
fn size(outcome: &Result<Reply, Error>) -> usize {
    outcome.as_ref().ok().and_then(Reply::as_one).map_or(0, |message| message.bytes().len())
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.handle.0.lock();
        let Some(call) = state.table.remove(self.ticket) else { return };
        if let Phase::Ready(outcome) = &call.phase {
            state.undelivered -= size(outcome);
        }
        if let Some(queue) = &call.queue {
            // What was read may still be answered, unless the call is cancelled.
            state.give_up_lost(Asked::Call(self.ticket), |at| call.pending || !queue.is_read(at));
        }
        if call.pending && matches!(state.channel, Channel::Open) {
            state.table.quarantine(call.id.clone(), call.token.clone());
            if call.kind != CallKind::Initialize {
                let own =
                    call.context.as_ref().and_then(|context| context.take_cancellation(call.caller_id()));
                // Ours is small.
                let own = own.filter(|_| state.has_room() && !state.options.own_cancellations);
                let cancel = rewrite::cancel(&call.id, own);
                state.write(&cancel);
            }
        }
        let driver = if state.out.is_empty() { None } else { state.take_driver() };
        drop(state);
        drop(call);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
