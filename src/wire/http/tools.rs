//! Lists of tools as a client that speaks HTTP reads them: what each tool mirrors, and which are left out.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::schema::may_annotate;
use super::{InvalidAnnotation, ParamHeaders};
use crate::error::Error;
use crate::message::{JsonRpcMessage, elements, members};
use crate::protocol::method;
use crate::protocol::peek::{self, Unreadable};

/// What is mirrored of which tool; one that mirrors nothing is not in it.
pub(crate) type MirroredTools = HashMap<String, Arc<ParamHeaders>>;

/// Pages of one list, bytes of all of them, and tools that mirror something.
const MAX_PAGES: usize = 256;
const MAX_BYTES: usize = 16 << 20;
const MAX_TOOLS: usize = 4096;

const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";

/// A list of tools that is being read to its end, page by page. What it has read is given out when it is whole, and
/// not before: a call judged by a half is judged wrongly.
#[derive(Debug)]
pub(crate) struct ToolsReader {
    meta: String,
    /// The raw cursor of the next page.
    cursor: Option<String>,
    pages: usize,
    bytes: usize,
    found: MirroredTools,
}

impl ToolsReader {
    /// Asks as the client of `call` would: servers may show their tools by what `_meta` says of it.
    pub(crate) fn for_call(call: &JsonRpcMessage) -> Self {
        let named = |key: &str| {
            let value = std::str::from_utf8(peek::meta(call, key).ok()??).ok()?;
            Some(format!(r#""{key}":{value}"#))
        };
        let keys = [peek::PROTOCOL_VERSION, peek::CLIENT_CAPABILITIES, CLIENT_INFO];
        let meta = keys.into_iter().filter_map(named).collect::<Vec<_>>().join(",");
        Self { meta, cursor: None, pages: 0, bytes: 0, found: HashMap::new() }
    }

    /// The request for the next page, under an id that no client would use.
    pub(crate) fn request(&self) -> Result<JsonRpcMessage, Error> {
        let cursor = self.cursor.as_ref().map_or_else(String::new, |cursor| format!(r#""cursor":{cursor},"#));
        let params = format!(r#"{{{cursor}"_meta":{{{}}}}}"#, self.meta);
        let id = format!("shadowcat/tools-{}", self.pages);
        JsonRpcMessage::request(&*id, method::TOOLS_LIST, &params)
            .map(JsonRpcMessage::synthetic)
            .map_err(|error| Error::invalid(error).unsent())
    }

    /// The request to be told when the list changes.
    pub(crate) fn listen_request(&self) -> Result<JsonRpcMessage, Error> {
        let params = format!(r#"{{"notifications":{{"toolsListChanged":true}},"_meta":{{{}}}}}"#, self.meta);
        JsonRpcMessage::request("shadowcat/tools-changed", method::LISTEN, &params)
            .map(JsonRpcMessage::synthetic)
            .map_err(|error| Error::invalid(error).unsent())
    }

    /// The bytes that may still come.
    pub(crate) fn room(&self) -> usize {
        MAX_BYTES - self.bytes
    }

    /// Nothing has been read yet.
    pub(crate) fn is_new(&self) -> bool {
        self.pages == 0
    }

    /// Reads a page. Tells whether there is another.
    ///
    /// # Errors
    ///
    /// It is no page, or there are too many.
    pub(crate) fn take(&mut self, page: &JsonRpcMessage) -> Result<bool, Error> {
        let unreadable = || Error::invalid("the server answered tools/list with no list of tools");
        self.pages += 1;
        self.bytes = self.bytes.saturating_add(page.bytes().len());
        let result = page.result().ok_or_else(unreadable)?;
        learn(&mut self.found, page).map_err(|_| unreadable())?;
        let cursor = peek::member(result, "nextCursor").map_err(|_| unreadable())?;
        let cursor = cursor.filter(|cursor| *cursor != b"null");
        self.cursor = cursor.and_then(|cursor| std::str::from_utf8(cursor).ok()).map(str::to_owned);
        match self.cursor {
            Some(_) if self.pages >= MAX_PAGES || self.bytes > MAX_BYTES => Err(Error::too_large(
                format_args!("a list of tools of more than {MAX_PAGES} pages or 16 MiB"),
            )),
            _ => Ok(self.cursor.is_some()),
        }
    }

    /// What every page together said.
    pub(crate) fn finish(self) -> MirroredTools {
        self.found
    }
}

/// Adds what a page of a list says to what is known.
pub(crate) fn learn(known: &mut MirroredTools, page: &JsonRpcMessage) -> Result<(), Unreadable> {
    let result = page.result().unwrap_or_default();
    let (_, entries) = entries(result)?;
    if known.is_empty() && !may_annotate(result) {
        return Ok(());
    }
    entries.into_iter().filter_map(Entry::read).for_each(|(name, mirrored)| learn_one(known, name, mirrored));
    Ok(())
}

/// A tool that cannot be called over HTTP mirrors nothing: the server refuses the call, where it minds.
fn learn_one(known: &mut MirroredTools, name: String, mirrored: Result<ParamHeaders, InvalidAnnotation>) {
    match mirrored {
        Ok(mirrored) if !mirrored.is_empty() && (known.len() < MAX_TOOLS || known.contains_key(&name)) => {
            known.insert(name, Arc::new(mirrored));
        }
        _ => _ = known.remove(&name),
    }
}

/// A list of tools without those that a client must not call over HTTP, because their annotations break the rules; and
/// which these are, with the reason (2026-07-28 basic/transports/streamable-http, "Schema Extension").
///
/// No byte changes but those of the entries that are left out, and of a comma beside each.
///
/// ```
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::wire::http::{InvalidAnnotation, without_invalid_tools};
///
/// let list = JsonRpcMessage::response(1, r#"{"tools":[ {"name":"odd","inputSchema":{"properties":
///     {"x":{"type":"number","x-mcp-header":"X"}}}},  {"name":"echo"} ],"ttlMs":0}"#)?;
/// let (list, dropped) = without_invalid_tools(list);
/// assert_eq!(list.result(), Some(&br#"{"tools":[ {"name":"echo"} ],"ttlMs":0}"#[..]));
/// assert_eq!(dropped, [("odd".to_owned(), InvalidAnnotation::Type)]);
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
pub fn without_invalid_tools(list: JsonRpcMessage) -> (JsonRpcMessage, Vec<(String, InvalidAnnotation)>) {
    let result = list.result().unwrap_or_default();
    if !may_annotate(result) {
        return (list, Vec::new());
    }
    let Ok((at, entries)) = entries(result) else { return (list, Vec::new()) };
    let (mut places, mut dropped) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        places.push((entry.place.clone(), entry.error().is_none()));
        dropped.extend(entry.error().map(|error| (entry.name().unwrap_or_default(), error)));
    }
    if dropped.is_empty() {
        return (list, dropped);
    }
    let tools = keep(&result[at.clone()], &places);
    let spliced = [&result[..at.start], &tools, &result[at.end..]].concat();
    let list = list.clone().edit().result(spliced).finish().unwrap_or(list);
    (list, dropped)
}

/// An array without some of its entries, each with one comma and the blanks beside it.
pub(crate) fn keep(array: &[u8], entries: &[(Range<usize>, bool)]) -> Vec<u8> {
    let (mut kept, mut from) = (Vec::with_capacity(array.len()), 0);
    let mut is_first = true;
    let mut entries = entries.iter().peekable();
    while let Some((place, is_kept)) = entries.next() {
        if *is_kept {
            kept.extend_from_slice(&array[from..place.end]);
            (from, is_first) = (place.end, false);
        } else if is_first {
            // The blank in front of the first stays in front of what is first now.
            kept.extend_from_slice(&array[from..place.start]);
            from = entries.peek().map_or(place.end, |(next, _)| next.start);
        } else {
            from = place.end;
        }
    }
    kept.extend_from_slice(&array[from..]);
    kept
}

/// One tool of a list.
struct Entry<'a> {
    json: &'a [u8],
    place: Range<usize>,
}

/// Where the array is, and its entries by their places in it.
fn entries(result: &[u8]) -> Result<(Range<usize>, Vec<Entry<'_>>), Unreadable> {
    let mut found = members(result).filter(|member| member.is("tools"));
    let tools = found.next().filter(|member| member.value.first() == Some(&b'['));
    let tools = tools.ok_or(Unreadable::Mistyped)?;
    if found.next().is_some() {
        return Err(Unreadable::Duplicate);
    }
    let entry = |place: Range<usize>| Entry { json: &tools.value[place.clone()], place };
    let entries = elements(tools.value).map(entry).collect();
    Ok((tools.value_at, entries))
}

impl Entry<'_> {
    fn name(&self) -> Option<String> {
        peek::text(self.json, "name").ok()?.map(std::borrow::Cow::into_owned)
    }

    fn mirrored(&self) -> Result<ParamHeaders, InvalidAnnotation> {
        let schema = peek::member(self.json, "inputSchema").map_err(|_| InvalidAnnotation::Unreadable)?;
        ParamHeaders::of_schema(schema.unwrap_or_default())
    }

    fn error(&self) -> Option<InvalidAnnotation> {
        self.mirrored().err()
    }

    /// One without a name cannot be called.
    fn read(self) -> Option<(String, Result<ParamHeaders, InvalidAnnotation>)> {
        Some((self.name()?, self.mirrored()))
    }
}
