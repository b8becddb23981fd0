//! JSON Lines: a tape that grows at its end.
//!
//! The first line says what the file is and what is known of the tape; each other line is an entry, or says what has
//! become known since:
//!
//! ```text
//! {"version":"1.0","tape_id":"0193…","metadata":{"created_at":"2026-11-21T13:40:00.000000Z","transport":"stdio"}}
//! {"frame":1,"timestamp_ms":0.4,"direction":"client_to_server","edge":"transport_in","kind":"request","content":{"jsonrpc":"2.0","id":1,"method":"ping"}}
//! {"tape_id":"0193…","metadata":{"created_at":"2026-11-21T13:40:00.000000Z","transport":"stdio","duration_ms":2.25}}
//! {"end":1}
//! ```
//!
//! `content` is the message exactly as it was, byte for byte; what would break the line stands as a text in `raw`,
//! what is not even text in `raw_base64`. So a tape in this format is not to be laid out anew by other tools:
//! [copy](super::copy) it to [JSON](super::json) for that.
//!
//! What the members are called and mean, and which versions are read, [`json`](super::json#members) tells.
//!
//! Frames are numbered from 1, over all files of a [rotated](super::Rotating) tape; a reader tells where one is
//! missing. A last line without its end is what a crash leaves: a [`Reader`] reads all before it and says so, a [`Writer`]
//! that goes on with the file moves it into a line `{"torn":…}` of its own.

mod chain;
mod entry;
mod fact;
mod last;
mod line;
mod options;
mod part;
mod reader;
mod verify;
mod writer;

#[cfg(feature = "sqlite")]
pub(super) use chain::{FOLLOWS, tip_before};
pub(super) use line::{Next, follows, read_line};
pub use options::Options;
pub(super) use reader::NOT_SEALED;
pub use reader::Reader;
#[cfg(feature = "sqlite")]
pub(super) use verify::{Chained, verify_parts};
pub use verify::{Verified, verify};
pub use writer::Writer;
