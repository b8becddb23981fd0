//! Denying what was done.
//!
//! *The attack.* Somebody who did something, or let it happen, removes the line that says so.
//!
//! *What stops it.* [`AuditLayer`](crate::layer::AuditLayer) writes one line for each call and decision: who, what,
//! a digest of the arguments, what was decided by which rule, how long it took and how it ended; never a value. Each
//! line holds the hash of the one before, so that a line that was changed, moved or taken out is found by
//! a [`Verifier`](crate::audit::Verifier). The file is readable by its owner only, is continued and never overwritten,
//! and is refused at the start if it is not what it was left as. A log that cannot keep up counts what it lost within
//! the chain, or stops the traffic, as you choose.
//!
//! *What is left.* Whoever can write the file can cut its end off, or write all of it anew. Against the first, keep the
//! last hash elsewhere; against the second, give the chain a key.
