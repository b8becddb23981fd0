//! A log of calls and decisions that nobody changes unnoticed.
//!
//! One JSON object a line. Each holds its number, the hash of the record before, and last its own hash over all that stands
//! before it in the line: SHA-256, or HMAC-SHA-256 with a [key](Options::chain_key). What is altered, removed or put
//! elsewhere no longer fits, and a [`Verifier`] says where; what is cut off at the end it finds by an [`Anchor`] that was
//! kept in another place. Without a key, whoever can write the file can compute the whole chain anew: then anchors are all
//! that holds.
//!
//! ```json
//! {"seq":7,"prev":"9f…","time":"2026-11-21T13:29:27.123Z","kind":"call","principal":"alice","session":"4b…",
//!  "client":"inspector","upstream":"files","method":"tools/call","tool":"rm","id":"3","arguments":"sha256:0c…",
//!  "arguments_bytes":17,"decisions":[{"by":"access","verdict":"deny","rule":"no-rm","enforced":true}],
//!  "duration_ms":0,"outcome":"refused","code":-32602,"hash":"d1…"}
//! ```
//!
//! | `kind` | what it is |
//! |---|---|
//! | `call` | a client's request and what became of it, written when it is over |
//! | `notification` | of the client, or of the server where it belongs to no call (`"from":"server"`) |
//! | `answer` | a client's answer to the server |
//! | `question` | a server's request to the client |
//! | `note` | what the application [adds](Record::note) |
//! | `opened` | a process begins to write |
//! | `continued` | the first record of a file after another, with the number that that one was put aside under |
//! | `gap` | so many records are `lost` here, for want of room |
//! | `recovered` | the line before was not written to its end, because a process was killed or a disk was full; with its length and SHA-256 |
//!
//! No value of an argument is written, only a digest of the raw JSON as the client wrote it. Names are masked by
//! `shadowcat::secret` where that feature is on, and cut after 256 bytes.
//!
//! # The file
//!
//! It has mode 0600, belongs to this user, is a regular file under one name and not behind a link, or it is not opened. One
//! process writes it, and only at its end. A full file gets a number behind its name, and a new one goes on with its chain.
//!
//! ```
//! use shadowcat::audit::{Options, Verifier, Writer};
//! use shadowcat::layer::AuditLayer;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::env::temp_dir().join(format!("audit-mod-{}.jsonl", std::process::id()));
//! let log = Writer::open(&path, Options::new())?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(AuditLayer::new(log.clone()))
//!     .service_fn(|message: JsonRpcMessage| async move {
//!         Ok::<_, shadowcat::Error>(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
//!     });
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"read","arguments":{"path":"/private"}}"#)?;
//! let _ = stack.ready().await?.call(call).await?;
//!
//! log.flushed().await;
//! let text = std::fs::read_to_string(&path)?;
//! assert!(text.contains(r#""tool":"read""#) && text.contains(r#""outcome":"ok""#) && !text.contains("private"));
//! assert!(Verifier::new().expect(log.last()).verify([&path])?.is_whole());
//! # std::fs::remove_file(path)?;
//! # Ok(()) }
//! ```

mod chain;
mod error;
mod file;
mod key;
mod line;
mod mask;
mod options;
mod record;
mod thread;
mod verify;
mod walk;
mod writer;

pub use error::OpenError;
pub use key::Key;
pub use options::{Durability, Options, Overflow};
pub use record::{Outcome, Record};
pub use verify::{Findings, Flaw, Verifier};
pub use walk::Problem;
pub(crate) use writer::Permit;
pub use writer::{Anchor, Stats, Writer};
