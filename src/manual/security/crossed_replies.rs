//! An answer under somebody else's id; a stolen session.
//!
//! *The attack.* A server answers `"1"` where 1 was asked, and a lenient client takes it past the filter that only knew
//! 1. It answers twice, or late. Two clients of one server use the same id. Somebody guesses or finds a session id.
//!
//! *What stops it.*
//!
//! - A reply settles a call only if its id is pending, the same in type and value; the first does. Others are dropped
//!   and counted, and reach no client. [`connect::multiplex`](crate::connect::multiplex)
//! - Clients that share a server travel under ids of ours. [`connect::Shared`](crate::connect::Shared)
//! - What belongs to no call goes to the session's listen, and to nobody else's.
//! - A [`SessionId`](crate::session::SessionId) has 128 bits from the system, and only its hash is kept. A session
//!   belongs to the principal that opened it: for anybody else, its id is one that was never given out. It ends when it
//!   is idle or too old.
//!
//! *What proves it.* A thousand clients over one server, all with id 1, answers in random order, 100,000 calls: none
//! crossed. The class `framing` of the corpus says wrong ids; tests of HTTP sessions try another principal's.
