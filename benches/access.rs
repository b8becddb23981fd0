//! What access control costs a message, beside what the scan costs.
//!
//! ```text
//! cargo bench --bench access
//! ```

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures::FutureExt;
use serde_json::json;
use shadowcat::layer::AccessControlLayer;
use shadowcat::layer::access::Access;
use shadowcat::policy::{Policy, Rule, Target};
use shadowcat::rules::{Test, Text};
use shadowcat::{Error, JsonRpcMessage, Pointer, Reply};
use tower::{Layer, Service, service_fn};

/// As they come in practice: most name a tool, one in ten is a pattern, one in ten looks into arguments.
fn policy(count: usize) -> Policy {
    let rules = (0..count).map(|n| {
        let id = n.to_string();
        let name = Text::exact(&format!("tool_{n}"));
        let path: Pointer = "/params/arguments/path".parse().expect("a pointer");
        match n % 10 {
            0 => Rule::deny(&id, Target::Tool(Text::glob(&format!("admin_{n}_*")))),
            1 => Rule::deny(&id, Target::Tool(name)).when(path, Test::Text(Text::glob("/etc/*"))),
            2 => Rule::deny(&id, Target::Resource(Text::glob(&format!("file:///{n}/*")))),
            3 => Rule::allow(&id, Target::Tool(name)),
            _ => Rule::deny(&id, Target::Tool(name)),
        }
    });
    Policy::allow_by_default(rules).expect("each has an id of its own")
}

fn call(tool: &str) -> JsonRpcMessage {
    let arguments = json!({ "path": "/home/a", "text": "x".repeat(900) });
    let params = json!({ "name": tool, "arguments": arguments }).to_string();
    JsonRpcMessage::request(1, "tools/call", params).expect("a message")
}

fn bench(criterion: &mut Criterion) {
    let access = Access::new(policy(100));
    let list =
        r#"{"tools":[{"name":"a","inputSchema":{"type":"object"}},{"name":"tool_4","inputSchema":{}}]}"#;
    let bare = service_fn(|_: JsonRpcMessage| std::future::ready(Ok::<_, Error>(Reply::empty())));
    let cases = [
        ("a ping", JsonRpcMessage::request(1, "ping", "").expect("a message")),
        ("a call of 1 KB", call("echo")),
        ("a call of 1 KB that a condition is asked about", call("tool_1")),
        ("a call of 1 KB that is denied", call("tool_4")),
    ];
    for (what, message) in cases {
        let mut group = criterion.benchmark_group(what);
        let bytes = message.bytes().clone();
        group.bench_function("the scan", |bencher| {
            bencher.iter(|| JsonRpcMessage::parse(bytes.clone()).expect("a message"));
        });
        let mut without = bare;
        group.bench_function("no layer", |bencher| {
            bencher.iter_batched(
                || message.clone(),
                |message| without.call(message).now_or_never(),
                BatchSize::SmallInput,
            );
        });
        let mut with = AccessControlLayer::new(&access).layer(bare);
        group.bench_function("100 rules", |bencher| {
            bencher.iter_batched(
                || message.clone(),
                |message| with.call(message).now_or_never(),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
    let request = JsonRpcMessage::request(1, "tools/list", "").expect("a message");
    let result = JsonRpcMessage::response(1, list).expect("a message");
    let answers =
        service_fn(move |_: JsonRpcMessage| std::future::ready(Ok::<_, Error>(Reply::one(result.clone()))));
    let mut with = AccessControlLayer::new(&access).layer(answers);
    criterion.bench_function("a list that loses an entry", |bencher| {
        bencher.iter_batched(
            || request.clone(),
            |message| with.call(message).now_or_never(),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
