//! What stands in the place of a secret.

/// What stands in the place of a secret: by default `[REDACTED:kind]`, which tells neither its length nor any part of
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    before: String,
    after: String,
    names_kind: bool,
    tells_length: bool,
}

impl Default for Marker {
    fn default() -> Self {
        Self { before: "[REDACTED:".into(), after: "]".into(), names_kind: true, tells_length: false }
    }
}

impl Marker {
    /// This text, always.
    pub fn fixed(text: &str) -> Self {
        Self { before: text.into(), after: String::new(), names_kind: false, tells_length: false }
    }

    /// Tells how many bytes of text it stands for, too: that may be worth something to a debugger, and to an attacker.
    /// Where the secret stood over several blocks, each has a marker for its part; of lines within a private key, no
    /// length is told.
    ///
    /// ```
    /// use shadowcat::secret::{Detector, Marker};
    ///
    /// let masked = Detector::new().mask("password=hunter2hunter2", &Marker::default().with_length());
    /// assert_eq!(masked, "password=[REDACTED:assigned, 14 bytes]");
    /// ```
    pub fn with_length(mut self) -> Self {
        self.tells_length = true;
        self
    }

    /// The marker for a secret of this kind.
    pub fn of(&self, kind: &str) -> String {
        self.sized(kind, None)
    }

    /// The marker for a secret of this kind and so many bytes.
    pub(super) fn standing_for(&self, kind: &str, bytes: usize) -> String {
        self.sized(kind, self.tells_length.then_some(bytes))
    }

    fn sized(&self, kind: &str, bytes: Option<usize>) -> String {
        let kind = if self.names_kind { kind } else { "" };
        let length = bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
        format!("{}{kind}{length}{}", self.before, self.after)
    }
}
