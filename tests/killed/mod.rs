//! Tests in processes of their own, which are killed or find no room.

#![allow(dead_code, reason = "each test file uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

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
    command.env(task, format!("{what} {}", path.display())).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, out)
}

/// The number behind the next such word.
pub(crate) fn told(lines: &mut impl Iterator<Item = io::Result<String>>, word: &str) -> Option<u64> {
    let number = |line: String| line.strip_prefix(word).and_then(|number| number.trim().parse().ok());
    lines.map_while(Result::ok).find_map(number)
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
    std::env::var("SHADOWCAT_KILLS").map_or(default, |kills| kills.parse().unwrap())
}
