//! One endpoint, and what it takes.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use super::fields::{Field, Fields};
use super::session::is_visible;
use super::{
    Accepted, HostPolicy, InvalidPolicy, OriginPolicy, Refusal, accepted, body, head, last_event_id,
    session_id,
};
use crate::message::{JsonRpcMessage, ScanOptions};
use crate::protocol::{Era, ProtocolVersion};

/// Where a server listens, by which names it may be called, and which revisions it speaks.
///
/// A request is checked in three steps: [`check_head`](Self::check_head) before its body is read,
/// [`read`](Self::read) once it is there, and [`check_params`](super::check_params) where the tool's schema is known.
#[derive(Clone, Debug)]
pub struct Endpoint {
    path: String,
    hosts: HostPolicy,
    origins: OriginPolicy,
    max_body: u64,
    versions: Arc<[ProtocolVersion]>,
}

/// What a head that was checked claims.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "the front end reads it"))]
pub(crate) struct Claims {
    pub(crate) accepted: Accepted,
    /// Only the body decides what the message is.
    is_plain: bool,
}

impl Endpoint {
    /// An endpoint that takes bodies of at most 4 MiB and speaks every revision. The oldest has another
    /// transport, but servers agree upon it behind this one too.
    pub fn new(path: impl Into<String>, hosts: HostPolicy, origins: OriginPolicy) -> Self {
        let versions = ProtocolVersion::ALL.into();
        Self { path: path.into(), hosts, origins, max_body: 4 << 20, versions }
    }

    /// The same, called by the names of a loopback address.
    ///
    /// # Errors
    ///
    /// The address is not a loopback address; [`new`](Self::new) takes the names that it is called by.
    pub fn bound_to(path: impl Into<String>, address: SocketAddr) -> Result<Self, InvalidPolicy> {
        Ok(Self::new(path, HostPolicy::bound_to(address)?, OriginPolicy::bound_to(address)))
    }

    /// The only path that it serves.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bytes of a body.
    pub fn max_body_bytes(mut self, max: u64) -> Self {
        self.max_body = max;
        self
    }

    /// The revisions that it speaks, in the order in which a client is told of them.
    pub fn versions(mut self, versions: impl IntoIterator<Item = ProtocolVersion>) -> Self {
        self.versions = versions.into_iter().collect();
        self
    }

    /// The revisions that it speaks.
    #[cfg(feature = "http")]
    pub(crate) fn spoken(&self) -> &Arc<[ProtocolVersion]> {
        &self.versions
    }

    /// Checks everything that does not need the body, and needs to come before it is read: `Host` and `Origin`
    /// first, then how the message is framed, path, method, and content.
    ///
    /// # Errors
    ///
    /// What to answer. A server refuses 405 with `Allow`.
    pub fn check_head(&self, head: &Parts) -> Result<(), Refusal> {
        self.claims(head).map(drop)
    }

    /// The same, and what the head of a POST claims, so that nobody has to look again.
    pub(crate) fn claims(&self, head: &Parts) -> Result<Claims, Refusal> {
        let headers = &head.headers;
        let fields = Fields::of(headers);
        self.check_fields(head, &fields)?;
        if head.uri.path() != self.path {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "nothing is served here"));
        }
        let sessions = || self.speaks(Era::Legacy) && !body::names_known_modern_version(headers);
        match head.method {
            Method::POST => {
                let accepted = check_post(headers, &fields)?;
                Ok(Claims { accepted, is_plain: self.is_plain(&fields) })
            }
            Method::GET | Method::DELETE if sessions() => {
                self.check_session(head)?;
                Ok(Claims { accepted: accepted(headers), is_plain: false })
            }
            _ => Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not served here")),
        }
    }

    /// The part of [`check_head`](Self::check_head) that holds for every path: `Host`, `Origin`, the size of the head, and
    /// how the message is framed.
    ///
    /// # Errors
    ///
    /// What to answer.
    pub fn check_caller(&self, head: &Parts) -> Result<(), Refusal> {
        self.check_fields(head, &Fields::of(&head.headers))
    }

    fn check_fields(&self, head: &Parts, fields: &Fields<'_>) -> Result<(), Refusal> {
        self.hosts.check(fields, &head.uri)?;
        self.origins.check(fields)?;
        head::check_size(&head.headers, fields)?;
        head::check_framing(&head.headers, fields, self.max_body)
    }

    /// Reads the body, and checks it against the headers: the version header, what `_meta` must hold, version
    /// against version, whether it is spoken here, and what `Mcp-Method` and `Mcp-Name` mirror.
    ///
    /// # Errors
    ///
    /// What to answer, under the request's id where there is one.
    pub fn read(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        options: &ScanOptions,
    ) -> Result<(JsonRpcMessage, Era), Refusal> {
        let message = JsonRpcMessage::parse_with(body, options).map_err(|error| Refusal::from(&error))?;
        let era = self.check_body(headers, &message)?;
        Ok((message, era))
    }

    /// The same, of a head that was looked at before.
    #[cfg(feature = "http")]
    pub(crate) fn read_claimed(
        &self,
        claims: Claims,
        headers: &HeaderMap,
        body: Bytes,
        options: &ScanOptions,
    ) -> Result<(JsonRpcMessage, Era), Refusal> {
        let message = JsonRpcMessage::parse_with(body, options).map_err(|error| Refusal::from(&error))?;
        if !claims.is_plain || body::names_era(&message) {
            let era = self.check_body(headers, &message)?;
            return Ok((message, era));
        }
        debug_assert_eq!(
            self.check_body(headers, &message),
            Ok(Era::Legacy),
            "the longer way ends here, too"
        );
        Ok((message, Era::Legacy))
    }

    /// A head of the older revisions in which nothing is to be compared with the body, nor to be refused.
    fn is_plain(&self, fields: &Fields<'_>) -> bool {
        let is_session = match fields.session_id {
            Field::Missing => true,
            Field::Once(id) => is_visible(id.as_bytes()),
            Field::Twice => false,
        };
        let is_spoken = match fields.protocol_version {
            Field::Missing => self.speaks(Era::Legacy),
            Field::Once(version) => version.to_str().is_ok_and(|text| self.speaks_legacy(text)),
            Field::Twice => false,
        };
        is_session && is_spoken && !fields.has_mirror
    }

    /// The same for a message that was read before.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn check_body(&self, headers: &HeaderMap, message: &JsonRpcMessage) -> Result<Era, Refusal> {
        let era = if self.speaks(Era::Legacy) { body::request_era(headers, message) } else { Era::Modern };
        let checked = match era {
            // An `initialize` is legacy unless its `_meta` says otherwise; a head that lies is still refused.
            Era::Legacy => {
                self.check_legacy(headers).and_then(|()| body::check_mirrors(headers, message, false))
            }
            Era::Modern => body::check_modern(headers, message, &self.versions),
        };
        match checked {
            Ok(()) => Ok(era),
            Err(refusal) => Err(refusal.with_id(message.responder().id().cloned())),
        }
    }

    /// Reads the body of a POST in HTTP+SSE, where a head says nothing of a revision: what the message claims to be is for
    /// the server to judge, as on stdio. A client that probes for 2026-07-28 gets its answer on the stream.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_http_sse(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        options: &ScanOptions,
    ) -> Result<JsonRpcMessage, Refusal> {
        let message = JsonRpcMessage::parse_with(body, options).map_err(|error| Refusal::from(&error))?;
        match self.check_legacy(headers).and_then(|()| body::check_mirrors(headers, &message, false)) {
            Ok(()) => Ok(message),
            Err(refusal) => Err(refusal.with_id(message.responder().id().cloned())),
        }
    }

    fn speaks(&self, era: Era) -> bool {
        self.versions.iter().any(|version| version.era() == era)
    }

    fn speaks_legacy(&self, version: &str) -> bool {
        let version = version.parse::<ProtocolVersion>();
        version.is_ok_and(|version| version.era() == Era::Legacy && self.versions.contains(&version))
    }

    /// A request without a body is a legacy session's.
    fn check_session(&self, head: &Parts) -> Result<(), Refusal> {
        if head.method == Method::GET && !accepted(&head.headers).events {
            return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "only an event stream is served here"));
        }
        last_event_id(&head.headers)?;
        self.check_legacy(&head.headers)
    }

    /// The version header may be missing, before 2025-06-18 it always is; a session says which revision it is then.
    fn check_legacy(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        session_id(headers)?;
        match body::version_header(headers) {
            Ok(None) => Ok(()),
            Ok(Some(text)) if self.speaks_legacy(text) => Ok(()),
            Ok(Some(_)) => Err(Refusal::bad_request("this MCP-Protocol-Version is not spoken here")),
            Err(text) => Err(Refusal::bad_request(text)),
        }
    }
}

fn check_post(headers: &HeaderMap, fields: &Fields<'_>) -> Result<Accepted, Refusal> {
    head::check_content(headers, fields)?;
    let accepted = head::accepted_by(headers, fields.accept);
    if accepted.json || accepted.events {
        return Ok(accepted);
    }
    let text = "only application/json and text/event-stream are served here";
    Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, text))
}
