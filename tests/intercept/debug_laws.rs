//! Whatever is hostile in a message, what is written of it is harmless.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use shadowcat::layer::DebugLayer;
use shadowcat::layer::debug::{Format, Payload};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, service_fn};

use crate::debugged::*;
use crate::support::*;

/// What a terminal does not just show.
fn is_raw(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

fn hostile_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\u{1b}[2J",
        "\u{1b}]0;x\u{7}",
        "\u{9b}31m",
        "\u{202e}",
        "\u{2066}",
        "\u{7f}",
        "\u{0}",
        "\r\n",
        "\u{e0041}",
        "\u{200d}",
        "\"",
        "\\",
        "{",
        "]",
        ",",
        "é",
    ]);
    prop::collection::vec(
        prop_oneof![odd.prop_map(str::to_owned), "[a-z]{0,5}", any::<char>().prop_map(String::from)],
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

/// Every text holds what must not be shown; no key does.
fn hostile_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        hostile_text().prop_map(|text| Value::from(format!("s3cret{text}s3cret"))),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(hostile_text(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_record_drives_a_terminal_and_none_tells_a_secret(
        members in prop::collection::btree_map(hostile_text(), hostile_json(), 0..4),
        names in [hostile_text(), hostile_text(), hostile_text()],
        max in 1024_usize..3000,
        as_json: bool,
        full: bool,
    ) {
        let [method, session, tool] = names;
        let params = serde_json::to_string(&members.into_iter().collect::<BTreeMap<_, _>>()).unwrap();
        let named = serde_json::json!({"name": tool}).to_string();
        let requests = [
            JsonRpcMessage::request(session.as_str(), "x/y", params.clone()),
            JsonRpcMessage::request(1, &method, params.clone()),
            JsonRpcMessage::request(1, "tools/call", named),
        ];
        let format = if as_json { Format::Json } else { Format::Human };
        let payload = if full { Payload::Full } else { Payload::Shape };
        let (debugger, out) = logging(|log| log.format(format).payload(payload).max_record(max));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut stack = DebugLayer::new(&debugger).layer(service_fn(|message: JsonRpcMessage| {
                let params = String::from_utf8(message.params().unwrap_or(b"{}").to_vec()).unwrap();
                let answer = message.responder().result(&params);
                async move { Ok::<_, Error>(Reply::one(answer.unwrap().unwrap())) }
            }));
            for request in requests.into_iter().flatten() {
                let _ = run(&mut stack, of_session(request, &session)).await.unwrap();
            }
            soon(debugger.flushed()).await;
        });
        let snapshot = debugger.snapshot();
        let shown = out.text();
        for text in [&shown, &snapshot.to_string(), &snapshot.to_json()] {
            prop_assert!(!text.contains(is_raw), "{text:?}");
            prop_assert!(full || !text.contains("s3cret"), "{text:?}");
        }
        for line in shown.lines() {
            prop_assert!(line.len() < max, "{} of {max}: {line:?}", line.len());
            prop_assert!(!as_json || serde_json::from_str::<Value>(line).is_ok(), "{line:?}");
        }
        serde_json::from_str::<Value>(&snapshot.to_json()).unwrap();
    }
}
