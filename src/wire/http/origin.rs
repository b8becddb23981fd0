//! Who may call: the names that a request may call this server by, and the web pages it may come from.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use http::{HeaderValue, StatusCode, Uri};

use super::Refusal;
use super::fields::Fields;

/// A configured list that cannot be meant so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// Not a host with or without a port.
    #[error("`{0}` is no host, nor a host and a port")]
    Host(String),
    /// Not a scheme and a host, with or without a port.
    #[error("`{0}` is no origin such as https://example.com")]
    Origin(String),
    /// Bound to an address that others reach, without a list of hosts: any web page could reach it by a name of its
    /// own (DNS rebinding).
    #[error("{0} can be reached from elsewhere: say by which hosts it may be called")]
    NoHosts(SocketAddr),
}

/// By which `Host` a server may be called. Names compare without case, ports as written: a host with a port and the
/// same host without one are two entries.
///
/// ```
/// use shadowcat::wire::http::HostPolicy;
///
/// assert!(HostPolicy::list(["mcp.example", "mcp.example:8443", "[::1]:8080"]).is_ok());
/// assert!(HostPolicy::list(["https://mcp.example"]).is_err());
/// assert!(HostPolicy::bound_to("0.0.0.0:8080".parse()?).is_err());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPolicy {
    /// In lower case; `None` is any.
    hosts: Option<Vec<String>>,
}

impl HostPolicy {
    /// These and no others.
    ///
    /// # Errors
    ///
    /// One is no host.
    pub fn list<I: IntoIterator<Item: Into<String>>>(hosts: I) -> Result<Self, InvalidPolicy> {
        let check = |host: String| match is_host(&host) {
            true => Ok(host.to_ascii_lowercase()),
            false => Err(InvalidPolicy::Host(host)),
        };
        let hosts: Result<_, _> = hosts.into_iter().map(|host| check(host.into())).collect();
        Ok(Self { hosts: Some(hosts?) })
    }

    /// What a server on a loopback address is called: `localhost`, `127.0.0.1`, `[::1]` and the address itself.
    ///
    /// # Errors
    ///
    /// The address is not a loopback address.
    pub fn bound_to(address: SocketAddr) -> Result<Self, InvalidPolicy> {
        if !address.ip().is_loopback() {
            return Err(InvalidPolicy::NoHosts(address));
        }
        Ok(Self { hosts: Some(loopback(address)) })
    }

    /// Any name: for a server behind a proxy that checks it, or a test.
    pub fn any() -> Self {
        Self { hosts: None }
    }

    /// Both the target's authority and `Host` are checked, for either may be what a proxy went by.
    pub(super) fn check(&self, fields: &Fields<'_>, uri: &Uri) -> Result<(), Refusal> {
        let host = fields.host.single().map_err(|_| Refusal::bad_request("more than one Host"))?;
        let host = host.map(HeaderValue::as_bytes);
        let target = uri.authority().map(|target| target.as_str().as_bytes());
        if host.is_none() && target.is_none() {
            return Err(Refusal::bad_request("no Host"));
        }
        let disagree =
            matches!((host, target), (Some(host), Some(target)) if !host.eq_ignore_ascii_case(target));
        let is = |host: &[u8], allowed: &String| host.eq_ignore_ascii_case(allowed.as_bytes());
        let denied = |host: &&[u8]| {
            self.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|allowed| is(host, allowed)))
        };
        if disagree || [host, target].iter().flatten().any(denied) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "this Host is not served here"));
        }
        Ok(())
    }
}

/// From which web pages a server may be called. A request that names no `Origin` comes from none and passes.
///
/// ```
/// use shadowcat::wire::http::OriginPolicy;
///
/// assert!(OriginPolicy::list(["https://app.example", "http://localhost:3000"]).is_ok());
/// assert!(OriginPolicy::list(["https://app.example/"]).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    origins: Vec<String>,
}

impl OriginPolicy {
    /// These and no others, each compared exactly. None at all is a fine list.
    ///
    /// # Errors
    ///
    /// One is no origin as browsers write it: scheme and host in lower case, no path.
    pub fn list<I: IntoIterator<Item: Into<String>>>(origins: I) -> Result<Self, InvalidPolicy> {
        let check = |origin: String| match is_origin(&origin) {
            true => Ok(origin),
            false => Err(InvalidPolicy::Origin(origin)),
        };
        let origins: Result<_, _> = origins.into_iter().map(|origin| check(origin.into())).collect();
        Ok(Self { origins: origins? })
    }

    /// The pages of a server on a loopback address itself, over plain HTTP; of any other address, none.
    pub fn bound_to(address: SocketAddr) -> Self {
        if !address.ip().is_loopback() {
            return Self::default();
        }
        let origins = loopback(address).into_iter().map(|host| format!("http://{host}"));
        Self { origins: origins.collect() }
    }

    pub(super) fn check(&self, fields: &Fields<'_>) -> Result<(), Refusal> {
        let allowed = match fields.origin.single() {
            Ok(None) => true,
            Ok(Some(origin)) => self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
            Err(_) => false,
        };
        if allowed { Ok(()) } else { Err(Refusal::new(StatusCode::FORBIDDEN, "this Origin may not call")) }
    }
}

/// With the port, and without it where it is the default.
fn loopback(address: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    let own = match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    if !names.contains(&own) {
        names.push(own);
    }
    let mut hosts: Vec<_> = names.iter().map(|name| format!("{name}:{}", address.port())).collect();
    if address.port() == 80 {
        hosts.append(&mut names);
    }
    hosts
}

fn is_host(text: &str) -> bool {
    let authority = text.parse::<Authority>();
    authority.is_ok_and(|authority| !text.contains('@') && !authority.host().is_empty())
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_scheme =
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    lower && is_scheme && is_host(host)
}
