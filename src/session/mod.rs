//! Who is talking: the sessions of the revisions before 2026-07-28, without any I/O.
//!
//! A [`Session`] is what is known of one: when it began, whose it is, what was agreed on. It is found by the
//! [`SessionKey`] of the [`SessionId`] that its client holds; the id itself is not kept. A [`SessionStore`] keeps
//! sessions, [`MemoryStore`] in memory and within bounds.
//!
//! ```
//! use std::sync::Arc;
//! use shadowcat::session::{MemoryStore, Principal, Session, SessionId, SessionStore};
//!
//! let store = MemoryStore::new();
//! let id = SessionId::random()?; // goes to the client, once
//! store.insert(Arc::new(Session::new(id.key(), Some(Principal::new("alice")))))?;
//!
//! let found = store.find(&SessionId::from_text(id.reveal()).key()).unwrap();
//! assert!(found.is_of(Some(&Principal::new("alice"))) && !found.is_of(None));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod id;
mod memory;
mod party;
mod principal;
mod record;
mod response_mode;
mod response_stream;
mod store;

#[cfg(feature = "http")]
pub(crate) use id::KeyMap;
pub use id::{NoRandomness, SessionId, SessionKey};
pub use memory::MemoryStore;
pub use party::Party;
pub use principal::Principal;
pub use record::{InUse, Session};
pub use response_mode::ResponseMode;
pub use response_stream::ResponseStream;
pub use store::{Full, SessionStore};
