//! The members of the message object, told by their keys.

use std::str;

use super::super::fold;
use super::super::parse_error::Fault;
use super::Scanner;
use super::keys::{Key, key_word};

/// A member that JSON-RPC gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    JsonRpc,
    Id,
    Method,
    Params,
    Result,
    Error,
}

impl Member {
    /// How many there are.
    pub(super) const COUNT: usize = 6;

    /// Words compare faster than slices.
    fn of_word(word: u64) -> Option<Self> {
        const JSON_RPC: u64 = key_word(b"jsonrpc");
        const ID: u64 = key_word(b"id");
        const METHOD: u64 = key_word(b"method");
        const PARAMS: u64 = key_word(b"params");
        const RESULT: u64 = key_word(b"result");
        const ERROR: u64 = key_word(b"error");
        Some(match word {
            JSON_RPC => Self::JsonRpc,
            ID => Self::Id,
            METHOD => Self::Method,
            PARAMS => Self::Params,
            RESULT => Self::Result,
            ERROR => Self::Error,
            _ => return None,
        })
    }

    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"jsonrpc" => Self::JsonRpc,
            b"id" => Self::Id,
            b"method" => Self::Method,
            b"params" => Self::Params,
            b"result" => Self::Result,
            b"error" => Self::Error,
            _ => return None,
        })
    }

    /// The member that `key` names. Escaped spellings name it too: peers compare decoded keys.
    pub(super) fn of(key: &Key, bytes: &[u8]) -> Option<Self> {
        Self::named(&key.text(bytes))
    }
}

impl Scanner<'_> {
    /// The member that a key of the message object names, if it is a known one.
    pub(super) fn envelope_key(&mut self, key: &Key) -> Option<Option<Member>> {
        if let Some(member) = Member::of_word(key.word) {
            return Some(Some(member));
        }
        let text = key.text(self.bytes);
        let member = Member::named(&text);
        if member.is_none() && self.limits.strict && is_confusable(&text) {
            return self.fail(Fault::ConfusableKey, key.quote());
        }
        Some(member)
    }
}

/// Some peer may read this unknown key as one that it knows.
fn is_confusable(key: &[u8]) -> bool {
    fold::is_confusable(str::from_utf8(key).unwrap_or_default(), &PROTOCOL)
}

const PROTOCOL: [&str; 7] = ["jsonrpc", "id", "method", "params", "result", "error", "__proto__"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_fold_to_a_protocol_key_are_confusable() {
        for key in [
            "Method",
            " id",
            "ID ",
            "__proto__",
            "__PROTO__",
            "meth\u{200b}od",
            "ｉd",
            "result\0",
            "\u{7f}error",
        ] {
            assert!(is_confusable(key.as_bytes()), "{key:?}");
        }
        for key in ["", "x-vendor", "ids", "méthod", "_meta"] {
            assert!(!is_confusable(key.as_bytes()), "{key:?}");
        }
    }
}
