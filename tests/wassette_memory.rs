//! What hostile texts and servers may cost of memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shadowcat::JsonRpcMessage;
use shadowcat::wassette::policy::Policy;
use shadowcat::wassette::{ComponentMap, Dialect, PermissionKind};

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

/// As 0.2 answers a call of `tool`.
fn observe(map: &mut ComponentMap, tool: &str, said: serde_json::Value) {
    let call = serde_json::json!({ "name": tool, "arguments": {} }).to_string();
    let result = serde_json::json!({ "content": [{ "type": "text", "text": said.to_string() }] }).to_string();
    let request = JsonRpcMessage::request(1, "tools/call", call).unwrap();
    map.observe(&request, &JsonRpcMessage::response(1, result).unwrap()).unwrap();
}

fn grant(map: &mut ComponentMap, component: &str, host: &str) {
    let said = serde_json::json!({ "status": "permission granted", "component_id": component,
        "permission_type": "network", "details": { "host": host } });
    observe(map, "grant-network-permission", said);
}

fn list(map: &mut ComponentMap, components: &[&str]) {
    let components = components.iter();
    let components =
        components.map(|id| serde_json::json!({ "id": id, "tools_count": 0, "schema": { "tools": [] } }));
    let components: Vec<_> = components.collect();
    let total = components.len();
    observe(map, "list-components", serde_json::json!({ "components": components, "total": total }));
}

#[test]
fn the_permissions_of_all_components_together_have_a_bound_in_bytes() {
    let _turn = turn();
    let mut map = ComponentMap::new();
    for host in (0..100).map(|at| format!("{at}{}", "x".repeat(5_000))) {
        grant(&mut map, "a", &host);
        grant(&mut map, "b", &host);
    }
    let kept = ["a", "b"].map(|id| map.permissions(id).len());
    let all = ["a", "b"].into_iter().flat_map(|id| map.permissions(id));
    let bytes: usize = all.map(|held| held.subject.len() + held.details.len()).sum();
    assert!((1 << 19..1 << 20).contains(&bytes), "{bytes} {kept:?}");
    assert!(map.is_truncated());

    list(&mut map, &["a", "b"]);
    assert_eq!(["a", "b"].map(|id| map.permissions(id).len()), kept);
    assert!(map.is_truncated(), "a list tells nothing of permissions");
    list(&mut map, &["a"]);
    grant(&mut map, "a", "a.example");
    assert_eq!(map.permissions("a").len(), kept[0] + 1, "what went made room");
    list(&mut map, &[]);
    assert!(!map.is_truncated(), "nothing is left that could have any");
}

#[test]
fn small_permissions_count_with_what_they_take() {
    let _turn = turn();
    let mut map = ComponentMap::new();
    for component in (0..64).map(|at| format!("c{at}")) {
        (0..256).for_each(|at| grant(&mut map, &component, &at.to_string()));
    }
    let kept: usize = (0..64).map(|at| map.permissions(&format!("c{at}")).len()).sum();
    assert!((4_000..16_000).contains(&kept) && map.is_truncated(), "{kept}");
}
