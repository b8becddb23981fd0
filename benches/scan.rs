//! The strict scan beside what serde_json takes to find the same members and to build a `Value`.
//!
//! Absolute times depend on the machine: compare within a group.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shadowcat::{JsonRpcMessage, ScanOptions};

/// What a proxy built on serde_json would read.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the cost of finding them matters")]
struct RawEnvelope<'a> {
    #[serde(borrow)]
    jsonrpc: &'a RawValue,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A JSON value of about so many bytes.
type Shape = fn(usize) -> String;

const SIZES: [(&str, usize); 4] = [("200B", 200), ("4KB", 4 << 10), ("64KB", 64 << 10), ("1MB", 1 << 20)];
const SHAPES: [(&str, Shape); 3] = [("prose", prose), ("code", code), ("structure", structure)];

/// One long string that needs no escape.
fn prose(size: usize) -> String {
    let words = "Cats see in the dark because they do not mind what they find there. ";
    format!("\"{}\"", words.chars().cycle().take(size.saturating_sub(2)).collect::<String>())
}

/// A source file in a string: an escape about every thirty bytes.
fn code(size: usize) -> String {
    let line = r#"        log::info!(\"{}\", total);\n        if total > 9 { return None }\n"#;
    format!("\"{}\"", line.repeat((size / line.len()).max(1)))
}

/// An array of small objects, as a search or a table is answered.
fn structure(size: usize) -> String {
    let row = |n: usize| {
        format!(
            r#"{{"path":"src/{n}.rs","line":{},"kind":["fn","pub"],"seen":true,"rank":0.{n},"at":{{"from":{n},"to":null}}}}"#,
            n % 977
        )
    };
    let mut rows = row(0);
    for n in 1.. {
        let next = row(n);
        if rows.len() + next.len() + 3 > size {
            break;
        }
        rows.push(',');
        rows.push_str(&next);
    }
    format!("[{rows}]")
}

/// A `tools/call` of about `size` bytes.
fn call(size: usize, payload: Shape) -> Bytes {
    let around = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{{"name":"search","arguments":{{"text":{text}}}}}}}"#
        )
    };
    let room = size - around("").len();
    Bytes::from(around(&payload(room)))
}

fn scan(criterion: &mut Criterion) {
    let options = ScanOptions::new();
    for (shape, payload) in SHAPES {
        let mut group = criterion.benchmark_group(format!("scan/{shape}"));
        for (name, size) in SIZES {
            let bytes = call(size, payload);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_with_input(BenchmarkId::new("shadowcat", name), &bytes, |bencher, bytes| {
                bencher.iter(|| {
                    black_box(JsonRpcMessage::parse_with(black_box(bytes.clone()), &options)).is_ok()
                });
            });
            group.bench_with_input(BenchmarkId::new("raw_value", name), &bytes, |bencher, bytes| {
                bencher
                    .iter(|| black_box(serde_json::from_slice::<RawEnvelope<'_>>(black_box(bytes))).is_ok());
            });
            group.bench_with_input(BenchmarkId::new("value", name), &bytes, |bencher, bytes| {
                bencher.iter(|| black_box(serde_json::from_slice::<Value>(black_box(bytes))).is_ok());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scan);
criterion_main!(benches);
