//! What it costs to look for secrets in whole messages: benign ones, and ones that are made to be slow.
//!
//! ```text
//! cargo bench --bench strip --features secret
//! ```

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shadowcat::JsonRpcMessage;
use shadowcat::secret::{Detector, Marker, Secrets};

const PROSE: &str = "The quick brown fox jumps over the lazy dog, and then over the quicker one.\\n\
    fn main() { let ann = Person::new(\\\"Ann\\\"); println!(\\\"{}\\\", ann.name()); }\\n";
const RECORD: &str = r#"{"id":42,"name":"a/b-c_d.txt","size":1024,"tags":["red","green"],"next":null,"note":"nothing to see"},"#;
const KEY: &str = "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";

/// Parts of a text, each would take a naive search quadratic time.
const TEXTS: [&str; 12] = [
    "eyJ",
    "password=",
    "Bearer ",
    "://a:",
    "QUtJ",
    "\\\\",
    "\\u0070\\u0077\\u0064=",
    "-----BEGIN PRIVATE KEY-----",
    "[\\\"",
    "{\\\"password\\\":",
    "password=\\n",
    "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 ",
];

/// Parts of an array, the same.
const ELEMENTS: [&str; 8] = [
    r#""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","#,
    r#"{"pwd":"ab"},"#,
    r#"{"data":"a","type":"text","text":"ghp_"},"#,
    r#"{"type":"text","text":"eyJ"},"#,
    r#"{"type":"text","text":"-----BEGIN PRIVATE KEY-----"},"#,
    r#""{\"password\":\"a b\"}","#,
    r#"[],"#,
    r#"{"authorization":"Bearer a"},"#,
];

fn filled(before: &str, part: &str, size: usize, after: &str) -> JsonRpcMessage {
    let params = format!("{before}{}{after}", part.repeat(size / part.len() + 1));
    JsonRpcMessage::request(1, "tools/call", params).expect("a message")
}

fn bench(criterion: &mut Criterion) {
    let detector = Detector::new();
    let mut group = criterion.benchmark_group("strip");
    let mut measure = |name: &str, size: usize, message: &JsonRpcMessage, masks: bool| {
        group.throughput(Throughput::Bytes(message.bytes().len() as u64));
        group.bench_function(BenchmarkId::new(name, size >> 10), |bencher| {
            bencher.iter(|| {
                let secrets = Secrets::of(&detector, black_box(message));
                masks.then(|| secrets.masked(&Marker::default(), usize::MAX))
            });
        });
    };
    for size in [1 << 10, 1 << 16, 1 << 20] {
        measure("prose", size, &filled(r#"{"a":""#, PROSE, size, "\"}"), false);
        let plain = PROSE.replace("\\n", " ").replace("\\\"", "'");
        measure("prose without escapes", size, &filled(r#"{"a":""#, &plain, size, "\"}"), false);
        measure("records", size, &filled(r#"{"a":["#, RECORD, size, "0]}"), false);
    }
    measure("one key", 1 << 16, &filled(r#"{"a":["#, RECORD, 1 << 16, &format!("\"{KEY}\"]}}")), true);
    for size in [2 << 20, 4 << 20] {
        for part in TEXTS {
            measure(part, size, &filled(r#"{"a":""#, part, size, "]\"}"), true);
        }
        for part in ELEMENTS {
            measure(part, size, &filled(r#"{"content":["#, part, size, "0]}"), true);
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
