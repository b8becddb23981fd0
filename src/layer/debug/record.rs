//! One line of a log.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::colour::Paint;
use super::exchange::Entry;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::shown::{self, Payload, masked, name, quoted, render};
use crate::stamp::utc;

/// Of each name that a peer chose, escapes and all.
const NAME: usize = 64;

/// What a log is to show, before it is made to text.
pub(super) struct Record {
    pub(super) at: SystemTime,
    pub(super) elapsed: Duration,
    pub(super) entry: Arc<Entry>,
    pub(super) what: What,
}

pub(super) enum What {
    Sent(JsonRpcMessage),
    Received(JsonRpcMessage),
    /// With an error of ours, if it is one.
    Failed(Option<Error>),
    Cancelled,
    /// The reply ended without a response.
    Unanswered,
}

impl Record {
    pub(super) fn bytes(&self) -> usize {
        self.message().map_or(0, |message| message.bytes().len())
    }

    fn message(&self) -> Option<&JsonRpcMessage> {
        match &self.what {
            What::Sent(message) | What::Received(message) => Some(message),
            What::Failed(_) | What::Cancelled | What::Unanswered => None,
        }
    }

    /// What happened, in a word or two of ours.
    fn kind(&self) -> String {
        let Some(message) = self.message() else { return self.ending() };
        match message.kind() {
            Kind::Request => "request".to_owned(),
            Kind::Notification => "notification".to_owned(),
            Kind::Response => shown::response(message),
        }
    }

    fn ending(&self) -> String {
        match &self.what {
            What::Failed(error) => format!("failed: {}", reason(error.as_ref())),
            What::Cancelled => "cancelled".to_owned(),
            _ => "ended without a response".to_owned(),
        }
    }

    fn arrow(&self) -> &'static str {
        match &self.what {
            What::Sent(_) => "->",
            What::Received(_) => "<-",
            _ => "--",
        }
    }

    /// The message's own id, else that of its request.
    fn id(&self) -> Option<String> {
        let own = self.message().and_then(|message| message.owned_id());
        let id = own.as_ref().or(self.entry.id.as_ref())?;
        Some(shown::id(id, NAME))
    }

    /// Its own, else that of its request.
    fn method(&self) -> Option<&str> {
        self.message().and_then(|message| message.method()).or(self.entry.method.as_deref())
    }

    fn took(&self) -> Option<Duration> {
        (!matches!(self.what, What::Sent(_))).then_some(self.elapsed)
    }

    /// For people: at most `max` bytes with the line's end.
    pub(super) fn line(&self, payload: Payload, max: usize, paint: Paint) -> String {
        let mut out = String::new();
        let _ = write!(out, "{} {}", paint.dim(&utc(self.at)), paint.arrow(self.arrow()));
        if let Some(session) = self.entry.session() {
            let _ = write!(out, " {}", name(session, NAME));
        }
        let _ = write!(out, " {} {}", self.id().as_deref().unwrap_or("-"), paint.kind(&self.kind()));
        if let Some(method) = self.method() {
            let _ = write!(out, " {}", name(method, NAME));
        }
        if let Some(tool) = &self.entry.tool {
            let _ = write!(out, " tool={}", name(tool, NAME));
        }
        if let Some(message) = self.message() {
            let _ = write!(out, " {} B", message.bytes().len());
        }
        if let Some(took) = self.took() {
            let _ = write!(out, " {took:.1?}");
        }
        self.payload(&mut out, " ", payload, max - 1);
        out.push('\n');
        out
    }

    /// For programs: one JSON object of at most `max` bytes with the line's end.
    pub(super) fn json(&self, payload: Payload, max: usize) -> String {
        let (kind, entry) = (self.kind(), &self.entry);
        let direction = match &self.what {
            What::Sent(_) => "to_upstream",
            What::Received(_) => "to_client",
            _ => "none",
        };
        let mut out = format!(r#"{{"at":"{}","direction":"{direction}","kind":"{kind}""#, utc(self.at));
        let mut add = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(out, r#","{key}":{value}"#);
            }
        };
        add("session", entry.session().map(|session| quoted(session, NAME)));
        add("id", self.id());
        add("method", self.method().map(|method| quoted(method, NAME)));
        add("tool", entry.tool.as_deref().map(|tool| quoted(tool, NAME)));
        add("bytes", self.message().map(|message| message.bytes().len().to_string()));
        add("elapsed_us", self.took().map(|took| took.as_micros().to_string()));
        self.payload(&mut out, r#","payload":"#, payload, max - 2);
        out.push_str("}\n");
        out
    }

    /// Behind `before`, where there is any to be shown.
    fn payload(&self, out: &mut String, before: &str, payload: Payload, max: usize) {
        let message = self.message().filter(|_| payload != Payload::Hidden);
        let carried = message.and_then(|it| it.params().or(it.result()).or(it.error()));
        if let Some(carried) = carried {
            let start = out.len();
            out.push_str(before);
            let head = out.len();
            render(out, carried, payload, max.saturating_sub(head));
            if out.len() == head {
                out.truncate(start);
            }
        }
        if let (What::Failed(Some(error)), Payload::Full | Payload::Raw) = (&self.what, payload) {
            let (text, room) = (error.to_string(), max.saturating_sub(out.len() + 32));
            let shown = if payload == Payload::Raw { text.as_str().into() } else { masked(&text, room).0 };
            let _ = write!(out, "{before}{}", quoted(&shown, room));
        }
    }
}

/// Records that were lost at this place.
pub(super) fn lost(records: u64, as_json: bool) -> String {
    match as_json {
        true => format!("{}\n", json!({"lost": records})),
        false => format!("{records} records lost\n"),
    }
}

/// Nothing that a peer wrote.
pub(super) fn reason(error: Option<&Error>) -> &'static str {
    match error {
        Some(error) if error.is_timeout() => "timeout",
        Some(error) if error.is_overflow() => "overflow",
        Some(error) if error.is_busy() => "busy",
        Some(error) if error.is_invalid() => "invalid reply",
        Some(error) if error.is_too_large() => "too large",
        Some(error) if error.is_session_lost() => "session lost",
        Some(error) if error.is_closed() => "closed",
        Some(error) if error.is_io() => "input or output",
        _ => "an error",
    }
}
