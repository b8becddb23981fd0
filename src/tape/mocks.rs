//! A tape as rules that answer as it did.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;

use super::exchange::{Exchange, Exchanges};
use super::object::{Object, Style};
use super::until_torn::UntilTorn;
use super::{Comparison, Source, TapeError, name};
use crate::message::members;
use crate::protocol::{method, peek};

/// Bytes of all rules, of which a file has at most eight MiB and two million values.
const BYTES: usize = 4_000_000;
/// Answers to the same call, one after the other.
const ANSWERS: usize = 1000;
/// Characters of a tool's name, in the id of a rule.
const NAME: usize = 64;
/// Characters of an error's message, and bytes of a tool's name: a file of rules has no longer ones.
const TEXT: usize = 64 << 10;
const TOOL: usize = 4096;
/// As deep as a file of rules may be, without what stands around it.
const DEPTH: usize = 50;

/// A file of rules, as [`rules`](crate::rules) reads it, that answers calls of tools as they were answered on a tape.
///
/// For each tool and each set of arguments there is a rule. What was asked several times is answered in that order, and
/// then with the last answer again. Answers are the same JSON, not the same bytes.
///
/// ```
/// use shadowcat::rules::RuleSet;
/// use shadowcat::tape::{Entry, Mocks, Sink, Tape, lines};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-mocks-{}.jsonl", std::process::id()));
/// let mut tape = lines::Writer::create(&path, &Tape::new()?)?;
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"add","arguments":{"a":1,"b":2}}"#)?;
/// let answer = JsonRpcMessage::response(1, r#"{"content":[{"type":"text","text":"3"}]}"#)?;
/// tape.append(&Entry::message(&call, Direction::ToUpstream))?;
/// tape.append(&Entry::message(&answer, Direction::ToClient))?;
/// tape.finish()?;
///
/// let mocks = Mocks::of(lines::Reader::open(&path)?)?;
/// let loaded = RuleSet::from_json("mocks.json", mocks.as_json())?;
/// assert_eq!((loaded.rules.rules().len(), mocks.left_out()), (1, 0));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mocks {
    json: String,
    rules: usize,
    left_out: u64,
    is_torn: bool,
}

/// What was asked, and what was answered.
struct Mock {
    tool: String,
    arguments: Option<Value>,
    /// Each is a member of an answer: `"response":…`.
    answers: Vec<Vec<u8>>,
}

impl Mocks {
    /// Those of what is left of a tape; a [`Filter`](super::Filter) picks a session, or a tool.
    ///
    /// # Errors
    ///
    /// The tape cannot be read further, except that it ends in the middle.
    pub fn of(mut tape: impl Source) -> Result<Self, TapeError> {
        let mut maker = Maker::default();
        let mut open = Exchanges::default();
        let mut entries = UntilTorn::new(&mut tape);
        for entry in &mut entries {
            let entry = entry?;
            let message = name::message(&entry);
            open.take(entry, message).iter().for_each(|call| maker.take(call));
        }
        let is_torn = entries.is_torn();
        let description = format!("Answers of the tape {}", tape.tape().id);
        let (json, rules) = (maker.write(&description), maker.mocks.len());
        Ok(Self { json, rules, left_out: maker.left_out, is_torn })
    }

    /// The text of the file: JSON, which is YAML as well.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// How many answers found no place, because a file of rules would be too large for them (4 MB are filled, and 1,000
    /// answers to the same call), or knows nothing as long or as deep.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The tape ends in the middle, as after a crash: there may have been more answers.
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }
}

impl fmt::Debug for Mocks {
    /// Without the answers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mocks")
            .field("bytes", &self.json.len())
            .field("rules", &self.rules)
            .field("left_out", &self.left_out)
            .field("is_torn", &self.is_torn)
            .finish()
    }
}

#[derive(Default)]
struct Maker {
    mocks: Vec<Mock>,
    /// By tool and arguments, in one spelling.
    known: HashMap<(String, Vec<u8>), usize>,
    bytes: usize,
    left_out: u64,
}

impl Maker {
    fn take(&mut self, call: &Exchange) {
        let Some((_, answer)) = call.answer.as_ref().filter(|_| call.message.is_method(method::TOOLS_CALL))
        else {
            return;
        };
        let taken = (|| {
            let tool = peek::tool_name(&call.message).ok()??.into_owned();
            let tool = Some(tool).filter(|tool| tool.len() <= TOOL)?;
            let arguments = peek::member(call.message.params()?, "arguments").ok()?;
            let answer = match answer.error() {
                Some(error) => self::error(error)?,
                None => self::result(answer.result()?)?,
            };
            self.add(tool, arguments, answer)
        })();
        self.left_out += u64::from(taken.is_none());
    }

    fn add(&mut self, tool: String, arguments: Option<&[u8]>, answer: Vec<u8>) -> Option<()> {
        let key = arguments.map(|json| Comparison::structural().key(json)).unwrap_or_default();
        let key = (tool, key);
        let known = self.known.get(&key).copied();
        let bytes = answer.len() + if known.is_none() { 200 + 2 * key.0.len() + key.1.len() } else { 20 };
        if self.bytes + bytes > BYTES || known.is_some_and(|at| self.mocks[at].answers.len() >= ANSWERS) {
            return None;
        }
        let at = match known {
            Some(at) => at,
            None => {
                let arguments = match arguments {
                    Some(arguments) => Some(value(arguments)?),
                    None => None,
                };
                self.known.insert(key.clone(), self.mocks.len());
                self.mocks.push(Mock { tool: key.0, arguments, answers: Vec::new() });
                self.mocks.len() - 1
            }
        };
        self.bytes += bytes;
        self.mocks[at].answers.push(answer);
        Some(())
    }

    fn write(&self, description: &str) -> String {
        let mut out = Vec::new();
        let mut file = Object::new(&mut out, Style::Pretty(0));
        file.number("version", 1);
        file.text("description", description);
        let list = file.key("rules");
        list.push(b'[');
        for (number, mock) in self.mocks.iter().enumerate() {
            list.extend_from_slice(if number > 0 { b",\n    " } else { b"\n    " });
            mock.write(number + 1, list);
        }
        list.extend_from_slice(b"\n  ]");
        file.end();
        out.push(b'\n');
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Mock {
    fn write(&self, number: usize, out: &mut Vec<u8>) {
        let name: String = self.tool.chars().filter(|c| !c.is_control()).take(NAME).collect();
        let mut rule = Object::new(out, Style::Line);
        rule.text("id", &format!("{number} {name}"));
        rule.object("matcher", |matcher| {
            matcher.text("method", method::TOOLS_CALL);
            matcher.text("tool", &self.tool);
            let test = match &self.arguments {
                Some(arguments) => format!(r#""equals":{arguments}"#),
                None => r#""exists":false"#.to_owned(),
            };
            matcher.token("where", &format!(r#"[{{"path":"/params/arguments",{test}}}]"#));
        });
        rule.object("action", |action| {
            action.text("type", "mock");
            let is_same = self.answers.windows(2).all(|two| two[0] == two[1]);
            match self.answers.first().filter(|_| is_same) {
                Some(answer) => put(action, answer),
                None => {
                    let all: Vec<_> =
                        self.answers.iter().map(|one| [b"{", &one[..], b"}"].concat()).collect();
                    let list = action.key("sequence");
                    list.push(b'[');
                    list.extend_from_slice(&all.join(&b','));
                    list.push(b']');
                }
            }
        });
        rule.end();
    }
}

/// The member of an answer.
fn put(action: &mut Object<'_>, answer: &[u8]) {
    let around = [b"{", answer, b"}"].concat();
    for member in members(&around) {
        action.foreign_key(&member.key()).extend_from_slice(member.value);
    }
}

fn result(json: &[u8]) -> Option<Vec<u8>> {
    let result = literal(value(json)?);
    result.is_object().then(|| format!(r#""response":{result}"#).into_bytes())
}

fn error(json: &[u8]) -> Option<Vec<u8>> {
    let mut error = value(json)?;
    let data = error.get_mut("data").map(Value::take).map(literal);
    let (code, message) = (error.get("code")?.as_i64()?, error.get("message")?.as_str()?);
    if code.unsigned_abs() >= 1 << 53 || message.chars().count() > TEXT {
        return None;
    }
    let mut out = br#""error":"#.to_vec();
    let mut object = Object::new(&mut out, Style::Line);
    object.token("code", &code.to_string());
    object.text("message", message);
    if let Some(data) = data {
        object.token("data", &data.to_string());
    }
    object.end();
    Some(out)
}

/// No deeper than a file of rules may be.
fn value(json: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(json).ok()?;
    (depth(&value) <= DEPTH).then_some(value)
}

/// serde_json reads no deeper than 128.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(all) => 1 + all.iter().map(depth).max().unwrap_or(0),
        Value::Object(all) => 1 + all.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A rule's answer has places for values in its texts; here they mean nothing.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace("{{", "{{{{").into(),
        Value::Array(all) => all.into_iter().map(literal).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (key, literal(value))).collect(),
        other => other,
    }
}
