//! What holds for every message: no secret is left, nothing else is touched, and what comes out is a message.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use shadowcat::JsonRpcMessage;
use shadowcat::secret::{Detector, Marker, Secrets};

use crate::keys::keys;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

/// Stands where a secret is put; no secret itself.
const PLACE: char = '\u{2726}';

/// A JSON text in which some strings and keys hold the mark, written with spaces and escapes as they come.
fn document() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "[a-z ]{0,12}",
        2 => "[a-z]{0,3} \u{2726}( [a-z]{0,3})?",
        1 => r#"(é|\\n|\\"|\\\\|\\u00e9|\\ud83d\\ude00|/|\\/){0,4} \u{2726}"#,
        1 => r#"(é|\\n|\\"|\\\\|\\u00e9|\\ud83d\\ude00|/|\\/){0,4}"#,
    ];
    let string = text.clone().prop_map(|text| format!("\"{text}\""));
    let leaf = prop_oneof![4 => string.clone(), 1 => "-?[1-9]?[0-9](\\.5)?(E\\+2)?".prop_filter("JSON", |n| {
        serde_json::from_str::<Value>(n).is_ok()
    }), 1 => Just("null".to_owned())];
    let space = "[ \t]{0,2}";
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let array = (prop::collection::vec(inner.clone(), 0..5), space)
            .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!("{space},{space}"))));
        let blocks = prop::collection::vec(text.clone(), 0..4).prop_map(|texts| {
            let block = |text: &String| format!(r#"{{"text":"{text}","type":"text"}}"#);
            format!(r#"{{"content":[{}]}}"#, texts.iter().map(block).collect::<Vec<_>>().join(","))
        });
        let object =
            (prop::collection::vec((text.clone(), inner), 0..5), space).prop_map(|(members, space)| {
                // Keys differ by their number.
                let member = |(n, (key, value)): (usize, &(String, String))| {
                    format!("\"{n} {key}\"{space}:{space}{value}")
                };
                let members: Vec<_> = members.iter().enumerate().map(member).collect();
                format!("{{{space}{}}}", members.join(","))
            });
        prop_oneof![array, object, blocks]
    })
}

/// The same key, some of its characters escaped.
fn spelled(key: &str, escapes: &[bool]) -> String {
    let spell = |(at, c): (usize, char)| match escapes[at % escapes.len()] {
        true => format!("\\u{:04X}", u32::from(c)),
        false => c.to_string(),
    };
    key.chars().enumerate().map(spell).collect()
}

fn strings(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, see)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            see(key);
            strings(value, see);
        }),
        _ => {}
    }
}

fn message(document: &str, is_result: bool) -> JsonRpcMessage {
    match is_result {
        true => JsonRpcMessage::response(1, format!(r#"{{"structuredContent":{document}}}"#)).unwrap(),
        false => JsonRpcMessage::request(1, "m", format!(r#"{{"arguments":{document}}}"#)).unwrap(),
    }
}

fn masked(message: &JsonRpcMessage) -> JsonRpcMessage {
    Secrets::of(&DETECTOR, message).masked(&Marker::default(), usize::MAX).unwrap()
}

proptest! {
    #[test]
    fn no_planted_secret_is_left_and_nothing_else_changes(
        document in document(),
        which in any::<Index>(),
        escapes in prop::collection::vec(any::<bool>(), 1..7),
        is_result in any::<bool>(),
    ) {
        let keys = keys();
        let (kind, key) = which.get(&keys);
        let before = message(&document.replace(PLACE, &spelled(key, &escapes)), is_result);
        let after = masked(&before);
        JsonRpcMessage::parse(after.bytes().clone()).unwrap();
        let marked = message(&document.replace(PLACE, &format!("[REDACTED:{kind}]")), is_result);
        prop_assert_eq!(String::from_utf8_lossy(after.bytes()), String::from_utf8_lossy(marked.bytes()));
        let value: Value = serde_json::from_slice(after.bytes()).unwrap();
        let mut is_left = false;
        strings(&value, &mut |text| is_left |= text.contains(key));
        prop_assert!(!is_left);
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is(document in document(), is_result in any::<bool>()) {
        let before = message(&document, is_result);
        let secrets = Secrets::of(&DETECTOR, &before);
        prop_assert!(secrets.is_empty());
        prop_assert_eq!(secrets.masked(&Marker::default(), 0).unwrap(), before);
    }

    #[test]
    fn a_secret_cut_anywhere_is_found_in_adjacent_texts(
        which in any::<Index>(),
        cuts in prop::collection::vec(any::<Index>(), 1..4),
        escapes in prop::collection::vec(any::<bool>(), 1..7),
        type_first in any::<bool>(),
    ) {
        let keys = keys();
        let (_, key) = which.get(&keys);
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(key.len())).collect();
        ends.sort_unstable();
        ends.push(key.len());
        let mut at = 0;
        let parts: Vec<_> = ends.iter().map(|end| &key[std::mem::replace(&mut at, *end)..*end]).collect();
        let block = |part: &&str| match type_first {
            true => format!(r#"{{"type":"text","text":"{}"}}"#, spelled(part, &escapes)),
            false => format!(r#"{{"text":"{}","type":"text"}}"#, spelled(part, &escapes)),
        };
        let blocks: Vec<_> = parts.iter().map(block).collect();
        let result = format!(r#"{{"content":[{}]}}"#, blocks.join(","));
        let after = masked(&JsonRpcMessage::response(1, result).unwrap());
        let value: Value = serde_json::from_slice(after.result().unwrap()).unwrap();
        let texts = value["content"].as_array().unwrap().iter().map(|block| block["text"].as_str().unwrap());
        for (part, text) in parts.iter().zip(texts) {
            prop_assert!(part.is_empty() == text.is_empty());
            prop_assert!(part.is_empty() || text.starts_with("[REDACTED:") && text.ends_with(']'), "{}", text);
        }
    }

    #[test]
    fn any_text_is_masked_or_refused_and_never_broken(document in document(), noise in "(?s).{0,40}", at in any::<Index>()) {
        let mut text: Vec<char> = message(&document, true).bytes().iter().map(|byte| char::from(*byte)).collect();
        let at = at.index(text.len());
        text.splice(at..at, noise.chars());
        let text: String = text.into_iter().collect();
        if let Ok(message) = JsonRpcMessage::parse(text) {
            let after = masked(&message);
            JsonRpcMessage::parse(after.bytes().clone()).unwrap();
            prop_assert_eq!(masked(&after), after);
        }
    }
}
