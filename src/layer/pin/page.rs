//! One page of a list of tools.

use std::ops::Range;

use crate::message::{JsonRpcMessage, Pointer, elements, members};
use crate::policy::pin::Definition;
use crate::protocol::peek;
use crate::wire::http::keep;

/// Bytes of a tool's name; MCP asks for 128 at most. A longer one costs more than it is worth, in every list and call.
const MAX_NAME: usize = 256;

/// A page that cannot be judged.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) &'static str);

#[derive(Debug)]
pub(super) struct Page {
    /// The array, in the result.
    array: Range<usize>,
    /// Each entry by its place in the array.
    places: Vec<Range<usize>>,
    pub(super) tools: Vec<Definition>,
    /// The cursor of the next page, raw.
    pub(super) next: Option<String>,
}

impl Page {
    /// `None` of what is no result: an error tells of no tools.
    pub(super) fn read(answer: &JsonRpcMessage) -> Result<Option<Self>, Unreadable> {
        let Some(result) = answer.result() else { return Ok(None) };
        if !answer.is_strict() {
            return Err(Unreadable("the list passed the transparent scan only"));
        }
        let mut found = members(result).filter(|member| member.is("tools"));
        let tools = found.next().filter(|member| member.value.first() == Some(&b'['));
        let tools = tools.ok_or(Unreadable("the result has no array `tools`"))?;
        if found.next().is_some() {
            return Err(Unreadable("the result has `tools` twice"));
        }
        let places: Vec<_> = elements(tools.value).collect();
        let read = |place: &Range<usize>| Definition::read(&tools.value[place.clone()]);
        let read: Result<Vec<_>, _> = places.iter().map(read).collect();
        let read = read.map_err(|_| Unreadable("an entry is no tool"))?;
        if read.iter().any(|tool| tool.name().len() > MAX_NAME) {
            return Err(Unreadable("the name of a tool is too long"));
        }
        let next = peek::member(result, "nextCursor").map_err(|_| Unreadable("`nextCursor` stands twice"))?;
        Ok(Some(Self {
            array: tools.value_at,
            places,
            tools: read,
            next: next.filter(|cursor| *cursor != b"null").map(cursor_text),
        }))
    }

    /// The answer without some of its entries. A list that is not everybody's any more is not kept for everybody.
    pub(super) fn without(
        &self,
        answer: JsonRpcMessage,
        is_kept: &[bool],
    ) -> Result<JsonRpcMessage, Unreadable> {
        let result = answer.result().unwrap_or_default();
        let entries: Vec<_> = self.places.iter().cloned().zip(is_kept.iter().copied()).collect();
        let array = keep(&result[self.array.clone()], &entries);
        let spliced = [&result[..self.array.start], &array, &result[self.array.end..]].concat();
        let is_public = peek::text(result, "cacheScope").ok().flatten().as_deref() == Some("public");
        let edit = answer.edit().result(spliced);
        let edit =
            if is_public { edit.remove(&Pointer::root().join("result").join("cacheScope")) } else { edit };
        edit.finish().map_err(|_| Unreadable("the list cannot be written"))
    }
}

/// Decoded, so that a client may write it in its own way.
pub(super) fn cursor_text(raw: &[u8]) -> String {
    peek::string(raw).map_or_else(|_| String::from_utf8_lossy(raw).into_owned(), |text| text.into_owned())
}
