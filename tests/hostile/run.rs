//! One case of the corpus through a proxy in a process of its own.

use super::process::{self, Folder, Proxy};
use super::told::show;
use super::{PROBE, PROBED};

/// What goes to and fro in one case.
pub(crate) struct Run {
    pub(crate) folder: Folder,
    pub(crate) proxy: Proxy,
    pub(crate) said: Vec<Vec<u8>>,
}

/// What the client heard before the probe was answered and behind it, and what the server received.
pub(crate) struct Heard {
    pub(crate) before: Vec<Vec<u8>>,
    pub(crate) after: Vec<Vec<u8>>,
    pub(crate) received: Vec<u8>,
}

impl Run {
    pub(crate) fn start(first: &[u8], awaited: usize, play: &[u8]) -> Self {
        let folder = Folder::new();
        folder.write("first", first);
        folder.write("await", awaited.to_string());
        folder.write("play", play);
        let peer = process::peer().to_str().expect("the target directory has a UTF-8 path");
        let proxy = Proxy::start(process::profile_proxy(), &[peer, "script", folder.name()]);
        Self { folder, proxy, said: Vec::new() }
    }

    /// Reads until `last` has come.
    pub(crate) fn until(&mut self, last: &[u8]) -> Result<(), String> {
        loop {
            let line = self.proxy.receive();
            if line == last {
                return Ok(());
            }
            if line.is_empty() {
                return Err(format!("the proxy ended before {}", show(last)));
            }
            self.said.push(line);
        }
    }

    /// Asks whether the connection lives, upon which the peer closes, and reads the rest.
    pub(crate) fn probe(mut self) -> Result<Heard, String> {
        self.proxy.send(PROBE);
        self.until(PROBED)?;
        let rest = self.proxy.receive_rest();
        let after = rest.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        self.proxy.finish();
        Ok(Heard { before: self.said, after, received: self.folder.read("received") })
    }
}
