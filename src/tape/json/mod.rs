//! One JSON document: a tape that people read and change.
//!
//! ```text
//! {
//!   "version": "1.0",
//!   "tape_id": "550e8400-e29b-41d4-a716-446655440000",
//!   "session_id": "session-123",
//!   "metadata": {
//!     "created_at": "2025-08-04T10:00:00Z",
//!     "duration_ms": 5432,
//!     "transport": "stdio"
//!   },
//!   "frames": [
//!     {
//!       "timestamp_ms": 0,
//!       "direction": "client_to_server",
//!       "edge": "transport_in",
//!       "content": {
//!         "jsonrpc": "2.0",
//!         "method": "ping",
//!         "id": 1
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! `content` is laid out for people, unless that would take more than 1 MiB of space, and the message is its tokens
//! without the space between them. Where the bytes of a message are something else — it had space of its own, or escapes
//! and numbers that a tool might write otherwise — they stand as a text in `raw` beside it, and `raw` counts: who edits a
//! frame edits both, or removes `raw`. Bytes that are no JSON have no `content`, bytes that are no text stand in
//! `raw_base64`. So a tape may be laid out anew by any tool that keeps the order of keys.
//!
//! Of a frame, only `direction` and `content` are needed. What became known of the tape after its metadata were written
//! stands at the end, in `metadata_at_end`, and counts.

mod cursor;
mod elements;
mod left;
mod reached;
mod reader;
mod writer;

pub(super) use elements::Elements;
pub(super) use left::{beside, is_left};
pub(super) use reached::{Reached, reached};
pub use reader::Reader;
pub use writer::Writer;
