//! Batches: arrays of messages, which only 2025-03-26 has (2025-03-26 basic, "Batching").

use bytes::Bytes;

use super::parse_error::looks_like_reply;
use super::walk::elements;

/// Messages of one batch of a server; one of more is none.
const MOST: usize = 1024;

/// An array that is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBatch {
    Empty,
    NoArray,
    TooMany,
}

impl NoBatch {
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Empty => "an empty batch",
            Self::NoArray => "a batch that is no JSON array",
            Self::TooMany => "a batch of too many messages",
        }
    }
}

/// Whether this is an array; only then it is looked at as one.
#[cfg(feature = "http")]
pub(crate) fn is_batch(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'[')
}

/// The entries of an array of one to `max`; what they are is for the scanner to say.
pub(crate) fn batch(bytes: &Bytes, max: usize) -> Result<Vec<Bytes>, NoBatch> {
    let places: Vec<_> = elements(bytes).take(max.saturating_add(1)).collect();
    if places.len() > max {
        return Err(NoBatch::TooMany);
    }
    // The walk ends early at what is no JSON.
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let rest = places.last().map_or(&bytes[..], |last| &bytes[last.end..]);
    let closes: &[u8] = if places.is_empty() { b"[]" } else { b"]" };
    if !rest.iter().filter(|byte| !is_space(byte)).eq(closes) {
        return Err(NoBatch::NoArray);
    }
    if places.is_empty() {
        return Err(NoBatch::Empty);
    }
    Ok(places.into_iter().map(|place| bytes.slice(place)).collect())
}

/// The entries of a server's batch: their order means nothing, so that answers, which end calls, come last.
pub(crate) fn batch_of_server(bytes: &Bytes) -> Result<Vec<Bytes>, NoBatch> {
    let mut entries = batch(bytes, MOST)?;
    entries.sort_by_cached_key(|entry| looks_like_reply(entry));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_from_one_to_so_many_entries() {
        let read = |text: &'static str| batch(&Bytes::from(text), 2);
        assert_eq!(read(" [{} , 1 ]\n").unwrap(), [&b"{}"[..], b"1"]);
        assert_eq!(read(" [ ]"), Err(NoBatch::Empty));
        assert_eq!(read("[1,2,3]"), Err(NoBatch::TooMany));
        for text in ["", "{}", "[", "[1", "[1,", "[1]]", "[1]x", "[,]", "[1 2]"] {
            assert_eq!(read(text), Err(NoBatch::NoArray), "{text}");
        }
    }
}
