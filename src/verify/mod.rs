//! Playing the client's side of a tape against a server that is there, and telling what it answers differently.
//!
//! [`Verify`] sends what the recorded client sent, through any stack, and compares what comes back: answers,
//! notifications and the server's questions, which it answers as the client did. What comes out is a [`Report`]: each call
//! equal, different and where, with something missing or extra, or failed; and for each difference the likely
//! [`Cause`], if it has the form of one.
//!
//! ```
//! use shadowcat::tape::{Entry, Sink, Tape, json};
//! use shadowcat::verify::{Verdict, Verify};
//! use shadowcat::{Direction, Error, JsonRpcMessage, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::env::temp_dir().join(format!("shadowcat-verify-{}.json", std::process::id()));
//! let mut tape = json::Writer::create(&path, &Tape::new()?)?;
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"clock"}"#)?;
//! let answer = JsonRpcMessage::response(1, r#"{"content":[{"type":"text","text":"2026-11-21T13:40:00Z"}]}"#)?;
//! tape.append(&Entry::message(&call, Direction::ToUpstream))?;
//! tape.append(&Entry::message(&answer, Direction::ToClient))?;
//! tape.finish()?;
//!
//! let server = tower::service_fn(|message: JsonRpcMessage| async move {
//!     let now = r#"{"content":[{"type":"text","text":"2027-01-01T00:00:00Z"}]}"#;
//!     Ok::<_, Error>(message.responder().result(now).ok().flatten().map_or_else(Reply::empty, Reply::one))
//! });
//! let report = Verify::new(json::Reader::open(&path)?).run(server.clone()).await?;
//! let found = &report.calls[0].findings[0];
//! assert_eq!((&*found.path, &*found.causes[0]), ("/result/content/0/text", "time"));
//! assert!(!report.is_deterministic());
//!
//! let report = Verify::new(json::Reader::open(&path)?).tolerate("time").run(server).await?;
//! assert_eq!(report.calls[0].verdict, Verdict::Tolerated);
//! # std::fs::remove_file(&path)?;
//! # Ok(()) }
//! ```
//!
//! # What is sent
//!
//! The recorded messages, in their order, and none before the calls that had ended when it was sent, nor before the server
//! has said as much unasked as it had by then, or was [silent](Verify::linger). [`Pace`] says whether one at a time, or at the same time as others and at the time as recorded. What depends on the server is
//! what it is now:
//!
//! - ids are new ones, and what names one (a cancellation, a subscription) names the new one;
//! - cursors, `requestState` of rounds, and ids of tasks are what the server gave out this time, in place of what it
//!   gave out then; [more](Verify::carry) can be said. That they differ is no difference, nor where the server names them
//!   again under the same name, as in a list of tasks. Ids of HTTP sessions are the connector's own;
//! - progress tokens are the client's and stay as they are: they were unique among calls at the same time, and the
//!   order keeps them so;
//! - a call that was cancelled is cancelled after as many notifications and questions as then, with the client's message;
//! - a question of the server gets the answer that the client gave to the same question, by method and params, in
//!   order; or else to one from which only `time` and `random` [causes](Cause) and those that are tolerated tell it apart,
//!   as an id that the server makes up. One that was never recorded gets an error, and is in the report. Of questions of the same method, and of
//!   those of which something is masked on the tape, 256 that were not asked yet are looked at for one that fits.
//!
//! For a session of a revision before 2026-07-28 what the server says unasked is listened to, as a front end does.
//!
//! A call that had failed is equal if it fails again with an error of the same [kind](crate::tape::Entry::failure),
//! whatever its words; where one of the two tells no kind, as on older tapes, with any.
//!
//! What a layer or a person made or answered ([`Entry::synthetic`](crate::tape::Entry::synthetic)) is not played, but for
//! what was answered to a question of the server: that is what the server got.
//!
//! A tape is played as it is: its calls do again what they did, at the server as it is now. Play what you trust.
//!
//! # Secrets
//!
//! Whatever a recorded `[REDACTED:…]` stands for is no difference; and of a tape that says that it was
//! [masked](crate::tape::Tape::redaction), nor is what is the same when what comes is masked likewise. Markers of
//! another shape are words as others. What the client said is sent as it stands on the tape, with markers, and the
//! report says of how many messages. It tells values as they would be masked, whether the tape is masked or not.
//!
//! # Components first
//!
//! Where the tape names [components](crate::tape::Tape::components), the server is a Wassette that has to have them.
//! Those that [`Verify::components`] chooses are loaded (`load-component`) as soon as the session is open, except what the
//! tape loads by itself, and what their policies allow is granted. Without it none is loaded, and the report says so. One
//! that cannot be loaded, has another id or another digest, or a digest that cannot be checked because it is no regular
//! file here, is a [`VerifyError`]. The server reads a file again after it was checked.
//!
//! # Bounds
//!
//! The tape is in memory, up to [`Verify::max_bytes`]. At most [`Verify::max_in_flight`] calls run at the same time. Of
//! a call, 1,024 notifications and questions are compared; what comes beyond is counted, and the report says so. Of a
//! message, 1,000 differences are found; that there are more is one that nothing tolerates. A report lists at most
//! [`Verify::max_findings`] differences, and counts the rest: what is not listed counts as what is. Dropping the future of [`Verify::run`] drops all calls,
//! which cancels them.

mod active;
mod align;
mod asked;
mod carry;
mod cause;
mod components;
mod driver;
mod ending;
mod error;
mod in_flight;
mod judge;
mod masked;
mod options;
mod pace;
mod play;
mod questions;
mod report;
#[cfg(feature = "schema")]
mod schemas;
mod script;

pub use cause::Cause;
pub use error::VerifyError;
pub use options::Verify;
pub use pace::{Pace, Progress};
pub use report::{Call, Finding, Report, Totals, Verdict};
#[cfg(feature = "schema")]
pub use schemas::BadSchema;
