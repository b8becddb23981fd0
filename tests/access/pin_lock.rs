//! Definitions, their canonical form, and the files that keep them.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shadowcat::policy::pin::{Definition, DriftKind, LockFile};

fn tool(text: &str) -> Definition {
    Definition::read(text.as_bytes()).unwrap()
}

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("shadowcat-{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tools.lock")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn lock() -> LockFile {
    let mut lock = LockFile::new();
    lock.insert(
        "web",
        tool(r#"{"name":"fetch","inputSchema":{"type":"object","required":["url"]},"n":1.50}"#),
    );
    lock.insert("web", tool(r#"{"name":"a \"b\"\u0007","description":"\ud83d\ude00"}"#));
    lock.server("empty");
    lock
}

#[test]
fn a_lock_file_is_read_as_it_was_written() {
    let folder = Folder::new("lock-roundtrip");
    assert!(LockFile::read(folder.file()).unwrap_err().is_missing());
    for lock in [LockFile::new(), lock()] {
        lock.write(folder.file()).unwrap();
        assert_eq!(LockFile::read(folder.file()).unwrap(), lock);
        let plain: Value = serde_json::from_str(&lock.to_json()).unwrap();
        assert_eq!(plain["shadowcatLock"], 1);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside it");
    assert!(lock().to_json().contains("\n            \"required\": [\n"), "a line for each member");
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it_and_a_link_is_replaced_and_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("lock-mode");
    let precious = folder.0.join("precious");
    fs::write(&precious, "mine").unwrap();
    std::os::unix::fs::symlink(&precious, folder.file()).unwrap();
    lock().write(folder.file()).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    let meta = fs::symlink_metadata(folder.file()).unwrap();
    assert_eq!((meta.is_file(), meta.permissions().mode() & 0o777), (true, 0o600));
    assert!(lock().write(folder.0.join("missing").join("x")).is_err());
    assert!(LockFile::read(&folder.0).is_err(), "a folder is no file");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let good = lock().to_json();
    let digest = |text: &str| text.replacen("sha256:", "sha256:X", 1);
    for (text, told) in [
        (String::new(), "f:1:1: "),
        ("[]".into(), "f:1:1: "),
        ("{}".into(), "f:1:1: the field \"shadowcatLock\" is missing"),
        (r#"{"shadowcatLock":2,"servers":{}}"#.into(), "f:1:18: this release reads lock files of version 1"),
        (r#"{"shadowcatLock":1,"servers":[]}"#.into(), "f:1:30: an object is expected here"),
        ("{\"shadowcatLock\":1,\n \"servers\":{},\n \"more\":1}".into(), "f:3:2: unknown field \"more\""),
        ("{\"shadowcatLock\":1,\n \"servers\":{},\"servers\":{}}".into(), "f:2:15: duplicate key"),
        (r#"{"shadowcatLock":1,"servers":{}},"id":1"#.into(), "f:1:1: not one JSON object"),
        (format!("{good}}}"), ""),
        (good.replacen("1.50", "1.5", 1), "the definition has another digest: it was changed by hand"),
        (digest(&good), "a digest is `sha256:`"),
        (good.replacen("\"fetch\": {", "\"fetsh\": {", 1), "the definition is of a tool of another name"),
        (good.replacen("\"digest\"", "\"digset\"", 1), "unknown field \"digset\""),
        (good.replacen("\"n\": 1.50", "\"n\": 01", 1), "not JSON"),
    ] {
        let error = LockFile::from_json("f", &text).unwrap_err().to_string();
        assert!(error.starts_with("f:") && error.contains(told), "{text}\n{error}");
    }
    for end in 0..good.trim_end().len() {
        assert!(LockFile::from_json("f", &good.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_diff_ends_however_much_changed() {
    let values = "\"\u{200b}\",".repeat(100_000);
    let description = format!(r#"{{"name":"t","inputSchema":{{"enum":[{values}0]}}}}"#);
    let mut now = LockFile::new();
    now.insert("s", tool(&description));
    let diff = LockFile::new().diff(&now).remove(0).diff();
    assert!(diff.len() < (1 << 20) + 8192 && diff.ends_with("…\n"), "{}", diff.len());
}

#[test]
fn a_diff_tells_what_changed_and_merge_takes_it_over() {
    let (mut trusted, mut now) = (lock(), lock());
    now.insert(
        "web",
        tool(r#"{"name":"fetch","inputSchema":{"type":"object","required":["url","key"]},"n":1.50}"#),
    );
    now.remove("web", "a \"b\"\u{7}").unwrap();
    now.insert("mail", tool(r#"{"name":"send","description":"hid\u202eden\u0000\u009b31m\u200b"}"#));
    let diff = trusted.diff(&now);
    let kinds: Vec<_> = diff.iter().map(|drift| (&*drift.server, drift.kind)).collect();
    assert_eq!(kinds, [("mail", DriftKind::New), ("web", DriftKind::Vanished), ("web", DriftKind::Changed)]);
    assert_eq!(diff[2].diff(), "+ /inputSchema/required/1: \"key\"\n");
    let shown = diff[0].diff();
    assert!(shown.contains(r"hid\u{202e}den\u0000\u{9b}31m\u{200b}"), "{shown}");
    trusted.merge(now.clone());
    assert!(trusted.diff(&now).iter().all(|drift| drift.kind == DriftKind::Vanished));
}

#[test]
fn what_is_no_definition_is_refused() {
    let deep = format!(r#"{{"name":"a","x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    for text in [
        "",
        "1",
        "[]",
        "{}",
        r#"{"name":1}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a""#,
        r#"{"name":"\ud800"}"#,
        &deep,
    ] {
        assert!(Definition::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn numbers_and_odd_text_are_never_taken_for_each_other() {
    let digests: Vec<_> = [
        "1",
        "1.0",
        "1e0",
        "10000000000000000000000001",
        "10000000000000000000000002",
        r#""1""#,
        r#""\ud800""#,
        r#""\udfff""#,
        "\"\u{fffd}\"",
    ]
    .map(|value| tool(&format!(r#"{{"name":"a","v":{value}}}"#)).digest())
    .into();
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(digest), "{index}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn definition() -> impl Strategy<Value = Value> {
    (prop::collection::hash_map("[a-z]{1,6}", value(), 0..5), ".{1,8}").prop_map(|(parts, name)| {
        let mut parts: Map<_, _> = parts.into_iter().collect();
        parts.insert("name".into(), name.into());
        Value::Object(parts)
    })
}

/// The same value, written in another way: order, blanks and escapes by dice.
fn written(value: &Value, dice: &mut impl FnMut() -> u32) -> String {
    let blank = |dice: u32| ["", " ", "\n", "\t \r\n"][dice as usize % 4];
    let text = |text: &str, dice: &mut dyn FnMut() -> u32| {
        let mut out = String::from('"');
        for c in text.chars() {
            match dice() % 3 {
                0 => c
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04X}"))),
                1 if c == '/' => out.push_str("\\/"),
                _ => {
                    let quoted = serde_json::to_string(&c).unwrap();
                    out.push_str(&quoted[1..quoted.len() - 1]);
                }
            }
        }
        out + "\""
    };
    let (before, after) = (blank(dice()), blank(dice()));
    let inside = match value {
        Value::String(value) => text(value, dice),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| written(item, dice)).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_cached_key(|_| dice());
            let member = |(key, value): (&String, &Value)| {
                let key = text(key, dice);
                format!("{key}:{}", written(value, dice))
            };
            let members: Vec<_> = members.into_iter().map(member).collect();
            format!("{{{}{}}}", members.join(","), blank(1))
        }
        other => other.to_string(),
    };
    format!("{before}{inside}{after}")
}

fn dice(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed | 1;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32
    }
}

/// The number of values in it.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Puts something else in the place of the value of this number.
fn change(value: &mut Value, at: &mut usize) {
    if *at == 0 {
        *value = match &*value {
            Value::Bool(yes) => json!(!*yes),
            Value::String(text) => json!(format!("{text}!")),
            Value::Number(number) => json!(number.as_i64().unwrap().wrapping_add(1)),
            Value::Null => json!(0),
            other => json!([other.clone()]),
        };
    }
    *at = at.wrapping_sub(1);
    match value {
        _ if *at > usize::MAX / 2 => {}
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, at)),
        Value::Object(members) => members.values_mut().for_each(|member| change(member, at)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn the_digest_does_not_depend_on_how_a_definition_is_written(value in definition(), seed: u64) {
        let plain = tool(&value.to_string());
        let other = written(&value, &mut dice(seed));
        prop_assert_eq!(&serde_json::from_str::<Value>(&other).unwrap(), &value, "the test writes the same");
        prop_assert_eq!(tool(&other).digest(), plain.digest());
        prop_assert_eq!(&serde_json::from_str::<Value>(plain.canonical()).unwrap(), &value);
    }

    #[test]
    fn the_digest_changes_with_any_value(mut parts in value(), at: prop::sample::Index) {
        let before = tool(&json!({"name": "t", "parts": parts}).to_string());
        let mut at = at.index(count(&parts));
        change(&mut parts, &mut at);
        let after = tool(&json!({"name": "t", "parts": parts}).to_string());
        prop_assert_ne!(before.digest(), after.digest());
    }

    #[test]
    fn any_lock_file_is_read_as_it_was_written(tools in prop::collection::vec((".{0,4}", definition()), 0..5)) {
        let mut lock = LockFile::new();
        for (server, value) in tools {
            lock.insert(&server, tool(&value.to_string()));
        }
        prop_assert_eq!(LockFile::from_json("f", lock.to_json()).unwrap(), lock);
    }
}
