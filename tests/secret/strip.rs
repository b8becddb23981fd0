//! What is taken out of a message, what is let be, and what is told of it.

use shadowcat::JsonRpcMessage;
use shadowcat::secret::{AllowList, Detector, Marker, Secrets};

use crate::keys::{ALNUM, drawn};

fn key() -> String {
    format!("ghp_{}", drawn(ALNUM, 36, 5))
}

/// The payload as it comes out; `KEY` stands for a key.
fn masked(payload: &str) -> String {
    masked_with(payload, &Marker::default())
}

fn masked_with(payload: &str, marker: &Marker) -> String {
    let message = JsonRpcMessage::request(1, "tools/call", payload.replace("KEY", &key())).unwrap();
    let detector = Detector::new();
    let masked = Secrets::of(&detector, &message).masked(marker, usize::MAX).unwrap();
    JsonRpcMessage::parse(masked.bytes().clone()).unwrap();
    String::from_utf8(masked.params().unwrap().to_vec()).unwrap()
}

fn result(payload: &str) -> String {
    let message = JsonRpcMessage::response(1, payload.replace("KEY", &key())).unwrap();
    let detector = Detector::new();
    let masked = Secrets::of(&detector, &message).masked(&Marker::default(), usize::MAX).unwrap();
    String::from_utf8(masked.result().unwrap().to_vec()).unwrap()
}

const GITHUB: &str = "[REDACTED:github-token]";

#[test]
fn what_stands_beside_the_payload_is_searched_too() {
    let detector = Detector::new();
    for text in [
        r#"{"jsonrpc":"2.0","x-vendor":"KEY","id":"KEEP","method":"ping"}"#,
        r#"{"x":{"password":"opensesame","KEY":[1]},"jsonrpc":"2.0","id":1,"result":{"a":"KEY"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"KEY"},"KEY":null}"#,
    ] {
        let text = text.replace("KEEP", &key());
        let message = JsonRpcMessage::parse(text.replace("KEY", &key()).into_bytes()).unwrap();
        let masked = Secrets::of(&detector, &message).masked(&Marker::default(), usize::MAX).unwrap();
        let expected = text.replace("KEY", GITHUB).replace("opensesame", "[REDACTED:member]");
        assert_eq!(std::str::from_utf8(masked.bytes()).unwrap(), expected);
    }
}

#[test]
fn every_byte_around_a_secret_stays() {
    let payload = r#"{ "a" : [ 1.50E+1 , "\u0041\/KEY\ud83d\ude00 é" ] , "b":{"\u0062":"KEY"}}"#;
    assert_eq!(masked(payload), payload.replace("KEY", GITHUB));
}

#[test]
fn a_key_that_is_spelled_with_escapes_is_one() {
    let spelled: String = key().chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    assert_eq!(masked(&format!(r#"{{"a":"x {spelled} \n"}}"#)), format!(r#"{{"a":"x {GITHUB} \n"}}"#));
    assert_eq!(masked(&format!(r#"{{"{spelled}":"x"}}"#)), format!(r#"{{"{GITHUB}":"x"}}"#));
}

#[test]
fn masked_keys_are_not_the_same() {
    let (one, two) = (drawn(ALNUM, 36, 1), drawn(ALNUM, 36, 2));
    let payload = format!(r#"{{"{GITHUB}":0,"ghp_{one}":1,"ghp_{two}":2,"a ghp_{two}":3}}"#);
    let expected = format!(r#"{{"{GITHUB}":0,"{GITHUB}#2":1,"{GITHUB}#3":2,"a {GITHUB}":3}}"#);
    assert_eq!(masked(&payload), expected);
    let rows = r#"[{"KEY":1},{"KEY":2,"a":{"KEY":3}}]"#;
    let payload = format!(r#"{{"rows":{rows}}}"#);
    assert_eq!(masked(&payload), payload.replace("KEY", GITHUB), "objects have keys of their own");
}

#[test]
fn a_marker_makes_no_key_one_of_the_protocol() {
    assert_eq!(masked_with(r#"{"KEY":1}"#, &Marker::fixed("name")), format!(r#"{{"{GITHUB}":1}}"#));
    assert_eq!(masked_with(r#"{"KEY":"KEY"}"#, &Marker::fixed("")), format!(r#"{{"{GITHUB}":""}}"#));
    assert_eq!(masked_with(r#"{"a":"KEY"}"#, &Marker::fixed("\"\\\n")), r#"{"a":"\"\\\n"}"#);
}

#[test]
fn a_name_speaks_for_what_it_holds() {
    for (payload, expected) in [
        (r#"{"password":"opensesame"}"#, r#"{"password":"[REDACTED:member]"}"#),
        (r#"{"p\u0061ss_word":"opensesame"}"#, r#"{"p\u0061ss_word":"[REDACTED:member]"}"#),
        (r#"{"pass-word":48151623}"#, r#"{"pass-word":"[REDACTED:member]"}"#),
        (
            r#"{"api_key":["opensesame",["friend"],481516]}"#,
            r#"{"api_key":["[REDACTED:member]",["[REDACTED:member]"],"[REDACTED:member]"]}"#,
        ),
        (r#"{"API-Key":{"value":"opensesame"}}"#, r#"{"API-Key":{"value":"[REDACTED:member]"}}"#),
        (r#"{"Cookie":["a=1; b=2"]}"#, r#"{"Cookie":["[REDACTED:member]"]}"#),
        (r#"{"authorization":"Bearer friend123"}"#, r#"{"authorization":"Bearer [REDACTED:bearer]"}"#),
        (r#"{"password":"KEY"}"#, r#"{"password":"[REDACTED:github-token]"}"#),
    ] {
        assert_eq!(masked(payload), expected);
    }
}

#[test]
fn what_only_has_the_name_is_let_be() {
    for payload in [
        r#"{"password":null,"api_key":"","token":false,"secret":0,"cookie":[],"pwd":{}}"#,
        r#"{"password":{"type":"string","format":"password","minLength":12345}}"#,
        r#"{"errors":{"password":["is too short","has no digit"]}}"#,
        r#"{"password":12,"token":123456789,"max_tokens":4096}"#,
        r#"{"key":"users/42","authority":"example.com:443","author":["Ann"]}"#,
        r#"{"password":"[REDACTED:member]","api_key":["<your key>"]}"#,
    ] {
        assert_eq!(masked(payload), payload);
    }
}

#[test]
fn what_the_protocol_says_to_itself_is_let_be_in_its_place_only() {
    for payload in [
        r#"{"cursor":"KEY"}"#,
        r#"{"requestState":"KEY","arguments":{}}"#,
        r#"{"progressToken":"KEY","progress":1}"#,
        r#"{"_meta":{"progressToken":"KEY","io.modelcontextprotocol/subscriptionId":"KEY"}}"#,
        r#"{"inputResponses":{"a":{"params":{"requestState":"KEY"}}}}"#,
    ] {
        assert_eq!(masked(payload), payload.replace("KEY", &key()));
    }
    for payload in [
        r#"{"arguments":{"cursor":"KEY"}}"#,
        r#"{"arguments":{"_meta":{"progressToken":"KEY"}}}"#,
        r#"{"cursor":["KEY"]}"#,
        r#"{"_meta":{"cursor":"KEY"}}"#,
        r#"{"inputResponses":{"cursor":"KEY"}}"#,
    ] {
        assert_eq!(masked(payload), payload.replace("KEY", GITHUB));
    }
    let state = r#"{"requestState":"KEY","nextCursor":"KEY","structuredContent":{"a":1}}"#;
    assert_eq!(result(state), state.replace("KEY", &key()));
    let structured = r#"{"structuredContent":{"nextCursor":"KEY"}}"#;
    assert_eq!(result(structured), structured.replace("KEY", GITHUB));
}

#[test]
fn pictures_and_sounds_are_let_be_and_no_other_data() {
    for payload in [
        r#"{"content":[{"type":"image","data":"KEY"},{"data":"KEY","type":"audio"}]}"#,
        r#"{"messages":[{"role":"user","content":{"data":"KEY","type":"image"}}]}"#,
    ] {
        assert_eq!(result(payload), payload.replace("KEY", &key()));
    }
    for payload in [
        r#"{"content":[{"type":"image","mimeType":"KEY"}]}"#,
        r#"{"content":[{"data":"KEY","type":"text"},{"data":"KEY"}]}"#,
        r#"{"structuredContent":{"type":"image","data":"KEY"}}"#,
        r#"{"data":"KEY"}"#,
    ] {
        assert_eq!(result(payload), payload.replace("KEY", GITHUB));
    }
}

#[test]
fn a_secret_in_pieces_is_masked_piece_by_piece() {
    let key = key();
    let (a, b, c) = (&key[..4], &key[4..20], &key[20..]);
    let block = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let three = format!(
        r#"{{"content":[{},{},{}]}}"#,
        block(&format!("x\\n{a}")),
        block(b),
        block(&format!("{c} y"))
    );
    let expected = format!(
        r#"{{"content":[{},{},{}]}}"#,
        block(&format!("x\\n{GITHUB}")),
        block(GITHUB),
        block(&format!("{GITHUB} y"))
    );
    assert_eq!(result(&three), expected);
    let apart = three.replacen("},{", r#"},{"type":"image","data":""},{"#, 1).replacen("x\\n", "", 1);
    assert_eq!(result(&apart), apart, "a picture stands between them");
    let twice = format!(r#"{{"content":[{},{}]}}"#, block(&key), block("and more"));
    assert_eq!(result(&twice), twice.replace(&key, GITHUB), "one that is whole stays one that is");
}

#[test]
fn a_kind_of_block_that_is_spelled_with_escapes_is_that_kind() {
    let key = key();
    let (one, two) = key.split_at(20);
    let block = |text: &str| format!(r#"{{"type":"t\u0065xt","text":"{text}"}}"#);
    assert_eq!(
        result(&format!(r#"{{"content":[{},{}]}}"#, block(one), block(two))),
        format!(r#"{{"content":[{},{}]}}"#, block(GITHUB), block(GITHUB))
    );
    let image = r#"{"content":[{"type":"im\u0061ge","data":"KEY"}]}"#;
    assert_eq!(result(image), image.replace("KEY", &key));
}

#[test]
fn json_in_a_text_is_read_as_json() {
    let payload = r#"{"content":[{"type":"text","text":"{\"password\":\"opensesame\",\"pin_pwd\":48151,\"n\":1}"}],"structuredContent":{"password":"opensesame","pin_pwd":48151,"n":1}}"#;
    let expected = payload
        .replace("opensesame", "[REDACTED:member]")
        .replace(r#"pwd\":48151"#, r#"pwd\":\"[REDACTED:assigned]\""#)
        .replace(r#"pwd":48151"#, r#"pwd":"[REDACTED:member]""#);
    assert_eq!(result(payload), expected);
    let prose = r#"{"content":[{"type":"text","text":"[note] \"password\":\"opensesame\" (is wrong]"}]}"#;
    assert_eq!(result(prose), prose);
}

#[test]
fn a_path_tells_where_and_never_what() {
    let key = key();
    let payload =
        format!(r#"{{"a/b":[0,{{"{key}":"{key}","c":"x {key}"}}],"content":[{{"text":"{key}"}}]}}"#);
    let message = JsonRpcMessage::request(1, "x", payload).unwrap();
    let detector = Detector::new();
    let secrets = Secrets::of(&detector, &message);
    let paths: Vec<_> = secrets.found().iter().map(|found| (found.path.to_string(), found.in_key)).collect();
    let masked = format!("/params/a~1b/1/{GITHUB}");
    let expected =
        [(&*masked, true), (&*masked, false), ("/params/a~1b/1/c", false), ("/params/content/0/text", false)];
    assert_eq!(paths, expected.map(|(path, in_key)| (path.to_owned(), in_key)));
    assert!(!format!("{secrets:?}").contains(&key));
}

/// Each makes a naive way through quadratic, or larger than memory; all of it is done at once here, or the test hangs.
#[test]
fn what_the_detector_is_told_to_let_be_is() {
    let allow = AllowList::new().value("hunter2hunter2").value("20262026").path("/params/arguments/sha*");
    let detector = Detector::builder().allow(allow).build();
    let arguments =
        r#"{"password":"hunter2hunter2","pin":20262026,"passwd":"other2other2","sha":"KEY","v":"KEY"}"#;
    let params = format!(r#"{{"name":"t","arguments":{arguments}}}"#).replace("KEY", &key());
    let message = JsonRpcMessage::request(1, "tools/call", params.clone()).unwrap();
    let masked = Secrets::of(&detector, &message).masked(&Marker::default(), usize::MAX).unwrap();
    let expected = params.replace("other2other2", "[REDACTED:member]");
    let (before, last) = expected.rsplit_once(&key()).unwrap();
    assert_eq!(std::str::from_utf8(masked.params().unwrap()).unwrap(), format!("{before}{GITHUB}{last}"));

    let detector = Detector::builder().without("member").unwrap().build();
    assert_eq!(Secrets::of(&detector, &message).count(), 2, "names alone say nothing");
}

#[test]
fn many_secrets_under_a_long_name_take_no_more_than_their_time() {
    let name = r"\u0061".repeat(1 << 16);
    let value = format!("[{}0]", "\"KEY\",".repeat(2000));
    let payload = (0..8).fold(value, |inner, _| format!(r#"{{"{name}":{inner}}}"#)).replace("KEY", &key());
    let message = JsonRpcMessage::request(1, "x", payload).unwrap();
    let detector = Detector::new();
    let secrets = Secrets::except(&detector, &message, &|_| false);
    assert_eq!(secrets.count(), 2000);
    let path = secrets.found()[1].path.to_string();
    assert_eq!(path, format!("/params{}/1", format!("/{}…", "a".repeat(64)).repeat(8)));
}

#[test]
fn no_document_takes_more_than_its_time() {
    let detector = Detector::new();
    let key = key();
    let size = 1 << 17;
    let list = |part: &str| format!(r#"{{"a":[{}0]}}"#, format!("{part},").repeat(size / part.len()));
    let text = |part: &str| format!(r#"{{"a":"{}"}}"#, part.repeat(size / part.len()));
    let blocks = |part: &str| {
        let block = format!(r#"{{"type":"text","text":"{part}"}},"#);
        format!(r#"{{"content":[{}0]}}"#, block.repeat(size / block.len()))
    };
    let keyed: String = (0..size / 56).map(|n| format!(r#""{n} {key}":1,"#)).collect();
    for payload in [
        list(&format!(r#""{key}""#)),
        list(r#"{"pwd":"ab"}"#),
        list(r#"{"data":"a","type":"text","text":"ghp_"}"#),
        list(r#""{\"password\":\"a b\"}""#),
        text("\\u0070\\u0077\\u0064="),
        text("\\\\"),
        text("\\\"password\\\":\\\""),
        text("password=\\n"),
        text(&format!("{key} ")),
        text(&format!("\\n{key}")),
        format!(r#"{{"a":"{}"}}"#, "[".repeat(size) + "]"),
        format!(r#"{{"a":"{}"}}"#, "[\\\"".repeat(size / 3) + "]"),
        format!(r#"{{"a":"{}{}"}}"#, "[".repeat(size / 2), "]".repeat(size / 2)),
        blocks("a"),
        blocks("ghp_"),
        blocks(&key),
        blocks("eyJ"),
        blocks("password="),
        blocks("-----BEGIN PRIVATE KEY-----"),
        format!("{{{keyed}\"a\":0}}"),
    ] {
        let message = JsonRpcMessage::request(1, "m", &payload).unwrap();
        let secrets = Secrets::of(&detector, &message);
        let masked = secrets.masked(&Marker::default(), usize::MAX).unwrap();
        assert!(masked.bytes().len() <= payload.len() * 8);
        assert!(secrets.found().len() <= 64);
        assert!(Secrets::of(&detector, &masked).is_empty() || !payload.contains(&key));
    }
}
