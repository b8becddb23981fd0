//! The body of a request, within bounds of size and time.

use std::future::poll_fn;
use std::pin::pin;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body::Body as HttpBody;

use super::answer;
use super::body::Body;
use super::front::Options;
use crate::error::BoxError;
use crate::message::Code;
use crate::quiet;

/// Reads a body whole.
///
/// # Errors
///
/// The response to send: it is larger than a message may be, it takes longer than `patience`, it breaks off, or
/// too many others are being read.
pub(super) async fn body<B>(body: B, options: &Options) -> Result<Bytes, Box<Response<Body>>>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    match options.clock.within(options.patience, collect(body, options)).await {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(Unread::TooLarge)) => refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
        Some(Err(Unread::NoRoom)) => refuse(StatusCode::SERVICE_UNAVAILABLE, "too much is being read"),
        Some(Err(Unread::Broken)) => refuse(StatusCode::BAD_REQUEST, "the body broke off"),
        None => refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    }
}

fn refuse<T>(status: StatusCode, why: &'static str) -> Result<T, Box<Response<Body>>> {
    Err(Box::new(answer::refuse(status, None, Code::INVALID_REQUEST, why)))
}

enum Unread {
    TooLarge,
    NoRoom,
    Broken,
}

async fn collect<B>(body: B, options: &Options) -> Result<Bytes, Unread>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let (max, mut claim) = (options.scan.max_bytes, options.budget.claim());
    while let Some(frame) = poll_fn(|cx| quiet::poll_frame(body.as_mut(), cx)).await {
        if let Ok(mut data) = frame.map_err(broken)?.into_data() {
            if first.len() + all.len() + data.remaining() > max {
                return Err(Unread::TooLarge);
            }
            // What has come whole is not being read.
            if !body.is_end_stream() && !claim.grow(data.remaining()) {
                return Err(Unread::NoRoom);
            }
            if first.is_empty() && all.is_empty() {
                first = data.copy_to_bytes(data.remaining()); // no copy where it is `Bytes` already
            } else {
                all.put(std::mem::take(&mut first));
                all.put(data);
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn broken(error: impl Into<BoxError>) -> Unread {
    tracing::debug!(error = %error.into(), "a request's body broke off");
    Unread::Broken
}
