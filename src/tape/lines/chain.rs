//! A MAC at the end of each line, over the line and the MAC before it.

use crate::key::{Hash, Key, hex, unhex};
use crate::protocol::peek;

/// Sets these MACs apart from others under the same key.
const LINE: &[u8] = b"shadowcat tape line\0";
const MAC: &[u8] = b",\"mac\":\"";
const END: &[u8] = b"\"}";
/// The member that names the last MAC of the part before.
pub(in crate::tape) const FOLLOWS: &str = "follows";

/// Where a chain stands.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) key: Key,
    /// The last MAC.
    pub(super) tip: Hash,
    /// The MAC that the first line follows.
    pub(super) began: Hash,
}

impl Chain {
    /// Before the first line of a tape.
    pub(super) fn new(key: &Key) -> Self {
        Self { key: key.clone(), tip: [0; 32], began: [0; 32] }
    }

    /// Puts the MAC into the line that begins at `start` and ends with the text; gives the chain after it.
    pub(super) fn seal(&self, out: &mut Vec<u8>, start: usize) -> Hash {
        out.truncate(out.len() - b"}\n".len());
        let mac = self.key.mac(&[LINE, &self.tip, &out[start..]]);
        for part in [MAC, hex(&mac).as_bytes(), END, b"\n"] {
            out.extend_from_slice(part);
        }
        mac
    }

    /// Takes the next line, without its line break. Of the first line of a part, what it follows is taken on trust.
    pub(super) fn check(&mut self, line: &[u8], is_first: bool) -> Result<(), &'static str> {
        let (text, mac) = split(line).ok_or(
            "it has no MAC: somebody else wrote it, or the tape has no chain; then read it without the chain's key",
        )?;
        if is_first {
            self.tip = tip_before(line).unwrap_or_default();
            self.began = self.tip;
        }
        if self.key.mac(&[LINE, &self.tip, text]) != mac {
            return Err(
                "its MAC is another: it was changed, lines before it were removed or added, or the key is not the \
                 chain's; trust only what stands before it",
            );
        }
        self.tip = mac;
        Ok(())
    }
}

/// What the MAC is over, and the MAC.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let at = line.len().checked_sub(MAC.len() + 64 + END.len())?;
    let (text, end) = line.split_at(at);
    Some((text, unhex(end.strip_prefix(MAC)?.strip_suffix(END)?)?))
}

/// The last MAC of the part before, as a first line tells it.
pub(in crate::tape) fn tip_before(title: &[u8]) -> Option<Hash> {
    unhex(peek::text(title, FOLLOWS).ok()??.as_bytes())
}
