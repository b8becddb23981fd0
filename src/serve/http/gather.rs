//! The answers to a batch, and what comes before them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::answer;
use super::body::Body;
use super::calls::Refused;
use super::events::{Reading, Said, Source, event};
use super::front::Options;
use super::live::Live;
use super::outcome::Next;
use crate::message::{JsonRpcMessage, Kind, Responder};
use crate::wire::fault;
use crate::wire::http::Accepted;

/// The calls of one batch that are not over, polled in their order. One that is dropped leaves them as other clients do that go.
pub(super) struct Gathering {
    live: Arc<Live>,
    open: Vec<Reading>,
    /// What the client has not been sent.
    ready: VecDeque<JsonRpcMessage>,
    /// What broke and cannot be told by an answer.
    failed: Option<StatusCode>,
}

impl Gathering {
    pub(super) fn new(live: Arc<Live>) -> Self {
        Self { live, open: Vec::new(), ready: VecDeque::new(), failed: None }
    }

    pub(super) fn wait_for(&mut self, reading: Reading) {
        self.open.push(reading);
    }

    /// A request that the session did not take.
    pub(super) fn answer(&mut self, refused: Refused, responder: &Responder) {
        self.ready.extend(answer::of_not_taken(refused, responder));
    }

    /// Waits for what is not answered.
    pub(super) async fn settle(mut self) -> Response<Body> {
        while !self.answers().await {}
        answer::status(self.failed.unwrap_or(StatusCode::ACCEPTED))
    }

    /// An array of the answers if they are all that comes, else an event stream.
    pub(super) async fn respond(mut self, accepted: Accepted, options: &Options) -> Response<Body> {
        let is_whole = if accepted.events {
            let whole = options.clock.within(options.keep_alive, self.answers()).await;
            accepted.json && whole == Some(true)
        } else {
            while !self.answers().await {
                self.ready.pop_back().into_iter().for_each(|said| self.unheard(&said));
            }
            true
        };
        match (self.open.is_empty() && self.ready.is_empty(), is_whole) {
            (true, _) => answer::status(StatusCode::ACCEPTED),
            (false, true) => self.array(),
            (false, false) => answer::events(Body::events(self, options.keep_alive)),
        }
    }

    /// Takes answers until there are no more: true then; false where something else came, which is the last that is
    /// ready. Nothing is lost where it is not waited for.
    async fn answers(&mut self) -> bool {
        poll_fn(|cx| {
            loop {
                match self.poll_message(cx) {
                    Poll::Ready(Some(message)) => {
                        let is_answer = message.kind() == Kind::Response;
                        self.ready.push_back(message);
                        if !is_answer {
                            return Poll::Ready(false);
                        }
                    }
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// The next message of any of them, in turn.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<JsonRpcMessage>> {
        let mut at = 0;
        while let Some(reading) = self.open.get_mut(at) {
            let said = match reading.poll_next(cx) {
                Poll::Pending => {
                    at += 1;
                    continue;
                }
                Poll::Ready(Next::Open) => continue,
                Poll::Ready(Next::Message(message, _)) => {
                    self.open[at..].rotate_left(1); // one that says much keeps no other waiting
                    return Poll::Ready(Some(message));
                }
                Poll::Ready(Next::Last(answer, _)) => Some(answer),
                Poll::Ready(Next::Failed(failed)) => {
                    self.failed = self.failed.or(failed.answer.is_none().then_some(failed.status));
                    failed.answer
                }
                Poll::Ready(Next::End) => None,
            };
            self.open.remove(at);
            if said.is_some() {
                return Poll::Ready(said);
            }
        }
        if self.open.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }

    fn array(mut self) -> Response<Body> {
        let mut json = BytesMut::new();
        for answer in self.ready.drain(..) {
            json.put_slice(if json.is_empty() { b"[" } else { b"," });
            json.put_slice(answer.bytes());
            fault::spare(&answer);
        }
        json.put_u8(b']');
        let mut response = Response::new(Body::whole(Bytes::from(json)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    fn unheard(&self, said: &JsonRpcMessage) {
        if said.kind() == Kind::Request {
            self.live.refuse(said, "nobody is there to answer");
        }
    }
}

impl Source for Gathering {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Said>> {
        if let Some(ready) = self.ready.pop_front() {
            return Poll::Ready(Some(event(None, &ready)));
        }
        self.poll_message(cx).map(|message| message.map(|message| event(None, &message)))
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.ready.iter().for_each(|said| self.unheard(said));
    }
}
