//! Whatever a message says: a policy found by an index decides as one that is gone through rule by rule, what a list
//! hides no call may use, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shadowcat::policy::{Policy, Rule, Subject, Target, Verdict, Who};
use shadowcat::rules::{Seen, Test, Text};
use shadowcat::{Direction, JsonRpcMessage, Pointer, protocol::peek};

/// A name, and what is asked of the argument `n`; by number.
fn rule(id: usize, byte: u8) -> Rule {
    let names = ["evil", "e*", "safe", "?afe", "Evil", "*", "s\u{e4}fe", ""];
    let name = names[usize::from(byte & 7)];
    let text = if name.contains(['*', '?']) { Text::glob(name) } else { Text::exact(name) };
    let rule = match byte & 8 {
        0 => Rule::deny(&id.to_string(), Target::Tool(text)),
        _ => Rule::allow(&id.to_string(), Target::Tool(text)),
    };
    let rule = rule.priority(i32::from(byte >> 4 & 1));
    let place: Pointer = "/params/arguments/n".parse().expect("a pointer");
    if byte & 32 == 0 { rule } else { rule.when(place, Test::Above(1.0)) }
}

fuzz_target!(|input: (u8, Vec<u8>, &str)| {
    let (default, bytes, text) = input;
    let Ok(message) = JsonRpcMessage::parse(text.to_owned()) else { return };
    let rules = || bytes.iter().take(64).enumerate().map(|(id, byte)| rule(id, *byte));
    let default = if default & 1 == 0 { Verdict::Allow } else { Verdict::Deny };
    let policy = Policy::new(default, rules()).expect("each has an id of its own");
    let _ = (policy.problems(), policy.explain(&message, &Who::anybody()).to_string());
    let Ok(Some(name)) = peek::tool_name(&message) else { return };

    let subject = Subject::tool(name.clone());
    let seen = Seen::new(&message, Direction::ToUpstream);
    let decision = policy.decide(&subject, &Who::anybody(), Some(&seen));
    let hidden = policy.decide(&subject, &Who::anybody(), None).refuses();
    assert!(!hidden || decision.refuses(), "what is hidden is denied");

    // Each rule alone, with the other default, tells whether it is meant.
    let mut order: Vec<Rule> = rules().collect();
    order.sort_by_key(|rule| (std::cmp::Reverse(priority(&bytes, rule)), rule.verdict() == Verdict::Allow));
    let meant = order.into_iter().find(|rule| {
        let other = if rule.verdict() == Verdict::Allow { Verdict::Deny } else { Verdict::Allow };
        let alone = Policy::new(other, [rule.clone()]).expect("one rule");
        alone.decide(&subject, &Who::anybody(), Some(&seen)).rule_id().is_some()
    });
    let naive = meant.map_or(default, |rule| rule.verdict());
    assert_eq!(decision.verdict(), naive, "{decision}");
});

fn priority(bytes: &[u8], rule: &Rule) -> u8 {
    let at: usize = rule.id().parse().expect("ids are numbers");
    bytes[at] >> 4 & 1
}
