//! Addresses that servers of our own listen on.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What servers of this program have, or are about to: one that starts does not hold its address yet.
static OURS: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());

/// How often another port is asked for, where one that is free is ours already.
const TRIES: usize = 16;

/// An address that no other server of ours is given meanwhile.
#[derive(Debug)]
pub(super) struct Claim(SocketAddr);

impl Claim {
    /// This address, if nobody listens on it; with port 0 any that is free.
    pub(super) fn on(asked: SocketAddr) -> io::Result<Self> {
        for _ in 0..TRIES {
            let mut ours = ours();
            let free = TcpListener::bind(asked)?.local_addr()?;
            if ours.insert(free) {
                return Ok(Self(free));
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        ours().remove(&self.0);
    }
}

/// Why nobody can listen on this address now.
pub(super) fn check(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

fn ours() -> MutexGuard<'static, BTreeSet<SocketAddr>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_claimed_once_at_a_time() {
        let first = Claim::on(([127, 0, 0, 1], 0).into()).unwrap();
        let again = Claim::on(first.address()).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        let address = first.address();
        drop(first);
        assert_eq!(Claim::on(address).unwrap().address(), address);
    }

    #[test]
    fn an_address_that_somebody_listens_on_is_not_claimed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(Claim::on(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(Claim::on(address).is_ok());
    }
}
