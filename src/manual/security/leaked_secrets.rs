//! Keys in arguments, results, logs and errors.
//!
//! *The attack, or more often the accident.* A user pastes a token into a prompt and the model hands it to a tool; a
//! tool prints its environment; a server writes its own key to stderr; a recorder keeps all of it.
//!
//! *What stops it.*
//!
//! - [`StripTokensLayer`](crate::layer::StripTokensLayer) puts a marker in the place of each secret, in both
//!   directions: `requests()` outermost and `replies()` innermost, so that no layer between sees one. Every decoded text
//!   and key is looked at, base64 twice, texts that stand beside each other joined. Bytes around a secret stay as they
//!   are. What the protocol needs whole stays whole: `requestState`, cursors, tokens of progress, images and sound.
//! - [`secret::Detector`](crate::secret::Detector) is what it looks with: known formats, places (`Authorization:`,
//!   `password=`, `https://user:…@`), names of members; your own rules, and lists of what is no secret.
//! - A client's headers and cookies go nowhere; what a leaf sends is configured. A child gets an environment of its own.
//!   Lines that it writes to stderr are masked before they are logged.
//! - [`DebugLayer`](crate::layer::DebugLayer) shows the shape of messages unless it is told to show more. Errors that
//!   a peer is told say nothing of the inside.
//!
//! ```
//! # #[cfg(feature = "secret")] {
//! use shadowcat::secret::{Detector, Marker};
//!
//! let masked = Detector::new().mask("https://me:hunter2hunter2@db.example/x", &Marker::default()).into_owned();
//! assert!(!masked.contains("hunter2"));
//! # }
//! ```
//!
//! *What is left.* Secrets that are split or encoded in other ways, and those that look like nothing: a random word
//! alone is no evidence. Give what you know about yours as rules of your own.
//!
//! *What proves it.* The classes `strip` and `benign` of the corpus; properties that plant secrets anywhere in generated
//! messages; the fuzz target `strip`; a search for known keys in everything that is written.
