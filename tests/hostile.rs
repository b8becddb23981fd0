//! The hostile corpus through a real proxy process and a real scripted peer, and over HTTP through real sockets.
//!
//! The folder is `tests/hostile/`, or the one that the environment variable `SHADOWCAT_HOSTILE` names.

#![cfg(all(unix, feature = "stdio", feature = "secret"))]

#[cfg(all(feature = "http-client", feature = "http-server", feature = "jwt"))]
mod bearer;
#[path = "process/corpus.rs"]
mod corpus;
#[cfg(all(feature = "http-client", feature = "http-server", feature = "jwt"))]
#[path = "process/http/mod.rs"]
mod http_sockets;
#[path = "hostile/lines.rs"]
mod lines;
mod process;
#[path = "process/profile.rs"]
mod profile;
#[path = "hostile/run.rs"]
mod run;
#[path = "hostile/told.rs"]
mod told;

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use corpus::{CLASSES, Case};
use process::tell;

const THREADS: usize = 2;

const PROBE: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"method\":\"ping\"}\n";
const PROBED: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n";
/// What the peer says behind the bytes of a case, to show that they have been read.
const PLAYED: &[u8] = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"played\"}}\n";

/// What became of cases.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    /// Of those of which four in five have to pass: passed, and failed.
    should: (usize, Vec<String>),
}

impl Tally {
    fn add(&mut self, name: &str, is_should: bool, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if is_should => self.should.0 += 1,
            Ok(()) => self.passed += 1,
            Err(why) if is_should => self.should.1.push(format!("{name}: {why}")),
            Err(why) => self.failed.push(format!("{name}: {why}")),
        }
    }

    /// Tells what became of them.
    fn report(&self, what: &str) {
        let (passed, failed) = (self.passed + self.should.0, self.failed.len() + self.should.1.len());
        tell(&format!("hostile {what}: {passed} passed, {failed} failed"));
        self.failed.iter().for_each(|failed| tell(&format!("  failed: {failed}")));
        self.should.1.iter().for_each(|failed| tell(&format!("  failed, and should not: {failed}")));
        assert!(passed > 0, "{what} has cases that run");
    }
}

/// The cases on pipes.
fn on_pipes(cases: &[Case]) -> Tally {
    let (next, tally) = (Mutex::new(cases.iter()), Mutex::new(Tally::default()));
    let work = || {
        while let Some(case) = { next.lock().expect("no case panics").next() } {
            let Some(plan) = case.plan() else { continue };
            let outcome = lines::run(case, &plan);
            tally.lock().expect("no case panics").add(&case.name, case.is_should(), outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    tally.into_inner().expect("no case panics")
}

/// The cases that are about HTTP, and those on pipes that HTTP can say too, through a front end and a leaf on
/// sockets.
#[cfg(all(feature = "http-client", feature = "http-server", feature = "jwt"))]
#[tokio::main]
async fn over_http(folder: &Path, class: &str) -> Tally {
    let mut tally = Tally::default();
    for (case, raw) in corpus::cases(folder, class).iter().zip(corpus::values(folder, class)) {
        let outcome = match &*case.channel {
            "http-request" => Some(http_sockets::request(&raw).await),
            "sse-upstream" | "sse-legacy" => Some(http_sockets::event(&raw).await),
            "http-body" => Some(http_sockets::body(&raw).await),
            "http-body-to-stdio" => Some(http_sockets::body_to_pipe(&raw).await),
            // There, a line end is a line end; here it is a space.
            _ if matches!(class, "framing" | "envelope") => None,
            _ => http_sockets::line(case).await,
        };
        if let Some(outcome) = outcome {
            tally.add(&case.name, case.is_should(), outcome);
        }
    }
    tally
}

#[cfg(not(all(feature = "http-client", feature = "http-server", feature = "jwt")))]
fn over_http(_: &Path, class: &str) -> Tally {
    tell(&format!(
        "skipped: hostile {class} over HTTP (without the features http-client, http-server and jwt)"
    ));
    Tally { passed: 1, ..Tally::default() }
}

#[test]
fn the_hostile_corpus_gets_nowhere_and_honest_messages_pass_unharmed() {
    let Some(folder) = corpus::folder() else {
        return tell("skipped: hostile (no tests/hostile/, and SHADOWCAT_HOSTILE is not set)");
    };
    let (mut failed, mut should) = (0, (0, 0));
    let mut count = |what: &str, tally: &Tally| {
        tally.report(what);
        failed += tally.failed.len();
        should.0 += tally.should.0;
        should.1 += tally.should.1.len();
    };
    for class in CLASSES {
        if !matches!(class, "sse" | "headers") {
            count(&format!("{class} on pipes"), &on_pipes(&corpus::cases(&folder, class)));
        }
        if class != "envelope" {
            count(&format!("{class} over HTTP"), &over_http(&folder, class));
        }
    }
    assert_eq!(failed, 0, "cases that must pass failed");
    assert!(should.0 >= should.1 * 4, "{} of those that should pass do, {} do not", should.0, should.1);
}
