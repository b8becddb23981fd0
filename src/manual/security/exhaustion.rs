//! Floods, bombs and stalls.
//!
//! *The attack.* A line without an end, a thousand levels of nesting, a number of a million digits, an event of ten
//! thousand lines, a peer that reads one byte a second or says nothing at all, sessions that nobody uses.
//!
//! *What stops it.* Everything has a bound, on by default, and says what happens when it is full:
//!
//! | what | by default | then |
//! |---|---|---|
//! | message | 4 MiB ([`ScanOptions`](crate::ScanOptions)) | discarded to its end, refused; never resumed in its middle |
//! | depth, number, id, method | 128 levels, 1,024 bytes, 1,024 bytes, 256 bytes | refused |
//! | calls at once | 1,024 for each connection | refused |
//! | what a slow reader has not read | 1,024 messages and 8 MiB for each call | this reply fails alone |
//! | time for an answer | 60 s; 10 min whatever progress there is ([`TimeoutLayer`](crate::layer::TimeoutLayer)) | one error; what comes later is dropped |
//! | HTTP head | 16 KiB, 100 fields, 10 s | refused |
//! | sessions | 10,000, 100 for each principal; 30 min idle, 24 h in all | refused; ended |
//! | lines and events of SSE | as a message; 10,000 lines | the stream ends |
//!
//! No scan recurses, none is slower than linear, and nothing that a peer says is compiled to a pattern that could be.
//! A layer that panics costs one call.
//!
//! *What proves it.* Tests of each limit; a server that floods a gibibyte without a line end; 10,000 streams; fuzz
//! targets with a second for each input.
