//! What rules cost a message that none of them is for: with 1,000 of them hardly more than with 10.
//!
//! ```text
//! cargo bench --bench rules
//! ```

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::json;
use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Seen, Text};
use shadowcat::{Direction, JsonRpcMessage};

/// As they come in practice: most name a tool, some a method, a few look into arguments.
fn rules(count: usize) -> RuleSet {
    let rules = (0..count).map(|n| {
        let matcher = match n % 10 {
            0 => Matcher::new().method(Text::exact(&format!("custom/method_{n}"))),
            1 => {
                Matcher::new().uri(Text::exact(&format!("file:///{n}"))).method(Text::exact("resources/read"))
            }
            2 => Matcher::new().tool(Text::exact(&format!("tool_{n}"))).result(json!({"isError": true})),
            3 => {
                Matcher::new().tool(Text::exact(&format!("tool_{n}"))).params(json!({"arguments": {"x": n}}))
            }
            _ => Matcher::new().tool(Text::exact(&format!("tool_{n}"))),
        };
        Rule::new(&n.to_string(), matcher, Action::Pass)
    });
    RuleSet::new(rules).expect("each has an id of its own")
}

fn bench(criterion: &mut Criterion) {
    let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"echo","arguments":{"message":"hello"}}"#);
    let call = call.expect("a message");
    let list = JsonRpcMessage::request(1, "tools/list", "").expect("a message");
    let answer =
        JsonRpcMessage::response(1, r#"{"content":[{"type":"text","text":"hello"}]}"#).expect("a message");
    measure(criterion, "a call of another tool", || Seen::new(&call, Direction::ToUpstream));
    measure(criterion, "a list", || Seen::new(&list, Direction::ToUpstream));
    measure(criterion, "an answer", || Seen::new(&answer, Direction::ToClient).request(Some(&call)));
}

fn measure<'a>(criterion: &mut Criterion, what: &str, seen: impl Fn() -> Seen<'a>) {
    let mut group = criterion.benchmark_group(what);
    for count in [10, 100, 1_000, 10_000] {
        let rules = rules(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| assert!(rules.next(None, &seen()).expect("it can be told").is_none()));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
