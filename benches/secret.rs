//! How fast secrets are looked for: in ordinary text, and in text that is made to be slow, of which twice as much must
//! not take more than about twice the time.
//!
//! ```text
//! cargo bench --bench secret --features secret
//! cargo bench --bench secret --features secret -- slow    # prints time(2n)/time(n) at 2 and 4 MiB, too
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shadowcat::secret::Detector;

const ENGLISH: &str = "The quick brown fox jumps over the lazy dog, and asks for its password; nobody tells. \
    fn main() { let author = Person::new(\"Ann\"); println!(\"{}\", author.name()); } \
    {\"items\":[{\"id\":42,\"name\":\"a/b-c_d.txt\",\"size\":1024}],\"next\":null} ";

/// Nothing in it is a sign of anything.
const PROSE: &str = "It was a bright cold day in April, and the clocks were striking thirteen. Winston Smith, his \
    chin nuzzled into his breast in an effort to escape the vile wind, went quickly through the doors. ";

/// Each would take a naive search quadratic time.
const SLOW: [&str; 20] = [
    "eyJ",
    "-eyJ",
    "ghp_",
    "sk-ant-",
    "glpat-glpat-a.",
    "gsk_-",
    "password=",
    "password='",
    "Bearer ",
    "://a:",
    "://a:b@",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "AA:AA",
    ".atlasv1.",
    "xoxb-1-",
    "Cookie: a=",
    "QUtJ",
    "token=\\\"",
    "hooks.slack.com/services/T/",
];

fn bench(criterion: &mut Criterion) {
    let detector = Detector::new();
    let mut group = criterion.benchmark_group("secret");
    for (name, text) in [("ordinary text", ENGLISH), ("prose", PROSE)] {
        for size in [1 << 10, 1 << 16, 1 << 20] {
            let text = text.repeat(size / text.len() + 1);
            group.throughput(Throughput::Bytes(text.len() as u64));
            let id = BenchmarkId::new(name, text.len() >> 10);
            group.bench_function(id, |bencher| bencher.iter(|| detector.find(black_box(&text))));
        }
    }
    group.finish();
}

/// Once for each size: they differ by far more than the measurements of one do.
fn slow(criterion: &mut Criterion) {
    let detector = Detector::new();
    let mut group = criterion.benchmark_group("slow");
    for part in SLOW {
        let text = part.repeat((1 << 18) / part.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(part, |bencher| bencher.iter(|| detector.find(black_box(&text))));
    }
    group.finish();
    if !std::env::args().any(|arg| arg == "slow") {
        return;
    }
    let (mut worst, mut slowest) = (0.0_f64, Duration::ZERO);
    for part in SLOW {
        let [once, twice] = [2 << 20, 4 << 20].map(|size| best(&detector, &part.repeat(size / part.len())));
        let ratio = twice.as_secs_f64() / once.as_secs_f64();
        (worst, slowest) = (worst.max(ratio), slowest.max(twice));
        eprintln!("{part:?}: {once:?} for 2 MiB, {twice:?} for 4 MiB: {ratio:.2}");
    }
    eprintln!("time(2n)/time(n) is at most {worst:.2}; 4 MiB take at most {slowest:?}");
}

fn best(detector: &Detector, text: &str) -> Duration {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        black_box(detector.find(black_box(text)));
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

criterion_group!(benches, bench, slow);
criterion_main!(benches);
