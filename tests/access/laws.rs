//! What holds of every policy and every frame.

use std::io::Write;
use std::process::{Command, Stdio};

use caseless::Caseless;
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::layer::access::Access;
use shadowcat::policy::{For, Policy, Rule, Subject, Target, Verdict, Who};
use shadowcat::rules::{Seen, Test, Text};
use shadowcat::{Direction, JsonRpcMessage, Pointer};
use unicode_normalization::UnicodeNormalization;
use wildmatch::WildMatch;

use crate::guarded::{self, frames::frame, no_evil, request};

/// What a lax peer reads, of the characters that occur here.
fn lax(text: &str) -> String {
    let visible = text.trim_start_matches('\0').split('\0').next().unwrap_or_default();
    let shown = visible.chars().filter(|c| !c.is_control() && !matches!(c, '\u{200b}' | '\u{ad}'));
    let folded: String = shown.nfkc().default_case_fold().nfkc().collect();
    folded.trim().to_owned()
}

#[derive(Clone, Debug)]
struct Plain {
    allows: bool,
    glob: bool,
    name: &'static str,
    n: Option<i64>,
    priority: i32,
    principal: Option<&'static str>,
    dry_run: bool,
}

impl Plain {
    fn rule(&self, id: usize) -> Rule {
        let text = if self.glob { Text::glob(self.name) } else { Text::exact(self.name) };
        let make = if self.allows { Rule::allow } else { Rule::deny };
        let mut rule = make(&id.to_string(), Target::Tool(text)).priority(self.priority);
        if let Some(n) = self.n {
            rule = rule.when("/params/arguments/n".parse::<Pointer>().unwrap(), Test::Equals(json!(n)));
        }
        if let Some(principal) = self.principal {
            rule = rule.only(For::everybody().principal(Text::exact(principal)));
        }
        if self.dry_run { rule.dry_run() } else { rule }
    }

    fn is_for(&self, name: &str, who: Option<&str>, n: Option<i64>) -> bool {
        let same = |one: &str, other: &str| {
            if self.glob { WildMatch::new(one).matches(other) } else { one == other }
        };
        let (own, fold) = (lax(self.name), lax(name));
        let by_fold = || same(&own, &fold) || same(&own, name) || same(self.name, &fold);
        let person =
            |principal: &str, who: &str| principal == who || (!self.allows && lax(principal) == lax(who));
        (same(self.name, name) || (!self.allows && by_fold()))
            && self.n.is_none_or(|own| n == Some(own))
            && self.principal.is_none_or(|principal| who.is_some_and(|who| person(principal, who)))
    }
}

/// The rules as they are written, one after the other.
fn naive(rules: &[Plain], default: bool, name: &str, who: Option<&str>, n: Option<i64>) -> bool {
    let mut rules: Vec<_> = rules.iter().filter(|rule| !rule.dry_run).collect();
    rules.sort_by_key(|rule| (-rule.priority, rule.allows));
    rules.iter().find(|rule| rule.is_for(name, who, n)).map_or(default, |rule| rule.allows)
}

const WORDS: [&str; 12] =
    ["a", "ab", "A", "aB", "b", "ａ", "a\u{200b}b", "c", " a", "b\0c", "cafe\u{7f}\u{301}", "café"];

fn plain() -> impl Strategy<Value = Plain> {
    let word = prop::sample::select(&WORDS[..]);
    let pattern = prop::sample::select(&["*", "a*", "?", "A?", "*b", "a"][..]);
    let name =
        prop_oneof![2 => word.prop_map(|word| (false, word)), 1 => pattern.prop_map(|word| (true, word))];
    let people = prop::option::weighted(0.2, prop::sample::select(&["x", "y"][..]));
    (any::<bool>(), name, prop::option::weighted(0.4, 0_i64..3), -1..2, people, prop::bool::weighted(0.1))
        .prop_map(|(allows, (glob, name), n, priority, principal, dry_run)| Plain {
            allows,
            glob,
            name,
            n,
            priority,
            principal,
            dry_run,
        })
}

fn call(name: &str, n: Option<i64>) -> JsonRpcMessage {
    let arguments = n.map_or(json!({}), |n| json!({ "n": n }));
    request("tools/call", &json!({ "name": name, "arguments": arguments }).to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_indexed_policy_is_the_naive_one_and_what_is_hidden_is_denied_with_any_arguments(
        rules in prop::collection::vec(plain(), 0..12),
        default in any::<bool>(),
        name in prop::sample::select(&WORDS[..]),
        who in prop::option::of(prop::sample::select(&["x", "y", "X"][..])),
    ) {
        let verdict = if default { Verdict::Allow } else { Verdict::Deny };
        let policy = Policy::new(verdict, rules.iter().enumerate().map(|(id, rule)| rule.rule(id))).unwrap();
        let asker = who.map_or(Who::anybody(), |who| Who::anybody().principal(who));
        let is_hidden = policy.decide(&Subject::tool(name), &asker, None).refuses();
        let _ = policy.problems();
        for n in [None, Some(0), Some(1), Some(2), Some(3)] {
            let call = call(name, n);
            let seen = Seen::new(&call, Direction::ToUpstream);
            let decision = policy.decide(&Subject::tool(name), &asker, Some(&seen));
            prop_assert_eq!(!decision.refuses(), naive(&rules, default, name, who, n), "{} {:?}", decision, n);
            prop_assert!(!is_hidden || decision.refuses());
            prop_assert_eq!(policy.explain(&call, &asker).decision.refuses(), decision.refuses());
        }
    }

    #[test]
    fn a_rule_of_which_is_told_that_it_is_never_reached_decides_nothing(
        rules in prop::collection::vec(plain(), 1..6),
        default in any::<bool>(),
        who in prop::option::of(prop::sample::select(&["x", "y", "X"][..])),
    ) {
        let verdict = if default { Verdict::Allow } else { Verdict::Deny };
        let policy = Policy::new(verdict, rules.iter().enumerate().map(|(id, rule)| rule.rule(id))).unwrap();
        for problem in policy.problems().iter() {
            let at: usize = problem.rule.as_deref().unwrap().parse().unwrap();
            let mut others = rules.clone();
            others.remove(at);
            for name in WORDS {
                for n in [None, Some(0), Some(1), Some(2), Some(3)] {
                    let with = naive(&rules, default, name, who, n);
                    prop_assert_eq!(with, naive(&others, default, name, who, n), "{} {:?}", problem, name);
                }
            }
        }
    }

    #[test]
    fn a_server_never_receives_a_denied_call_however_it_is_spelt(seed in any::<u64>()) {
        if let Some(forwarded) = forwarded(seed) {
            prop_assert_eq!(&forwarded, &frame(seed));
            let read: Value = serde_json::from_str(&forwarded).unwrap();
            let text = |value: &Value| lax(value.as_str().unwrap_or_default());
            prop_assert!(text(&read["method"]) != "tools/call" || text(&read["params"]["name"]) != "evil", "{}", forwarded);
        }
    }
}

/// What reaches the server of a frame.
fn forwarded(seed: u64) -> Option<String> {
    let message = JsonRpcMessage::parse(frame(seed)).ok()?;
    let (_, received) = block_on(guarded::guarded(&Access::new(no_evil()), message, &[]));
    received.all().pop()
}

const NODE: &str = r"
const lax = t => typeof t !== 'string' ? '' :
  t.replace(/^\0+/, '').split('\0')[0].replace(/[\u200b\u00ad]/g, '').normalize('NFKC').toLowerCase().trim();
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\n');
const seen = lines.map(l => JSON.parse(l)).filter(m => lax(m.method) === 'tools/call' && lax((m.params || {}).name) === 'evil');
console.log(lines.length + ' ' + seen.length);
";

const PYTHON: &str = r"
import json, sys, unicodedata
def lax(t):
    if not isinstance(t, str): return ''
    t = t.lstrip('\0').split('\0')[0].replace('\u200b', '').replace('\u00ad', '')
    return unicodedata.normalize('NFKC', t).casefold().strip()
lines = sys.stdin.buffer.read().decode().strip().split('\n')
seen = [m for m in map(json.loads, lines) if lax(m.get('method')) == 'tools/call' and lax((m.get('params') or {}).get('name')) == 'evil']
print(len(lines), len(seen))
";

#[test]
fn node_and_python_read_no_denied_call_either() {
    let frames: Vec<String> = (0..20_000).filter_map(forwarded).collect();
    assert!(frames.len() > 1_000, "{} frames passed", frames.len());
    let spelt = (0..20_000).filter(|seed| frame(*seed).contains("evil")).count();
    assert!(spelt > 1_000);
    for (program, flag, script) in [("node", "-e", NODE), ("python3", "-c", PYTHON)] {
        let child =
            Command::new(program).args([flag, script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = child else {
            let _ = writeln!(std::io::stderr(), "skipped: {program} is not here");
            continue;
        };
        child.stdin.take().unwrap().write_all(frames.join("\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            format!("{} 0", frames.len()),
            "{program}"
        );
    }
}
