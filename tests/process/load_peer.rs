//! A process that uses what a test counts: `load_peer MODE [NUMBER]`. It says `ready` and a number, and ends when its
//! stdin does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::{env, hint, thread};

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["idle"] => wait(0),
        ["burn"] => burn(),
        ["memory", mebibytes] => memory(number(mebibytes)),
        ["descriptors", count] => descriptors(number(count)),
        ["threads", count] => threads(number(count)),
        ["family", generations] => family(number(generations)),
        ["log"] => log(),
        _ => panic!("no such mode: {words:?}"),
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

fn wait(number: u32) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready {number}")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn burn() -> io::Result<()> {
    thread::spawn(|| {
        loop {
            hint::spin_loop();
        }
    });
    wait(0)
}

fn memory(mebibytes: usize) -> io::Result<()> {
    // Written to, so that it is there.
    let held = vec![1_u8; mebibytes << 20];
    wait(hint::black_box(&held).len() as u32)
}

fn descriptors(count: usize) -> io::Result<()> {
    let held: Vec<File> = (0..count).map(|_| File::open("/dev/null")).collect::<io::Result<_>>()?;
    wait(held.len() as u32)
}

fn threads(count: usize) -> io::Result<()> {
    for _ in 0..count {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    // A number that is a thread's and no process's.
    let tasks = std::fs::read_dir("/proc/self/task")?.flatten();
    let ids = tasks.filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    wait(ids.max().unwrap_or(0))
}

/// A process below another, so many times; the last one burns. Each ends when its stdin does, which
/// its parent holds.
fn family(generations: usize) -> io::Result<()> {
    let below = generations.saturating_sub(1).to_string();
    let args = if generations == 1 { vec!["burn"] } else { vec!["family", &below] };
    let mut child = start(&args)?;
    let mut said = [0; 6];
    child.stdout.as_mut().expect("it is a pipe").read_exact(&mut said)?;
    let outcome = wait(child.id());
    drop(child.stdin.take());
    child.wait()?;
    outcome
}

fn start(args: &[&str]) -> io::Result<Child> {
    Command::new(env::current_exe()?).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
}

/// What it is sent goes to stderr, as a log.
fn log() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready 0")?;
    out.flush()?;
    io::copy(&mut io::stdin(), &mut io::stderr()).map(drop)
}
