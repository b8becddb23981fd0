use std::fmt;

use super::{Access, NetworkRule, Policy, Resources, Rules, StoragePattern, StorageRule};

/// Something that a policy permits beyond another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excess {
    /// Files.
    Storage {
        /// Which.
        uri: StoragePattern,
        /// To do what.
        access: Access,
    },
    /// Hosts.
    Network(NetworkRule),
    /// A variable.
    Environment(String),
    /// A channel.
    Ipc(String),
    /// More of a resource, by its name in the file, or no limit where there is one.
    Resource(&'static str),
    /// Other settings of runtimes.
    Runtime,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage { uri, access } => write!(f, "{} access to {uri}", access.as_str()),
            Self::Network(rule) => write!(f, "network access to {rule}"),
            Self::Environment(key) => write!(f, "the environment variable {key}"),
            Self::Ipc(uri) => write!(f, "the channel {uri}"),
            Self::Resource(name) => write!(f, "more than the limit {name}"),
            Self::Runtime => f.write_str("other runtime settings"),
        }
    }
}

pub(super) fn exceeds(ceiling: &Policy, other: &Policy) -> Vec<Excess> {
    let mut found = Vec::new();
    storage(&ceiling.storage, &other.storage, &mut found);
    network(&ceiling.network, &other.network, &mut found);
    let unknown = other.environment.iter().filter(|key| !ceiling.environment.contains(key));
    found.extend(unknown.cloned().map(Excess::Environment));
    ipc(&ceiling.ipc, &other.ipc, &mut found);
    resources(&ceiling.resources, &other.resources, &mut found);
    if other.runtime.is_some() && other.runtime != ceiling.runtime {
        found.push(Excess::Runtime);
    }
    found
}

/// A rule keeps the ceiling if one rule there holds all of it, and what is denied there of it is denied here too.
fn storage(ceiling: &Rules<StorageRule>, other: &Rules<StorageRule>, found: &mut Vec<Excess>) {
    for rule in &other.allow {
        for access in &rule.access {
            let holds = |wide: &StorageRule, uri: &StoragePattern| {
                wide.access.contains(access) && wide.uri.contains(uri)
            };
            let inside = ceiling.allow.iter().any(|wide| holds(wide, &rule.uri));
            let freed = |denied: &&StorageRule| {
                denied.access.contains(access)
                    && denied.uri.meets(&rule.uri)
                    && !other.deny.iter().any(|own| holds(own, &denied.uri))
            };
            if !inside || ceiling.deny.iter().any(|denied| freed(&denied)) {
                found.push(Excess::Storage { uri: rule.uri.clone(), access: *access });
            }
        }
    }
}

fn network(ceiling: &Rules<NetworkRule>, other: &Rules<NetworkRule>, found: &mut Vec<Excess>) {
    for rule in &other.allow {
        let inside = ceiling.allow.iter().any(|wide| holds(wide, rule));
        let freed =
            |denied: &NetworkRule| can_meet(rule, denied) && !other.deny.iter().any(|own| holds(own, denied));
        if !inside || ceiling.deny.iter().any(freed) {
            found.push(Excess::Network(rule.clone()));
        }
    }
}

/// Whether all that `rule` says is said by `wide`.
fn holds(wide: &NetworkRule, rule: &NetworkRule) -> bool {
    match (wide, rule) {
        (NetworkRule::Host(wide), NetworkRule::Host(host)) => wide.contains(host),
        (NetworkRule::Host(wide), _) => wide.is_any() && wide.port().is_none(),
        (NetworkRule::Cidr(wide), NetworkRule::Cidr(cidr)) => wide.contains(cidr),
        (NetworkRule::Cidr(wide), NetworkRule::Host(host)) => {
            host.address().is_some_and(|ip| wide.covers(ip))
        }
        (NetworkRule::Defaults, rule) => *rule == NetworkRule::Defaults,
        (NetworkRule::Cidr(_), NetworkRule::Defaults) => false,
    }
}

/// Whether a host that `rule` allows can be one that `denied` denies. A name may lead to any address.
fn can_meet(rule: &NetworkRule, denied: &NetworkRule) -> bool {
    match (rule, denied) {
        (NetworkRule::Host(host), NetworkRule::Host(denied)) => match (host.address(), denied.address()) {
            (Some(ip), Some(denied_ip)) => {
                ip.to_canonical() == denied_ip.to_canonical() && host.ports_meet(denied)
            }
            (None, None) => host.meets(denied),
            _ => true,
        },
        (NetworkRule::Host(host), NetworkRule::Cidr(denied)) => {
            host.address().is_none_or(|ip| denied.covers(ip))
        }
        (NetworkRule::Cidr(cidr), NetworkRule::Cidr(denied)) => cidr.meets(denied),
        (NetworkRule::Cidr(cidr), NetworkRule::Host(denied)) => {
            denied.address().is_none_or(|ip| cidr.covers(ip))
        }
        (NetworkRule::Defaults, _) | (_, NetworkRule::Defaults) => true,
    }
}

fn ipc(ceiling: &Rules<String>, other: &Rules<String>, found: &mut Vec<Excess>) {
    for uri in &other.allow {
        let freed = ceiling.deny.contains(uri) && !other.deny.contains(uri);
        if !ceiling.allow.contains(uri) || freed {
            found.push(Excess::Ipc(uri.clone()));
        }
    }
}

fn resources(ceiling: &Resources, other: &Resources, found: &mut Vec<Excess>) {
    fn over<T: PartialOrd>(most: Option<T>, asked: Option<T>) -> bool {
        most.is_some_and(|most| asked.is_none_or(|asked| asked > most))
    }
    let cpu = |of: &Resources| of.cpu_limit.as_ref().map(super::CpuLimit::millis);
    let memory = |of: &Resources| of.memory_limit.as_ref().map(super::MemoryLimit::bytes);
    let all = [
        ("resources.cpu", over(ceiling.cpu, other.cpu)),
        ("resources.memory", over(ceiling.memory, other.memory)),
        ("resources.io", over(ceiling.io, other.io)),
        ("resources.limits.cpu", over(cpu(ceiling), cpu(other))),
        ("resources.limits.memory", over(memory(ceiling), memory(other))),
    ];
    found.extend(all.into_iter().filter(|(_, over)| *over).map(|(name, _)| Excess::Resource(name)));
}
