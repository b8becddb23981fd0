//! The manual: what does not belong to one item.
//!
//! - [`security`]: who is trusted for what, which attacks there are, and what stops each.

#![cfg_attr(
    not(feature = "full"),
    allow(rustdoc::broken_intra_doc_links, reason = "features have their own items")
)]

pub mod security;
