//! Rules of one's own for secrets, what is let be, and what is looked for in linear time.
#![cfg(feature = "regex")]

use proptest::prelude::*;
use shadowcat::rules::Problems;
use shadowcat::secret::{AllowList, CustomRule, Detector, Marker, MaskLines};

use crate::keys::{ALNUM, drawn, keys};

fn with(rule: CustomRule) -> Detector {
    Detector::builder().rule(rule).build()
}

fn acme() -> CustomRule {
    CustomRule::new("acme-key", r"acme_[a-zA-Z0-9]{20}\b").unwrap().keyword("ACME_")
}

fn key() -> String {
    format!("acme_{}", drawn(ALNUM, 20, 3))
}

#[test]
fn a_rule_finds_its_secret_wherever_it_stands() {
    let detector = with(acme());
    for filler in [0, 1, 1_000, 2_030, 2_040, 2_048, 4_090, 9_999] {
        let text = format!("{}é {} {}", "x y ".repeat(filler / 4), key(), "z ".repeat(filler));
        let found = detector.find(&text);
        assert_eq!(found.len(), 1, "{filler}");
        assert_eq!((&text[found[0].range.clone()], &*found[0].kind), (&*key(), "acme-key"));
    }
}

#[test]
fn a_secret_longer_than_any_window_goes_whole() {
    let detector = with(CustomRule::new("blob", "blob:[a-z]{10,}").unwrap());
    let text = format!("{} blob:{}.", "x ".repeat(900), "a".repeat(30_000));
    assert!(!detector.mask(&text, &Marker::default()).contains("aaa"));
}

#[test]
fn without_its_keyword_a_rule_is_not_looked_for_and_without_any_it_is() {
    let pattern = r"key-is-(\w{8})";
    let due = CustomRule::new("a", pattern).unwrap().keyword("hint");
    assert!(with(due.clone()).find("key-is-abcdefgh").is_empty());
    assert_eq!(with(due).find("HINT: key-is-abcdefgh").len(), 1);
    let found = with(CustomRule::new("a", pattern).unwrap()).find("key-is-abcdefgh");
    assert_eq!(found[0].range, 7..15, "the group is the secret");
}

#[test]
fn a_group_may_be_chosen_and_must_be_there() {
    let rule = CustomRule::new("a", r"(id)=(\w+)").unwrap();
    assert_eq!(with(rule.clone()).find("id=x1")[0].range, 0..2);
    assert_eq!(with(rule.clone().secret_group(2).unwrap()).find("id=x1")[0].range, 3..5);
    assert_eq!(with(rule.clone().secret_group(0).unwrap()).find("id=x1")[0].range, 0..5);
    assert_eq!(rule.secret_group(3).unwrap_err().to_string(), "the pattern has no group 3");
}

#[test]
fn entropy_narrows_a_rule_and_finds_nothing_alone() {
    let detector = with(acme().entropy(3.5));
    assert_eq!(detector.find(&key()).len(), 1);
    assert!(detector.find("acme_aaaaaaaaaaaaaaaaaaaa").is_empty());
    for seed in 0..200 {
        let text = format!("checksum {} of it", drawn(ALNUM, 48, seed));
        assert!(detector.find(&text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_no_rule_is_refused() {
    for (id, pattern) in
        [("", "a"), ("a b", "a"), ("[x]", "a"), ("a", "("), ("a", "a*"), ("a", r"\w{9999}{9999}")]
    {
        assert!(CustomRule::new(id, pattern).is_err(), "{id} {pattern}");
    }
    assert!(CustomRule::new("a", &"a".repeat(5_000)).is_err());
}

#[test]
fn what_is_allowed_is_let_be_and_nothing_beside_it() {
    let keys = keys();
    let (mine, other) = (&keys[20].1, &keys[21].1);
    let regex = regex_of("^glpat-7");
    for allow in [
        AllowList::new().value(mine),
        AllowList::new().glob(&format!("{}*", &mine[..12])),
        AllowList::new().containing(&mine[8..].to_ascii_uppercase()),
    ] {
        let detector = Detector::builder().allow(allow.clone()).build();
        let text = format!("{mine} and {other}, password={mine}");
        let masked = detector.mask(&text, &Marker::fixed("*")).into_owned();
        assert_eq!(masked, format!("{mine} and *, password={mine}"));
        assert_eq!(detector.mask_member("api_key", mine, &Marker::fixed("*")), *mine);
        let shown = format!("{detector:?} {allow:?} {:?}", Detector::builder().allow(allow.clone()));
        assert!(!shown.contains(&mine[8..16]), "{shown}");
    }
    assert!(AllowList::new().digest("zz").is_err() && AllowList::new().digest(&"0".repeat(63)).is_err());
    assert!(AllowList::new().regex(regex).allows("glpat-7abc"));
    let own = with(acme().allow(AllowList::new().value(&key())));
    assert!(own.find(&key()).is_empty());
}

fn regex_of(pattern: &str) -> regex::Regex {
    regex::Regex::new(pattern).unwrap()
}

#[test]
fn a_kind_that_is_left_out_is_not_found_and_the_others_are() {
    for (kind, key) in keys() {
        let detector = Detector::builder().without(kind).unwrap().build();
        assert!(detector.find(&key).iter().all(|found| found.kind != kind), "{kind}");
        let others = keys().into_iter().filter(|(other, _)| *other != kind);
        for (other, key) in others.take(3) {
            assert_eq!(detector.find(&key).first().map(|found| &*found.kind), Some(other));
        }
    }
    let bare = Detector::kinds().try_fold(Detector::builder(), |builder, kind| builder.without(kind));
    let bare = bare.unwrap().build();
    assert_eq!(bare.mask_member("password", "hunter2", &Marker::default()), "hunter2");
    assert!(keys().iter().all(|(_, key)| bare.find(key).is_empty()));
}

/// Every format has a key in `keys`.
#[test]
fn each_kind_of_a_provider_has_a_key_in_these_tests() {
    let places = ["assigned", "basic", "bearer", "member", "password-in-url", "private-key"];
    let tested: Vec<_> = keys().into_iter().map(|(kind, _)| kind).chain(places).collect();
    let missing: Vec<_> = Detector::kinds().filter(|kind| !tested.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn load(text: &str) -> Result<Detector, Problems> {
    Ok(Detector::builder().rules_from_json("s.json", text)?.build())
}

#[test]
fn a_file_makes_rules_and_an_allow_list() {
    let detector = load(
        r#"{"title": "ours", "disabled": ["twilio-key"], "allowlist": {"stopwords": ["DUMMY"], "paths": ["/result/*"]},
           "rules": [{"id": "acme", "description": "d", "regex": "acme=(\\w+);(\\w+)", "keywords": ["acme"],
                      "entropy": 1.5, "secretGroup": 2, "tags": ["x"], "allowlist": {"globs": ["ok*"]}}]}"#,
    )
    .unwrap();
    let marker = Marker::default();
    assert_eq!(detector.mask("acme=a;b1c2d3", &marker), "acme=a;[REDACTED:acme]");
    for fine in ["acme=a;ok12345", "acme=a;1dummy2", "acme=a;bbbb", "SK0123456789abcdef0123456789abcdef"] {
        assert_eq!(detector.mask(fine, &marker), fine);
    }
    assert!(detector.allow_list().allows_path("/result/x"));
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    for (text, told) in [
        ("[]", "s.json:1:1: expected a file of rules for secrets, a mapping, found a list"),
        (
            r#"{"rule":[]}"#,
            "s.json:1:2: a file of rules for secrets has no field \"rule\"; did you mean \"rules\"?",
        ),
        (r#"{"rules":[{"regex":"a"}]}"#, "s.json:1:11: a rule needs `id`; add it"),
        (r#"{"rules":[{"id":"a","regex":"("}]}"#, "s.json:1:29: rule \"a\": unclosed group"),
        (
            r#"{"rules":[{"id":"a","regex":"a*"}]}"#,
            "s.json:1:29: rule \"a\": the pattern matches an empty text",
        ),
        (r#"{"rules":[{"id":"jwt","regex":"a"}]}"#, "s.json:1:17: rule \"jwt\": the id \"jwt\" is taken"),
        (r#"{"rules":[{"id":"a","regex":"a"},{"id":"a","regex":"b"}]}"#, "s.json:1:40: rule \"a\": the id"),
        (r#"{"rules":[{"id":"a","regex":"a","entropy":9}]}"#, "s.json:1:43: rule \"a\": expected 0 to 8"),
        (
            r#"{"rules":[{"id":"a","regex":"a","secretGroup":1}]}"#,
            "s.json:1:47: rule \"a\": the pattern has no group 1",
        ),
        (r#"{"rules":[{"id":"a","regex":"a","keywords":[""]}]}"#, "s.json:1:45: rule \"a\": an empty text"),
        (
            r#"{"rules":[{"id":"a","regex":"a","allowlist":{"paths":["a"]}}]}"#,
            "s.json:1:46: rule \"a\": an allow-list has no",
        ),
        (r#"{"allowlist":{"sha256":["abc"]}}"#, "s.json:1:25: a SHA-256 has 64 hexadecimal digits"),
        (r#"{"disabled":["nope"]}"#, "s.json:1:14: there is no kind of secret"),
        (r#"{"rules":[],"rules":[]}"#, "s.json:1:13: "),
    ] {
        let problems = load(text).unwrap_err().to_string();
        assert!(problems.starts_with(told), "{text}: {problems}");
    }
}

/// Rules that begin anew at each byte and look far ahead: quadratic time, if nothing bounded it, is hours here.
#[test]
fn no_text_and_no_rule_takes_more_than_linear_time() {
    let detector = Detector::builder()
        .rule(CustomRule::new("far", r"a.*b|a").unwrap())
        .rule(CustomRule::new("end", r"(?s)a.*\z|a").unwrap())
        .build();
    let text = "a".repeat(1 << 13);
    assert_eq!(detector.find(&text).len(), 1);
    // Each key begins in all the ones before it, and none has a digit.
    for part in ["sk-ant-", "glpat-glpat-a.", "hvs.", "SG.", "tskey-a-", "ya29.-"] {
        assert!(Detector::new().find(&part.repeat((1 << 20) / part.len())).is_empty(), "{part}");
    }
}

#[test]
fn lines_of_a_key_go_to_its_last_one_and_prose_ends_it() {
    let mut lines = MaskLines::default();
    let key = drawn(ALNUM, 64, 5);
    let said: Vec<_> = ["-----BEGIN RSA PRIVATE KEY-----", &key, "", &key, "the program goes on now", &key]
        .map(|line| lines.mask(line).into_owned())
        .to_vec();
    let marker = "[REDACTED:private-key]";
    assert_eq!(said, [marker, marker, "", marker, "the program goes on now", &key]);
    let cut = format!("{{\"a\":\"b\",\"token\":\"{}", &key[..20]);
    assert_eq!(lines.mask_cut(&cut), r#"{"a":"b","token":""#);
}

proptest! {
    #[test]
    fn a_rule_never_misses_what_it_matches(before in "[a-z ]{0,40}", times in 0_usize..80, after in "( [a-z ]{0,40})?") {
        let text = format!("{}{before} {}{after}", "é pad ".repeat(times * 7), key());
        let masked = with(acme()).mask(&text, &Marker::default()).into_owned();
        prop_assert_eq!(masked, text.replace(&key(), "[REDACTED:acme-key]"));
    }
}
