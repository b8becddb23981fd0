//! What a Wassette behind a proxy may be told to do.
//!
//! Wassette manages itself by tools: whoever may call them decides what runs and what that may do. A [`Profile`] says
//! which of them may be called, from where components may come, and what may be granted at most:
//!
//! - The tools that change something are denied by default, and are allowed one by one: [`ManagementTool::is_mutating`].
//!   Those that only read are allowed: `list-components` tells what `tools/list` tells, and what tool is of which
//!   component cannot be known without it; `search-components` tells what anybody may read; `get-policy` is the only
//!   way to know that a component may do nothing. It also tells a path of the machine that runs Wassette: [deny it]
//!   where that matters.
//! - A name that only looks like one of these, to a reader that ignores case, width or what is invisible, is denied;
//!   so is every other `grant-…-permission` and `revoke-…-permission`: a later Wassette may have it.
//! - `load-component` loads what one of the [`Source`]s takes; there are none at first.
//! - `grant-…` grants what the ceiling holds; at first it holds nothing. A grant that asks for more is refused whole,
//!   and the [`Refusal`] says what is too much.
//! - Arguments are read in the shape that every known version takes, and nothing beside it. What is not understood is
//!   refused.
//!
//! What was granted before, or by another way than through the proxy, the ceiling does not take back: [`Effective`]
//! tells what is known of it.
//!
//! ```
//! use shadowcat::policy::wassette::{Judged, Profile, Source};
//! use shadowcat::wassette::{ManagementTool, policy::Policy};
//!
//! let ceiling = Policy::from_json(br#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"*.example.com"}]}}}"#)?;
//! let profile = Profile::new()
//!     .allow(ManagementTool::LoadComponent)
//!     .source(Source::new("oci://ghcr.io/microsoft/*")?.pinned())
//!     .allow(ManagementTool::GrantNetwork)
//!     .ceiling(ceiling);
//!
//! let told = |name: &str, arguments: &str| match profile.judge(name, Some(arguments.as_bytes())) {
//!     Judged::Refuse(refusal) => refusal.to_string(),
//!     _ => String::new(),
//! };
//! assert_eq!(told("read-file", "{}"), ""); // a component's own
//! assert_eq!(told("Unload-Component", "{}"), "the tool is not allowed");
//! assert_eq!(
//!     told("load-component", r#"{"path":"oci://ghcr.io/microsoft/time:latest"}"#),
//!     "the component is not pinned by a digest"
//! );
//! assert_eq!(
//!     told("grant-network-permission", r#"{"component_id":"time","details":{"host":"*"}}"#),
//!     "the grant exceeds what may be granted: network access to *"
//! );
//! assert_eq!(told("grant-network-permission", r#"{"component_id":"time","details":{"host":"a.example.com"}}"#), "");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Digests
//!
//! An OCI reference with a digest (`…@sha256:…`) names its bytes; a registry cannot give others unseen by a client that
//! checks, as Wassette's does. A tag beside a digest is not looked at by anybody.
//!
//! An OCI artifact may bring a policy of its own, which a Wassette that reads it puts in force without a grant: no
//! ceiling is asked. The digest names that policy too, so pin such a source, and look at what it brings first.
//!
//! A file's digest is that of the bytes that were on disk when the call was checked, on the machine of the proxy.
//! Wassette opens the file again: whoever can write it, or the folders on its path, can put another in its place
//! meanwhile. A digest for a file therefore keeps out a wrong or outdated file, and one that somebody changed before;
//! not somebody who can write there now. Keep such files where only the operator writes.
//!
//! `https://` is never pinned: nothing checks what a server gives, nor where it redirects to.
//!
//! [deny it]: Profile::deny

mod arguments;
mod digest;
mod effective;
mod pattern;
mod profile;
mod refusal;
mod source;

#[cfg(doc)]
use crate::wassette::ManagementTool;

pub use digest::{BadDigest, Digest};
pub use effective::Effective;
pub use profile::{Judged, Profile};
pub use refusal::Refusal;
pub use source::{BadSource, FileCheck, Source};
