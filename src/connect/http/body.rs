//! Bodies: of a request, which is whole, and of a response, which comes in chunks.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};

#[cfg(feature = "http-client")]
use super::client::ResponseBody;
use super::exchange::broken;
use crate::error::{BoxError, Error};
use crate::quiet;

/// The body of a request: one message, or nothing.
///
/// A clone costs a refcount, for layers that send a request again.
#[derive(Clone, Debug, Default)]
pub struct Body(Option<Bytes>);

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// The body of a response, whatever its type.
pub(super) struct Chunks(Source);

enum Source {
    /// Of our own client, without a box.
    #[cfg(feature = "http-client")]
    Ours(ResponseBody),
    Other(Pin<Box<dyn Incoming>>),
}

trait Incoming: Send {
    fn poll_chunk(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>>;
    fn is_over(&self) -> bool;
}

impl<B> Incoming for B
where
    B: http_body::Body<Error: Into<BoxError>> + Send,
{
    fn poll_chunk(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        loop {
            let Some(frame) = ready!(quiet::poll_frame(self.as_mut(), cx)) else { return Poll::Ready(None) };
            match frame.map(Frame::into_data) {
                Ok(Ok(mut data)) => return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining())))),
                Ok(Err(_trailers)) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_end_stream()
    }
}

impl Chunks {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        Self(Source::Other(Box::pin(body)))
    }

    #[cfg(feature = "http-client")]
    pub(super) fn ours(body: ResponseBody) -> Self {
        Self(Source::Ours(body))
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_next(cx)).await.transpose()
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let chunk = ready!(match &mut self.0 {
            #[cfg(feature = "http-client")]
            Source::Ours(body) => Pin::new(body).poll_chunk(cx),
            Source::Other(body) => body.as_mut().poll_chunk(cx),
        });
        Poll::Ready(chunk.map(|chunk| chunk.map_err(|error| broken("reading from the server", error))))
    }

    /// Everything, if it is no more than `max` bytes.
    pub(super) async fn whole(&mut self, max: usize) -> Result<Bytes, Error> {
        let (bytes, more) = self.beginning(max).await?;
        if more {
            return Err(Error::too_large(format_args!("a body of more than {max} bytes")));
        }
        Ok(bytes)
    }

    /// The first `max` bytes, and whether there are more.
    pub(super) async fn beginning(&mut self, max: usize) -> Result<(Bytes, bool), Error> {
        let Some(mut first) = self.next().await? else { return Ok((Bytes::new(), false)) };
        if first.len() > max {
            return Ok((first.split_to(max), true));
        }
        if self.is_over() {
            return Ok((first, false));
        }
        let Some(mut chunk) = self.next().await? else { return Ok((first, false)) };
        let mut all = BytesMut::from(first);
        loop {
            if all.len() + chunk.len() > max {
                all.extend_from_slice(&chunk[..max - all.len()]);
                return Ok((all.freeze(), true));
            }
            all.extend_from_slice(&chunk);
            match self.next().await? {
                Some(next) => chunk = next,
                None => return Ok((all.freeze(), false)),
            }
        }
    }

    /// Reads on to the end, up to `max` bytes, because only then the connection serves another request.
    pub(super) async fn drain(mut self, max: usize) {
        let mut left = max;
        while let Ok(Some(chunk)) = self.next().await {
            let Some(less) = left.checked_sub(chunk.len()) else { return };
            left = less;
        }
    }

    /// Nothing more comes, as far as can be told without waiting.
    pub(super) fn is_over(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "http-client")]
            Source::Ours(body) => body.is_over(),
            Source::Other(body) => body.is_over(),
        }
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunks")
    }
}
