//! How fast secrets are looked for: in ordinary text, and in text that is made to be slow.
//!
//! ```text
//! cargo bench --bench secret --features secret
//! ```

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shadowcat::secret::Detector;

const ENGLISH: &str = "The quick brown fox jumps over the lazy dog, and asks for its password; nobody tells. \
    fn main() { let author = Person::new(\"Ann\"); println!(\"{}\", author.name()); } \
    {\"items\":[{\"id\":42,\"name\":\"a/b-c_d.txt\",\"size\":1024}],\"next\":null} ";

/// Each would take a naive search quadratic time.
const SLOW: [&str; 12] = [
    "eyJ",
    "-eyJ",
    "ghp_",
    "password=",
    "password='",
    "Bearer ",
    "://a:",
    "-----BEGIN PRIVATE KEY-----",
    "AA:AA",
    "Cookie: a=",
    "QUtJ",
    "token=\\\"",
];

fn bench(criterion: &mut Criterion) {
    let detector = Detector::new();
    let mut group = criterion.benchmark_group("secret");
    let mut measure = |name: &str, text: &str| {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let id = BenchmarkId::new(name, text.len() >> 10);
        group.bench_function(id, |bencher| bencher.iter(|| detector.find(black_box(text))));
    };
    for size in [1 << 10, 1 << 16, 1 << 20] {
        measure("ordinary text", &ENGLISH.repeat(size / ENGLISH.len() + 1));
    }
    for part in SLOW {
        for size in [1 << 20, 2 << 20] {
            measure(part, &part.repeat(size / part.len()));
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
