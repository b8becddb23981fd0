use std::fmt::Write as _;

use super::super::id::OwnedId;
use super::*;

fn fault(bytes: &[u8]) -> Fault {
    scan(bytes, &ScanOptions::new()).unwrap_err().fault
}

fn with_params(params: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{params}}}"#).into_bytes()
}

fn passes(params: &str) -> bool {
    scan(&with_params(params), &ScanOptions::new()).is_ok()
}

#[test]
fn spans_point_at_the_tokens_as_written() {
    let bytes =
        br#" { "jsonrpc" : "2.0" , "id" : "a" , "method" : "x/y" , "params" : {"_meta":{"k":1},"n":0} } "#;
    let envelope = scan(bytes, &ScanOptions::new()).unwrap();
    let text = |span: super::super::envelope::Span| str::from_utf8(&bytes[span.range()]).unwrap();
    assert_eq!(text(envelope.id), r#""a""#);
    assert_eq!(text(envelope.method), r#""x/y""#);
    assert_eq!(text(envelope.payload), r#"{"_meta":{"k":1},"n":0}"#);
    assert_eq!(text(envelope.meta), r#"{"k":1}"#);
    assert!(!envelope.line_break && envelope.strict && !envelope.method_escaped);
}

#[test]
fn only_an_object_directly_inside_the_payload_is_its_meta() {
    let meta = |params: &str| scan(&with_params(params), &ScanOptions::new()).unwrap().meta.is_some();
    assert!(meta(r#"{"a":{},"\u005fmeta":{}}"#));
    assert!(!meta(r#"{"_meta":null}"#));
    assert!(!meta(r#"{"a":{"_meta":{}}}"#));
    let error = br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","_meta":{}}}"#;
    assert!(!scan(error, &ScanOptions::new()).unwrap().meta.is_some());
}

#[test]
fn raw_line_breaks_are_told_and_escaped_ones_are_none() {
    let line_break = |params: &str| scan(&with_params(params), &ScanOptions::new()).unwrap().line_break;
    assert!(line_break("{\n}") && line_break("\r{}") && line_break("{\"a\":[1 \r,2]}"));
    assert!(!line_break("{ \t}") && !line_break(r#"{"a":"\n\r"}"#));
}

#[test]
fn keys_are_compared_by_what_they_mean() {
    let long = "k".repeat(40);
    for twice in [
        r#"{"a":1,"a":2}"#.to_owned(),
        r#"{"a":1,"\u0061":2}"#.to_owned(),
        r#"{"b":[{"a":{"":0,"":0}}]}"#.to_owned(),
        format!(r#"{{"{long}":1,"x":1,"{long}":2}}"#),
        format!(r#"{{"\u006b{}":1,"{long}":2}}"#, &long[1..]),
    ] {
        assert_eq!(fault(&with_params(&twice)), Fault::DuplicateKey, "{twice}");
    }
    assert!(passes(r#"{"a":1,"a\u0000":2,"":3,"\u0000":4,"b":{"a":{"a":1}},"c":{"a":1}}"#));
    assert!(passes(&format!(r#"{{"{long}":1,"{long}k":2,"{}":3}}"#, &long[1..])));
}

/// An object with the keys `0`, `1`, … of `width` digits.
fn wide(keys: usize, width: usize) -> String {
    let mut object = String::from("{");
    for key in 0..keys {
        write!(object, r#""{key:0width$}":{{"{key}":0}},"#).unwrap();
    }
    object.pop();
    object + "}"
}

#[test]
fn wide_objects_keep_their_promises_too() {
    for (keys, width) in [(31, 1), (32, 9), (33, 17), (63, 1), (64, 1), (65, 1), (200, 30), (5000, 1)] {
        let object = wide(keys, width);
        assert!(passes(&object));
        assert!(passes(&format!("{{\"a\":{object},\"b\":{object}}}")));
        for again in [0, keys / 2, keys - 1] {
            let twice = object.replacen('{', &format!(r#"{{"{again:0width$}":1,"#), 1);
            assert_eq!(fault(&with_params(&twice)), Fault::DuplicateKey, "{again} of {keys}");
        }
    }
}

#[test]
fn a_repeated_key_of_a_wide_object_is_told_where_it_stands() {
    let twice = wide(100, 4).replacen(r#""0090""#, r#""0010""#, 1);
    let bytes = with_params(&twice);
    let error = scan(&bytes, &ScanOptions::new()).unwrap_err();
    assert_eq!(error.offset, str::from_utf8(&bytes).unwrap().rfind("\"0010").unwrap());
}

#[test]
fn keys_of_equal_fingerprint_are_told_apart() {
    let mut keys = KeySet::new();
    let bytes = br#"one" two" one" \u006fne""#;
    keys.open();
    assert!(!keys.insert(bytes, 7, 0));
    assert!(!keys.insert(bytes, 7, 5));
    assert!(keys.insert(bytes, 7, 10));
    assert!(keys.insert(bytes, 7, 15));
}

#[test]
fn reserved_keys_are_refused_at_any_depth() {
    for key in ["$serde_json::private::Number", r"\u0024serde_json::private::RawValue"] {
        assert_eq!(fault(&with_params(&format!(r#"{{"a":[{{"{key}":"1"}}]}}"#))), Fault::MagicKey);
    }
    assert!(passes(r#"{"$serde_json::privat":1,"a$serde_json::private::":2}"#));
}

#[test]
fn strings_read_the_same_wherever_they_stand_in_a_block() {
    let pieces =
        ["", "\\\"", "\\\\", "\\u0041", "\\n\\n\\t", "é", "\\u00", "\\x", "\u{1f}", "\\", "\"", "\u{7f}"];
    for piece in pieces {
        for before in (0..40).chain([63, 64, 65, 127, 128, 200]) {
            for after in [0, 1, 7, 8, 15, 16, 17, 70] {
                let text = format!("{}{piece}{}", "a".repeat(before), "z".repeat(after));
                for params in [format!(r#"{{"{text}":1}}"#), format!(r#"{{"v":["{text}",1]}}"#)] {
                    let bytes = with_params(&params);
                    let valid = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
                    assert_eq!(scan(&bytes, &ScanOptions::new()).is_ok(), valid, "{params}");
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_wherever_they_stand() {
    for before in 0..200 {
        for (start, end) in [(r#"{"v":""#, r#""}"#), (r#"{""#, r#"":1}"#)] {
            let mut bytes = with_params(&format!("{start}{}#{end}", "a".repeat(before)));
            let at = bytes.iter().position(|byte| *byte == b'#').unwrap();
            bytes[at] = 0xff;
            let error = scan(&bytes, &ScanOptions::new()).unwrap_err();
            assert_eq!((error.fault, error.offset), (Fault::Encoding, at));
        }
    }
}

#[test]
fn numbers_and_words_follow_the_grammar() {
    let good = ["0", "-0", "10", "0.5", "1e9", "1E+09", "-1.25e-7", "true", "false", "null"];
    let bad = [
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e1",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "NaN",
        "-Infinity",
        "tru",
        "True",
        "nul",
        "",
        "1 2",
        "'a'",
        "truefalse",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "[1;2]",
        "{\"a\" 1}",
        "[}",
        "{]",
    ];
    for value in good {
        assert!(
            passes(&format!(r#"{{"v":{value}}}"#)) && passes(&format!(r#"{{"v":[ {value} , {value}]}}"#))
        );
    }
    for value in bad {
        assert!(matches!(fault(&with_params(&format!(r#"{{"v":{value}}}"#))), Fault::Syntax(_)), "{value}");
    }
}

#[test]
fn lone_surrogates_are_content_but_no_names() {
    assert!(passes(r#"{"v":"\ud800"}"#));
    assert_eq!(fault(&with_params(r#"{"\ud800":1}"#)), Fault::LoneSurrogate);
    assert_eq!(fault(br#"{"jsonrpc":"2.0","id":"\udc00","method":"x"}"#), Fault::LoneSurrogate);
    assert_eq!(fault(br#"{"jsonrpc":"2.0","id":1,"method":"\udc00"}"#), Fault::LoneSurrogate);
}

#[test]
fn limits_hold_to_the_byte() {
    let number = |digits: usize| format!(r#"{{"n":{}}}"#, "1".repeat(digits));
    assert!(passes(&number(1024)));
    assert_eq!(fault(&with_params(&number(1025))), Fault::NumberTooLong);
    let nested = |levels: usize| format!("{{\"v\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(passes(&nested(126)));
    assert_eq!(fault(&with_params(&nested(127))), Fault::TooDeep);
    let bytes = with_params("{}");
    assert!(scan(&bytes, &ScanOptions::new().max_bytes(bytes.len())).is_ok());
    assert_eq!(
        scan(&bytes, &ScanOptions::new().max_bytes(bytes.len() - 1)).unwrap_err(),
        ParseError { fault: Fault::TooLarge, offset: bytes.len() - 1, id: Some(OwnedId::from(1)) }
    );
}

#[test]
fn what_is_no_json_is_told_so_whatever_else_is_wrong() {
    let dup = r#"{"a":1,"a":2"#;
    assert!(matches!(fault(&with_params(&format!("{dup},]}}"))), Fault::Syntax(_)));
    assert!(matches!(fault(&[b'['; 100_000]), Fault::Syntax(_)));
    assert!(matches!(fault(b""), Fault::Syntax(_)));
    assert_eq!(fault(&[&with_params(&format!("{dup}}}"))[..], b"{}"].concat()), Fault::Trailing);
    assert_eq!(fault(b"\xef\xbb\xbf{}"), Fault::Encoding);
    assert_eq!(
        fault(&with_params("{\"a\":\"\u{e9}\"}").iter().map(|b| b & !0x40).collect::<Vec<_>>()),
        Fault::Encoding
    );
    for batch in ["[]", "[{}]", " [[1]]"] {
        assert_eq!(fault(batch.as_bytes()), Fault::Batch);
    }
    for scalar in ["1", "\"a\"", "null", " true "] {
        assert!(matches!(fault(scalar.as_bytes()), Fault::Envelope(_)));
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(fault(&with_params(&deep)), Fault::TooDeep);
}

#[test]
fn the_only_readable_id_is_salvaged() {
    let salvage =
        |text: &str| salvage_id(text.as_bytes(), &ScanOptions::new()).map(|id| id.as_str().into_owned());
    assert_eq!(salvage(r#"{"id":7,"method":"#).as_deref(), Some("7"));
    assert_eq!(salvage(r#"{"a":[{"id":1}],"\u0069d":"x" !"#).as_deref(), Some("\"x\""));
    assert_eq!(salvage(r#"{"id":12"#), None); // may be the start of 123
    for none in [
        r#"[{"id":7}]"#,
        r#"{"id":7,"id":7}"#,
        r#"{"id":7,"id":["#,
        r#"{"id":null}"#,
        r#"{"id":1.5}"#,
        "{",
        "",
    ] {
        assert_eq!(salvage(none), None, "{none}");
    }
    assert_eq!(salvage_id(b"{\"id\":7,\"a\":\"\xff", &ScanOptions::new()), Some(OwnedId::from(7)));
}

#[test]
fn transparent_scans_let_odd_messages_pass() {
    let transparent = ScanOptions::new().transparent();
    for odd in [
        r#"{"jsonrpc":"1.0","id":1.5,"method":"x","params":{"a":1,"a":2}}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"ping","Method":"x","\ud800":1}"#,
        r#"{"jsonrpc":"2.0","id":18446744073709551616,"error":"boom"}"#,
    ] {
        assert!(scan(odd.as_bytes(), &ScanOptions::new()).is_err());
        let envelope = scan(odd.as_bytes(), &transparent).unwrap();
        assert!(!envelope.strict);
    }
    for ambiguous in [
        r#"{"id":1,"id":2,"method":"x"}"#,
        r#"{"id":1,"method":"x","result":1}"#,
        r#"{"id":1,"method":"x","params":[]}"#,
    ] {
        assert!(scan(ambiguous.as_bytes(), &transparent).is_err(), "{ambiguous}");
    }
}

#[cfg(feature = "tape")]
proptest::proptest! {
    #[test]
    fn a_document_is_json_whether_its_text_is_looked_at_before_or_after(
        text in "[a-zé\u{FEFF}€\"\\\\ ]{0,90}",
        place in 0..200_usize,
        byte: u8,
    ) {
        let whole = serde_json::json!({ "a": [1, text.as_str()], "é": text.as_str() }).to_string();
        let mut changed = whole.clone().into_bytes();
        let place = place % changed.len();
        changed[place] = byte;
        let cut = changed[..place].to_vec();
        for bytes in [whole.into_bytes(), changed, cut, text.into_bytes()] {
            let known = str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
            proptest::prop_assert_eq!(is_json(&bytes), known, "{:?}", String::from_utf8_lossy(&bytes));
            proptest::prop_assert_eq!(grammar(&bytes).is_ok(), known);
        }
    }
}
