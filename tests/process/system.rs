//! What Linux says about processes.

use std::fs;

/// A line of the process table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: u32,
    pub(crate) state: char,
    pub(crate) parent: u32,
    pub(crate) group: u32,
}

/// Processes that run, and zombies that a live process of ours neglects. A zombie that was left to init is
/// init's to reap.
pub(crate) fn processes() -> impl Iterator<Item = Entry> {
    let folders = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    folders
        .filter_map(|folder| folder.file_name().to_str()?.parse().ok())
        .filter_map(entry)
        .filter(|entry| entry.state != 'Z' || entry.parent != 1)
}

pub(crate) fn entry(id: u32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it may hold anything.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ');
    let state = fields.next()?.chars().next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Entry { id, state, parent: number()?, group: number()? })
}

pub(crate) fn group(id: u32) -> Vec<u32> {
    processes().filter(|entry| entry.group == id).map(|entry| entry.id).collect()
}

pub(crate) fn children(id: u32) -> Vec<u32> {
    processes().filter(|entry| entry.parent == id).map(|entry| entry.id).collect()
}

/// The process whose last arguments are these.
pub(crate) fn running(arguments: &[&str]) -> Option<u32> {
    let ending: String = arguments.iter().map(|word| format!("\0{word}")).collect::<String>() + "\0";
    let is_it = |id: &u32| {
        fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.ends_with(ending.as_bytes()))
    };
    processes().map(|entry| entry.id).find(is_it)
}

/// Open descriptors of this process.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc is mounted").count()
}

/// The most memory that the process ever had, in KiB.
pub(crate) fn peak_memory(id: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says VmHWM");
    line.split_ascii_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}
