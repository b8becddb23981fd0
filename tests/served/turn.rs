//! Port 9001: versions before 0.4 know no other, so that whoever starts one waits for its turn.

use std::fs::File;
use std::net::TcpListener;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use shadowcat::wassette::Dialect;

use crate::process::eventually;

/// Held by one test of all that run on this machine.
#[derive(Debug)]
pub(crate) struct Turn {
    _file: File,
}

impl Turn {
    pub(crate) fn take() -> Self {
        let path = std::env::temp_dir().join("shadowcat-port-9001.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        let is_free = || TcpListener::bind(Dialect::DEFAULT_ADDRESS).is_ok();
        eventually(Duration::from_secs(60), "port 9001 is free", is_free);
        Self { _file: file }
    }
}
