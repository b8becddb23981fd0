//! What the stream shows, for the recorder of the `metrics` crate.

use std::time::Duration;

use ::metrics::{
    Counter, Gauge, Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::invocations::{Step, Tool};
use super::samples::Lost;
use super::tell::Tell;
use super::usage::Usage;
use crate::wassette::log::{Level, LogLine};

const UP: &str = "shadowcat_monitor_up";
const CPU: &str = "shadowcat_monitor_cpu_cores";
const CPU_TIME: &str = "shadowcat_monitor_cpu_seconds";
const RESIDENT: &str = "shadowcat_monitor_resident_bytes";
const VIRTUAL: &str = "shadowcat_monitor_virtual_bytes";
const DESCRIPTORS: &str = "shadowcat_monitor_descriptors";
const THREADS: &str = "shadowcat_monitor_threads";
const PROCESSES: &str = "shadowcat_monitor_processes";
const LINES: &str = "shadowcat_monitor_log_lines_total";
const INVOCATIONS: &str = "shadowcat_monitor_invocations_total";
const INVOCATION_TIME: &str = "shadowcat_monitor_invocation_seconds";
const LOST: &str = "shadowcat_monitor_lost_total";

/// The label of tools that are not counted one by one.
const OTHERS: &str = "other";

#[derive(Debug)]
pub(super) struct Metrics {
    server: String,
    up: Gauge,
    cpu: Gauge,
    cpu_time: Gauge,
    resident: Gauge,
    virtual_memory: Gauge,
    descriptors: Gauge,
    threads: Gauge,
    processes: Gauge,
    lost: [Counter; 3],
}

impl Metrics {
    /// Uses the recorder that is installed now; later ones too, for what carries the name of a tool.
    pub(super) fn new(server: String) -> Self {
        describe();
        let gauge = |name: &'static str| gauge!(name, "server" => server.clone());
        let lost = |what: &'static str| counter!(LOST, "server" => server.clone(), "what" => what);
        let up = gauge(UP);
        up.set(1);
        Self {
            up,
            cpu: gauge(CPU),
            cpu_time: gauge(CPU_TIME),
            resident: gauge(RESIDENT),
            virtual_memory: gauge(VIRTUAL),
            descriptors: gauge(DESCRIPTORS),
            threads: gauge(THREADS),
            processes: gauge(PROCESSES),
            lost: [lost("samples"), lost("lines"), lost("cut_lines")],
            server,
        }
    }

    /// `what` is one of the three outcomes, which stand in one counter.
    fn count(&self, tool: Option<&Tool>, what: &'static str) {
        let mut labels = self.labels(tool);
        labels.push(Label::from_static_parts("event", what));
        counter!(INVOCATIONS, labels).increment(1);
    }

    fn time(&self, tool: Option<&Tool>, took: Option<Duration>) {
        if let Some(took) = took {
            histogram!(INVOCATION_TIME, self.labels(tool)).record(took);
        }
    }

    fn labels(&self, tool: Option<&Tool>) -> Vec<Label> {
        let component = tool.map_or(OTHERS, |tool| tool.component.as_deref().unwrap_or_default()).to_owned();
        let tool = tool.map_or(OTHERS, |tool| &tool.name).to_owned();
        let server = self.server.clone();
        vec![Label::new("server", server), Label::new("component", component), Label::new("tool", tool)]
    }
}

impl Tell for Metrics {
    fn usage(&mut self, usage: &Usage) {
        // They are numbers for people: beyond 2^53 the last digits do not matter.
        let set = |gauge: &Gauge, value: u64| gauge.set(value as f64);
        self.cpu.set(usage.cpu.unwrap_or(0.0));
        self.cpu_time.set(usage.cpu_time);
        set(&self.resident, usage.resident_bytes);
        set(&self.virtual_memory, usage.virtual_bytes);
        set(&self.threads, usage.threads);
        set(&self.processes, usage.processes);
        if let Some(descriptors) = usage.descriptors {
            set(&self.descriptors, descriptors);
        }
    }

    fn line(&mut self, line: &LogLine, step: Option<&(Step, Option<Tool>)>) {
        counter!(LINES, "server" => self.server.clone(), "level" => level(line.level)).increment(1);
        match step {
            Some((Step::Called, tool)) => self.count(tool.as_ref(), "called"),
            Some((Step::Returned(took), tool)) => {
                self.count(tool.as_ref(), "returned");
                self.time(tool.as_ref(), *took);
            }
            Some((Step::Failed(took), tool)) => {
                self.count(tool.as_ref(), "failed");
                self.time(tool.as_ref(), *took);
            }
            None => {}
        }
    }

    fn lost(&mut self, lost: Lost) {
        for (counter, count) in self.lost.iter().zip([lost.samples, lost.lines, lost.cut_lines]) {
            counter.absolute(count);
        }
    }

    /// A process that is gone uses nothing.
    fn ended(&mut self) {
        for gauge in [&self.cpu, &self.resident, &self.virtual_memory] {
            gauge.set(0);
        }
        for gauge in [&self.up, &self.descriptors, &self.threads, &self.processes] {
            gauge.set(0);
        }
    }
}

impl Drop for Metrics {
    /// Nobody watches any more.
    fn drop(&mut self) {
        self.ended();
    }
}

fn level(level: Option<Level>) -> &'static str {
    match level {
        None => "none",
        Some(Level::Trace) => "trace",
        Some(Level::Debug) => "debug",
        Some(Level::Info) => "info",
        Some(Level::Warn) => "warn",
        Some(Level::Error) => "error",
    }
}

fn describe() {
    describe_gauge!(UP, Unit::Count, "1 while the process is watched and runs");
    describe_gauge!(CPU, Unit::Count, "cores that were busy with it since the sample before");
    describe_gauge!(CPU_TIME, Unit::Seconds, "CPU time since it started");
    describe_gauge!(RESIDENT, Unit::Bytes, "memory in RAM");
    describe_gauge!(VIRTUAL, Unit::Bytes, "address space");
    describe_gauge!(DESCRIPTORS, Unit::Count, "open descriptors");
    describe_gauge!(THREADS, Unit::Count, "threads");
    describe_gauge!(PROCESSES, Unit::Count, "processes that these numbers are the sum of");
    describe_counter!(LINES, Unit::Count, "lines of its log, by level");
    describe_counter!(INVOCATIONS, Unit::Count, "calls of components' functions that its log tells of");
    describe_histogram!(INVOCATION_TIME, Unit::Seconds, "how long a call took, by the log's own times");
    describe_counter!(LOST, Unit::Count, "samples and lines that were not seen, and lines that were cut");
}
