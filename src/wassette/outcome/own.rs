use super::{OutcomeError, content};
use crate::message::JsonRpcMessage;
use crate::wassette::json;

/// What a component's function gave back.
///
/// A component that says no is no failed call: its `result<_, E>` comes as the text `{"err": …}` of a result without
/// `isError`.
///
/// ```
/// use shadowcat::{JsonRpcMessage, wassette::ToolResult};
///
/// let response = JsonRpcMessage::parse(
///     r#"{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"{\"err\":\"no such file\"}"}]}}"#,
/// )?;
/// assert_eq!(ToolResult::read(&response)?, ToolResult::Err(r#""no such file""#.to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolResult {
    /// The `ok` of a result, raw JSON.
    Ok(String),
    /// The `err` of a result, raw JSON.
    Err(String),
    /// Any other value, as its text.
    Value(String),
    /// The call failed before or in the component; why, without `Error: `.
    Failed(String),
}

impl ToolResult {
    /// Reads the response to a `tools/call` of a component's function.
    ///
    /// # Errors
    ///
    /// The message is no response, or has not exactly one text.
    pub fn read(response: &JsonRpcMessage) -> Result<Self, OutcomeError> {
        match content::of(response)? {
            content::Content::Failed(text) => {
                Ok(Self::Failed(text.strip_prefix("Error: ").unwrap_or(&text).to_owned()))
            }
            content::Content::Text(text) => Ok(own(&text).unwrap_or_else(|| Self::Value(text.into_owned()))),
        }
    }
}

/// An object with the one member `ok` or `err`.
fn own(text: &str) -> Option<ToolResult> {
    let document = json::scan(text).ok()?;
    let mut members = crate::message::members(document.bytes());
    let only = members.next().filter(|_| members.next().is_none())?;
    let value = String::from_utf8_lossy(only.value).into_owned();
    match () {
        () if only.is("ok") => Some(ToolResult::Ok(value)),
        () if only.is("err") => Some(ToolResult::Err(value)),
        () => None,
    }
}
