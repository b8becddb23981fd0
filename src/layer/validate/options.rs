//! What becomes of what is wrong.

/// How [`Schemas`](super::Schemas) judge, and how much they keep.
///
/// ```
/// use shadowcat::layer::validate::Options;
///
/// let watch_only = Options::new().report_violations().report_unusable();
/// let strict = Options::new().refuse_unlisted().max_bytes(64 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub(super) refuses_violations: bool,
    pub(super) refuses_unusable: bool,
    pub(super) refuses_unlisted: bool,
    pub(super) max_bytes: usize,
    pub(super) max_steps: u64,
    pub(super) max_lists: usize,
    pub(super) max_tools: usize,
    pub(super) max_compiled: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            refuses_violations: true,
            refuses_unusable: true,
            refuses_unlisted: false,
            max_bytes: 1 << 20,
            max_steps: 100_000,
            max_lists: 1024,
            max_tools: 1024,
            max_compiled: 256,
        }
    }
}

impl Options {
    /// Violations and what cannot be checked are refused, tools that were in no list pass; 1 MiB of arguments, 100,000
    /// steps, 1,024 lists of 1,024 tools and 8 MiB, 64 MiB in all, 256 schemas that are ready to check by.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arguments that break the schema pass, with a [decision](crate::policy::Decisions) beside the reply.
    pub fn report_violations(mut self) -> Self {
        self.refuses_violations = false;
        self
    }

    /// Arguments that cannot be checked pass, with a decision beside the reply.
    pub fn report_unusable(mut self) -> Self {
        self.refuses_unusable = false;
        self
    }

    /// A call of a tool that was in no list is refused, as that of an unknown tool.
    pub fn refuse_unlisted(mut self) -> Self {
        self.refuses_unlisted = true;
        self
    }

    /// Bytes of arguments that are checked.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Steps of a check: a value at which a part of the schema is looked at is one, and so are 32 bytes of text that a
    /// pattern looks at. 100,000 take a few milliseconds.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.max_steps = steps;
        self
    }

    /// Lists that are kept, one for each server and principal (or session). Of more, the one that was used least
    /// recently is forgotten: its tools are as in no list, until it passes again.
    pub fn max_lists(mut self, lists: usize) -> Self {
        self.max_lists = lists.max(1);
        self
    }
}
