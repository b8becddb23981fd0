//! The corpus as it lies on disk: one JSON object a line, one file a class.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) const CLASSES: [&str; 8] =
    ["framing", "envelope", "policy_call", "policy_list", "strip", "benign", "sse", "headers"];

/// `None`: there is none, as in the published package.
pub(crate) fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("SHADOWCAT_HOSTILE") {
        return Some(folder.into());
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    folder.is_dir().then_some(folder)
}

pub(crate) fn cases(folder: &Path, class: &str) -> Vec<Case> {
    read(folder, class)
}

/// The same with every field.
pub(crate) fn values(folder: &Path, class: &str) -> Vec<Value> {
    read(folder, class)
}

fn read<T: DeserializeOwned>(folder: &Path, class: &str) -> Vec<T> {
    let path = folder.join(class).with_extension("jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a case is a JSON object")).collect()
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes_base64: String,
    pub(crate) expect: String,
    pub(crate) channel: String,
    #[serde(default, deserialize_with = "present")]
    pub(crate) error_code: Option<Option<i64>>,
    pub(crate) reply: Option<String>,
    pub(crate) outcomes: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) pending: Vec<Question>,
    #[serde(default)]
    pub(crate) server_pending: Vec<Question>,
    #[serde(default)]
    must_not_contain_base64: Vec<String>,
    #[serde(default)]
    must_contain_base64: Vec<String>,
    level: Option<String>,
}

/// Tells `null` from absent.
fn present<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(field).map(Some)
}

#[derive(Deserialize)]
pub(crate) struct Question {
    pub(crate) id: Value,
    pub(crate) method: String,
}

impl Question {
    pub(crate) fn line(&self) -> Vec<u8> {
        // What names nothing is refused where a policy stands between.
        let params = match &*self.method {
            "tools/call" | "prompts/get" => ",\"params\":{\"name\":\"safe\"}",
            "resources/read" => ",\"params\":{\"uri\":\"file:///safe\"}",
            _ => "",
        };
        let method = Value::from(self.method.as_str());
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":{method}{params}}}\n", self.id).into_bytes()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Byte for byte.
    Forward,
    Reject,
    /// A call is refused and goes nowhere; a list loses what is denied.
    Block,
    /// Without its secrets.
    Strip,
}

/// A case that runs: its frames, and what becomes of each.
pub(crate) struct Plan {
    pub(crate) frames: Vec<(Vec<u8>, Outcome)>,
    pub(crate) from_client: bool,
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).expect("the corpus is base64")
}

impl Case {
    /// What must not come out of it.
    pub(crate) fn forbidden(&self) -> Vec<Vec<u8>> {
        self.must_not_contain_base64.iter().map(|text| decoded(text)).collect()
    }

    /// What must.
    pub(crate) fn demanded(&self) -> Vec<Vec<u8>> {
        self.must_contain_base64.iter().map(|text| decoded(text)).collect()
    }

    /// Whether it is one of those of which four in five have to pass.
    pub(crate) fn is_should(&self) -> bool {
        self.level.as_deref() == Some("should")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        decoded(&self.bytes_base64)
    }

    /// `None`: it waits for what is not built yet.
    pub(crate) fn plan(&self) -> Option<Plan> {
        let from_client = match self.channel.as_str() {
            "stdio-line" | "stdio-stream" => true,
            "server-line" | "server-stream" => false,
            _ => return None,
        };
        let outcomes = self.outcomes.clone().unwrap_or_else(|| vec![self.expect.clone()]);
        let outcomes: Option<Vec<_>> = outcomes.iter().map(|outcome| self::outcome(outcome)).collect();
        let (bytes, outcomes) = (self.bytes(), outcomes?);
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let lines: Vec<_> = lines.filter(|line| !self.is_stream() || **line != *b"\n").collect();
        assert_eq!(lines.len(), outcomes.len(), "{}: one outcome for each line", self.name);
        let frames = lines.into_iter().map(<[u8]>::to_vec).zip(outcomes).collect();
        Some(Plan { frames, from_client })
    }

    fn is_stream(&self) -> bool {
        self.channel.ends_with("-stream")
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.reply.as_deref() == Some("none") || self.error_code == Some(None)
    }

    /// Whether `code` is what the refusal is to be told with; a stream may leave it open.
    pub(crate) fn is_code(&self, code: i64) -> bool {
        self.error_code.flatten().is_none_or(|expected| expected == code)
    }
}

fn outcome(text: &str) -> Option<Outcome> {
    match text {
        "forward-identical" => Some(Outcome::Forward),
        "reject" => Some(Outcome::Reject),
        "stripped" => Some(Outcome::Strip),
        _ if text.starts_with("blocked-by-policy") => Some(Outcome::Block),
        _ => None,
    }
}
