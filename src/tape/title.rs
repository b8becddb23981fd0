//! What is known of a whole tape.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::entry::whole_micros;
use super::{Component, TapeError, TapeId, text};

/// What is known of a whole tape: whose, when, between whom. Much of it is learned while it is recorded; a
/// [`Sink`](super::Sink) is told again then.
///
/// ```
/// use shadowcat::tape::{Component, Json, Tape};
///
/// let tape = Tape::new()?
///     .session("s-1")
///     .transport("stdio")
///     .protocol_version("2025-11-25")
///     .client_info(Json::new(br#"{"name": "host"}"#).unwrap())
///     .component(Component::new("fetch").uri("oci://ghcr.io/microsoft/fetch:1").tool("fetch"))
///     .label("redacted-by", "strip");
/// assert_eq!(tape.client_info.unwrap().as_str(), r#"{"name":"host"}"#);
/// # Ok::<(), shadowcat::tape::TapeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tape {
    /// What it is called.
    pub id: TapeId,
    /// The session, where it is of one only.
    pub session: Option<Arc<str>>,
    /// When it began. Kept to the microsecond.
    pub created: SystemTime,
    /// How long it took, once that is known.
    pub duration: Option<Duration>,
    /// What made it.
    pub software: Option<Arc<str>>,
    /// Between the client and us: `stdio`, `http`, `http+sse`. A recorder learns it from the front end.
    pub transport: Option<Arc<str>>,
    /// Between us and the server, as the application says it.
    pub upstream_transport: Option<Arc<str>>,
    /// The revision that was agreed on.
    pub protocol_version: Option<Arc<str>>,
    /// What the client says it is.
    pub client_info: Option<Json>,
    /// What the client can do.
    pub client_capabilities: Option<Json>,
    /// What the server says it is.
    pub server_info: Option<Json>,
    /// What the server can do.
    pub server_capabilities: Option<Json>,
    /// What was loaded.
    pub components: Vec<Component>,
    /// By what profile secrets were masked.
    pub redaction: Option<Arc<str>>,
    /// Which file of a rotated tape this is, from 1.
    pub part: Option<u32>,
    /// Whatever else the application wants to say.
    pub labels: BTreeMap<String, String>,
}

impl Tape {
    /// One that begins now, under a new name.
    ///
    /// # Errors
    ///
    /// The operating system has no random bytes to give.
    pub fn new() -> Result<Self, TapeError> {
        let software = concat!("shadowcat ", env!("CARGO_PKG_VERSION"));
        Ok(Self { software: Some(software.into()), ..Self::of(TapeId::random()?, SystemTime::now()) })
    }

    /// One of which no more is known.
    pub fn of(id: TapeId, created: SystemTime) -> Self {
        Self {
            id,
            session: None,
            created: whole_micros(created),
            duration: None,
            software: None,
            transport: None,
            upstream_transport: None,
            protocol_version: None,
            client_info: None,
            client_capabilities: None,
            server_info: None,
            server_capabilities: None,
            components: Vec::new(),
            redaction: None,
            part: None,
            labels: BTreeMap::new(),
        }
    }

    /// Of this session only.
    pub fn session(mut self, name: impl Into<Arc<str>>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Between the client and us.
    pub fn transport(mut self, name: impl Into<Arc<str>>) -> Self {
        self.transport = Some(name.into());
        self
    }

    /// Between us and the server.
    pub fn upstream_transport(mut self, name: impl Into<Arc<str>>) -> Self {
        self.upstream_transport = Some(name.into());
        self
    }

    /// The revision that was agreed on.
    pub fn protocol_version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.protocol_version = Some(version.into());
        self
    }

    /// What the client says it is.
    pub fn client_info(mut self, info: Json) -> Self {
        self.client_info = Some(info);
        self
    }

    /// What the server says it is.
    pub fn server_info(mut self, info: Json) -> Self {
        self.server_info = Some(info);
        self
    }

    /// What was loaded, too.
    pub fn component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }

    /// By what profile secrets were masked.
    pub fn redaction(mut self, profile: impl Into<Arc<str>>) -> Self {
        self.redaction = Some(profile.into());
        self
    }

    /// Says something else.
    pub fn label(mut self, name: &str, text: &str) -> Self {
        self.labels.insert(name.to_owned(), text.to_owned());
        self
    }
}

impl fmt::Debug for Tape {
    /// Without what its labels and its peers say, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape")
            .field("id", &self.id)
            .field("session", &self.session)
            .field("created", &self.created)
            .field("duration", &self.duration)
            .field("transport", &self.transport)
            .field("upstream_transport", &self.upstream_transport)
            .field("protocol_version", &self.protocol_version)
            .field("client_info", &self.client_info)
            .field("server_info", &self.server_info)
            .field("components", &self.components)
            .field("redaction", &self.redaction)
            .field("part", &self.part)
            .field("labels", &self.labels.keys())
            .finish_non_exhaustive()
    }
}

/// A JSON document, without the space between its tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// The document, if it is one.
    pub fn new(json: &[u8]) -> Option<Self> {
        if !text::is_json(json) {
            return None;
        }
        let text = String::from_utf8(text::compact(json)).ok()?;
        Some(Self(text.into()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Json {
    /// Not what it says, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}
