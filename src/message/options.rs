//! What the scanner enforces.

/// Limits and strictness of a scan.
///
/// The defaults are those of a strict proxy: 4 MiB, 128 levels, numbers and ids of at most 1,024
/// bytes, methods of at most 256 bytes.
///
/// ```
/// use shadowcat::{JsonRpcMessage, ScanOptions};
///
/// let small = ScanOptions::new().max_bytes(32);
/// let refused = JsonRpcMessage::parse_with(&br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#[..], &small);
/// assert!(refused.unwrap_err().is_too_large());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanOptions {
    pub(crate) max_bytes: usize,
    pub(crate) max_depth: usize,
    pub(crate) max_number: usize,
    pub(crate) max_id: usize,
    pub(crate) max_method: usize,
    pub(crate) transparent: bool,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 20,
            max_depth: 128,
            max_number: 1024,
            max_id: 1024,
            max_method: 256,
            transparent: false,
        }
    }
}

impl ScanOptions {
    /// Strict, with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of one message, without its line terminator. Never more than 1 GiB, whatever is asked.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes.min(1 << 30);
        self
    }

    /// Levels of nesting; the message object is level 1.
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels.max(1);
        self
    }

    /// Bytes of one number as written. Longer ones cost peers quadratic time (CVE-2020-10735).
    pub fn max_number(mut self, bytes: usize) -> Self {
        self.max_number = bytes;
        self
    }

    /// Bytes of an id as written, quotes included.
    pub fn max_id(mut self, bytes: usize) -> Self {
        self.max_id = bytes;
        self
    }

    /// Bytes of a method name as written, without its quotes.
    pub fn max_method(mut self, bytes: usize) -> Self {
        self.max_method = bytes;
        self
    }

    /// No limits of size but the depth: for what has passed a limited scan before and was changed since.
    pub(crate) fn unlimited(self) -> Self {
        let most = usize::MAX;
        self.max_bytes(most).max_number(most).max_id(most).max_method(most)
    }

    /// Let odd but harmless JSON pass: duplicate and confusable keys below the top level, ids past
    /// ±(2^53−1), a null id on a request. Meant for watching a peer; layers that decide refuse messages that
    /// passed only this scan.
    ///
    /// Give it to the front end *and* to the leaf, each has a scan of its own. The layers that only look
    /// ([`DebugLayer`](crate::layer::DebugLayer), [`EventsLayer`](crate::layer::EventsLayer), the audit) work on such
    /// messages; rules and holds refuse one that they would look at; an interceptor of the application's own asks
    /// [`is_strict`](crate::JsonRpcMessage::is_strict).
    pub fn transparent(mut self) -> Self {
        self.transparent = true;
        self
    }
}
