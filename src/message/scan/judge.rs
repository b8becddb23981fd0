//! JSON-RPC's and MCP's rules for the members that were found.

use super::super::envelope::{Envelope, IdToken, Kind, Payload, Span};
use super::super::options::ScanOptions;
use super::super::parse_error::Fault;
use super::Refusal;
use super::envelope_key::Member;
use super::members::Found;
use super::tokens::{decode, id_token, is_number, name, string};

/// Methods that are only ever requests: without an id nobody could be answered, yet a lax server would act.
const REQUESTS: [&str; 23] = [
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
    "sampling/createMessage",
    "roots/list",
    "elicitation/create",
    "tasks/get",
    "tasks/result",
    "tasks/list",
    "tasks/cancel",
    "tasks/update",
    "server/discover",
    "subscriptions/listen",
];

/// What the members make of the message, or which rule they break.
pub(super) fn judge(
    bytes: &[u8],
    found: &Found,
    line_break: bool,
    options: &ScanOptions,
) -> Result<Envelope, Refusal> {
    let judge = Judge { bytes, found, options };
    judge.version()?;
    let id_token = judge.id()?;
    let (payload_is, meta) = judge.shape()?;
    let method = found.span(Member::Method);
    let method_escaped = method.is_some() && judge.method(method)?;
    let kind = judge.kind(id_token, payload_is, method_escaped)?;
    let payload = match payload_is {
        Payload::None => Span::NONE,
        Payload::Params => found.span(Member::Params),
        Payload::Result => found.span(Member::Result),
        Payload::Error => found.span(Member::Error),
    };
    let meta = if judge.first(meta) == b'{' { meta } else { Span::NONE };
    let (id, strict) = (found.span(Member::Id), !options.transparent);
    Ok(Envelope { kind, id_token, id, method, method_escaped, payload_is, payload, meta, line_break, strict })
}

struct Judge<'a> {
    bytes: &'a [u8],
    found: &'a Found,
    options: &'a ScanOptions,
}

impl<'a> Judge<'a> {
    fn version(&self) -> Result<(), Refusal> {
        let span = self.found.span(Member::JsonRpc);
        let told = |raw| raw == br#""2.0""# || string(raw).is_some_and(|inner| decode(inner) == "2.0");
        if told(self.raw(span)) || self.options.transparent {
            Ok(())
        } else {
            broken("jsonrpc must be \"2.0\"", span)
        }
    }

    fn id(&self) -> Result<IdToken, Refusal> {
        let span = self.found.span(Member::Id);
        if !span.is_some() {
            return Ok(IdToken::Absent);
        }
        id_token(self.raw(span), self.options).map_err(|fault| (fault, span.start as usize))
    }

    /// Exactly one of method, result and error, and what goes with it.
    fn shape(&self) -> Result<(Payload, Span), Refusal> {
        let span = |member| self.found.span(member);
        let [method, result, error] = [span(Member::Method), span(Member::Result), span(Member::Error)];
        let params = span(Member::Params);
        let present = [method, result, error].into_iter().filter(|span| span.is_some());
        if present.clone().count() != 1 {
            let last = present.max_by_key(|span| span.start).unwrap_or_default();
            return broken("exactly one of method, result and error must be there", last);
        }
        if method.is_some() {
            return self.params(params);
        }
        if params.is_some() {
            return broken("a response must have no params", params);
        }
        if result.is_some() {
            return Ok((Payload::Result, self.found.result.meta));
        }
        self.error(error)?;
        Ok((Payload::Error, Span::NONE))
    }

    fn params(&self, span: Span) -> Result<(Payload, Span), Refusal> {
        match self.first(span) {
            _ if !span.is_some() => Ok((Payload::None, Span::NONE)),
            b'{' | b'n' => Ok((Payload::Params, self.found.params.meta)),
            _ => broken("params must be an object", span),
        }
    }

    fn error(&self, span: Span) -> Result<(), Refusal> {
        let (code, message) = (self.found.error.code, self.found.error.message);
        let whole = is_number(self.raw(code)) && !self.raw(code).iter().any(|byte| b".eE".contains(byte));
        if self.options.transparent || (self.first(span) == b'{' && whole && self.first(message) == b'"') {
            return Ok(());
        }
        broken("error must be an object with an integer code and a string message", span)
    }

    /// Whether the method has escapes.
    fn method(&self, span: Span) -> Result<bool, Refusal> {
        let Some(inner) = string(self.raw(span)) else { return broken("method must be a string", span) };
        if inner.len() > self.options.max_method {
            return broken("method is too long", span);
        }
        name(inner, self.options, "method must be a non-empty string without control characters")
            .map_err(|fault| (fault, span.start as usize))
    }

    fn kind(&self, id: IdToken, payload: Payload, escaped: bool) -> Result<Kind, Refusal> {
        let method = self.found.span(Member::Method);
        if !method.is_some() {
            return match id {
                IdToken::Absent | IdToken::Null if payload == Payload::Result => {
                    broken("a result must have an id", self.found.span(Member::Result))
                }
                _ => Ok(Kind::Response),
            };
        }
        match id {
            IdToken::Null if !self.options.transparent => {
                broken("the id of a request must not be null", self.found.span(Member::Id))
            }
            IdToken::Absent if self.is_request(method, escaped) => {
                Err((Fault::MissingId, method.start as usize))
            }
            IdToken::Absent => Ok(Kind::Notification),
            _ => Ok(Kind::Request),
        }
    }

    fn is_request(&self, method: Span, escaped: bool) -> bool {
        let inner = string(self.raw(method)).unwrap_or_default();
        let is = |method: &[u8]| REQUESTS.iter().any(|request| request.as_bytes() == method);
        if escaped { is(decode(inner).as_bytes()) } else { is(inner) }
    }

    fn raw(&self, span: Span) -> &'a [u8] {
        self.bytes.get(span.range()).unwrap_or_default()
    }

    /// The first byte tells a value's type: the scanner has passed it.
    fn first(&self, span: Span) -> u8 {
        self.raw(span).first().copied().unwrap_or(0)
    }
}

fn broken<T>(rule: &'static str, span: Span) -> Result<T, Refusal> {
    Err((Fault::Envelope(rule), span.start as usize))
}
