//! Tapes in SQLite: many in one file, found by name and session, with a search over methods and tools.
//!
//! | table | |
//! |---|---|
//! | `tapes` | what is known of each tape; of one that is encrypted, `head` and `sealed` |
//! | `recordings` | the entries: `session_id`, `timestamp` (microseconds since 1970), `message_type`, `message` (the exact bytes), `component_id`, `policy` (of a component's own entry); and `elapsed_ns`, `direction`, `edge`, `call`, `outcome`, `synthetic`, `name`, `mac`. `tape` and `frame` are computed of the `id`, `tape << 40` with the frame |
//! | `names`, `names_search` | each method and tool once, and an FTS5 index over them |
//! | `sessions`, `components` | what took part in a tape |
//! | `name_blocks`, `session_blocks` | in which blocks of 64 rows (`id >> 6`) a name stands, and a session |
//! | `ends` | the number of each tape's last frame: a row that a broken disk takes out of its tape is missed there |
//! | `chains` | where a tape ends that is encrypted, or bound by a chain |
//! | `frames` | a view of all that for people |
//!
//! An index of rows by name, another by session and a third by tape and frame would take as long to write as all the rest, so
//! there is none: a row is found by its `id`, and a name by the blocks that it stands in.
//!
//! An entry that answers a request, or ends its call, stands under the request's method and tool, so that what is asked
//! for a tool is whole exchanges.
//!
//! A file with nothing but a table `recordings` of the first seven columns and no mark, as another program may have made
//! it, is opened by nothing but [`migrate`]. What it has becomes one tape, `recordings`: in `message_type`,
//! `component_init` becomes `component`; `tool_call` and `tool_list_request` become `request`, on its way to the server
//! (the method tells which); `request`, `response` and `notification` stay; anything else becomes a `note`. So
//! questions for calls of tools ask for the method `tools/call`, and for lists of them `tools/list`. Its times are taken
//! for microseconds since 1970; what is no whole number is no time, and is left out.
//!
//! A tape can be encrypted (feature `encryption`) and bound by a chain so that nobody changes it unnoticed: see
//! [`Options`], also for what is *not* encrypted. Of an encrypted tape, `message`, `policy`, `components` and `metadata` tell
//! nothing without its key; what was written in clear before, in other tapes of the file too, stays as it is. Messages are not compressed:
//! for that, [copy](super::copy) a tape to [JSON Lines](super::lines).
//!
//! The file is in WAL mode; several may write tapes into it, each its own, and readers do not disturb them. (Only a program that
//! opens the file by itself, not through this crate or SQLite, takes its own locks away as it closes it.) A commit survives the end of the
//! process, and with [`Writer::durable`] that of the machine. Up to 64 entries or 20 ms go into one. The log is written
//! back when it has some 16 MiB, and when a tape is finished.
//!
//! A file is opened as hostile input: only what has our mark, our version and exactly our schema, with SQLite's
//! defences on and its limits low; the names of tapes, sessions and components have 4 KiB at most, also where they are
//! written. An SQLite older than 3.51.3 is refused, as its WAL can corrupt a file.

mod begin;
mod bound;
mod chain;
mod check;
mod commit;
mod failed;
mod find;
mod forget;
mod guard;
mod insert;
mod known;
mod mark;
mod migrate;
mod open;
mod options;
mod part;
mod place;
mod reader;
mod row;
mod schema;
#[cfg(feature = "encryption")]
mod seal;
#[cfg(not(feature = "encryption"))]
#[path = "unsealed.rs"]
mod seal;
mod title;
mod verify;
mod wanted;
mod writer;

pub use super::lines::Verified;
pub use forget::forget;
#[cfg(test)]
pub(super) use mark::LOOKS;
pub(super) use mark::{mark, may_be_in_use};
pub use migrate::migrate;
pub use open::tapes;
pub(super) use open::{remove_beside, tapes_of};
pub use options::Options;
pub use reader::Reader;
pub use verify::{verify, verify_tape};
#[cfg(test)]
pub(super) use writer::WAITING_BYTES;
pub use writer::Writer;
