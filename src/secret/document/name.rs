//! What the name of a member says of its value.

use std::ops::Range;

use super::edit::Edit;
use crate::secret::guess::{is_placeholder, is_secret_value};
use crate::secret::name::{Sensitivity, may_be_sensitive, sensitivity};

/// A number of fewer digits is none that anybody has to keep to himself.
const FEWEST_DIGITS: usize = 4;

/// Members that hold nothing but the value that the name before their object speaks of: `"password": {"value": "…"}`.
const VALUES: [&str; 8] = ["value", "values", "current", "old", "new", "plain", "plaintext", "raw"];

/// The kind of what nothing but the member's name tells of.
const MEMBER: &str = "member";

/// What the nearest name says of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    sure: Sensitivity,
    /// It is the name of a list that the value is in.
    of_list: bool,
    /// What it names has spaces in it.
    is_cookie: bool,
    /// What it names is a scheme and a credential.
    is_authorization: bool,
}

impl Name {
    pub(super) const NONE: Self =
        Self { sure: Sensitivity::None, of_list: false, is_cookie: false, is_authorization: false };

    /// `outer` is the name of the object that the member is in.
    pub(super) fn new(key: &str, outer: Self) -> Self {
        if outer.sure > Sensitivity::None && VALUES.iter().any(|value| key.eq_ignore_ascii_case(value)) {
            return outer;
        }
        if !may_be_sensitive(key) {
            return Self::NONE;
        }
        let ends_in = |end: &str| {
            let at = key.len().saturating_sub(end.len());
            key.get(at..).is_some_and(|last| last.eq_ignore_ascii_case(end))
        };
        Self {
            sure: sensitivity(key),
            of_list: false,
            is_cookie: ends_in("cookie"),
            is_authorization: ends_in("authorization"),
        }
    }

    /// What it says of the elements, where its value is an array.
    pub(super) fn of_elements(self) -> Self {
        Self { of_list: true, ..self }
    }

    /// What the value is to be read behind: `Bearer x` is a credential where a header says so.
    pub(super) fn lead(self) -> &'static str {
        if self.is_authorization { "Authorization: " } else { "" }
    }

    /// Whether the whole of this string is a secret. In a list, what has spaces is a sentence: what is wrong with a
    /// password is often told in a list under its name.
    pub(super) fn makes_secret(self, value: &str) -> bool {
        let is_sentence = self.of_list && !self.is_cookie && value.contains(' ');
        self.sure > Sensitivity::None && !is_sentence && is_secret_value(self.sure, value)
    }

    /// The same of a number, which is replaced by a string.
    pub(super) fn number(self, token: &str, at: Range<usize>) -> Option<Edit> {
        let digits = token.bytes().filter(u8::is_ascii_digit).count();
        let is_secret = self.sure == Sensitivity::Strong && digits >= FEWEST_DIGITS && !is_placeholder(token);
        is_secret.then(|| Edit { is_number: true, ..Self::edit(at) })
    }

    pub(super) fn edit(at: Range<usize>) -> Edit {
        Edit::new(at, MEMBER)
    }
}
