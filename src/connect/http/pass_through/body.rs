//! The body of what is handed back: as it comes, within bounds.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::connect::http::body::Chunks;
use crate::error::Error;

/// The body of an answer of a [`PassThrough`](super::PassThrough). It fails where it is cut off, so that it is not taken
/// for whole.
pub struct PassedBody(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Streamed { chunks: Chunks, left: usize, by_then: Pin<Box<Sleep>> },
}

impl PassedBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    pub(super) fn streamed(chunks: Chunks, max: usize, by_then: Instant) -> Self {
        if chunks.is_over() {
            return Self(Kind::Whole(None));
        }
        Self(Kind::Streamed { chunks, left: max, by_then: Box::pin(tokio::time::sleep_until(by_then)) })
    }
}

impl http_body::Body for PassedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let (chunks, left, by_then) = match &mut self.0 {
            Kind::Whole(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Streamed { chunks, left, by_then } => (chunks, left, by_then),
        };
        if by_then.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Error::timeout("the server did not end its answer in time"))));
        }
        let chunk = ready!(chunks.poll_next(cx));
        Poll::Ready(chunk.map(|chunk| {
            let chunk = chunk?;
            match left.checked_sub(chunk.len()) {
                Some(less) => *left = less,
                None => return Err(Error::too_large("the server's answer is too large")),
            }
            Ok(Frame::data(chunk))
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Streamed { chunks, .. } => chunks.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Streamed { .. } => SizeHint::default(),
        }
    }
}

impl fmt::Debug for PassedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(bytes) => {
                f.debug_tuple("PassedBody").field(&bytes.as_ref().map_or(0, Bytes::len)).finish()
            }
            Kind::Streamed { .. } => f.write_str("PassedBody(streamed)"),
        }
    }
}
