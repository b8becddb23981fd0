use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::wassette::host;

/// Hosts that may, or may not, be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkRule {
    /// By name, or by an address written as one.
    Host(HostPattern),
    /// By address.
    Cidr(Cidr),
    /// The list that policy-mcp calls `defaults`. It is not known here: it allows nothing, and only itself keeps to
    /// it.
    Defaults,
}

impl NetworkRule {
    /// It is for every port.
    pub(super) fn forget_port(&mut self) {
        if let Self::Host(host) = self {
            host.port = None;
        }
    }
}

impl fmt::Display for NetworkRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Cidr(cidr) => cidr.fmt(f),
            Self::Defaults => f.write_str("the default hosts"),
        }
    }
}

/// A host, `*.` and a name, or `*`; with a port or without.
///
/// ```
/// use shadowcat::wassette::policy::HostPattern;
///
/// let below: HostPattern = "*.example.com".parse()?;
/// assert!(below.covers("a.b.example.com", None) && !below.covers("example.com", None));
/// let local: HostPattern = "localhost:8080".parse()?;
/// assert!(local.covers("localhost", Some(8080)) && !local.covers("localhost", Some(80)));
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern {
    name: Name,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Any,
    /// Without `*`, with its dot.
    Below(Box<str>),
    Exact(Box<str>),
}

impl HostPattern {
    /// Whether it names `host`, which is in lower case, at `port`. A rule with a port covers no unknown port.
    pub fn covers(&self, host: &str, port: Option<u16>) -> bool {
        (self.port.is_none() || self.port == port) && self.name.covers(host)
    }

    /// The address that it spells.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match &self.name {
            Name::Exact(host) => host::address(host),
            _ => None,
        }
    }

    pub(crate) fn is_any(&self) -> bool {
        self.name == Name::Any
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        let name = match (&self.name, &other.name) {
            (Name::Any, _) => true,
            (Name::Below(own), Name::Below(other)) => other.ends_with(&**own),
            (own, Name::Exact(other)) => own.covers(other),
            _ => false,
        };
        name && (self.port.is_none() || self.port == other.port)
    }

    pub(super) fn ports_meet(&self, other: &Self) -> bool {
        self.port.is_none() || other.port.is_none() || self.port == other.port
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let bare = |pattern: &Self| Self { port: None, ..pattern.clone() };
        self.ports_meet(other) && (bare(self).contains(&bare(other)) || bare(other).contains(&bare(self)))
    }
}

impl Name {
    fn covers(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => **name == *host,
            Self::Below(end) => {
                host.len() > end.len() && host.ends_with(&**end) && host::address(host).is_none()
            }
        }
    }
}

impl FromStr for HostPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.contains("//") {
            return Err("a host is written without `https://` and path");
        }
        let colon = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
        let host = &text[..colon.unwrap_or(text.len())];
        let port =
            colon.map(|colon| host::port(&text[colon + 1..]).ok_or("a port is a number from 1 to 65535"));
        let name = match (host, host.strip_prefix('*')) {
            ("*", _) => Name::Any,
            (_, Some(end)) => {
                host::check(
                    end.strip_prefix('.').ok_or("a wildcard stands alone or as `*.` before a name")?,
                )?;
                Name::Below(end.into())
            }
            (host, None) => {
                host::check(host)?;
                Name::Exact(host.into())
            }
        };
        if matches!(&name, Name::Below(end) if host::address(&end[1..]).is_some()) {
            return Err("nothing lies below an address; write a range as `cidr`");
        }
        Ok(Self { name, port: port.transpose()? })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Any => f.write_str("*"),
            Name::Below(end) => write!(f, "*{end}"),
            Name::Exact(host) => f.write_str(host),
        }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A range of addresses, such as `10.0.0.0/8` or `fd00::/8`.
///
/// ```
/// use shadowcat::wassette::policy::Cidr;
///
/// let private: Cidr = "10.0.0.0/8".parse()?;
/// assert!(private.covers("10.1.2.3".parse().unwrap()));
/// assert!(private.covers("::ffff:10.1.2.3".parse().unwrap())); // the same host
/// assert!("10.1.0.0/8".parse::<Cidr>().is_err()); // 10.0.0.0/8 was meant, or something narrower
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether the address is in the range. An IPv4 address in an IPv6 one counts as IPv4.
    pub fn covers(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                self.same(u32::from(own).into(), u32::from(other).into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => self.same(own.into(), other.into(), 128),
            _ => false,
        }
    }

    /// Whether the first bits are the same.
    fn same(&self, own: u128, other: u128, bits: u8) -> bool {
        let rest = u32::from(bits - self.prefix);
        own.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.covers(other.address)
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

impl FromStr for Cidr {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let form = "a range is an address and a prefix, such as 10.0.0.0/8";
        let (address, prefix) = text.split_once('/').ok_or(form)?;
        let address: IpAddr = address.parse().map_err(|_| form)?;
        let digits =
            prefix.bytes().all(|byte| byte.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
        let prefix: u8 = prefix.parse().ok().filter(|_| digits).ok_or(form)?;
        let (bits, number) = match address {
            IpAddr::V4(address) => (32, u128::from(u32::from(address))),
            IpAddr::V6(address) => (128, u128::from(address)),
        };
        if prefix > bits {
            return Err("a prefix has at most 32 bits for IPv4 and 128 for IPv6");
        }
        let rest = u32::from(bits - prefix);
        if number & 1_u128.checked_shl(rest).map_or(u128::MAX, |bit| bit - 1) != 0 {
            return Err("the bits behind the prefix are zero");
        }
        if address != address.to_canonical() {
            return Err("a range of IPv4 addresses is written as IPv4");
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}
