//! The threat model: who is trusted for what, and what is defended.
//!
//! # Trust
//!
//! | who | trusted for | not trusted for |
//! |---|---|---|
//! | the embedding application and its configuration | what it configures; values are still checked | |
//! | a client | nothing; once authenticated, being itself | framing, ids, session ids, headers that agree with bodies, names |
//! | a server, a child process, an HTTP upstream | nothing | replies, ids, lists and descriptions of tools, URLs that it names, what it uses, how it ends |
//! | a registry of components; the file of a tape or an audit log | nothing, unless a digest, signature or key verifies it | everything |
//! | other users of the machine; pages in the user's browser | nothing | names that resolve here, requests across sites, guessed session ids |
//!
//! # What is defended, in this order
//!
//! 1. A denied tool never runs.
//! 2. No credential or secret leaves its boundary: not to the server, not into a tape, a log, or the text of an error.
//! 3. No reply reaches the wrong principal.
//! 4. No reply is lost or doubled.
//! 5. The process stays up in bounded memory. A message that costs a hundred times its own size is a bug of security.
//!
//! # The rule behind the others
//!
//! *The bytes that were judged are the bytes that are forwarded.* A message is scanned once, strictly, as a whole,
//! before anything reads it; layers judge spans of exactly these bytes; and what no layer changed goes on as it came.
//! Nothing is judged by a copy, by a beginning, or by a tree in which two keys of one name have become one.
//!
//! # The attacks
//!
//! | attack | page |
//! |---|---|
//! | a message that two readers read differently | [`smuggling`] |
//! | calling, or learning of, what is denied | [`denied_tools`] |
//! | arguments that a tool was not made for | [`arguments`] |
//! | a tool that changes after it was approved, or poses as another | [`poisoned_tools`] |
//! | keys in arguments, results, logs and errors | [`leaked_secrets`] |
//! | a client's token that works elsewhere; a forged one | [`tokens`] |
//! | an answer under somebody else's id; a stolen session | [`crossed_replies`] |
//! | a web page that talks to a server on this machine | [`web_pages`] |
//! | addresses that a peer names | [`outbound_requests`] |
//! | floods, bombs and stalls | [`exhaustion`] |
//! | a child process that takes more than it was given | [`child_processes`] |
//! | WebAssembly components from anywhere, with any permission | [`components`] |
//! | denying what was done | [`repudiation`] |
//!
//! # What is on without being asked for, and what is not
//!
//! The strict scan, all limits, exact ids, checks of `Host`, `Origin` and `Content-Type`, sessions bound to their
//! principal, and children with an environment of their own are always there. What is allowed, what is stripped, what
//! is pinned and what is logged are layers: a stack without them is a pipe with good manners.
//!
//! # Transparent mode
//!
//! A peer whose JSON is odd but harmless can be *watched*: with
//! [`ScanOptions::transparent`](crate::ScanOptions::transparent), duplicate and confusable keys below the top level,
//! ids past ±(2^53−1) and the like pass. Such messages are for recording only. Every layer that decides or strips
//! refuses them, because what it decided on might not be what the peer reads: one has policy or transparency, never
//! both.
//!
//! # Not promised
//!
//! That a tool runs exactly once: a child that was killed may have acted. That a secret is found however it is split or
//! encoded. That text which a model reads does not persuade it: [`poisoned_tools`] shows what can be done about tool
//! descriptions; nothing here judges what prose means.

pub mod arguments;
pub mod child_processes;
pub mod components;
pub mod crossed_replies;
pub mod denied_tools;
pub mod exhaustion;
pub mod leaked_secrets;
pub mod outbound_requests;
pub mod poisoned_tools;
pub mod repudiation;
pub mod smuggling;
pub mod tokens;
pub mod web_pages;
