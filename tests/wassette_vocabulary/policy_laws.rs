//! Laws of policies, on policies and operations made at random from a small world, so that they meet.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use shadowcat::wassette::policy::{Operation, Policy};

/// Something to do, owned.
#[derive(Clone, Debug)]
enum Deed {
    Read(String),
    Write(String),
    Connect(String, Option<IpAddr>, Option<u16>),
    Env(String),
}

impl Deed {
    fn operation(&self) -> Operation<'_> {
        match self {
            Self::Read(path) => Operation::Read(path),
            Self::Write(path) => Operation::Write(path),
            Self::Connect(host, ip, port) => Operation::Connect { host, ip: *ip, port: *port },
            Self::Env(key) => Operation::Env(key),
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "ab", "aab"]);
    (any::<bool>(), prop::collection::vec(part, 0..4))
        .prop_map(|(absolute, parts)| format!("{}{}", if absolute { "/" } else { "./" }, parts.join("/")))
}

fn deed() -> impl Strategy<Value = Deed> {
    let host = select(vec!["a.x", "b.a.x", "a.y", "x", "10.0.0.1", "10.1.0.1", "192.0.2.1", "[fd00::1]"]);
    let ip = prop::option::of(select(vec!["10.0.0.1", "10.1.0.1", "192.0.2.1", "fd00::1"]));
    let port = prop::option::of(select(vec![80, 443]));
    prop_oneof![
        4 => path().prop_map(Deed::Read),
        2 => path().prop_map(Deed::Write),
        6 => (host, ip, port).prop_map(|(host, ip, port)| {
            Deed::Connect(host.to_owned(), ip.map(|ip| ip.parse().unwrap()), port)
        }),
        1 => select(vec!["A", "B"]).prop_map(|key| Deed::Env(key.to_owned())),
    ]
}

fn storage_rule() -> impl Strategy<Value = Value> {
    let part = select(vec!["a", "b", "ab", "*", "**", "a*", "*b", "a*b"]);
    let access = select(vec![json!(["read"]), json!(["write"]), json!(["read", "write"])]);
    (any::<bool>(), prop::collection::vec(part, 1..4), access).prop_map(|(absolute, parts, access)| {
        json!({ "uri": format!("fs://{}{}", if absolute { "/" } else { "" }, parts.join("/")), "access": access })
    })
}

fn network_rule() -> impl Strategy<Value = Value> {
    let host = select(vec![
        "*",
        "*.x",
        "*.a.x",
        "a.x",
        "b.a.x",
        "a.x:80",
        "*:443",
        "*.x:80",
        "10.0.0.1",
        "[fd00::1]",
        "10.0.0.1:80",
    ]);
    let cidr = select(vec!["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32", "0.0.0.0/0", "::/0", "fd00::/8"]);
    prop_oneof![host.prop_map(|host| json!({ "host": host })), cidr.prop_map(|cidr| json!({ "cidr": cidr }))]
}

/// Rules, among which are often those that allow everything: only then policies contain each other.
fn rules(wide: Vec<Value>, rule: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let allow = prop_oneof![1 => select(wide), 2 => rule.clone()];
    (prop::collection::vec(allow, 0..4), prop::collection::vec(rule, 0..3))
        .prop_map(|(allow, deny)| json!({ "allow": allow, "deny": deny }))
}

fn permissions() -> impl Strategy<Value = Value> {
    let wide = |uri: &str| json!({ "uri": uri, "access": ["read", "write"] });
    let storage = rules(vec![wide("fs:///**"), wide("fs://**")], storage_rule().boxed());
    let network = rules(vec![json!({ "host": "*" })], network_rule().boxed());
    let keys = prop::collection::vec(select(vec![json!({ "key": "A" }), json!({ "key": "B" })]), 0..2);
    (storage, network, keys).prop_map(|(storage, network, keys)| {
        json!({ "storage": storage, "network": network, "environment": { "allow": keys } })
    })
}

fn read(permissions: &Value) -> Policy {
    Policy::from_json(json!({ "version": "1.0", "permissions": permissions }).to_string()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_a_contained_policy_allows_is_allowed(a in permissions(), b in permissions(), deeds in prop::collection::vec(deed(), 48)) {
        let (a, b) = (read(&a), read(&b));
        // Random policies seldom contain each other: take the part of `b` that keeps to `a`.
        let mut b = b;
        b.storage.allow.retain(|rule| {
            let mut one = Policy::new();
            one.storage.allow.push(rule.clone());
            one.storage.deny = b.storage.deny.clone();
            a.contains(&one)
        });
        b.network.allow.retain(|rule| {
            let mut one = Policy::new();
            one.network.allow.push(rule.clone());
            one.network.deny = b.network.deny.clone();
            a.contains(&one)
        });
        b.environment.retain(|key| a.environment.contains(key));
        prop_assert!(a.contains(&b));
        for deed in &deeds {
            prop_assert!(!b.allows(&deed.operation()) || a.allows(&deed.operation()), "{deed:?}");
        }
    }

    #[test]
    fn every_policy_contains_itself(a in permissions()) {
        let a = read(&a);
        prop_assert_eq!(a.exceeds(&a), []);
    }

    #[test]
    fn deny_beats_allow(a in permissions(), deeds in prop::collection::vec(deed(), 24)) {
        let mut a = read(&a);
        for deed in &deeds {
            let before = a.allows(&deed.operation());
            let mut swapped = a.clone();
            swapped.storage.deny.extend(a.storage.allow.iter().cloned());
            swapped.network.deny.extend(a.network.allow.iter().cloned());
            let is_env = matches!(deed, Deed::Env(_));
            prop_assert!(is_env || !swapped.allows(&deed.operation()), "{deed:?} was {before}");
        }
        a.storage.allow.clear();
        a.network.allow.clear();
        a.environment.clear();
        prop_assert!(deeds.iter().all(|deed| !a.allows(&deed.operation())), "default deny");
    }

    #[test]
    fn a_policy_that_is_written_reads_back(a in permissions()) {
        let a = read(&a);
        prop_assert_eq!(Policy::from_json(a.to_json()).unwrap(), a);
    }

    #[test]
    fn no_text_panics(text in "(?s).{0,80}", path in "(?s).{0,20}", host in "(?s).{0,20}") {
        let _ = Policy::from_json(&text);
        let _ = Policy::from_json(format!(r#"{{"version":"1.0","permissions":{{"storage":{{"allow":[{text}]}}}}}}"#));
        #[cfg(feature = "yaml")]
        let _ = Policy::from_yaml(&text);
        let all = Policy::from_json(r#"{"version":"1.0","permissions":{"storage":{"allow":[{"uri":"fs:///**","access":["read"]}]},"network":{"allow":[{"host":"*"}]}}}"#).unwrap();
        let reads = all.allows(&Operation::Read(&path));
        prop_assert!(!reads || !path.split('/').any(|part| part == ".."));
        let _ = all.allows(&Operation::Connect { host: &host, ip: None, port: None });
    }
}
