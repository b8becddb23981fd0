//! Outcomes as HTTP statuses, both ways.

use http::StatusCode;

use crate::error::Error;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::{Era, peek};

/// The status that a response is sent with.
///
/// A modern server says in the status that it knows no such method, or that it could not take the request. A legacy
/// one answers 200 whatever the outcome: its client would take a 404 for the end of the session. This is for a
/// response that had no status of its own; one that came over HTTP keeps what it came with.
///
/// ```
/// use http::StatusCode;
/// use shadowcat::{Code, JsonRpcMessage, protocol::Era, wire::http::response_status};
///
/// let unknown = JsonRpcMessage::error_response(Some(&1.into()), Code::METHOD_NOT_FOUND, "no such method");
/// assert_eq!(response_status(&unknown, Era::Modern), StatusCode::NOT_FOUND);
/// assert_eq!(response_status(&unknown, Era::Legacy), StatusCode::OK);
/// ```
pub fn response_status(response: &JsonRpcMessage, era: Era) -> StatusCode {
    match error_code(response).filter(|_| era == Era::Modern) {
        Some(Code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Some(Code::HEADER_MISMATCH | Code::MISSING_CAPABILITY | Code::UNSUPPORTED_VERSION) => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::OK,
    }
}

fn error_code(response: &JsonRpcMessage) -> Option<Code> {
    let code = peek::member(response.error()?, "code").ok()??;
    std::str::from_utf8(code).ok()?.parse().ok().map(Code)
}

/// The status that a failure below the stack is answered with: one that no client takes for the server's own word.
///
/// A lost session is the exception: 404 is how a legacy client learns that it must begin a new one.
///
/// ```
/// use http::StatusCode;
/// use shadowcat::{Error, wire::http::error_status};
///
/// assert_eq!(error_status(&Error::timeout("60 s")), StatusCode::GATEWAY_TIMEOUT);
/// assert_eq!(error_status(&Error::closed("gone")), StatusCode::BAD_GATEWAY);
/// ```
pub fn error_status(error: &Error) -> StatusCode {
    if error.is_session_lost() {
        StatusCode::NOT_FOUND
    } else if error.is_timeout() {
        StatusCode::GATEWAY_TIMEOUT
    } else if error.is_busy() || error.is_overflow() {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_GATEWAY
    }
}

/// The status that what an upstream said goes back with: its own, unless the client would take it for another's word.
/// `None` then, and for what is neither a success nor an error.
///
/// `in_session`: the client named a session of ours, so that a 404 would say that it is gone. What asks for a proxy's
/// credentials (407) is about the hop behind us.
///
/// ```
/// use http::StatusCode;
/// use shadowcat::wire::http::returned_status;
///
/// assert_eq!(returned_status(StatusCode::UNAUTHORIZED, true), Some(StatusCode::UNAUTHORIZED));
/// assert_eq!(returned_status(StatusCode::NOT_FOUND, false), Some(StatusCode::NOT_FOUND));
/// assert_eq!(returned_status(StatusCode::NOT_FOUND, true), None);
/// ```
pub fn returned_status(status: StatusCode, in_session: bool) -> Option<StatusCode> {
    let is_other = match status {
        StatusCode::NOT_FOUND => in_session,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => true,
        _ => status.is_informational() || status.is_redirection(),
    };
    (!is_other).then_some(status)
}

/// What an upstream's status means where its body is no JSON-RPC message; `None` for a success.
///
/// `in_session`: the request named a session, so that 404 says that it is gone.
///
/// ```
/// use http::StatusCode;
/// use shadowcat::wire::http::upstream_failure;
///
/// assert!(upstream_failure(StatusCode::ACCEPTED, true).is_none());
/// assert!(upstream_failure(StatusCode::NOT_FOUND, true).unwrap().is_session_lost());
/// assert!(upstream_failure(StatusCode::NOT_FOUND, false).unwrap().is_invalid());
/// assert!(upstream_failure(StatusCode::TOO_MANY_REQUESTS, true).unwrap().is_busy());
/// ```
pub fn upstream_failure(status: StatusCode, in_session: bool) -> Option<Error> {
    let text = format!("the server answered HTTP {}", status.as_u16());
    Some(match status {
        _ if status.is_success() => return None,
        StatusCode::NOT_FOUND if in_session => Error::session_lost(text),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Error::timeout(text),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Error::busy(text),
        StatusCode::PAYLOAD_TOO_LARGE => Error::too_large(text),
        _ if status.is_server_error() => Error::closed(text),
        _ => Error::invalid(text),
    })
}
