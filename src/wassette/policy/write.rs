use serde_json::{Map, Value, json};

use super::{NetworkRule, Policy, Resources, Rules, StorageRule};

pub(super) fn json(policy: &Policy) -> String {
    let mut permissions = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            permissions.insert(name.to_owned(), value);
        }
    };
    put("storage", rules(&policy.storage, storage));
    put("network", rules(&policy.network, network));
    put(
        "environment",
        list(&policy.environment, |key| json!({ "key": key })).map(|list| json!({ "allow": list })),
    );
    put("ipc", rules(&policy.ipc, |uri| json!({ "uri": uri })));
    put("resources", resources(&policy.resources));
    put("runtime", policy.runtime.as_ref().and_then(|runtime| serde_json::from_str(runtime).ok()));
    let mut top = Map::new();
    top.insert("version".to_owned(), json!(policy.version));
    if let Some(description) = &policy.description {
        top.insert("description".to_owned(), json!(description));
    }
    top.insert("permissions".to_owned(), Value::Object(permissions));
    format!("{:#}", Value::Object(top))
}

fn rules<T>(rules: &Rules<T>, one: fn(&T) -> Value) -> Option<Value> {
    object([("allow", list(&rules.allow, one)), ("deny", list(&rules.deny, one))])
}

fn list<T>(items: &[T], one: fn(&T) -> Value) -> Option<Value> {
    (!items.is_empty()).then(|| items.iter().map(one).collect())
}

/// The fields that there are; nothing if there are none.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Option<Value> {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let map: Map<String, Value> = there.collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

fn storage(rule: &StorageRule) -> Value {
    let access: Vec<&str> = rule.access.iter().map(|access| access.as_str()).collect();
    json!({ "uri": rule.uri.as_str(), "access": access })
}

fn network(rule: &NetworkRule) -> Value {
    match rule {
        NetworkRule::Host(host) => json!({ "host": host.to_string() }),
        NetworkRule::Cidr(cidr) => json!({ "cidr": cidr.to_string() }),
        NetworkRule::Defaults => json!({ "defaults": true }),
    }
}

fn resources(resources: &Resources) -> Option<Value> {
    let limits = object([
        ("cpu", resources.cpu_limit.as_ref().map(|limit| json!(limit.to_string()))),
        ("memory", resources.memory_limit.as_ref().map(|limit| json!(limit.to_string()))),
    ]);
    object([
        ("cpu", resources.cpu.map(|cpu| json!(cpu))),
        ("memory", resources.memory.map(|memory| json!(memory))),
        ("io", resources.io.map(|io| json!(io))),
        ("limits", limits),
    ])
}
