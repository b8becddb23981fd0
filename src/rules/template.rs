//! Templates: JSON with places for what a rule captured.

use serde_json::{Map, Value};

use super::seen::Seen;
use super::set::Matched;
use super::{Template, Undecided};
use crate::protocol::method;

/// What stands in the place of a name: what a rule captured, and then what is known of the message.
///
/// Known are `method`, `tool`, `prompt`, `uri`, `id`, `session`, `principal`, `component`, and `occurrence`: which
/// of the rule's messages this is, the first being the 1st. What a rule captures by one of these names comes first.
#[derive(Debug)]
pub struct Values<'a, 's> {
    captures: &'a Map<String, Value>,
    occurrence: u64,
    seen: &'a Seen<'s>,
}

/// Why nothing became of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfilled {
    /// Nothing of this name was captured, or is known.
    #[error("nothing stands for {{{{{0}}}}}")]
    Missing(String),
    /// A place is not closed.
    #[error("{{{{ is not followed by }}}}; a text with {{{{ in it has {{{{{{{{ there")]
    Open,
    /// What a name stands for cannot be told.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

impl Template {
    /// The JSON with the values in their places. Keys of objects are left as they are.
    ///
    /// ```
    /// use serde_json::json;
    /// use shadowcat::{Direction, JsonRpcMessage, Pointer};
    /// use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Seen, Template, Text};
    ///
    /// let weather = Matcher::new().tool(Text::exact("weather"));
    /// let city: Pointer = "/params/arguments/city".parse()?;
    /// let rules = RuleSet::new([Rule::new("r", weather, Action::Pass).capture("city", city)])?;
    /// let call = JsonRpcMessage::request(7, "tools/call", r#"{"name":"weather","arguments":{"city":"Ulm"}}"#)?;
    /// let seen = Seen::new(&call, Direction::ToUpstream);
    /// let matched = rules.next(None, &seen)?.expect("the rule is for it");
    /// let template = Template::from(json!({"text": "{{tool}} in {{city}}", "id": "{{id}}"}));
    /// assert_eq!(template.fill(&matched.values(&seen))?, json!({"text": "weather in Ulm", "id": 7}));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name stands for nothing, or a place is not closed.
    pub fn fill(&self, values: &Values<'_, '_>) -> Result<Value, Unfilled> {
        fill(&self.0, values)
    }
}

impl Matched<'_> {
    /// What templates of its rule are filled with; `seen` is what it was found for.
    pub fn values<'a, 's>(&'a self, seen: &'a Seen<'s>) -> Values<'a, 's> {
        Values { captures: self.captures(), occurrence: self.occurrence() + 1, seen }
    }
}

impl Values<'_, '_> {
    fn get(&self, name: &str) -> Result<Value, Unfilled> {
        if let Some(captured) = self.captures.get(name) {
            return Ok(captured.clone());
        }
        self.known(name)?.ok_or_else(|| Unfilled::Missing(name.to_owned()))
    }

    fn known(&self, name: &str) -> Result<Option<Value>, Undecided> {
        let seen = self.seen;
        let text = |text: Option<&str>| text.map(Value::from);
        Ok(match name {
            "method" => text(seen.method()),
            "tool" if seen.method() == Some(method::TOOLS_CALL) => text(seen.name()?),
            "prompt" if seen.method() == Some(method::PROMPTS_GET) => text(seen.name()?),
            "uri" if !matches!(seen.method(), Some(method::TOOLS_CALL | method::PROMPTS_GET)) => {
                text(seen.name()?)
            }
            "id" => seen.message().id().and_then(|id| serde_json::from_str(id.as_str()).ok()),
            "session" => text(seen.session),
            "principal" => text(seen.principal),
            "component" => text(seen.component),
            "occurrence" => Some(self.occurrence.into()),
            _ => None,
        })
    }
}

fn fill(template: &Value, values: &Values<'_, '_>) -> Result<Value, Unfilled> {
    Ok(match template {
        Value::String(text) => fill_text(text, values)?,
        Value::Array(elements) => {
            elements.iter().map(|element| fill(element, values)).collect::<Result<_, _>>()?
        }
        Value::Object(members) => {
            let filled = members.iter().map(|(key, value)| Ok((key.clone(), fill(value, values)?)));
            Value::Object(filled.collect::<Result<_, Unfilled>>()?)
        }
        other => other.clone(),
    })
}

fn fill_text(text: &str, values: &Values<'_, '_>) -> Result<Value, Unfilled> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        if let Some(behind) = behind.strip_prefix("{{") {
            out.push_str("{{");
            rest = behind;
            continue;
        }
        let (name, behind) = behind.split_once("}}").ok_or(Unfilled::Open)?;
        let value = values.get(name.trim())?;
        if rest.len() == text.len() && before.is_empty() && behind.is_empty() {
            return Ok(value);
        }
        match value {
            Value::String(value) => out.push_str(&value),
            other => out.push_str(&other.to_string()),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(out.into())
}
