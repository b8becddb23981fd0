//! A proxy in a process of its own, and we are its client.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;

use super::alarm;

/// Killed when it hangs, and when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    _alarm: SyncSender<()>,
}

impl Proxy {
    pub(crate) fn start(program: &Path, args: &[&str]) -> Self {
        Self::start_with(program, args, Stdio::null())
    }

    pub(crate) fn start_with(program: &Path, args: &[&str], stderr: impl Into<Stdio>) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let alarm = alarm(process.id());
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take().map(BufReader::new));
        Self { process, stdin, stdout, _alarm: alarm }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// For a thread of its own.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin is open")
    }

    /// For a thread of its own.
    pub(crate) fn take_stdout(&mut self) -> BufReader<ChildStdout> {
        self.stdout.take().expect("stdout is open")
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("the proxy takes what it is sent");
    }

    /// One line with its end; empty at the end of the output.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        let stdout = self.stdout.as_mut().expect("stdout is open");
        stdout.read_until(b'\n', &mut line).expect("the proxy's output is readable");
        line
    }

    pub(crate) fn receive_rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let stdout = self.stdout.as_mut().expect("stdout is open");
        stdout.read_to_end(&mut rest).expect("the proxy's output is readable");
        rest
    }

    /// Closes its stdin and waits for its end.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        self.stdin = None;
        self.process.wait().expect("the proxy is our child")
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the proxy is our child");
        self.process.wait().expect("the proxy is our child");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
