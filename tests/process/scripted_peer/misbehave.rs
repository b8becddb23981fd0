//! Peers that do not answer, do not end, or take too much.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use std::{env, mem};

use super::{READ, lines, mirror};

/// Text, bytes that are no UTF-8, and a line of a megabyte; then an ordinary one.
pub(super) fn stderr_lines() -> io::Result<()> {
    let mut errors = io::stderr().lock();
    errors.write_all(b"first\r\nbad \xff byte\n")?;
    errors.write_all(&vec![b'x'; 1 << 20])?;
    errors.write_all(b"\nlast, without an end")?;
    Ok(())
}

/// Ignores that its stdin is closed.
pub(super) fn sleep_after_eof() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink())?;
    sleep()
}

pub(super) fn sleep() -> io::Result<()> {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Ignores a closed stdin and SIGTERM, and so does its grandchild: an ignored signal stays ignored over exec.
#[cfg(unix)]
pub(super) fn stubborn(mark: &str) -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let own = env::current_exe()?;
    let script = r#"trap '' TERM INT HUP; exec "$0" stubborn "$1" started"#;
    Err(Command::new("/bin/sh").args(["-c", script]).arg(own).arg(mark).exec())
}

#[cfg(not(unix))]
pub(super) fn stubborn(_: &str) -> io::Result<()> {
    sleep()
}

/// It holds our stdout and stderr open, as real ones do.
pub(super) fn start_grandchild(mark: &str) -> io::Result<()> {
    let own = env::current_exe()?;
    let grandchild = Command::new(own).args(["grandchild", mark]).stdin(Stdio::null()).spawn()?;
    mem::forget(grandchild);
    Ok(())
}

/// Bytes without a line break, and a reply behind them that belongs to the same line. Gives what is yet to be
/// read.
pub(super) fn flood(bytes: usize) -> io::Result<impl Iterator<Item = Vec<u8>>> {
    let mut requests = lines();
    let line = requests.next().expect("a request comes first");
    let mut out = io::stdout().lock();
    let block = vec![b'a'; READ];
    for _ in 0..bytes / READ {
        out.write_all(&block)?;
    }
    out.write_all(&mirror(&line))?;
    Ok(requests)
}

/// Never answers; records what it receives.
pub(super) fn silent(record: &Path) -> io::Result<()> {
    let mut record = File::create(record)?;
    let mut block = [0; READ];
    loop {
        let read = io::stdin().read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        record.write_all(&block[..read])?;
    }
}

/// Takes memory and keeps it.
pub(super) fn take(mebibytes: usize) -> io::Result<()> {
    let taken = vec![1u8; mebibytes << 20];
    std::hint::black_box(&taken);
    sleep()
}

/// Takes CPU time; bounded, in case nobody ends it.
pub(super) fn burn() -> io::Result<()> {
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        std::hint::spin_loop();
    }
    Ok(())
}

/// Runs on without its stdout.
#[cfg(unix)]
pub(super) fn close_stdout() -> io::Result<()> {
    use std::os::unix::process::CommandExt;

    let own = env::current_exe()?;
    Err(Command::new("/bin/sh").args(["-c", r#"exec "$0" deaf >&-"#]).arg(own).exec())
}

#[cfg(not(unix))]
pub(super) fn close_stdout() -> io::Result<()> {
    sleep()
}
