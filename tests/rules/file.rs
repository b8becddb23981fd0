//! Files of rules: what is read of them.

#![cfg(all(feature = "yaml", feature = "regex", feature = "jsonpath"))]

use std::time::Duration;

use serde_json::json;
use shadowcat::rules::{self, Action, RuleSet};

use crate::rule_files::*;

#[test]
fn the_file_of_the_seeds_loads_as_it_stands() {
    let loaded = yaml(SEEDS).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(
        met(&loaded.rules, "tools/call", &json!({"name": "get_weather"})),
        ["delay-tool-calls", "mock-weather"]
    );
    assert_eq!(met(&loaded.rules, "tools/call", &json!({"name": "add"})), ["delay-tool-calls"]);
    assert!(met(&loaded.rules, "tools/list", &json!({})).is_empty());
    let delay = loaded.rules.rules().find_map(|rule| match rule.action() {
        Action::Fault(fault) => Some(fault.delay),
        _ => None,
    });
    assert_eq!(delay, Some(Duration::from_millis(500)));
    let described = loaded.rules.rules().filter_map(|rule| rule.description());
    assert_eq!(described.count(), 2);
}

#[test]
fn everything_that_the_format_has_loads_without_a_warning() {
    let loaded = yaml(EVERY).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.rules.rules().len(), EVERY.matches("id: ").count() - 1, "one is not enabled");
}

#[test]
fn json_and_yaml_give_the_same_rules() {
    for text in [SEEDS, EVERY] {
        let json = serde_json::to_string_pretty(&as_json(text)).unwrap();
        let one: Vec<_> = yaml(text).unwrap().rules.rules().cloned().collect();
        let other = RuleSet::from_json("r.json", &json).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(one, other.rules.rules().cloned().collect::<Vec<_>>());
    }
}

#[test]
fn a_file_is_read_by_the_end_of_its_name() {
    let folder = std::env::temp_dir().join(format!("shadowcat-rules-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text, what) in [
        ("a.yaml", SEEDS, ""),
        ("a.yml", "\u{feff}rules: []", ""),
        ("a.json", "\u{feff}{\"rules\": []}", ""),
        ("a.toml", "", "the name of a file of rules ends in .json, .yaml or .yml"),
        ("b.json", "rules: []", "no JSON: expected value"),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let problems = rules::check(&path).to_string();
        assert!(problems.contains(what) && problems.is_empty() == what.is_empty(), "{name}: {problems}");
    }
    std::fs::write(folder.join("c.yaml"), b"rules: [\xff]").unwrap();
    assert!(rules::check(folder.join("c.yaml")).to_string().ends_with("is no UTF-8 text"));
    std::fs::write(folder.join("d.json"), vec![b' '; 9 << 20]).unwrap();
    assert!(rules::check(folder.join("d.json")).to_string().ends_with("at most 8388608 bytes"));
    assert!(rules::check(folder.join("none.json")).to_string().contains("cannot be read"));
    std::fs::remove_dir_all(folder).unwrap();
}
