//! Tests in processes of their own, which are killed or find no room.

#![allow(dead_code, reason = "each test file uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "its parent reads it")]

use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts this test program again, behind some shell, for its test `another_process`: the variable tells that what it is
/// to do, and where.
pub(crate) fn start(
    task: &str,
    shell: &str,
    what: &str,
    path: &Path,
) -> (Child, Lines<BufReader<ChildStdout>>) {
    let script = format!("{shell} exec \"$0\" --exact another_process --nocapture");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
    command.env(task, format!("{what} {}", path.display())).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, out)
}

/// The number behind the next such word.
pub(crate) fn told(lines: &mut impl Iterator<Item = io::Result<String>>, word: &str) -> Option<u64> {
    let number = |line: String| line.strip_prefix(word).and_then(|number| number.trim().parse().ok());
    lines.map_while(Result::ok).find_map(number)
}

/// Says that so much is safe, in a line so long that whoever says it is not far before whoever hears it: a pipe holds 64
/// KiB.
pub(crate) fn tell_safe(number: impl std::fmt::Display) {
    println!("\nsafe {number}{:1000}", "");
}

/// Kills it −9 when it has said so often what is safe; the last that it said.
pub(crate) fn kill_after(times: u32, (mut child, mut out): (Child, Lines<BufReader<ChildStdout>>)) -> u64 {
    let mut safe = 0;
    for _ in 0..times {
        safe = told(&mut out, "safe ").expect("it goes on");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(more) = told(&mut out, "safe ") {
        safe = more;
    }
    safe
}

/// How often: by default, or as the environment says.
pub(crate) fn kills(default: u32) -> u32 {
    configured("SHADOWCAT_KILLS", default)
}

pub(crate) fn configured(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// What is measured again and again: how often, how long at worst, how often longer than the figure says. Long runs show it
/// by `--nocapture`.
pub(crate) struct Worst {
    what: String,
    figure: Duration,
    times: u32,
    slow: u32,
    worst: Duration,
}

impl Worst {
    pub(crate) fn of(what: impl Into<String>, figure: Duration) -> Self {
        Self { what: what.into(), figure, times: 0, slow: 0, worst: Duration::ZERO }
    }

    pub(crate) fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.add(begun.elapsed());
        done
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.worst = self.worst.max(time);
        self.times += 1;
        self.slow += u32::from(time > self.figure);
        if self.times.is_multiple_of(100) {
            eprintln!("{self}");
        }
    }

    /// A machine that does much else is slow now and then, not always.
    pub(crate) fn is_seldom_slow(&self) {
        eprintln!("{self}; that is all");
        assert!(self.slow * 2 <= self.times, "{self}");
    }
}

impl std::fmt::Display for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, figure, times, slow, worst } = self;
        write!(f, "{what}: {times} times, {worst:?} at worst, {slow} over {figure:?}")
    }
}
