//! A child process that takes more than it was given.
//!
//! *The attack.* A server reads the keys in our environment; starts processes that outlive it; eats the machine's
//! memory; reads the user's files; ignores every signal.
//!
//! *What stops it.* (feature `stdio`)
//!
//! - `connect::Command` starts it with an argument vector and never a shell, an environment of `HOME`, `LOGNAME`,
//!   `PATH`, `SHELL`, `TERM`, `USER` and what is configured, in its own process group. It is always reaped: its stdin is
//!   closed, then it is asked, then its group is killed. If we are killed, a watchdog kills it.
//! - `connect::Limits` (feature `limits`, Linux) bounds memory, processor time, processes and open files of it and its
//!   descendants; beyond, it is killed, and its calls fail with an error that says so.
//! - `connect::Sandbox` (feature `landlock`, Linux) bounds which files it may touch.
//!
//! *What is left.* The network of a child is its own, unless something outside restricts it; for Wassette's components
//! see [`components`](super::components).
//!
//! *What proves it.* A thousand kills with 64 calls in flight: each call is answered once, and nothing is left behind.
