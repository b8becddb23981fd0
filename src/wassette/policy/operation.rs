use std::net::IpAddr;

use super::{Access, NetworkRule, Policy, StoragePattern};
use crate::wassette::host;

/// Something that a component wants to do.
///
/// ```
/// use shadowcat::wassette::policy::{Operation, Policy};
///
/// let policy = Policy::from_json(br#"{"version":"1.0","permissions":{"network":{
///     "allow":[{"host":"a.example"}],"deny":[{"cidr":"10.0.0.0/8"}]}}}"#)?;
/// let reach = |ip: Option<&str>| {
///     let ip = ip.map(|ip| ip.parse().unwrap());
///     policy.allows(&Operation::Connect { host: "A.example.", ip, port: Some(443) })
/// };
/// assert!(reach(Some("192.0.2.1")));
/// assert!(!reach(Some("10.0.0.1")) && !reach(None)); // it may be in the range
/// # Ok::<(), shadowcat::wassette::policy::BadPolicy>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// Read the file at this path.
    Read(&'a str),
    /// Write it.
    Write(&'a str),
    /// Reach a host.
    Connect {
        /// Its name, or an address written as one (IPv6 in brackets).
        host: &'a str,
        /// The address that the name leads to, if it is known.
        ip: Option<IpAddr>,
        /// The port, if it is known.
        port: Option<u16>,
    },
    /// See an environment variable.
    Env(&'a str),
}

pub(super) fn allows(policy: &Policy, operation: &Operation<'_>) -> bool {
    match operation {
        Operation::Read(path) => file(policy, path, Access::Read),
        Operation::Write(path) => file(policy, path, Access::Write),
        Operation::Connect { host, ip, port } => connect(policy, host, *ip, *port),
        Operation::Env(key) => policy.environment.iter().any(|known| known == key),
    }
}

fn file(policy: &Policy, path: &str, access: Access) -> bool {
    let Some(path) = StoragePattern::of_path(path) else { return false };
    let any = |rules: &[super::StorageRule]| {
        rules.iter().any(|rule| rule.access.contains(&access) && rule.uri.contains(&path))
    };
    any(&policy.storage.allow) && !any(&policy.storage.deny)
}

fn connect(policy: &Policy, name: &str, ip: Option<IpAddr>, port: Option<u16>) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if host::check(&name).is_err() {
        return false;
    }
    let target = Target { ip: host::address(&name).or(ip).map(|ip| ip.to_canonical()), name, port };
    policy.network.allow.iter().any(|rule| target.is_allowed(rule))
        && !policy.network.deny.iter().any(|rule| target.is_denied(rule))
}

struct Target {
    name: String,
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Target {
    fn is_allowed(&self, rule: &NetworkRule) -> bool {
        match rule {
            NetworkRule::Host(host) => host.covers(&self.name, self.port),
            NetworkRule::Cidr(cidr) => self.ip.is_some_and(|ip| cidr.covers(ip)),
            NetworkRule::Defaults => false,
        }
    }

    /// What is not known may be what is denied.
    fn is_denied(&self, rule: &NetworkRule) -> bool {
        match rule {
            NetworkRule::Host(host) => {
                let port = self.port.or(host.port());
                let same =
                    host.address().is_some_and(|own| self.ip.is_none_or(|ip| ip == own.to_canonical()));
                host.covers(&self.name, port) || (same && (host.port().is_none() || host.port() == port))
            }
            NetworkRule::Cidr(cidr) => self.ip.is_none_or(|ip| cidr.covers(ip)),
            NetworkRule::Defaults => true,
        }
    }
}
