//! Whatever is rewritten: nothing else changes, and the outcome is a message.

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::rules::{Place, Step};
use shadowcat::{JsonRpcMessage, Pointer};

use crate::rewriting::*;
use crate::support::{msg, text};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\{}é]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Written with space wherever space may be.
fn spacious(value: &Value) -> String {
    match value {
        Value::Array(elements) => {
            format!("[ {} ]", elements.iter().map(spacious).collect::<Vec<_>>().join(" , "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{} : {}", json!(key), spacious(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" ,\t"))
        }
        other => other.to_string(),
    }
}

fn any_pointer() -> impl Strategy<Value = Pointer> {
    let token = prop_oneof![Just("a"), Just("b"), Just("c"), Just("0"), Just("1"), Just("-")];
    let first = prop_oneof![9 => Just("params"), 1 => Just("method"), 1 => Just("id")];
    (first, prop::collection::vec(token, 0..4)).prop_map(|(first, rest)| {
        rest.into_iter().fold(Pointer::root().join(first), |pointer, token| pointer.join(token))
    })
}

fn any_step() -> impl Strategy<Value = (Pointer, Step)> {
    (any_pointer(), any_json(), 0..4).prop_map(|(pointer, value, which)| {
        let (place, value) = (Place::from(pointer.clone()), escaped(value));
        let step = match which {
            0 => Step::Set(place, to(value)),
            1 => Step::Replace(place, to(value)),
            2 => Step::Remove(place),
            _ => Step::Merge(place, to(value)),
        };
        (pointer, step)
    })
}

/// Without places for captured values.
fn escaped(value: Value) -> Value {
    serde_json::from_str(&value.to_string().replace("{{", "{ {").replace("{{", "{ {")).unwrap()
}

/// Every pointer into it.
fn all_places(at: &Pointer, value: &Value, out: &mut Vec<Pointer>) {
    out.push(at.clone());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| all_places(&at.clone().join(key), value, out));
        }
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, value)| all_places(&at.clone().join(index.to_string()), value, out)),
        _ => {}
    }
}

/// Whether what one names lies in the other, or may be moved by a change there.
fn touches(edited: &Pointer, place: &Pointer) -> bool {
    let (edited, place): (Vec<_>, Vec<_>) = (edited.tokens().collect(), place.tokens().collect());
    let common = edited.iter().zip(&place).take_while(|(one, other)| one == other).count();
    let is_index = |tokens: &[&str]| {
        tokens.get(common).is_some_and(|token| *token == "-" || token.parse::<u32>().is_ok())
    };
    common == edited.len() || common == place.len() || (is_index(&edited) && is_index(&place))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_no_step_names_stays_byte_for_byte_and_the_outcome_is_a_message(
        params in prop::collection::hash_map("[abc]", any_json(), 0..4),
        steps in prop::collection::vec(any_step(), 1..4),
    ) {
        let params = Value::Object(params.into_iter().collect());
        let sent = format!(r#"{{ "jsonrpc" : "2.0", "params" : {} ,"id" : 7 ,"method" : "m" }}"#, spacious(&params));
        let before = JsonRpcMessage::parse(sent.clone()).unwrap();
        let edited: Vec<Pointer> = steps.iter().map(|(pointer, _)| pointer.clone()).collect();
        let Ok(after) = rewritten(&before, steps.into_iter().map(|(_, step)| step).collect()) else { return Ok(()) };

        prop_assert!(JsonRpcMessage::parse(after.bytes().clone()).unwrap().is_strict());
        prop_assert_eq!(after.id(), before.id());
        prop_assert_eq!(after.kind(), before.kind());
        let (mut places, tree) = (Vec::new(), serde_json::from_slice::<Value>(before.bytes()).unwrap());
        all_places(&Pointer::root(), &tree, &mut places);
        for place in places.iter().filter(|place| !edited.iter().any(|edited| touches(edited, place))) {
            let raw = place.find(before.bytes()).unwrap();
            prop_assert_eq!(place.find(after.bytes()).unwrap(), raw, "{} of {}", place, sent);
        }
    }

    #[test]
    fn one_set_value_is_one_splice(
        a in any_json(), b in any_json(), value in any_json(),
    ) {
        let sent = |b: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{{"a":{} , "b" : {b} }}}}"#, spacious(&a))
        };
        let before = msg(sent(&spacious(&b)));
        let value = escaped(value);
        let after = rewritten(&before, vec![Step::Set(at("/params/b"), to(value.clone()))]).unwrap();
        prop_assert_eq!(text(&after), sent(&value.to_string()));
    }

    #[test]
    fn a_merge_is_what_the_rfc_says(target in any_json(), patch in any_json()) {
        let patch = escaped(patch);
        let before = msg(format!(r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{{"t":{}}}}}"#, spacious(&target)));
        let after = rewritten(&before, vec![Step::Merge(at("/params/t"), to(patch.clone()))]).unwrap();
        let after: Value = serde_json::from_slice(after.bytes()).unwrap();
        prop_assert_eq!(&after["params"]["t"], &rfc_7396(target, &patch));
    }
}

fn rfc_7396(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = match target {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    for (key, value) in patch {
        match value {
            Value::Null => drop(merged.remove(key)),
            value => {
                let merged_value = rfc_7396(merged.remove(key).unwrap_or(Value::Null), value);
                merged.insert(key.clone(), merged_value);
            }
        }
    }
    Value::Object(merged)
}
