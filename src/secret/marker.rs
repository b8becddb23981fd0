//! What stands in the place of a secret.

/// What stands in the place of a secret: by default `[REDACTED:kind]`, which tells neither its length nor any part of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    before: String,
    after: String,
    names_kind: bool,
}

impl Default for Marker {
    fn default() -> Self {
        Self { before: "[REDACTED:".into(), after: "]".into(), names_kind: true }
    }
}

impl Marker {
    /// This text, always.
    pub fn fixed(text: &str) -> Self {
        Self { before: text.into(), after: String::new(), names_kind: false }
    }

    /// The marker for a secret of this kind.
    pub fn of(&self, kind: &str) -> String {
        format!("{}{}{}", self.before, if self.names_kind { kind } else { "" }, self.after)
    }
}
