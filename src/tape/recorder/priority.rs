//! Who waits for whom, where there are fewer processors than work.

use std::io;

/// Ten of the twenty steps: where processors are scarce, a thread of the ordinary priority gets nine times as much.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// The traffic goes first, and this thread, which only writes down what passed, after it.
#[cfg(target_os = "linux")]
pub(super) fn lower() -> io::Result<()> {
    // On Linux the priority that is called a process's is a thread's, and none is the caller's own.
    let nice = rustix::process::getpriority_process(None)?;
    Ok(rustix::process::setpriority_process(None, nice.max(NICE))?)
}

/// Elsewhere it would be that of the whole process.
#[cfg(not(target_os = "linux"))]
pub(super) fn lower() -> io::Result<()> {
    Ok(())
}
