//! Reading a lock file, strictly.

use std::ops::Range;

use super::{Definition, LockError, LockFile, ToolDigest};
use crate::message::{JsonRpcMessage, ParseError, ScanOptions, members};
use crate::protocol::peek;
use crate::rules::Location;

/// The scanner of messages reads the file, so that there is one grammar and one opinion on keys that stand twice.
const BEFORE: &[u8] = br#"{"jsonrpc":"2.0","method":"lock","params":"#;
const MAX_DEPTH: usize = 160;
pub(super) const MAX_BYTES: usize = 64 << 20;

pub(super) fn read(file: &str, text: &[u8]) -> Result<LockFile, LockError> {
    let reader = Reader { file, text };
    let options = ScanOptions::new().max_bytes(MAX_BYTES + 64).max_depth(MAX_DEPTH);
    let message = JsonRpcMessage::parse_with([BEFORE, text, b"}"].concat(), &options)
        .map_err(|error| reader.unscanned(&error))?;
    let end = text.trim_ascii_end().len();
    let start = text.len() - text.trim_ascii_start().len();
    // Text such as `{},"id":1` would be read as more of the message around it.
    if message.params() != text.get(start..end) {
        return Err(reader.error(start, "not one JSON object"));
    }
    reader.top(start..end)
}

struct Reader<'a> {
    file: &'a str,
    text: &'a [u8],
}

/// A member, by its places in the file.
struct Field {
    key: String,
    key_at: usize,
    value: Range<usize>,
}

impl Reader<'_> {
    fn top(&self, place: Range<usize>) -> Result<LockFile, LockError> {
        let [version, servers] = self.exactly(place, ["shadowcatLock", "servers"])?;
        if &self.text[version.clone()] != b"1" {
            return Err(self.error(version.start, "this release reads lock files of version 1"));
        }
        let mut lock = LockFile::new();
        for server in self.fields(servers)? {
            lock.server(&server.key);
            for tool in self.fields(server.value)? {
                lock.insert(&server.key, self.tool(&tool)?);
            }
        }
        Ok(lock)
    }

    fn tool(&self, tool: &Field) -> Result<Definition, LockError> {
        let [digest, found] = self.exactly(tool.value.clone(), ["digest", "definition"])?;
        let text = peek::string(&self.text[digest.clone()]).unwrap_or_default();
        let trusted: ToolDigest = text.parse().map_err(|error| self.error(digest.start, error))?;
        let definition =
            Definition::read(&self.text[found.clone()]).map_err(|error| self.error(found.start, error))?;
        if definition.name() != tool.key {
            return Err(self.error(tool.key_at, "the definition is of a tool of another name"));
        }
        if definition.digest() != trusted {
            let why = "the definition has another digest: it was changed by hand";
            return Err(self.error(digest.start, why));
        }
        Ok(definition)
    }

    /// The members of an object, which has no others.
    fn exactly<const N: usize>(
        &self,
        place: Range<usize>,
        keys: [&str; N],
    ) -> Result<[Range<usize>; N], LockError> {
        let fields = self.fields(place.clone())?;
        if let Some(odd) = fields.iter().find(|field| !keys.contains(&&*field.key)) {
            return Err(self.error(odd.key_at, format!("unknown field {:?}", odd.key)));
        }
        let mut found = [const { 0..0 }; N];
        for (key, found) in keys.into_iter().zip(&mut found) {
            let field = fields.iter().find(|field| field.key == key);
            let missing = || self.error(place.start, format!("the field {key:?} is missing"));
            *found = field.ok_or_else(missing)?.value.clone();
        }
        Ok(found)
    }

    fn fields(&self, place: Range<usize>) -> Result<Vec<Field>, LockError> {
        let json = &self.text[place.clone()];
        if json.first() != Some(&b'{') {
            return Err(self.error(place.start, "an object is expected here"));
        }
        let fields = members(json).map(|member| Field {
            key: member.key().into_owned(),
            key_at: place.start + member.whole.start,
            value: place.start + member.value_at.start..place.start + member.value_at.end,
        });
        Ok(fields.collect())
    }

    /// The place is told by line and column, and not by a byte of what was put around the text.
    fn unscanned(&self, error: &ParseError) -> LockError {
        let what = error.to_string();
        let what = what.rsplit_once(" at byte ").map_or(&*what, |(what, _)| what);
        self.error(error.offset().saturating_sub(BEFORE.len()), what)
    }

    fn error(&self, at: usize, what: impl std::fmt::Display) -> LockError {
        let before = &self.text[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let column = 1 + String::from_utf8_lossy(&before[start..]).chars().count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let at = Location { line: number(line), column: number(column) };
        LockError::malformed(self.file, Some(at), what)
    }
}
