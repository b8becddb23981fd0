//! What a monitor tells the recorder of the `metrics` crate.

#![cfg(feature = "metrics")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use shadowcat::monitor::{Event, Monitor};
use tokio::time::timeout;

const HANGS: Duration = Duration::from_secs(60);

/// Keeps all that it is told; counts as they are, the rest as the bits of an `f64`.
#[derive(Default)]
struct Kept {
    values: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    times: Mutex<BTreeMap<String, Arc<Times>>>,
    units: Mutex<BTreeMap<String, Option<Unit>>>,
}

#[derive(Default)]
struct Times(Mutex<Vec<f64>>);

impl HistogramFn for Times {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl Kept {
    fn value(&self, key: &Key) -> Arc<AtomicU64> {
        self.values.lock().unwrap().entry(name(key)).or_default().clone()
    }

    fn count(&self, name: &str) -> u64 {
        let values = self.values.lock().unwrap();
        values.get(name).unwrap_or_else(|| panic!("{name} among {:?}", values.keys())).load(Ordering::Relaxed)
    }

    fn times(&self, name: &str) -> Vec<f64> {
        self.times.lock().unwrap()[name].0.lock().unwrap().clone()
    }

    fn gauge(&self, name: &str) -> f64 {
        f64::from_bits(self.count(name))
    }
}

/// The name without its prefix, and the labels in their order.
fn name(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{}{{{}}}", key.name().strip_prefix("shadowcat_monitor_").unwrap(), labels.join(","))
}

impl Recorder for Kept {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.units.lock().unwrap().insert(key.as_str().to_owned(), unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.value(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.value(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.times.lock().unwrap().entry(name(key)).or_default().clone())
    }
}

const LOG: &str = "\
2026-11-20T22:41:41.000Z  INFO mcp_server::components: Component function invocation started function_name=add component_id=sums
2026-11-20T22:41:41.250Z  INFO mcp_server::components: Component function invocation completed successfully function_name=add component_id=sums
2026-11-20T22:41:42.000Z  INFO mcp_server::components: Component function invocation started function_name=add component_id=sums
2026-11-20T22:41:42.500Z ERROR mcp_server::components: Component function invocation failed function_name=add component_id=sums error=overflow
no line of a log
";

#[tokio::test]
async fn a_recorder_is_told_what_the_stream_shows() {
    let kept = Kept::default();
    let _installed = metrics::set_default_local_recorder(&kept);
    let mut process = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let log = format!("{LOG}{}\n", "x".repeat(20_000));
    let monitor = Monitor::attach(process.id()).unwrap().interval(Duration::from_millis(20));
    let mut samples = monitor.log(std::io::Cursor::new(log.into_bytes())).metrics("wassette").samples();

    let (mut usage, mut lines) = (None, 0);
    while usage.is_none() || lines < 6 {
        match timeout(HANGS, samples.next()).await.unwrap().unwrap() {
            Event::Usage(told) => usage = Some(told),
            Event::Log(_) => lines += 1,
            _ => {}
        }
    }
    let usage = usage.unwrap();
    assert_eq!(kept.gauge("up{server=wassette}"), 1.0);
    assert_eq!(kept.gauge("resident_bytes{server=wassette}"), usage.resident_bytes as f64);
    assert_eq!(kept.gauge("virtual_bytes{server=wassette}"), usage.virtual_bytes as f64);
    assert_eq!(kept.gauge("cpu_seconds{server=wassette}"), usage.cpu_time.as_secs_f64());
    assert_eq!(kept.gauge("threads{server=wassette}"), 1.0);
    assert_eq!(kept.gauge("processes{server=wassette}"), 1.0);
    assert_eq!(kept.gauge("descriptors{server=wassette}"), usage.descriptors.unwrap_or(0) as f64);

    assert_eq!(kept.count("log_lines_total{server=wassette,level=info}"), 3);
    assert_eq!(kept.count("log_lines_total{server=wassette,level=error}"), 1);
    assert_eq!(kept.count("log_lines_total{server=wassette,level=none}"), 2);
    assert_eq!(kept.count("lost_total{server=wassette,what=cut_lines}"), 1);
    assert_eq!(kept.count("lost_total{server=wassette,what=samples}"), 0);
    let calls = "invocations_total{server=wassette,component=sums,tool=add,event=";
    for (event, count) in [("called", 2), ("returned", 1), ("failed", 1)] {
        assert_eq!(kept.count(&format!("{calls}{event}}}")), count, "{event}");
    }
    assert_eq!(kept.times("invocation_seconds{server=wassette,component=sums,tool=add}"), [0.25, 0.5]);

    process.kill().unwrap();
    process.wait().unwrap();
    while timeout(HANGS, samples.next()).await.unwrap().is_some() {}
    assert_eq!(kept.gauge("up{server=wassette}"), 0.0);
    assert_eq!(kept.gauge("resident_bytes{server=wassette}"), 0.0);
    let units = kept.units.lock().unwrap();
    assert_eq!(units.get("shadowcat_monitor_resident_bytes"), Some(&Some(Unit::Bytes)));
    assert_eq!(units.get("shadowcat_monitor_invocation_seconds"), Some(&Some(Unit::Seconds)));
    assert_eq!(units.len(), 12, "each is described");
}

#[tokio::test]
async fn nobody_watches_once_the_stream_is_dropped() {
    let kept = Kept::default();
    let _installed = metrics::set_default_local_recorder(&kept);
    let mut samples = Monitor::attach(std::process::id()).unwrap().metrics("me").samples();
    assert!(matches!(samples.next().await, Some(Event::Usage(_))));
    assert_eq!(kept.gauge("up{server=me}"), 1.0);
    drop(samples);
    assert_eq!(kept.gauge("up{server=me}"), 0.0);
}
