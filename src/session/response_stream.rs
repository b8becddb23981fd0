//! The stream of a response, in the hands of whoever answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What whoever answers a request may want of the event stream that its response becomes. It rides in the extensions
/// of requests whose client can take up a stream that ended too early (2025-11-25 basic/transports, "Sending
/// Messages"); requests of other clients have none.
///
/// ```
/// use shadowcat::session::ResponseStream;
///
/// # let request = shadowcat::JsonRpcMessage::request(1, "tools/call", r#"{"name":"slow"}"#)?;
/// if let Some(stream) = request.extensions().get::<ResponseStream>() {
///     stream.close(); // the client comes back for the answer
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseStream(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    wanted: Wanted,
    waits: bool,
    front: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
enum Wanted {
    #[default]
    Nothing,
    Open,
    Closed,
}

impl ResponseStream {
    /// One of which nothing is wanted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the response from becoming a stream only because nothing has come for a moment: whoever answers knows
    /// soon, and may say something that only the head of a response can hold.
    pub fn wait(&self) {
        self.lock().waits = true;
    }

    /// Has the response become a stream now, and the client told where to take it up. Without it, that is decided by
    /// what comes first.
    pub fn open(&self) {
        self.want(Wanted::Open);
    }

    /// Ends the stream that the client reads, once what came before is sent. The call goes on, and the client comes
    /// back for the rest.
    pub fn close(&self) {
        self.want(Wanted::Closed);
    }

    /// Whether [`wait`](Self::wait) was asked for; a front end asks.
    pub fn waits(&self) -> bool {
        self.lock().waits
    }

    /// Whether the response is to be a stream; a front end asks.
    pub fn is_opened(&self) -> bool {
        self.lock().wanted >= Wanted::Open
    }

    /// Ready once the response is to be a stream; a front end waits for it.
    pub fn poll_opened(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll(Wanted::Open, cx)
    }

    /// Ready once the stream is to be ended; a front end waits for it.
    pub fn poll_closed(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll(Wanted::Closed, cx)
    }

    fn want(&self, wanted: Wanted) {
        let mut state = self.lock();
        if state.wanted < wanted {
            state.wanted = wanted;
            let front = state.front.take();
            drop(state);
            front.into_iter().for_each(Waker::wake);
        }
    }

    fn poll(&self, wanted: Wanted, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.wanted >= wanted {
            return Poll::Ready(());
        }
        state.front = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
