//! The event stream decoder beside a naive splitter that looks for LF and copies each event's data.
//!
//! Absolute times depend on the machine: compare within a group. In `sse/chunks` the time for a byte must not grow
//! with the size of the event.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shadowcat::wire::sse::{Decoder, Limits};

const SIZES: [(&str, usize); 4] = [("200B", 200), ("4KB", 4 << 10), ("64KB", 64 << 10), ("1MB", 1 << 20)];
/// How much one read gives.
const READ: usize = 64 << 10;

/// Events with `size` bytes of data each, about 1 MiB of them.
fn stream(size: usize) -> Bytes {
    let event = format!("event: message\nid: 7\ndata: {}\n\n", "x".repeat(size));
    event.repeat(((1 << 20) / size).max(1)).into()
}

fn chunks(stream: &Bytes, size: usize) -> Vec<Bytes> {
    (0..stream.len()).step_by(size).map(|at| stream.slice(at..stream.len().min(at + size))).collect()
}

fn decode(chunks: &[Bytes]) -> usize {
    let (mut decoder, mut total) = (Decoder::new(Limits::default()), 0);
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Ok(Some(event)) = decoder.next_event() {
            total += event.data.len();
        }
    }
    total
}

/// Collects lines into events; knows neither CR nor limits, nor what else the standard asks for.
fn naive(chunks: &[Bytes]) -> usize {
    let (mut buffer, mut data, mut total) = (Vec::new(), String::new(), 0);
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else { continue };
        let rest = buffer.split_off(end + 1);
        for line in String::from_utf8_lossy(&std::mem::replace(&mut buffer, rest)).lines() {
            if let Some(value) = line.strip_prefix("data: ") {
                data.push_str(value);
            } else if line.is_empty() {
                total += std::mem::take(&mut data).len();
            }
        }
    }
    total
}

fn sse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse/decode");
    for (name, size) in SIZES {
        let stream = stream(size);
        let chunks = chunks(&stream, READ);
        assert_eq!(decode(&chunks), naive(&chunks));
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_with_input(BenchmarkId::new("shadowcat", name), &chunks, |bencher, chunks| {
            bencher.iter(|| decode(black_box(chunks)));
        });
        group.bench_with_input(BenchmarkId::new("naive", name), &chunks, |bencher, chunks| {
            bencher.iter(|| naive(black_box(chunks)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("sse/chunks");
    group.sample_size(10);
    for (name, size) in SIZES {
        let stream = stream(size);
        let chunks = chunks(&stream, 1);
        group.throughput(Throughput::Bytes(stream.len() as u64));
        group.bench_with_input(BenchmarkId::new("one byte", name), &chunks, |bencher, chunks| {
            bencher.iter(|| decode(black_box(chunks)));
        });
    }
    group.finish();
}

criterion_group!(benches, sse);
criterion_main!(benches);
