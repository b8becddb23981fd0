//! Real processes for tests: where the programs are, a client of a proxy, and what the system says of them.

#![allow(dead_code, reason = "each test file uses a part of it")]

#[cfg(all(target_os = "linux", feature = "limits"))]
pub(crate) mod limited;
mod proxy;
#[cfg(target_os = "linux")]
pub(crate) mod system;
pub(crate) mod wassette;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use proxy::Proxy;

/// However slow the machine is, a session that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn peer() -> &'static Path {
    static PEER: OnceLock<PathBuf> = OnceLock::new();
    PEER.get_or_init(|| program("scripted_peer"))
}

pub(crate) fn load_peer() -> &'static Path {
    static PEER: OnceLock<PathBuf> = OnceLock::new();
    PEER.get_or_init(|| program("load_peer"))
}

/// A server of either era that several clients share.
pub(crate) fn modern_peer() -> &'static Path {
    static PEER: OnceLock<PathBuf> = OnceLock::new();
    PEER.get_or_init(|| program("modern_peer"))
}

pub(crate) fn sidecar() -> &'static Path {
    static SIDECAR: OnceLock<PathBuf> = OnceLock::new();
    SIDECAR.get_or_init(|| program("sidecar"))
}

pub(crate) fn profile_proxy() -> &'static Path {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    PROXY.get_or_init(|| program("profile_proxy"))
}

pub(crate) fn forward_stdio() -> &'static Path {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    PROXY.get_or_init(|| program("forward_stdio"))
}

/// Wassette 0.2 without WebAssembly.
pub(crate) fn wassette_0_2() -> &'static Path {
    static WASSETTE: OnceLock<PathBuf> = OnceLock::new();
    WASSETTE.get_or_init(|| program("wassette_0_2"))
}

/// An MCP proxy on HTTP.
pub(crate) fn reverse_http() -> &'static Path {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    PROXY.get_or_init(|| program("reverse_http"))
}

/// A proxy that records.
pub(crate) fn record_replay() -> &'static Path {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    PROXY.get_or_init(|| program("record_replay"))
}

/// Makes its server again whenever it ends.
pub(crate) fn supervised_proxy() -> &'static Path {
    static PROXY: OnceLock<PathBuf> = OnceLock::new();
    PROXY.get_or_init(|| program("supervised_proxy"))
}

/// Plays transcripts of a real Wassette.
pub(crate) fn transcript_peer() -> &'static Path {
    static PEER: OnceLock<PathBuf> = OnceLock::new();
    PEER.get_or_init(|| program("transcript_peer"))
}

/// An example's executable. `cargo test` has built it; `cargo test --test …` has not, so that what is missing
/// or older than its sources is built here.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // <target directory>/<profile>/deps/<test>-<hash>
    let profile = test.ancestors().nth(2).expect("a test lies in its target directory");
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let built = path.metadata().and_then(|data| data.modified()).ok();
    if built.is_none_or(|built| built < newest_source()) {
        build(name, profile);
    }
    path
}

/// What examples are made of.
const SOURCES: [&str; 5] =
    ["src", "examples", "tests/process", "tests/wassette/cli", "tests/wassette/transcripts"];

fn newest_source() -> SystemTime {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut folders = SOURCES.map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            match data.is_dir() {
                true => folders.push(entry.path()),
                false => newest = newest.max(data.modified().unwrap_or(newest)),
            }
        }
    }
    newest
}

fn build(name: &str, profile: &Path) {
    let folder = profile.file_name().and_then(OsStr::to_str).expect("cargo names profiles in ASCII");
    let target = profile.parent().expect("a profile lies in its target directory");
    let status = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--example", name])
        .args(cfg!(feature = "monitor").then_some("--features=monitor"))
        .args(cfg!(feature = "secret").then_some("--features=secret"))
        .args(cfg!(feature = "http-server").then_some("--features=http-server,http-client"))
        .args((name == "record_replay").then_some("--features=sqlite,encryption"))
        .args(["--profile", if folder == "debug" { "dev" } else { folder }])
        .arg("--target-dir")
        .arg(target)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "cargo builds the example {name}");
}

/// A number from the environment, for runs that are longer than the default.
pub(crate) fn configured(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}")),
        Err(_) => default,
    }
}

/// Past the test harness, which shows what a passing test prints to nobody.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Waits for what the system gives no signal for.
pub(crate) fn eventually(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The same, on a runtime.
pub(crate) async fn eventually_async(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A word that no other process has among its arguments.
pub(crate) fn mark() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("mark-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An empty folder of its own, gone when dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(mark());
        fs::create_dir_all(&path).expect("a folder can be made under the target directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().expect("the target directory has a UTF-8 path")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), bytes).expect("a file can be written under the target directory");
    }

    /// Whether something stands in it by now.
    #[allow(dead_code, reason = "not all who have folders wait")]
    pub(crate) fn has(&self, name: &str) -> bool {
        fs::metadata(self.0.join(name)).is_ok_and(|facts| facts.len() > 0)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("the peer wrote {name}: {error}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Kills a process that is not done in time; blocked reads and writes of its pipes then end.
fn alarm(id: u32) -> SyncSender<()> {
    let (sender, receiver) = sync_channel(0);
    std::thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(HANGS) {
            tell(&format!("the process {id} hangs and is killed"));
            kill(id);
        }
    });
    sender
}

/// SIGKILL.
pub(crate) fn kill(id: u32) {
    signal(id, Signal::KILL);
}

/// SIGTERM.
pub(crate) fn terminate(id: u32) {
    signal(id, Signal::TERM);
}

/// SIGINT, as by Ctrl-C.
pub(crate) fn interrupt(id: u32) {
    signal(id, Signal::INT);
}

fn signal(id: u32, signal: Signal) {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).expect("a process id is a positive i32");
    let _ = kill_process(pid, signal);
}
