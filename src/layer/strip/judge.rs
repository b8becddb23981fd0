//! What becomes of one message.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::report::{Reports, Taken};
use super::stats::StatsHandle;
use crate::error::Error;
use crate::message::{Code, Direction, JsonRpcMessage, Kind};
use crate::reply::Upstream;
use crate::rules::Text;
use crate::secret::{Detector, Found, Marker, MaskLines, Secrets, shared};

/// No more is kept of what a server says in the place of a message.
const LONGEST_BODY: usize = 16 << 10;

/// How a layer strips, in both directions.
#[derive(Clone)]
pub(super) struct Strip {
    pub(super) detector: Arc<Detector>,
    pub(super) marker: Marker,
    /// What is stripped on this way; nothing, if there is no scope.
    pub(super) to_upstream: Option<Scope>,
    pub(super) to_client: Option<Scope>,
    pub(super) allowed: Option<Allowed>,
    pub(super) max_bytes: usize,
    pub(super) dry_run: bool,
    pub(super) stats: StatsHandle,
    pub(super) reports: Arc<Reports>,
}

/// Whether what was found is let be.
type Allowed = Arc<dyn Fn(&Found) -> bool + Send + Sync>;

/// Which messages of one direction are stripped.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) except: Vec<Text>,
}

/// A message that must not go on; it says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(&'static str);

impl Refused {
    /// What is said in the place of a message: to the client that asked, or that waits for a response, or to the server
    /// that does. Nothing, where nobody waits for an answer on this way.
    pub(super) fn in_place_of(self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        let id = message.owned_id();
        let is_answer = message.kind() == Kind::Response && id.is_some();
        is_answer.then(|| JsonRpcMessage::refusal(id.as_ref(), Code::INTERNAL_ERROR, self.0))
    }

    pub(super) fn why(self) -> &'static str {
        self.0
    }
}

impl Strip {
    /// The message as it may go on. `method` is that of the request, where it is a response.
    pub(super) fn message(
        &self,
        message: JsonRpcMessage,
        direction: Direction,
        method: Option<&str>,
    ) -> Result<JsonRpcMessage, (JsonRpcMessage, Refused)> {
        let Some(scope) = self.scope(direction) else { return Ok(message) };
        let method = message.method().or(method);
        if method.is_some_and(|method| scope.except.iter().any(|except| except.matches(method))) {
            return Ok(message);
        }
        if !message.is_strict() {
            return self.refused(
                message,
                direction,
                "a message that can be read in two ways is not passed on",
            );
        }
        let secrets = match &self.allowed {
            Some(allowed) => Secrets::except(&self.detector, &message, &**allowed),
            None => Secrets::of(&self.detector, &message),
        };
        if secrets.is_empty() {
            return Ok(self.stripped(message));
        }
        self.tell(&secrets, &message, direction, method);
        if self.dry_run {
            return Ok(message);
        }
        match secrets.masked(&self.marker, self.max_bytes) {
            Ok(masked) => Ok(self.stripped(masked)),
            Err(_) => {
                let why = "a message that holds secrets cannot be passed on without them";
                self.refused(message, direction, why)
            }
        }
    }

    /// Says so on the message, if all that this crate knows was searched for.
    fn stripped(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        let is_all = self.allowed.is_none() && !self.dry_run && Arc::ptr_eq(&self.detector, shared());
        if is_all { message.stripped() } else { message }
    }

    /// Whether requests are stripped.
    #[cfg(feature = "tape")]
    pub(super) fn takes_from_requests(&self) -> bool {
        self.to_upstream.is_some() && !self.dry_run
    }

    /// What a server said in the place of a message. Text is masked; what is none is not handed on.
    pub(super) fn refusal(&self, refusal: &mut Upstream) {
        let Some(body) = refusal.body.take_if(|_| !self.dry_run) else { return };
        let text = std::str::from_utf8(&body).map(|text| self.body(text));
        refusal.body = match text {
            Ok(Cow::Owned(masked)) => {
                self.stats.count(Direction::ToClient, |way| way.messages += 1);
                Some(masked.into())
            }
            Ok(Cow::Borrowed(_)) => Some(body),
            Err(_) => None,
        };
    }

    /// The same of an error that tells of it.
    pub(super) fn error(&self, error: &mut Error) {
        let Some(mut said) = error.extensions().get::<Upstream>().cloned() else { return };
        let before = said.body.clone();
        self.refusal(&mut said);
        if said.body != before {
            let own = std::mem::replace(error, Error::closed(""));
            *error = own.with_extension(said);
        }
    }

    /// Read as a document where it is one, and as text that may be cut off where it is as long as such bodies get.
    fn body<'b>(&self, body: &'b str) -> Cow<'b, str> {
        const ROOT: &str = r#"{"body":"#;
        if body.len() >= LONGEST_BODY {
            let masked = MaskLines::new(self.detector.clone()).mask_cut(body);
            return if masked == body { Cow::Borrowed(body) } else { Cow::Owned(masked.into_owned()) };
        }
        let document = JsonRpcMessage::request(0, "body", format!("{ROOT}{body}}}"));
        let Some(document) = document.ok().filter(JsonRpcMessage::is_strict) else {
            return self.detector.mask(body, &self.marker);
        };
        let secrets = Secrets::of(&self.detector, &document);
        if secrets.is_empty() {
            return Cow::Borrowed(body);
        }
        let masked = secrets.masked(&self.marker, usize::MAX).ok();
        let masked = masked.as_ref().and_then(|masked| {
            let params = std::str::from_utf8(masked.params()?).ok()?;
            params.strip_prefix(ROOT)?.strip_suffix('}').map(ToOwned::to_owned)
        });
        // Not writable is not handed on.
        Cow::Owned(masked.unwrap_or_default())
    }

    fn scope(&self, direction: Direction) -> Option<&Scope> {
        match direction {
            Direction::ToUpstream => self.to_upstream.as_ref(),
            Direction::ToClient => self.to_client.as_ref(),
        }
    }

    fn refused(
        &self,
        message: JsonRpcMessage,
        direction: Direction,
        why: &'static str,
    ) -> Result<JsonRpcMessage, (JsonRpcMessage, Refused)> {
        self.stats.count(direction, |way| way.refused += 1);
        if self.dry_run {
            return Ok(message);
        }
        tracing::warn!(?direction, method = message.method(), why, "a message is not stripped but refused");
        Err((message, Refused(why)))
    }

    fn tell(
        &self,
        secrets: &Secrets<'_>,
        message: &JsonRpcMessage,
        direction: Direction,
        method: Option<&str>,
    ) {
        self.stats.count(direction, |way| {
            way.messages += 1;
            for kind in secrets.kinds() {
                *way.secrets.entry(kind.clone()).or_default() += 1;
            }
        });
        let (secrets_found, dry_run) = (secrets.count(), self.dry_run);
        tracing::info!(?direction, method, secrets = secrets_found, dry_run, "secrets in a message");
        for found in secrets.found() {
            tracing::debug!(?direction, method, kind = %found.kind, path = %found.path, in_key = found.in_key, "a secret");
        }
        if !self.reports.is_heard() {
            return;
        }
        let method: Option<Arc<str>> = method.map(Into::into);
        let session_id: Option<Arc<str>> =
            message.context().and_then(|context| context.session_id()).map(Into::into);
        for found in secrets.found() {
            let (method, session_id) = (method.clone(), session_id.clone());
            self.reports.tell(&Taken { direction, method, session_id, found: found.clone(), dry_run });
        }
    }
}

impl fmt::Debug for Strip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strip")
            .field("to_upstream", &self.to_upstream)
            .field("to_client", &self.to_client)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
