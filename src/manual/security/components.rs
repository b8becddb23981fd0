//! WebAssembly components from anywhere, with any permission.
//!
//! *The attack.* A Wassette offers its client tools that load components and grant them permissions. A model that was
//! persuaded loads one from a stranger's registry, and grants it the disk and the network.
//!
//! *What stops it.* The Wassette profile of the [policy](crate::policy):
//!
//! - Tools that manage (`load-component`, `unload-component`, `grant-…`, `revoke-…`, `reset-permission`) are denied and
//!   not listed, until each is opted in to.
//! - `load-component` takes what the list of components allows: by pattern of its URI, and by digest.
//! - A grant is held against a *ceiling*, a [policy of Wassette's own format](crate::wassette::policy): what exceeds it
//!   is refused, with what of it exceeds. What the client does is what both policies allow.
//! - Rules can say "tools of component X", because tools are known by the component that they came with.
//!
//! ```
//! use shadowcat::wassette::policy::Policy;
//!
//! let ceiling = br#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"*.example.com"}]}}}"#;
//! let wanted = br#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"evil.example"}]}}}"#;
//! let excess = Policy::from_json(ceiling)?.exceeds(&Policy::from_json(wanted)?);
//! assert_eq!(excess[0].to_string(), "network access to evil.example");
//! # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
//! ```
//!
//! *What is left.* A Wassette holds its components to what its version understands: see
//! [`wassette::policy`](crate::wassette::policy) for what 0.2 does not act on.
