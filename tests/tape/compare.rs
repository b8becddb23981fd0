//! Comparing documents: as another reader would, and keys that agree with it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shadowcat::tape::{Change, Comparison};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        "[ab\\\\\"é\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab~/]{1,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same document in another spelling: members turned around, escapes, space, numbers with an exponent.
fn respelled(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members =
                members.iter().rev().map(|(key, value)| format!("{} : {}", escaped(key), respelled(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" , "))
        }
        Value::Array(elements) => {
            format!("[ {} ]", elements.iter().map(respelled).collect::<Vec<_>>().join(" , "))
        }
        Value::Number(number) => format!("{number}.0e0"),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

/// The document without what is at `/a` and everything named `b`.
fn pruned(value: &Value, is_root: bool) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| !(*key == "b" || is_root && *key == "a"));
            Value::Object(kept.map(|(key, value)| (key.clone(), pruned(value, false))).collect::<Map<_, _>>())
        }
        Value::Array(elements) => elements.iter().map(|element| pruned(element, false)).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn two_documents_are_equal_where_serde_json_reads_the_same(one in value(), other in value()) {
        let compare = Comparison::structural();
        let (left, right) = (one.to_string(), respelled(&other));
        let (left, right) = (left.as_bytes(), right.as_bytes());
        prop_assert_eq!(compare.is_equal(left, right), one == other);
        prop_assert_eq!(compare.key(left) == compare.key(right), one == other);
        prop_assert!(compare.is_equal(left, respelled(&one).as_bytes()));
    }

    #[test]
    fn what_is_ignored_does_not_count(one in value(), other in value()) {
        let compare = Comparison::structural().ignore("/a").unwrap().ignore("/**/b").unwrap();
        let same = pruned(&one, true) == pruned(&other, true);
        let (left, right) = (one.to_string(), other.to_string());
        let (left, right) = (left.as_bytes(), right.as_bytes());
        prop_assert_eq!(compare.is_equal(left, right), same);
        prop_assert_eq!(compare.key(left) == compare.key(right), same);
    }

    #[test]
    fn keys_agree_with_what_is_compared(one in value(), other in value()) {
        for patterns in [&["/**/1", "/a/*"][..], &["/*"], &["/**/a", "/0/**"], &[""]] {
            let compare = patterns.iter().try_fold(Comparison::structural(), |compare, path| compare.ignore(path)).unwrap();
            let (left, right) = (one.to_string(), other.to_string());
            let (left, right) = (left.as_bytes(), right.as_bytes());
            prop_assert_eq!(compare.key(left) == compare.key(right), compare.is_equal(left, right));
        }
    }

    #[test]
    fn where_the_spelling_counts_keys_agree_with_it(one in value(), other in value()) {
        let compare = Comparison::exact();
        for (left, right) in [(one.to_string(), other.to_string()), (one.to_string(), respelled(&one))] {
            let (left, right) = (left.as_bytes(), right.as_bytes());
            prop_assert_eq!(compare.key(left) == compare.key(right), compare.is_equal(left, right));
        }
    }

    #[test]
    fn bytes_of_any_kind_are_equal_to_themselves_only(one: Vec<u8>, other: Vec<u8>) {
        let compare = Comparison::structural();
        prop_assert!(compare.is_equal(&one, &one));
        if serde_json::from_slice::<Value>(&one).is_err() {
            prop_assert_eq!(compare.is_equal(&one, &other), one == other);
            prop_assert_eq!(compare.key(&one) == compare.key(&other), one == other);
        }
    }
}

#[test]
fn each_difference_has_its_place() {
    let expected = json!({"a/b": [1, 2, {"gone": true}], "same": "x", "text": "a"});
    let actual = json!({"a/b": [1, 3, {}, "more"], "same": "x", "text": {"b": 1}});
    let found = Comparison::structural()
        .differences(expected.to_string().as_bytes(), actual.to_string().as_bytes())
        .into_iter()
        .map(|difference| (difference.path, difference.change, difference.expected, difference.actual))
        .collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        found,
        [
            ("/a~1b/1".to_owned(), Change::Changed, text("2"), text("3")),
            ("/a~1b/2/gone".to_owned(), Change::Missing, text("true"), None),
            ("/a~1b/3".to_owned(), Change::Extra, None, text("\"more\"")),
            ("/text".to_owned(), Change::Changed, text("\"a\""), text("{\"b\":1}")),
        ]
    );
}

#[test]
fn where_the_spelling_counts_so_does_the_order() {
    let compare = Comparison::exact();
    let found = compare.differences(br#"{"x":{"a":1,"b":2}}"#, br#"{ "x": {"b":2,"a":1} }"#);
    assert_eq!(
        found.iter().map(|one| (one.path.as_str(), one.change)).collect::<Vec<_>>(),
        [("/x", Change::Reordered)]
    );
    assert!(compare.is_equal(br#"{"a": 1}"#, br#"{"a":1}"#));
    assert!(!compare.is_equal(br#"{"a":1}"#, br#"{"a":1.0}"#));
    let without = compare.ignore("/x/a").unwrap();
    assert!(without.is_equal(br#"{"x":{"a":1,"b":2}}"#, br#"{"x":{"b":2,"a":1}}"#));
}

#[test]
fn a_key_that_stands_twice_is_no_other_document() {
    let compare = Comparison::structural();
    assert!(!compare.is_equal(br#"{"a":1,"a":2}"#, br#"{"a":2}"#));
    assert!(!compare.is_equal(br#"{"a":1,"a":2}"#, br#"{"a":2,"a":1}"#));
    assert!(compare.is_equal(br#"{"a":1,"a":2}"#, br#"{"a":1,"a":2}"#));
}

#[test]
fn what_is_deep_and_what_is_much_is_bounded() {
    let compare = Comparison::structural();
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(compare.is_equal(deep("1").as_bytes(), deep("1").as_bytes()));
    assert_ne!(compare.key(br#"{"a"1e0}"#), compare.key(br#"{"a":1}"#), "the first is no JSON");
    assert_eq!(compare.differences(deep("1").as_bytes(), deep("2").as_bytes()).len(), 1);
    let many = |value: i32| serde_json::to_vec(&vec![value; 1000]).unwrap();
    assert_eq!(compare.differences(&many(1), &many(2)).len(), Comparison::MAX_DIFFERENCES);
    let long = format!("\"{}\u{1b}[31m\"", "x".repeat(1000));
    let told = &compare.differences(long.as_bytes(), b"1")[0].to_string();
    assert!(told.len() < 300 && told.contains("(1007 bytes)"), "{told}");
}
