//! Policy files: how strictly they are read, and what they allow.

use serde_json::{Value, json};
use shadowcat::wassette::PermissionKind;
use shadowcat::wassette::policy::{Cidr, HostPattern, Operation, Policy, StoragePattern};

fn policy(permissions: Value) -> Policy {
    read(permissions).unwrap()
}

fn read(permissions: Value) -> Result<Policy, String> {
    let text = json!({ "version": "1.0", "permissions": permissions }).to_string();
    Policy::from_json(text).map_err(|error| error.to_string())
}

fn storage(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |uris: &[&str]| -> Vec<Value> {
        uris.iter().map(|uri| json!({ "uri": uri, "access": ["read"] })).collect()
    };
    policy(json!({ "storage": { "allow": rules(allow), "deny": rules(deny) } }))
}

fn network(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |hosts: &[&str]| -> Vec<Value> {
        hosts
            .iter()
            .map(|host| if host.contains('/') { json!({ "cidr": host }) } else { json!({ "host": host }) })
            .collect()
    };
    policy(json!({ "network": { "allow": rules(allow), "deny": rules(deny) } }))
}

fn reaches(policy: &Policy, host: &str, ip: Option<&str>) -> bool {
    let ip = ip.map(|ip| ip.parse().unwrap());
    policy.allows(&Operation::Connect { host, ip, port: Some(443) })
}

fn full() -> Value {
    json!({ "version": "1.0", "description": "all of it", "permissions": {
        "storage": {
            "allow": [{ "uri": "fs://workspace/**", "access": ["read", "write"] }, { "uri": "fs:///etc/app.yaml", "access": ["read"] }],
            "deny": [{ "uri": "fs://workspace/secret", "access": ["write"] }],
        },
        "network": {
            "allow": [{ "host": "*.example.com" }, { "host": "localhost:8080" }, { "cidr": "10.0.0.0/8" }, { "defaults": true }],
            "deny": [{ "host": "*" }, { "cidr": "::/0" }],
        },
        "environment": { "allow": [{ "key": "PATH" }] },
        "ipc": { "allow": [{ "uri": "pipe://app" }], "deny": [{ "uri": "pipe://system" }] },
        "resources": { "cpu": 50.0, "memory": 1024, "io": 10, "limits": { "cpu": "500m", "memory": "512Mi" } },
        "runtime": { "docker": { "security": { "privileged": false } }, "hyperlight": null },
    }})
}

#[test]
fn what_is_written_is_read_back_whole() {
    let text = full().to_string();
    let policy = Policy::from_json(&text).unwrap();
    assert_eq!(Policy::from_json(policy.to_json()).unwrap(), policy);
    assert_eq!(serde_json::from_str::<Value>(&policy.to_json()).unwrap(), full());
    assert_eq!(policy.resources.memory_limit.as_ref().unwrap().bytes(), 512 << 20);
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let storage = |rule: Value| read(json!({ "storage": { "allow": [rule] } })).unwrap_err();
    let at = "permissions.storage.allow[0]";
    let unknown = "unknown field `mode`, expected one of uri, access; correct or remove it";
    assert_eq!(storage(json!({ "uri": "fs:///a", "mode": 1 })), format!("{at}: {unknown}"));
    assert_eq!(storage(json!({ "uri": "fs:///a" })), format!("{at}: `access` is missing; add it"));
    assert_eq!(
        storage(json!({ "uri": "fs:///a", "access": ["exec"] })),
        format!("{at}.access[0]: access is `read` or `write`")
    );
    assert_eq!(
        storage(json!({ "uri": "fs:///a", "access": [] })),
        format!("{at}.access: name `read`, `write` or both")
    );
    assert_eq!(
        storage(json!({ "uri": "fs:///a/../b", "access": ["read"] })),
        format!("{at}.uri: a path has neither `.` nor `..`; write where it leads")
    );
    assert_eq!(
        storage(json!({ "uri": "http://a", "access": ["read"] })),
        format!("{at}.uri: a storage URI begins with fs://")
    );
    let network = read(json!({ "network": { "deny": [{ "host": "a", "cidr": "b" }] } })).unwrap_err();
    assert_eq!(network, "permissions.network.deny[0]: expected just one of host, cidr, defaults");
    assert_eq!(Policy::from_json(r#"{"version":"2.0","permissions":{}}"#).unwrap_err().at, "version");
    assert_eq!(
        Policy::from_json(r#"{"version":1.0,"permissions":{}}"#).unwrap_err().to_string(),
        "version: expected a text; put it in quotes"
    );
    assert_eq!(
        Policy::from_json(r#"{"version":"1.0","version":"1.1","permissions":{}}"#).unwrap_err().to_string(),
        "duplicate key at byte 17"
    );
    for text in [
        "",
        "[]",
        "1",
        "{}",
        r#"{"version":"1.0"}"#,
        r#"{"version":"1.0","permissions":[]}"#,
        "{\"version\":\"1.0\",\"permissions\":{}} x",
    ] {
        assert!(Policy::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_says_so() {
    let long = " ".repeat(Policy::MAX + 1);
    let error = Policy::from_json(&long).unwrap_err();
    assert_eq!(error.to_string(), "a policy has at most 1048576 bytes");
    let error = Policy::from_grant(PermissionKind::Storage, &long).unwrap_err();
    assert_eq!(error.to_string(), "details: a policy has at most 1048576 bytes");

    let runtime = |values: usize| {
        let list = vec!["0"; values].join(",");
        Policy::from_json(format!(r#"{{"version":"1.0","permissions":{{"runtime":{{"wasm":[{list}]}}}}}}"#))
    };
    assert!(runtime(65_000).is_ok());
    let error = runtime(65_536).unwrap_err().to_string();
    assert!(error.starts_with("a policy has at most 65536 values"), "{error}");
}

#[test]
fn patterns_hosts_and_ranges_against_the_rules_are_refused() {
    for uri in [
        "fs://",
        "a",
        "fs:///a//b",
        "fs:///a/***",
        "fs:///a/x**",
        "fs:///a/*x*",
        "fs:///.",
        "fs:///a\\b",
        "fs:///a?",
        "fs:///[a]",
        "fs:///a\nb",
    ] {
        assert!(uri.parse::<StoragePattern>().is_err(), "{uri}");
    }
    for host in [
        "",
        "*.",
        "*.*.a",
        "a.*",
        "*a.b",
        "**",
        "A.b",
        "a b",
        "https://a.b",
        "a.b/c",
        "*.10.0.0.1",
        "10.0.0",
        "a:0",
        "a:99999",
        "u@a",
    ] {
        assert!(host.parse::<HostPattern>().is_err(), "{host}");
    }
    for cidr in [
        "",
        "10.0.0.0",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.1/8",
        "::/129",
        "::ffff:10.0.0.0/104",
        "10.0.0/8",
        "a/8",
    ] {
        assert!(cidr.parse::<Cidr>().is_err(), "{cidr}");
    }
}

#[test]
fn a_file_is_covered_by_its_pattern_and_by_what_lies_above_it() {
    let covers = |uri: &str, path: &str| uri.parse::<StoragePattern>().unwrap().covers(path);
    assert!(covers("fs:///a", "/a") && covers("fs:///a", "/a/b/c") && !covers("fs:///a", "/ab"));
    assert!(
        covers("fs:///a/**", "/a")
            && covers("fs:///a/**/z", "/a/z")
            && covers("fs:///a/**/z", "/a/x/y/z/below")
    );
    assert!(covers("fs:///a/*", "/a/b/c") && !covers("fs:///a/*", "/a"));
    assert!(
        covers("fs:///a/x*y", "/a/xy")
            && covers("fs:///a/x*y", "/a/x--y")
            && !covers("fs:///a/xx*x", "/a/xx")
    );
    assert!(covers("fs:///", "/any") && covers("fs:///**", "/any") && !covers("fs:///**", "any"));
    assert!(covers("fs://a/", "a/b") && !covers("fs://a", "/a"));
    assert!(covers("fs:///a", "//a/./b"));
    for escape in ["/a/..", "/a/../b", "/a/b/../c", "/a\\b", "/a\0"] {
        assert!(!covers("fs:///**", escape), "{escape:?}");
    }
}

#[test]
fn deny_wins_and_nothing_is_allowed_unsaid() {
    let files = storage(&["fs:///data"], &["fs:///data/*/key"]);
    assert!(files.allows(&Operation::Read("/data/a/file")));
    assert!(!files.allows(&Operation::Read("/data/a/key/id")) && !files.allows(&Operation::Write("/data/a")));
    assert!(
        !Policy::new().allows(&Operation::Read("/data")) && !Policy::new().allows(&Operation::Env("HOME"))
    );
    let all = network(&["*"], &["*.evil.example", "evil.example"]);
    assert!(
        reaches(&all, "a.example", None)
            && !reaches(&all, "x.evil.example", None)
            && !reaches(&all, "EVIL.example.", None)
    );
}

#[test]
fn names_and_addresses_are_not_mixed_up() {
    let below = network(&["*.example.com", "10.0.0.0/8"], &[]);
    assert!(reaches(&below, "a.b.example.com", None) && !reaches(&below, "example.com", None));
    assert!(!reaches(&below, "badexample.com", None));
    assert!(reaches(&below, "10.1.2.3", None) && reaches(&below, "other.org", Some("10.0.0.1")));
    assert!(!reaches(&below, "other.org", None) && !reaches(&below, "[::1]", None));
    assert!(!reaches(&below, "192.0.2.1", Some("10.0.0.1")), "a written address is the address");
    assert!(reaches(&below, "[::ffff:10.0.0.1]", None));
    for spelled in ["10.1", "0x0a000001", "167772161", "10.0.0.1.", "a b", ""] {
        assert_eq!(reaches(&below, spelled, None), spelled == "10.0.0.1.", "{spelled}");
    }
    assert!(!reaches(&network(&["*"], &["fd00::/8"]), "x.example", None), "it may be in the range");
    let local = network(&["*"], &["127.0.0.1", "fd00::/8"]);
    assert!(
        !reaches(&local, "rebound.example", Some("127.0.0.1"))
            && !reaches(&local, "x.example", Some("fd00::1"))
    );
    assert!(reaches(&local, "x.example", Some("192.0.2.1")) && !reaches(&local, "x.example", None));
}

#[test]
fn a_ceiling_names_what_exceeds_it() {
    let over = |ceiling: &Policy, other: &Policy| -> Vec<String> {
        ceiling.exceeds(other).iter().map(ToString::to_string).collect()
    };
    let ceiling = storage(&["fs:///data/**"], &["fs:///data/keys"]);
    assert_eq!(over(&ceiling, &storage(&["fs:///data/a/*", "fs:///etc"], &[])), ["read access to fs:///etc"]);
    assert_eq!(over(&ceiling, &storage(&["fs:///data"], &[])), ["read access to fs:///data"]);
    assert!(ceiling.contains(&storage(&["fs:///data"], &["fs:///data/k*"])));
    assert!(!ceiling.contains(&storage(&["fs:///data/*/x"], &[])), "the star may be the keys");
    assert!(!ceiling.contains(&storage(&["fs://data"], &[])), "relative and absolute never meet");
    let hosts = network(&["*.example.com", "10.0.0.0/8"], &[]);
    assert_eq!(
        over(&hosts, &network(&["example.com", "a.example.com", "10.1.0.0/16", "0.0.0.0/0"], &[])),
        ["network access to example.com", "network access to 0.0.0.0/0"]
    );
    assert!(!network(&["*"], &["10.0.0.0/8"]).contains(&network(&["a.example"], &[])));
    let limits = |memory: &str| policy(json!({ "resources": { "limits": { "memory": memory } } }));
    assert_eq!(over(&limits("1Gi"), &limits("2Gi")), ["more than the limit resources.limits.memory"]);
    assert_eq!(over(&limits("1Gi"), &Policy::new()), ["more than the limit resources.limits.memory"]);
    assert!(limits("1Gi").contains(&limits("1024Mi")) && Policy::new().contains(&limits("1Ki")));
    let runtime = policy(json!({ "runtime": { "docker": { "security": { "privileged": true } } } }));
    assert_eq!(over(&Policy::new(), &runtime), ["other runtime settings"]);
}

#[test]
fn one_grant_is_judged_by_its_details() {
    let full = Policy::from_json(full().to_string()).unwrap();
    let permits = |kind: PermissionKind, details: Value| full.permits_grant(kind, details.to_string());
    assert!(permits(PermissionKind::Storage, json!({ "uri": "fs:///etc/app.yaml", "access": ["read"] })));
    assert!(!permits(
        PermissionKind::Storage,
        json!({ "uri": "fs:///etc/app.yaml", "access": ["read", "write"] })
    ));
    assert!(!permits(PermissionKind::Storage, json!({ "uri": "fs:///etc/../root", "access": ["read"] })));
    assert!(permits(PermissionKind::Environment, json!({ "key": "PATH" })));
    assert!(!permits(PermissionKind::Environment, json!({ "key": "PATH", "also": "HOME" })));
    assert!(!permits(PermissionKind::Network, json!({ "host": "a.example.com" })), "`*` is denied");
}

#[test]
fn a_grant_of_one_port_is_one_of_every_port() {
    let permits = |ceiling: &str, host: &str| {
        let details = json!({ "host": host }).to_string();
        network(&[ceiling], &[]).permits_grant(PermissionKind::Network, details)
    };
    assert!(!permits("a.example:443", "a.example:443"), "0.2 gives every port");
    assert!(permits("a.example", "a.example:443"));
    let denied = network(&["*"], &["a.example:80"]);
    assert!(!denied.permits_grant(PermissionKind::Network, json!({ "host": "a.example:443" }).to_string()));
}

#[test]
fn a_name_may_lead_to_a_denied_address() {
    let ceiling = network(&["*"], &["10.0.0.1"]);
    assert!(!ceiling.contains(&network(&["a.x"], &[])));
    assert!(ceiling.contains(&network(&["a.x"], &["10.0.0.0/24"])));
    assert!(ceiling.contains(&network(&["192.0.2.1"], &[])));
}

#[test]
fn one_address_is_denied_in_every_spelling_and_may_be_that_of_a_denied_name() {
    let ceiling = network(&["*"], &["[::ffff:10.0.0.1]:80", "[2001:db8::1]"]);
    assert!(!ceiling.contains(&network(&["10.0.0.1"], &[])));
    assert!(!ceiling.contains(&network(&["10.0.0.1:80"], &[])));
    assert!(ceiling.contains(&network(&["10.0.0.1:443"], &[])));
    assert!(!ceiling.contains(&network(&["[2001:db8:0::1]"], &[])));
    assert!(ceiling.contains(&network(&["[2001:db8::2]"], &[])));
    assert!(!network(&["*"], &["evil.example"]).contains(&network(&["192.0.2.1"], &[])));
    assert!(!network(&["*"], &["*.evil.example"]).contains(&network(&["192.0.2.1"], &[])));
}
