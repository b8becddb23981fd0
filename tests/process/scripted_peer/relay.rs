//! A peer whose words are the test's own.

use std::io;
use std::net::TcpStream;
use std::thread;

/// Hands on what it is told to whoever listens at the port, and says what comes from there.
pub(super) fn relay(port: u16) -> io::Result<()> {
    let mut told = TcpStream::connect(("127.0.0.1", port))?;
    told.set_nodelay(true)?;
    let mut says = told.try_clone()?;
    thread::spawn(move || io::copy(&mut says, &mut io::stdout()));
    io::copy(&mut io::stdin(), &mut told).map(drop)
}
