//! Policies: what a component may do, by Wassette's policy files.
//!
//! The format is that of microsoft/policy-mcp (`schema/v1.json`) with the `resources.limits` that Wassette adds.
//! It is read strictly: what is unknown is an error that says where it stands.
//!
//! What a policy says and what a Wassette does are two things. This module says the first, by these rules:
//!
//! - What is not allowed is denied, and `deny` wins over `allow`. 0.2 does not look at `deny`, and keeps ranges
//!   (`cidr`), wildcards of hosts and ports in the file without acting on them.
//! - A storage rule covers what its pattern matches **and everything below**: that is what a WASI directory gives.
//!   `*` is any one part of a path, or any text inside of one; `**` is any number of parts, none too. There are no
//!   other wildcards. `fs:///a` is absolute; `fs://a` is relative to Wassette's directory of components, and the two
//!   are never compared with each other. A path with `..` is denied, because links make it lead anywhere.
//! - `*.example.com` is every name below `example.com`, at any depth, and not `example.com` itself. `*` is every
//!   host. A port in a rule holds for that port only.
//! - A range in `deny` also denies a name whose address is not told, because it may be in the range.
//!
//! ```
//! use shadowcat::wassette::policy::{Operation, Policy};
//!
//! let ceiling = Policy::from_json(br#"{"version":"1.0","permissions":{
//!     "storage":{"allow":[{"uri":"fs:///data/**","access":["read"]}],
//!                "deny":[{"uri":"fs:///data/keys","access":["read","write"]}]},
//!     "network":{"allow":[{"host":"*.example.com"}]}}}"#)?;
//! assert!(ceiling.allows(&Operation::Read("/data/a/b.txt")));
//! assert!(!ceiling.allows(&Operation::Read("/data/keys/id")));
//! assert!(!ceiling.allows(&Operation::Write("/data/a")));
//!
//! let wanted = Policy::from_json(br#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"*"}]}}}"#)?;
//! assert_eq!(ceiling.exceeds(&wanted)[0].to_string(), "network access to *");
//! # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
//! ```

mod compare;
mod grant;
mod network;
mod operation;
mod pattern;
mod read;
mod resources;
mod tree;
mod write;

use std::fmt;

pub use compare::Excess;
pub use network::{Cidr, HostPattern, NetworkRule};
pub use operation::Operation;
pub use pattern::StoragePattern;
pub use resources::{CpuLimit, MemoryLimit, Resources};

use self::tree::Tree;
use super::{PermissionKind, json};

/// A policy file.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Policy {
    /// The version of the format, `1.0`.
    pub version: String,
    /// What it is for.
    pub description: Option<String>,
    /// Files.
    pub storage: Rules<StorageRule>,
    /// Hosts.
    pub network: Rules<NetworkRule>,
    /// Environment variables, by name.
    pub environment: Vec<String>,
    /// Channels to other processes, by URI; compared as text.
    pub ipc: Rules<String>,
    /// Limits of what may be used.
    pub resources: Resources,
    /// Settings of runtimes, raw JSON. They are kept, not looked into: two policies compare only if these are alike.
    pub runtime: Option<String>,
}

/// What is allowed, and what of it is denied after all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules<T> {
    /// Allowed.
    pub allow: Vec<T>,
    /// Denied; wins.
    pub deny: Vec<T>,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { allow: Vec::new(), deny: Vec::new() }
    }
}

/// A way to use files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "the format has these two")]
pub enum Access {
    /// Read.
    Read,
    /// Write.
    Write,
}

impl Access {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Some ways to use some files.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageRule {
    /// Which files.
    pub uri: StoragePattern,
    /// The ways, each once.
    pub access: Vec<Access>,
}

impl Policy {
    /// The largest policy or grant that is read, in bytes. With the bound of 65,536 values, lists and mappings in it,
    /// reading one takes about 40 MiB of memory at most.
    pub const MAX: usize = 1 << 20;

    /// A policy that allows nothing.
    pub fn new() -> Self {
        Self { version: "1.0".to_owned(), ..Self::default() }
    }

    /// Reads a policy written as JSON.
    ///
    /// # Errors
    ///
    /// It is too large, no JSON, has a key twice, or is no policy.
    pub fn from_json(bytes: impl AsRef<[u8]>) -> Result<Self, BadPolicy> {
        let bytes = bytes.as_ref();
        check_size(bytes)?;
        let document = json::scan(bytes).map_err(|error| BadPolicy::new("", error.to_string()))?;
        let value: Result<Tree, _> = serde_json::from_slice(document.bytes());
        read::policy(&value.map_err(|error| BadPolicy::new("", error.to_string()))?.0)
    }

    /// Reads a policy written as YAML, as Wassette keeps it. Merge keys, keys that stand twice and more than one
    /// document are refused, and so are keys that have a private meaning for a JSON library; aliases are bounded.
    ///
    /// ```
    /// use shadowcat::wassette::policy::Policy;
    ///
    /// let policy = Policy::from_yaml("version: \"1.0\"\npermissions:\n  network:\n    allow:\n    - host: a.example\n")?;
    /// assert_eq!(policy.network.allow[0].to_string(), "a.example");
    /// let error = Policy::from_yaml("version: \"1.0\"\npermissions:\n  netwrok: {}\n").unwrap_err();
    /// assert_eq!(error.to_string(), "permissions: unknown field `netwrok`, expected one of storage, network, \
    ///     environment, ipc, resources, runtime; correct or remove it");
    /// # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is too large, no YAML, or no policy.
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(text: &str) -> Result<Self, BadPolicy> {
        check_size(text.as_bytes())?;
        let options = serde_saphyr::options! {
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
            strict_booleans: true,
        };
        let value: Result<Tree, _> = serde_saphyr::from_str_with_options(text, options);
        read::policy(&value.map_err(|error| BadPolicy::new("", error.to_string()))?.0)
    }

    /// The policy that has just what one grant asks for: `details` are those of a call of `grant-…-permission`.
    ///
    /// ```
    /// use shadowcat::wassette::{PermissionKind, policy::Policy};
    ///
    /// let ceiling = Policy::from_json(br#"{"version":"1.0","permissions":{"environment":{"allow":[{"key":"LANG"}]}}}"#)?;
    /// let asked = Policy::from_grant(PermissionKind::Environment, br#"{"key":"API_KEY"}"#)?;
    /// assert!(!ceiling.contains(&asked));
    /// # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The details are too large, or not of their kind.
    pub fn from_grant(kind: PermissionKind, details: impl AsRef<[u8]>) -> Result<Self, BadPolicy> {
        let details = details.as_ref();
        check_size(details).map_err(|error| BadPolicy::new("details", error.why))?;
        let document = json::scan(details).map_err(|error| BadPolicy::new("details", error.to_string()))?;
        let value: Result<Tree, _> = serde_json::from_slice(document.bytes());
        read::grant(kind, &value.map_err(|error| BadPolicy::new("details", error.to_string()))?.0)
    }

    /// Whether an operation is allowed; `false` if no rule says so.
    pub fn allows(&self, operation: &Operation<'_>) -> bool {
        operation::allows(self, operation)
    }

    /// Whether everything that `other` permits is permitted here: this is a ceiling that `other` keeps.
    ///
    /// It errs to `false`: `other` may keep the ceiling by a combination of rules that is not seen here.
    pub fn contains(&self, other: &Self) -> bool {
        self.exceeds(other).is_empty()
    }

    /// What `other` permits beyond this; nothing if it [keeps](Self::contains) to it.
    pub fn exceeds(&self, other: &Self) -> Vec<Excess> {
        compare::exceeds(self, other)
    }

    /// Whether one grant keeps to this ceiling: `kind` and `details` are those of a call of `grant-…-permission`. What
    /// cannot be read is not permitted. Other limits of resources stay as they are by a grant, so they are not compared.
    ///
    /// ```
    /// use shadowcat::wassette::{PermissionKind, policy::Policy};
    ///
    /// let ceiling = Policy::from_json(br#"{"version":"1.0","permissions":{"network":{"allow":[{"host":"*.a.example"}]}}}"#)?;
    /// assert!(ceiling.permits_grant(PermissionKind::Network, br#"{"host":"x.a.example"}"#));
    /// assert!(!ceiling.permits_grant(PermissionKind::Network, br#"{"host":"a.example"}"#));
    /// # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
    /// ```
    pub fn permits_grant(&self, kind: PermissionKind, details: impl AsRef<[u8]>) -> bool {
        self.excess_of_grant(kind, details).is_ok_and(|excess| excess.is_empty())
    }

    /// What one grant asks for beyond this ceiling: nothing, if it [keeps](Self::permits_grant) to it. A grant of a
    /// host at a port asks for every port of it, for that is what 0.2 gives.
    ///
    /// ```
    /// use shadowcat::wassette::{PermissionKind, policy::Policy};
    ///
    /// let ceiling = Policy::from_json(br#"{"version":"1.0","permissions":{"resources":{"limits":{"memory":"1Gi"}}}}"#)?;
    /// let asked = br#"{"resources":{"limits":{"memory":"2Gi"}}}"#;
    /// let excess = ceiling.excess_of_grant(PermissionKind::Memory, asked)?;
    /// assert_eq!(excess[0].to_string(), "more than the limit resources.limits.memory");
    /// # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The details are too large, or not of their kind.
    pub fn excess_of_grant(
        &self,
        kind: PermissionKind,
        details: impl AsRef<[u8]>,
    ) -> Result<Vec<Excess>, BadPolicy> {
        let mut asked = Self::from_grant(kind, details)?;
        asked.network.allow.iter_mut().for_each(NetworkRule::forget_port);
        let memory = asked.resources.memory_limit.take();
        asked.resources = self.resources.clone();
        if let Some(memory) = memory {
            asked.resources.memory_limit = Some(memory);
        }
        Ok(self.exceeds(&asked))
    }

    /// As JSON, which Wassette reads too: JSON is YAML. Reading it again gives an equal policy.
    pub fn to_json(&self) -> String {
        write::json(self)
    }
}

fn check_size(bytes: &[u8]) -> Result<(), BadPolicy> {
    match bytes.len() <= Policy::MAX {
        true => Ok(()),
        false => Err(BadPolicy::new("", format!("a policy has at most {} bytes", Policy::MAX))),
    }
}

/// A text that is no policy: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadPolicy {
    /// The way to the place, such as `permissions.storage.allow[0].uri`; empty for the whole.
    pub at: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl BadPolicy {
    fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for BadPolicy {}
