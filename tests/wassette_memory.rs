//! What reading a hostile text may cost of memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shadowcat::JsonRpcMessage;
use shadowcat::wassette::policy::Policy;
use shadowcat::wassette::{Dialect, PermissionKind};

/// One test at a time: they measure the whole process.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much more memory this process had during the work than before it, in KiB.
fn cost(work: impl FnOnce()) -> u64 {
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
    let _turn = turn();
    for json in [costly(590_000), nested(800_000)] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{json}}}}}"#);
        let message = JsonRpcMessage::parse(text).unwrap();
        let taken = cost(|| Dialect::V0_2.understands(&message).unwrap());
        assert!(taken < 1 << 10, "{taken} KiB for {} KiB", message.bytes().len() >> 10);
    }
}

#[test]
fn a_policy_or_a_grant_of_many_small_parts_costs_little() {
    let _turn = turn();
    let policy =
        |json: String| format!(r#"{{"version":"1.0","permissions":{{"storage":{{"allow":{json}}}}}}}"#);
    for text in [policy(costly(149_000)), policy(nested(200_000))] {
        assert!(text.len() < Policy::MAX);
        let taken = cost(|| drop(Policy::from_json(&text).unwrap_err()));
        assert!(taken < 48 << 10, "JSON: {taken} KiB");
        #[cfg(feature = "yaml")]
        {
            let taken = cost(|| drop(Policy::from_yaml(&text).unwrap_err()));
            assert!(taken < 48 << 10, "YAML: {taken} KiB");
        }
    }
    let details = format!(r#"{{"uri":{}}}"#, costly(590_000));
    let taken = cost(|| drop(Policy::from_grant(PermissionKind::Storage, &details).unwrap_err()));
    assert!(taken < 48 << 10, "a grant: {taken} KiB");
}
