//! What was found, as it may be told.

use std::borrow::Cow;

use super::edit::Edit;
use crate::message::Pointer;

/// So many are told of one message; of more, how many there are.
const MOST: usize = 64;
/// Of so many is asked whether they may be let be: each costs a path.
const MOST_ASKED: usize = 1024;
/// A longer path, and a longer name in it, are cut off.
const TOKENS: usize = 128;
const TOKEN: usize = 64;

/// A secret that was found in a message: of what kind, and where. Never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Its kind, as the detector calls it; `member` where nothing but the name of the member told of it.
    pub kind: Cow<'static, str>,
    /// Where it is, from the message's root: `/result/content/0/text`. Names in it that hold secrets stand there
    /// masked; it is cut off behind 128 names, and each of them behind 64 bytes.
    pub path: Pointer,
    /// It is in the last name of the path, not in its value.
    pub in_key: bool,
}

/// Who lets be what was found.
pub(super) type Allowed<'a> = Option<&'a dyn Fn(&Found) -> bool>;

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) found: Vec<Found>,
    asked: usize,
}

impl Report {
    /// Whether it is to be masked. It is told then, unless there is too much to tell.
    pub(super) fn takes<'a>(
        &mut self,
        edit: &Edit,
        in_key: bool,
        path: impl Iterator<Item = Cow<'a, str>>,
        allowed: Allowed<'_>,
    ) -> bool {
        let may_be_allowed = allowed.filter(|_| self.asked < MOST_ASKED);
        if may_be_allowed.is_none() && self.found.len() >= MOST {
            return true;
        }
        let path = path.take(TOKENS).fold(Pointer::root(), |path, token| path.join(cut(&token)));
        let found = Found { kind: edit.kind.clone(), path, in_key };
        if let Some(allowed) = may_be_allowed {
            self.asked += 1;
            if allowed(&found) {
                return false;
            }
        }
        if self.found.len() < MOST {
            self.found.push(found);
        }
        true
    }
}

fn cut(token: &str) -> String {
    match token.char_indices().find(|(at, _)| *at >= TOKEN) {
        Some((end, _)) => format!("{}…", &token[..end]),
        None => token.to_owned(),
    }
}
