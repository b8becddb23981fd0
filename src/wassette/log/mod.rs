//! What Wassette prints: one line in, its parts and its meaning out.
//!
//! Wassette logs with tracing-subscriber's `fmt` layer, to stderr on stdio and to stdout on HTTP. [`parse`] reads
//! such a line and never fails: what it does not know stays a message. [`LogLine::event`] says what a line means.
//!
//! Two warnings. A line is evidence, not proof: names and texts that a client or a component chose stand in it
//! unquoted, so they can imitate other fields. And 0.2 prints the arguments of calls in its spans, so a line may
//! hold secrets. No version prints how long a call took; that is the time between [`Event::Invoked`] and
//! [`Event::Returned`].
//!
//! ```
//! use shadowcat::wassette::log::{self, Event, Level};
//!
//! let line = log::parse(concat!(
//!     "2026-11-20T22:41:40.580000Z  INFO handle_tools_call{method_name=read-file}: mcp_server::components: ",
//!     "Component function invocation started function_name=read-file component_id=filesystem",
//! ));
//! assert_eq!(line.level, Some(Level::Info));
//! assert_eq!(line.target, "mcp_server::components");
//! assert_eq!(line.field("component_id"), Some("filesystem"));
//! assert_eq!(line.event(), Event::Invoked { component: Some("filesystem"), tool: Some("read-file") });
//! ```

use std::borrow::Cow;

mod ansi;
mod cursor;
mod event;
mod line;

pub use event::Event;
pub use line::{Field, Level, LogLine, Span};

/// At most so many bytes of a line are read; the rest is left out.
pub const MAX_LINE: usize = 64 << 10;
/// At most so many spans of a line are kept, and so many fields of each and of the line itself.
pub const MAX_PARTS: usize = 64;

/// Reads one line, with or without its line break.
///
/// Terminal escapes and control characters are left out. A line of another form is all message. No more than
/// [`MAX_LINE`] bytes are read.
///
/// ```
/// use shadowcat::wassette::log;
///
/// let line = log::parse("thread 'main' panicked at src/main.rs:1\n");
/// assert_eq!((line.level, line.message.as_str()), (None, "thread 'main' panicked at src/main.rs:1"));
/// ```
pub fn parse(line: &str) -> LogLine {
    line::read(&plain(line))
}

/// The line without terminal escapes and control characters, no more than [`MAX_LINE`] bytes of it.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    ansi::strip(truncate(line))
}

fn truncate(line: &str) -> &str {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}
