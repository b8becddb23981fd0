//! Whatever Wassette, a component or a policy file says: nothing panics, what is taken is written back, and a policy
//! keeps to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shadowcat::JsonRpcMessage;
use shadowcat::wassette::policy::{Cidr, HostPattern, Operation, Policy, StoragePattern};
use shadowcat::wassette::{
    ComponentId, ComponentMap, ComponentUri, Dialect, ManagementTool, ToolResult, log,
};

fuzz_target!(|text: &str| {
    let line = log::parse(text);
    assert!(!line.message.contains(char::is_control));
    let _ = line.event();
    if let Ok(uri) = text.parse::<ComponentUri>() {
        assert_eq!(uri.to_string(), text);
        let _ = uri.parts();
    }
    if let Ok(id) = text.parse::<ComponentId>() {
        assert!(!id.as_str().split('/').any(|part| part == ".."));
    }
    policy(text);
    message(text);
});

fn policy(text: &str) {
    if let Ok(policy) = Policy::from_json(text) {
        assert_eq!(Policy::from_json(policy.to_json()).expect("what was written reads back"), policy);
        assert!(policy.contains(&policy));
        let _ = policy.allows(&Operation::Read(text));
        let _ = policy.allows(&Operation::Connect { host: text, ip: None, port: None });
    }
    if let Ok(pattern) = text.parse::<StoragePattern>() {
        assert!(!pattern.covers("/a/../b"));
        let _ = pattern.covers(text);
    }
    if let Ok(host) = text.parse::<HostPattern>() {
        assert_eq!(host.to_string().parse(), Ok(host));
    }
    let _ = text.parse::<Cidr>();
    let _ = Dialect::from_version_output(text);
    let _ = Dialect::from_help(text);
}

/// As a message, and as the text of a result of every tool.
fn message(text: &str) {
    if let Ok(message) = JsonRpcMessage::parse(text.to_owned()) {
        let _ = Dialect::V0_2.understands(&message);
    }
    let result = serde_json::json!({ "content": [{ "type": "text", "text": text }] });
    let response = JsonRpcMessage::response(1, result.to_string()).expect("a result");
    let _ = ToolResult::read(&response);
    let mut map = ComponentMap::new();
    for tool in ManagementTool::ALL {
        let params = serde_json::json!({ "name": tool.name() }).to_string();
        let request = JsonRpcMessage::request(1, "tools/call", params).expect("a request");
        let _ = map.observe(&request, &response);
    }
}
