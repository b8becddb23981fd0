//! What is written down.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::key::{self, Key};
use super::mask::mask;
use crate::policy::{Decision, Verdict};
use crate::stamp::utc_millis;

/// Bytes of a name that are kept until it is masked, and that are shown of it then.
const MOST_KEPT: usize = 1024;
const MOST_SHOWN: usize = 256;
/// Decisions that are shown of one call.
const MOST_DECISIONS: usize = 8;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It was answered by a result; what needs no answer went on.
    Ok,
    /// It was answered by a tool's own error.
    ToolError,
    /// It was answered by an error of this code; a code that does not fit shows as 0.
    Error(i64),
    /// A layer decided against it, and it was answered by an error of this code.
    Refused(i64),
    /// Whoever asked did not wait for the answer.
    Cancelled,
    /// The channel below broke.
    Failed,
    /// It did not go on, or was not answered, and nobody was told.
    Dropped,
}

impl Outcome {
    fn parts(self) -> (&'static str, Option<i64>) {
        match self {
            Self::Ok => ("ok", None),
            Self::ToolError => ("tool error", None),
            Self::Error(code) => ("error", Some(code)),
            Self::Refused(code) => ("refused", Some(code)),
            Self::Cancelled => ("cancelled", None),
            Self::Failed => ("failed", None),
            Self::Dropped => ("dropped", None),
        }
    }
}

/// One line of the log, before it has its place in the chain.
///
/// The [layer](crate::layer::AuditLayer) makes them of what passes; an application adds what else belongs there:
///
/// ```
/// use shadowcat::audit::{Options, Record, Writer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("audit-record-{}.jsonl", std::process::id()));
/// let log = Writer::open(&path, Options::new())?;
/// log.record(Record::note("policy replaced").by("alice"));
/// log.flushed().await;
/// assert!(std::fs::read_to_string(&path)?.contains(r#""kind":"note","principal":"alice","note":"policy replaced""#));
/// # std::fs::remove_file(path)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) kind: &'static str,
    pub(crate) time: SystemTime,
    /// Names in the order in which they are written, each under its label.
    names: Vec<(&'static str, Box<str>)>,
    pub(crate) arguments: Option<(usize, Box<str>)>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) duration: Option<Duration>,
    pub(crate) outcome: Option<Outcome>,
    /// Messages of the reply besides the answer.
    pub(crate) messages: u64,
    /// It passed no strict scan.
    pub(crate) is_odd: bool,
}

impl Record {
    pub(crate) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            time: SystemTime::now(),
            names: Vec::new(),
            arguments: None,
            decisions: Vec::new(),
            duration: None,
            outcome: None,
            messages: 0,
            is_odd: false,
        }
    }

    /// What the application has to say. It is masked as names are, and cut after 256 bytes.
    pub fn note(text: &str) -> Self {
        let mut note = Self::new("note");
        note.name("note", Some(text));
        note
    }

    /// Who did it.
    pub fn by(mut self, principal: &str) -> Self {
        self.names.insert(0, ("principal", cut(principal, MOST_KEPT).into()));
        self
    }

    pub(crate) fn name(&mut self, label: &'static str, text: Option<&str>) {
        self.names.extend(text.map(|text| (label, cut(text, MOST_KEPT).into())));
    }

    /// The digest of these bytes, never the bytes.
    pub(super) fn digest(&mut self, key: Option<&Key>, raw: &[u8]) {
        self.arguments = Some((raw.len(), key::of_arguments(key, raw).into()));
    }

    /// What it takes of memory, about.
    pub(super) fn weight(&self) -> usize {
        let decision = |decision: &Decision| {
            64 + decision.why().map_or(0, str::len) + decision.rule_id().map_or(0, str::len)
        };
        let names: usize = self.names.iter().map(|(_, text)| 24 + text.len()).sum();
        256 + names + self.decisions.iter().map(decision).sum::<usize>()
    }

    /// The members of the line, each with its comma before it.
    pub(super) fn members(&self) -> String {
        let mut out = String::with_capacity(512);
        let _ = write!(out, r#","time":"{}","kind":"{}""#, utc_millis(self.time), self.kind);
        for (label, text) in &self.names {
            let _ = write!(out, r#","{label}":{}"#, shown(text));
        }
        if self.is_odd {
            out.push_str(r#","transparent":true"#);
        }
        if let Some((bytes, digest)) = &self.arguments {
            let _ = write!(out, r#","arguments":"{digest}","arguments_bytes":{bytes}"#);
        }
        self.decided(&mut out);
        if self.messages > 0 {
            let _ = write!(out, r#","messages":{}"#, self.messages);
        }
        if let Some(duration) = self.duration {
            let _ = write!(out, r#","duration_ms":{}"#, duration.as_millis());
        }
        if let Some((outcome, code)) = self.outcome.map(Outcome::parts) {
            let _ = write!(out, r#","outcome":"{outcome}""#);
            code.iter().for_each(|code| _ = write!(out, r#","code":{code}"#));
        }
        out
    }

    fn decided(&self, out: &mut String) {
        let mut comma = r#","decisions":["#;
        for decision in self.decisions.iter().take(MOST_DECISIONS) {
            let verdict = match decision.verdict() {
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
            };
            let _ = write!(out, r#"{comma}{{"by":"{}","verdict":"{verdict}""#, decision.by());
            for (label, text) in [("rule", decision.rule_id()), ("reason", decision.why())] {
                text.iter().for_each(|text| _ = write!(out, r#","{label}":{}"#, shown(text)));
            }
            let _ = write!(out, r#","enforced":{}}}"#, decision.is_enforced());
            comma = ",";
        }
        if !self.decisions.is_empty() {
            out.push(']');
        }
        if let more @ 1.. = self.decisions.len().saturating_sub(MOST_DECISIONS) {
            let _ = write!(out, r#","decisions_left_out":{more}"#);
        }
    }
}

/// As JSON, masked, and cut where it is long.
fn shown(text: &str) -> String {
    let masked = mask(cut(text, MOST_KEPT));
    let short = cut(&masked, MOST_SHOWN);
    let dots = if short.len() < masked.len() { "…" } else { "" };
    serde_json::Value::from(format!("{short}{dots}")).to_string()
}

fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
