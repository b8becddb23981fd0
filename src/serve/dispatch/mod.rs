//! The calls in flight of one client: ids in use, cancellation, exactly one answer each.

mod accept;
mod calls;
mod slot;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::Context;

use crate::error::Error;
use crate::message::{Beside, Context as Facts, Direction, IdMap, JsonRpcMessage, OnRefused, OwnedId};
use crate::protocol::{Declared, Era, method};
use crate::ready::Ready;
use crate::reply::RpcService;

use slot::Slot;

/// Runs a stack for one client.
pub(super) struct Dispatch<S: RpcService> {
    service: S,
    facts: Arc<Facts>,
    max_in_flight: usize,
    slots: Vec<Slot<S::Future>>,
    free: Vec<usize>,
    ready: Arc<Ready>,
    woken: VecDeque<usize>,
    /// Requests of the client that wait for their answer.
    ids: IdMap<()>,
    /// Admitted, but the stack was not ready.
    waiting: VecDeque<JsonRpcMessage>,
    waiting_bytes: usize,
    /// The slot of the session's listen.
    listen_slot: Option<usize>,
    /// Requests of the server that the client has not answered.
    questions: IdMap<()>,
    /// What goes to the client, with its place in the server's order.
    out: Vec<(u64, JsonRpcMessage)>,
    /// Bytes in `out`.
    queued: usize,
    order: u64,
    in_flight: usize,
    upstream_gone: Option<Error>,
    /// What the first request says; a probe does not count.
    era: Option<Era>,
    /// What the client can be asked, once it has said so.
    declared: Option<Declared>,
    /// The session's listen was too slow for what the server said, and is opened again.
    listen_lost: bool,
    on_refused: OnRefused,
}

impl<S: RpcService> Dispatch<S> {
    /// For a client on a pipe.
    pub(super) fn new(service: S, session: Option<&str>, max_in_flight: usize) -> Self {
        let facts = Facts::new(Direction::ToUpstream).transport("stdio");
        let facts = match session {
            Some(session) => facts.session(session),
            None => facts,
        };
        Self::beside_facts(service, facts, max_in_flight)
    }

    /// With these facts beside every message.
    pub(super) fn beside_facts(service: S, facts: Facts, max_in_flight: usize) -> Self {
        Self {
            service,
            facts: Arc::new(facts),
            max_in_flight,
            slots: Vec::new(),
            free: Vec::new(),
            ready: Arc::new(Ready::default()),
            woken: VecDeque::new(),
            ids: IdMap::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            listen_slot: None,
            questions: IdMap::default(),
            out: Vec::new(),
            queued: 0,
            order: 0,
            in_flight: 0,
            upstream_gone: None,
            era: None,
            declared: None,
            listen_lost: false,
            on_refused: OnRefused::default(),
        }
    }

    /// Is told what the stack never sees.
    pub(super) fn on_refused(mut self, told: OnRefused) -> Self {
        self.on_refused = told;
        self
    }

    fn tell_refused(&self, bytes: &[u8], why: impl fmt::Display) {
        self.on_refused.tell(self.facts.session_id(), bytes, why);
    }

    /// Asks the stack for what the server says unasked. Servers that know the question otherwise answer it
    /// like any other; that answer is ours and goes nowhere.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        let facts = Facts::clone(&self.facts).session_listen();
        let request = JsonRpcMessage::request(LISTEN_ID, method::LISTEN, "{}")
            .expect("a constant message is well formed");
        self.admit(request.with_context(Arc::new(facts)), cx);
    }

    /// Calls, notifications and answers that are not over; the session's listen does not count.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight + self.waiting.len()
    }

    /// Whether a request with this id waits for its answer.
    pub(super) fn is_pending(&self, id: &OwnedId) -> bool {
        self.ids.contains(id)
    }

    /// What rides beside a message of this client.
    pub(super) fn beside(&self) -> Beside {
        Beside { context: Some(self.facts.clone()), ..Beside::default() }
    }

    /// The server is gone for good, as the session's listen told.
    pub(super) fn upstream_gone(&self) -> Option<&Error> {
        self.upstream_gone.as_ref()
    }

    /// Polls what was woken and moves what is ready to `take`, in the server's order.
    ///
    /// While more is ready than fits, only what is promised holds: a reply's own order, and no notification behind
    /// a response that was read after it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(JsonRpcMessage)) {
        self.admit_waiting(cx);
        self.poll_woken(cx);
        if !self.out.is_empty() {
            self.drain_listen();
        }
        if std::mem::take(&mut self.listen_lost) {
            self.listen(cx);
        }
        self.admit_waiting(cx);
        if !self.out.is_sorted_by_key(|(order, _)| *order) {
            self.out.sort_by_key(|(order, _)| *order);
        }
        self.queued = 0;
        self.out.drain(..).for_each(|(_, message)| take(message));
    }

    /// A call that wakes itself over and over is not waited for: the executor and its clock have their turn. So does
    /// whoever waits for what tokio has, once its budget is spent.
    fn poll_woken(&mut self, cx: &mut Context<'_>) {
        let mut rounds = 0;
        while self.queued < ROOM {
            if self.woken.is_empty() {
                if rounds == ROUNDS {
                    return cx.waker().wake_by_ref();
                }
                rounds += 1;
                self.ready.take(&mut self.woken, cx.waker());
            }
            let Some(at) = self.woken.pop_front() else { return };
            self.poll_slot(at);
        }
    }
}

/// So often what was woken meanwhile is polled at once.
const ROUNDS: usize = 16;

/// Bytes of requests that wait until the stack is ready; more are refused.
const WAITING: usize = 8 << 20;
/// Items of the listen that are taken at once, whatever their size: as many as its queue holds by default.
const LISTENED: usize = 1024;
/// Above this many bytes that wait for the client, replies stay where they are.
const ROOM: usize = 1 << 20;
/// Above this many, a client that sends what is refused is not even told.
const REFUSALS: usize = 8 << 20;
/// Never on the wire.
const LISTEN_ID: &str = "shadowcat/listen";
