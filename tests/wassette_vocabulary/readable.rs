//! What a Wassette that goes deaf could not parse is refused, and only that: it reads as serde_json does.

use proptest::prelude::*;
use shadowcat::JsonRpcMessage;
use shadowcat::wassette::Dialect;

/// Nothing of it is looked at but whether it can be read.
fn ping(params: &str) -> Option<JsonRpcMessage> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{params}}}}}"#);
    JsonRpcMessage::parse(text).ok()
}

/// As serde_json says; `None` for what never gets so far.
fn agree(json: &str) -> Option<bool> {
    let message = ping(json)?;
    let readable = serde_json::from_slice::<serde_json::Value>(message.bytes()).is_ok();
    assert_eq!(Dialect::V0_2.understands(&message).is_ok(), readable, "{json}");
    Some(readable)
}

#[test]
fn what_serde_json_cannot_read_is_refused_and_nothing_else() {
    for (json, readable) in [
        ("1e308", true),
        ("1e309", false),
        ("-1e309", false),
        ("123456789012345678901234567890", true),
        ("-0", true),
        ("1e-999", true),
        (r#""\ud83d\ude00""#, true),
        (r#""\ud83d""#, false),
        (r#""\ude00""#, false),
        (r#"[{"b":[null,true,{"c":"\ud800\n"}]}]"#, false),
    ] {
        assert_eq!(agree(json), Some(readable), "{json}");
    }
    let nested = |depth| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!([agree(&nested(125)), agree(&nested(126))], [Some(true), Some(false)]);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "(null|true|false|-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?)",
        r#""([a-z]|\\n|\\ud83d|\\ude00|\\ud83d\\ude00|\\u0000|é){0,4}""#,
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let key = r#""([a-z]{0,8}|\\ud83d|\\u00e9)""#;
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key, inner), 0..5).prop_map(|members| {
                let members = members.iter().map(|(key, value)| format!("{key}:{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn the_verdict_is_that_of_serde_json(json in json()) {
        let _ = agree(&json);
    }

    #[test]
    fn depth_is_counted_alike(opening in prop::collection::vec(prop::bool::ANY, 110..135)) {
        let open: String = opening.iter().map(|list| if *list { "[" } else { r#"{"":"# }).collect();
        let close: String = opening.iter().rev().map(|list| if *list { ']' } else { '}' }).collect();
        let _ = agree(&format!("{open}0{close}"));
    }
}
