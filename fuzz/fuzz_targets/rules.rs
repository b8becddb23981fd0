//! Whatever a file of rules says: nothing panics, every error has a place, and what loads does not fail on a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shadowcat::rules::{Loaded, Problems, RuleSet, Seen};
use shadowcat::{Direction, JsonRpcMessage};

fuzz_target!(|text: &str| {
    judge(RuleSet::from_json("f.json", text));
    judge(RuleSet::from_yaml("f.yaml", text));
});

fn judge(read: Result<Loaded, Problems>) {
    let rules = match read {
        Ok(loaded) => {
            assert!(!loaded.warnings.has_errors());
            loaded.rules
        }
        Err(problems) => {
            assert!(problems.has_errors() && !problems.to_string().is_empty());
            return;
        }
    };
    assert!(!rules.problems().has_errors(), "what was proved once is proved again");
    let params = r#"{"name":"get_weather","arguments":{"city":"Ulm","days":3}}"#;
    let call = JsonRpcMessage::request(1, "tools/call", params).expect("a call");
    let response =
        JsonRpcMessage::response(1, r#"{"content":[{"type":"text","text":"a"}]}"#).expect("a response");
    for seen in [
        Seen::new(&call, Direction::ToUpstream).session("s-1"),
        Seen::new(&response, Direction::ToClient).request(Some(&call)).session("s-1"),
    ] {
        let mut at = None;
        while let Ok(Some(found)) = rules.next(at, &seen) {
            at = Some(found.position());
        }
    }
}
