//! One start: an address, a process, and the wait until it listens there.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::Uri;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::super::gate::Gate;
use super::super::setup::Found;
use super::leaf::Served;
use super::port::{self, Claim};
use crate::connect::child::daemon::{self, Daemon};
use crate::connect::http::Options;
use crate::error::Error;
use crate::wassette::{Dialect, log};

/// How often another port is tried, where somebody else was faster.
const TRIES: usize = 3;
/// How long between two tries to connect, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));
/// A longer time cannot be added to any other: a year.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// So much of each line that is quoted.
const QUOTED: usize = 200;

/// What is started, again and again perhaps.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) found: Found,
    pub(super) bind: SocketAddr,
    /// With what the dialect needs.
    pub(super) options: Options,
    /// How long a start may take.
    pub(super) limit: Duration,
}

impl Plan {
    pub(super) fn gate(&self) -> Gate {
        Gate::new(self.found.dialect, self.found.component_dir()).over_http()
    }

    pub(super) async fn spawn(self) -> Result<Served, Error> {
        let deadline = Instant::now() + self.limit.min(LONGEST);
        let tries = if self.bind.port() == 0 { TRIES } else { 1 };
        for _ in 1..tries {
            match self.spawn_once(deadline).await {
                Err(Failure::Taken(error)) => tracing::debug!(%error, "another port is tried"),
                done => return done.map_err(Failure::into),
            }
        }
        self.spawn_once(deadline).await.map_err(Failure::into)
    }

    async fn spawn_once(&self, deadline: Instant) -> Result<Served, Failure> {
        let claim = Claim::on(self.bind).map_err(|error| Failure::at(self.bind, error))?;
        let (bind, dialect) = (claim.address(), self.found.dialect);
        let args = dialect.http_args(Some(&bind.to_string())).map_err(Error::invalid)?;
        let daemon = self.found.serving(&args).daemon(claim)?;
        let address = reached(bind);
        if let Err(error) = listens(&daemon, address, deadline).await {
            // It has ended: its address is free, unless it was somebody else's.
            return Err(port::check(bind).map_or_else(|taken| Failure::at(bind, taken), |()| error.into()));
        }
        let path = dialect.endpoint().path();
        let uri: Uri = format!("http://{address}{path}").parse().map_err(Error::invalid)?;
        Ok(Served::new(daemon, uri, self.options.clone()))
    }
}

/// Where the dialect listens unless it is told otherwise: at its one address, or at any port of this machine.
pub(super) fn default_bind(dialect: Dialect) -> Result<SocketAddr, Error> {
    match dialect.binds() {
        true => Ok((Ipv4Addr::LOCALHOST, 0).into()),
        false => Dialect::DEFAULT_ADDRESS.parse().map_err(Error::invalid),
    }
}

/// Where it is reached from here.
fn reached(bind: SocketAddr) -> SocketAddr {
    match bind {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

/// Waits until the process takes connections. If it does not, it has ended when this has.
async fn listens(daemon: &Daemon, address: SocketAddr, deadline: Instant) -> Result<(), Error> {
    let connected = async {
        let mut pause = PAUSE.0;
        while !is_listened_on(address).await {
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    };
    let error = tokio::select! {
        biased;
        exit = daemon::ended(daemon.end()) => exit.error().clone(),
        connected = timeout_at(deadline, connected) => match connected {
            Ok(()) => return Ok(()),
            Err(_) => {
                let why = Error::timeout(format_args!("it does not listen on {address} in time"));
                daemon.stop(why.clone());
                daemon::ended(daemon.end()).await;
                why
            }
        },
    };
    Err(error.within(format_args!("wassette did not start; {}", last_words(daemon))))
}

/// Where nobody listens yet, a connection can be one to itself: both ports are drawn from the same range.
async fn is_listened_on(address: SocketAddr) -> bool {
    let connected = TcpStream::connect(address).await;
    connected.is_ok_and(|stream| stream.local_addr().is_ok_and(|local| local != address))
}

fn last_words(daemon: &Daemon) -> String {
    let lines = daemon.last_words();
    let plain = lines.iter().map(|line| log::plain(line).chars().take(QUOTED).collect::<String>());
    let quoted: Vec<_> = plain.map(|line| format!("{:?}", line.trim())).collect();
    match quoted.is_empty() {
        true => "it said nothing".to_owned(),
        false => format!("it said last {}", quoted.join(", ")),
    }
}

/// Why there is no server.
enum Failure {
    /// Somebody else listens where it should.
    Taken(Error),
    Other(Error),
}

impl Failure {
    fn at(address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                let what = format!("{address}, where wassette is to listen, is taken");
                Self::Taken(Error::io(what, error))
            }
            _ => Self::Other(Error::io(format_args!("wassette cannot listen on {address}"), error)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Taken(error) | Failure::Other(error) => error,
        }
    }
}
