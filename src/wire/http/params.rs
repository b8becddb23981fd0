//! Arguments of a tool that are mirrored in headers.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::value::RawValue;

use super::schema::{InvalidAnnotation, annotations};
use super::{encode_value, number};
use crate::message::JsonRpcMessage;
use crate::protocol::header::PARAM_PREFIX;
use crate::protocol::peek::{self, Unreadable};

/// Which arguments of a tool are mirrored in `Mcp-Param-…` headers: what its input schema marks with `x-mcp-header`
/// (2026-07-28 server/tools).
///
/// ```
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::wire::http::{ParamHeaders, request_headers};
///
/// let list = JsonRpcMessage::response(1, r#"{"tools":[
///     {"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}},
///     {"name":"odd","inputSchema":{"type":"object","properties":{"x":{"type":"number","x-mcp-header":"X"}}}}]}"#)?;
/// let tools = ParamHeaders::of_tools(&list)?;
/// assert!(tools[1].1.is_err()); // not to be offered over HTTP
///
/// let call = JsonRpcMessage::request(2, "tools/call", r#"{"name":"sql","arguments":{"region":"us-west1"},
///     "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#)?;
/// let headers = request_headers(&call, None, tools[0].1.as_ref().ok())?;
/// assert_eq!(headers["mcp-param-region"], "us-west1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamHeaders {
    params: Vec<(HeaderName, Vec<String>)>,
}

impl ParamHeaders {
    /// Those that an input schema marks, raw JSON that passed the scanner.
    ///
    /// # Errors
    ///
    /// The tool cannot be called over HTTP.
    pub fn of_schema(schema: &[u8]) -> Result<Self, InvalidAnnotation> {
        let mut params: Vec<(HeaderName, Vec<String>)> = Vec::new();
        for found in annotations(schema)? {
            if found.name.is_empty() {
                return Err(InvalidAnnotation::Name);
            }
            let header = [PARAM_PREFIX, &found.name].concat();
            let header = HeaderName::from_bytes(header.as_bytes()).map_err(|_| InvalidAnnotation::Name)?;
            if params.iter().any(|(other, _)| *other == header) {
                return Err(InvalidAnnotation::Duplicate);
            }
            params.push((header, found.path));
        }
        Ok(Self { params })
    }

    /// The tools of a `tools/list` result by name, each with what is mirrored of it, or why a client that speaks
    /// HTTP must leave it out.
    ///
    /// # Errors
    ///
    /// The result is no list of tools.
    #[expect(clippy::type_complexity, reason = "a name beside a result")]
    pub fn of_tools(
        list: &JsonRpcMessage,
    ) -> Result<Vec<(String, Result<Self, InvalidAnnotation>)>, Unreadable> {
        let tools = peek::member(list.result().unwrap_or_default(), "tools")?.ok_or(Unreadable::Mistyped)?;
        let tools: Vec<&RawValue> = serde_json::from_slice(tools).map_err(|_| Unreadable::Mistyped)?;
        let read = |tool: &&RawValue| {
            let tool = tool.get().as_bytes();
            let name = peek::text(tool, "name")?.ok_or(Unreadable::Mistyped)?;
            let schema = peek::member(tool, "inputSchema")?.unwrap_or_default();
            Ok((name.into_owned(), Self::of_schema(schema)))
        };
        tools.iter().map(read).collect()
    }

    /// Nothing is mirrored.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Each header's name, and the keys that lead to its argument.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &[String])> {
        self.params.iter().map(|(name, path)| (name, &path[..]))
    }

    /// Adds the header of each argument that is there.
    pub(super) fn mirror(&self, call: &JsonRpcMessage, headers: &mut HeaderMap) -> Result<(), Unreadable> {
        for (name, path) in &self.params {
            if let Some(text) = self.argument(call, path)?.as_ref().and_then(Argument::text) {
                headers.insert(name, encode_value(&text));
            }
        }
        Ok(())
    }

    /// The argument at `path`, unless it is null.
    pub(super) fn argument<'a>(
        &self,
        call: &'a JsonRpcMessage,
        path: &[String],
    ) -> Result<Option<Argument<'a>>, Unreadable> {
        let params = call.params().unwrap_or_default();
        let mut value = peek::member(params, "arguments")?;
        for key in path {
            value = peek::member(value.unwrap_or_default(), key)?;
        }
        value.map(Argument::read).transpose().map(Option::flatten)
    }
}

/// An argument as a header can tell it.
pub(super) enum Argument<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Word(&'static str),
    /// An object or an array, which the schema does not allow and no header can tell.
    Other,
}

impl<'a> Argument<'a> {
    /// `None`: null.
    fn read(json: &'a [u8]) -> Result<Option<Self>, Unreadable> {
        Ok(Some(match json {
            b"null" => return Ok(None),
            b"true" => Self::Word("true"),
            b"false" => Self::Word("false"),
            [b'"', ..] => Self::Text(peek::string(json)?),
            [b'{' | b'[', ..] => Self::Other,
            number => Self::Number(std::str::from_utf8(number).map_err(|_| Unreadable::Mistyped)?),
        }))
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(number::decimal(number).into()),
            Self::Word(word) => Some(Cow::Borrowed(word)),
            Self::Other => None,
        }
    }

    /// Whether a decoded header says the same.
    pub(super) fn says(&self, header: &str) -> bool {
        match self {
            Self::Text(text) => text == header,
            Self::Number(number) => number::same(number, header),
            Self::Word(word) => *word == header,
            Self::Other => false,
        }
    }
}
