//! What reading a hostile text may cost of memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::sync::{Mutex, PoisonError};

use shadowcat::JsonRpcMessage;
use shadowcat::wassette::Dialect;

/// How much more memory this process had during the work than before it, in KiB.
fn cost(work: impl FnOnce()) -> u64 {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write("/proc/self/clear_refs", "5").unwrap(); // the peak begins anew
    let before = peak();
    work();
    peak() - before
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A list that takes more than a hundred times its size once it is a `serde_json::Value`.
fn costly(objects: usize) -> String {
    format!("[{}]", vec![r#"{"":0}"#; objects].join(","))
}

/// The same, nested.
fn nested(objects: usize) -> String {
    const DEPTH: usize = 110;
    let one = format!("{}0{}", r#"{"":"#.repeat(DEPTH), "}".repeat(DEPTH));
    format!("[{}]", vec![one; objects / DEPTH].join(","))
}

#[test]
fn a_message_of_many_small_parts_costs_next_to_nothing() {
    for json in [costly(590_000), nested(800_000)] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{json}}}}}"#);
        let message = JsonRpcMessage::parse(text).unwrap();
        let taken = cost(|| Dialect::V0_2.understands(&message).unwrap());
        assert!(taken < 1 << 10, "{taken} KiB for {} KiB", message.bytes().len() >> 10);
    }
}
