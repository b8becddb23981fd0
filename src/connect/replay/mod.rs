//! A leaf that answers from a tape: a server of which only a recording is left.
//!
//! What a client asks is looked up by method and params; ids, progress tokens and other `_meta` do not count. It is
//! told exactly what was recorded, byte for byte, with its own ids and tokens in the place of the recorded ones:
//! progress and logs, questions of the server, the answer, errors, and calls that failed (with the [kind](crate::tape::Entry::failure) that was
//! recorded) or never ended. What the server said unasked comes on the listen where it came then. Revisions with and
//! without `initialize` are replayed alike.
//!
//! ```
//! use shadowcat::connect::Replay;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceExt};
//! # use shadowcat::{Direction, tape::{self, Entry, Sink, Tape}};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("shadowcat-replay-mod-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let tape = folder.join("ping.json");
//! # let mut written = tape::json::Writer::create(&tape, &Tape::new()?)?;
//! # let ping = JsonRpcMessage::request(1, "ping", "{}")?;
//! # written.append(&Entry::message(&ping, Direction::ToUpstream))?;
//! # written.append(&Entry::message(&JsonRpcMessage::response(1, "{}")?, Direction::ToClient))?;
//! # written.finish()?;
//!
//! let mut server = Replay::from_path(&tape)?; // "tests/tapes/ping.json"
//! let ping = JsonRpcMessage::request("mine", "ping", "{}")?;
//! let reply: Reply = server.ready().await?.call(ping).await?;
//! assert_eq!(reply.as_one().unwrap().bytes(), r#"{"jsonrpc":"2.0","id":"mine","result":{}}"#);
//! assert!(server.unused().is_empty());
//!
//! let reply = server.ready().await?.call(JsonRpcMessage::request(2, "tools/list", "{}")?).await?;
//! let error = String::from_utf8(reply.as_one().unwrap().error().unwrap().to_vec())?;
//! assert!(error.contains("the tape holds nothing like tools/list"));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Order and time
//!
//! The same request, asked several times, is answered in the order in which it was recorded; [`Repeats`] says what
//! comes after that. Where the server asked its client something before it went on, it goes on when the client has
//! answered, and a strict replay refuses the call when the client answers otherwise. [`Timing`] can wait as long as
//! was recorded, by tokio's clock.
//!
//! # One client after the other
//!
//! A replay is one session. Where each client has a stack of its own, as on HTTP with sessions, give each a
//! [`rewound`](Replay::rewound) one. What stands alone (2026-07-28) has one stack for all clients, and nothing says
//! which request is whose: the next client goes on where the last one was, and is told what was recorded last.
//! [`Options::rewind_for_next_client`] begins anew with a client that begins as the recorded one, [`Replay::rewind`] when
//! you say so. Clients at the same time disturb each other there.
//!
//! # Recording what is missing
//!
//! [`Replay::or_record`] replays, or records with the real server in place, as the variable `SHADOWCAT_TAPES` says: see
//! [`Mode`].
//!
//! # Who may replay
//!
//! [`Options::open_options`] give the keys of a tape that is encrypted or has a chain, ask whether it may be replayed, and
//! tell an audit log of it: see [`OpenOptions::on_open`](crate::tape::OpenOptions::on_open).
//!
//! # What stands on such a tape
//!
//! Its messages are kept in memory, up to [`Options::max_bytes`]. What a recorder of ours tied to no call came on the
//! listen. Where nobody has noted which call a message belongs to, as on an imported tape, its id, token or subscription
//! says so; a message that says nothing belongs to the only running call, or else to the listen.
//!
//! # Secrets
//!
//! A tape that says that it was [masked](crate::tape::Tape::redaction) is matched as if the client's words were masked
//! too: secrets, and the places that the recorder named. Whatever a recorded `[REDACTED:…]` stands for is right, also
//! where something else masked it; markers of another shape are words as others. Where the tape does not tell how it
//! was masked, and requests are the same but for texts with markers, 256 that were not played yet are looked at for one
//! that fits, and as many that were. What the server said is said as it stands on the tape, with markers.
//!
//! Mismatches, their errors and the log tell values as they would be masked, whether the tape is masked or not; without
//! the feature `secret`, which knows what a secret is, they tell only kinds, frames, names and places.

mod answer;
mod error;
mod essence;
mod index;
mod listen;
mod mask;
mod masked;
mod mismatch;
mod notes;
mod options;
mod play;
mod record;
mod script;
mod service;
mod state;
mod stats;
mod substitution;
mod timer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use index::Index;
use script::Script;
use state::Shared;

use crate::tape::Source;

pub use error::ReplayError;
pub use mismatch::{Mismatch, MismatchKind};
pub use options::{Matching, Options, Repeats, Timing};
pub use record::{Changed, Changes, Mode, Taped, TapedFuture};
pub use service::ResponseFuture;
pub use stats::Stats;

/// A leaf that answers from a tape. Its clones go on with the same session.
#[derive(Clone)]
pub struct Replay {
    shared: Arc<Shared>,
}

/// A recorded request or notification of the client that nobody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unused {
    /// Where it stands on the tape, from 1.
    pub frame: usize,
    /// The method, and the tool, prompt or resource.
    pub what: String,
}

impl Replay {
    /// Replays a tape of any format strictly, with the [options](Options::new) as they are from the start.
    ///
    /// # Errors
    ///
    /// As [`Options::open`].
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, ReplayError> {
        Options::new().open(path)
    }

    /// The same of a tape that is open; it is read to its end.
    ///
    /// # Errors
    ///
    /// As [`Options::open`].
    pub fn of(source: &mut dyn Source) -> Result<Self, ReplayError> {
        Options::new().read(source)
    }

    /// To replay a tape otherwise.
    pub fn options() -> Options {
        Options::new()
    }

    pub(self) fn new(script: Script, options: Options) -> Self {
        let index = Arc::new(Index::new(&script, &options));
        Self { shared: Arc::new(Shared::new(Arc::new(script), index, options)) }
    }

    /// The same tape from its beginning, for another session.
    pub fn rewound(&self) -> Self {
        let Shared { script, index, options, .. } = &*self.shared;
        Self { shared: Arc::new(Shared::new(script.clone(), index.clone(), options.clone())) }
    }

    /// The same in place, with all clones: the next client is told what the first one was. What was played counts as not
    /// [used](Self::unused); mismatches and [`stats`](Self::stats) stay, and are of all clients. Calls under way go on.
    ///
    /// ```
    /// use shadowcat::JsonRpcMessage;
    /// use shadowcat::connect::Replay;
    /// use tower::{Service, ServiceExt};
    /// # use shadowcat::{Direction, tape::{self, Entry, Sink, Tape}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("shadowcat-rewind-{}.json", std::process::id()));
    /// # let mut written = tape::json::Writer::create(&path, &Tape::new()?)?;
    /// # for n in 1..3 {
    /// #     let answer = JsonRpcMessage::response(n, n.to_string())?;
    /// #     written.append(&Entry::message(&JsonRpcMessage::request(n, "count", "{}")?, Direction::ToUpstream))?;
    /// #     written.append(&Entry::message(&answer, Direction::ToClient))?;
    /// # }
    /// # written.finish()?;
    ///
    /// let mut server = Replay::from_path(&path)?; // "tests/tapes/count.json"
    /// for _client in 0..2 {
    ///     for expected in ["1", "2"] {
    ///         let count = JsonRpcMessage::request(7, "count", "{}")?;
    ///         let reply = server.ready().await?.call(count).await?;
    ///         assert_eq!(reply.as_one().unwrap().result(), Some(expected.as_bytes()));
    ///     }
    ///     server.rewind();
    /// }
    /// # std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rewind(&self) {
        let Shared { script, index, .. } = &*self.shared;
        self.shared.change(|state| state.rewind(script, index));
    }

    /// What the client never asked for, and never told, in the order of the tape.
    pub fn unused(&self) -> Vec<Unused> {
        let Shared { script, index, .. } = &*self.shared;
        let state = self.shared.lock();
        let exchanges = script.exchanges.iter().zip(&state.played).filter(|(_, played)| **played == 0);
        let notes = script.notes.iter().zip(&state.said).filter(|(_, said)| !**said);
        let exchanges = exchanges.map(|(exchange, _)| (exchange.frame, &exchange.request));
        let unused = exchanges.chain(notes.map(|(note, _)| (note.frame, &note.message)));
        let mut unused: Vec<_> =
            unused.map(|(frame, message)| Unused { frame, what: index.title(message) }).collect();
        unused.sort_by_key(|unused| unused.frame);
        unused
    }

    /// What the client said that it had not said then, notifications among it; the first 64.
    pub fn mismatches(&self) -> Vec<Mismatch> {
        self.shared.lock().mismatches.clone()
    }

    /// How many entries the recorder of the tape lost; none, unless [`Options::incomplete`] allows it.
    pub fn lost(&self) -> u64 {
        self.shared.script.lost
    }

    /// What it did so far.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("exchanges", &self.shared.script.exchanges.len())
            .field("matching", &self.shared.options.matching)
            .field("lost", &self.lost())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {}: {}", self.frame, self.what)
    }
}
