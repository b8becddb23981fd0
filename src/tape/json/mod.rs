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
//! # Members
//!
//! In a frame, which is a line of [JSON Lines](super::lines) too, only `direction` and `content`, `raw` or `raw_base64` are
//! needed; a value of `null` is as none.
//!
//! | of a frame | |
//! |---|---|
//! | `frame` | its number, one more than that before; without it, nothing tells that one is missing |
//! | `timestamp_ms` | since the tape began, in milliseconds, with up to six decimals; else 0 |
//! | `time` | the time of day, `2026-11-21T13:40:00.000001Z` |
//! | `session_id`, `component_id` | the [session](super::Entry::session) and the component, of at most 4 KiB |
//! | `direction` | `client_to_server` or `server_to_client` |
//! | `edge` | where it was [seen](super::Edge): `transport_in`, toward the client, or `transport_out`, toward the server; else the former |
//! | `kind` | [what it is](super::EntryKind): `request`, `notification`, `response`, `refused`, `end`, `component`, `note`, `lost`, `snapshot`; else what the content is as a message, and then it must be one |
//! | `call` | the number that all entries of a [call](super::Entry::call) share |
//! | `outcome` | [how the call ended](super::Outcome), of an `end`: `answered`, `cancelled`, `dropped`, `failed`, `unanswered` |
//! | `synthetic` | `true` of what [nobody sent](super::Entry::synthetic) |
//! | `content` | the message as JSON |
//! | `raw` | its exact bytes, as a text; counts where both are there |
//! | `raw_base64` | its exact bytes, in base64 with padding |
//!
//! | of the document, and of the first line | |
//! |---|---|
//! | `version` | of the [format](super::VERSION), needed |
//! | `tape_id` | what the tape is called, needed; of at most 4 KiB, as is `session_id` |
//! | `session_id` | its session, where it is of one only |
//! | `metadata` | what is known of it, needed: below |
//! | `frames_before`, `timestamp_ms_before` | of a part of a [rotated](super::Rotating) tape: how many frames the parts before have, and when the last of them was said |
//! | `frames` | the entries; in JSON Lines each has a line |
//! | `metadata_at_end` | an object with `tape_id`, `session_id` and `metadata` as they had become when the tape ended; counts. In JSON Lines such an object is a line, and the last one counts |
//!
//! | of `metadata` | |
//! |---|---|
//! | `created_at` | when it began, needed: `2026-11-21T13:40:00Z` |
//! | `duration_ms` | how long it took, in milliseconds |
//! | `software` | what made it |
//! | `transport`, `upstream_transport` | between the client and us: `stdio`, `http`, `http+sse`; and between us and the server |
//! | `protocol_version` | the revision that was agreed on |
//! | `client_info`, `client_capabilities`, `server_info`, `server_capabilities` | what the peers said, as they said it |
//! | `redaction` | by what profile [secrets](super::Tape::redaction) were masked |
//! | `part` | which file of a rotated tape it is, from 1 |
//! | `components` | a list of objects with `id`, and `uri`, `digest`, `policy` and `tools` (a list of names) where they are known |
//! | `labels` | an object of texts: what else the application says |
//!
//! A line of JSON Lines is known by its first member: `version` of the first line, `tape_id` of a later one of that kind,
//! `frame` of a frame. There are more lines that are no frames: `{"end":…}` with the number of the last frame, `{"torn":…}` with what a
//! crash left of a line, and in each line of a [chain](super::lines::Options::chain) a `mac`, in the first of a part
//! `follows`.
//!
//! # Versions
//!
//! Every version `1.…` is read. Members that are not known, and lines that begin with a member that is not, are passed
//! over; a copy does not have them. A tape of another version is refused as such ([`is_version`](super::TapeError::is_version)),
//! what names none as no tape. A word that is not known, a member of a frame that stands twice, and a frame
//! whose number does not follow are damage.

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
