//! Real clients and real servers, directly and through the examples: the clients must see the same on stdio
//! (`tests/interop/run.sh`), on HTTP (`over_http.py`), and the inspector on both (`inspector.py`); what is denied or secret does
//! not reach the server (`guarded.py`); a tape of a session, on stdio and on HTTP on either side of the proxy, is played to the
//! client that it was recorded of, and to the server (`replayed.py`); and what is held for them outlives their own patience
//! (`holding.py`). Needs node, Python and, the first time, their registries, so it runs only when asked to:
//! `SHADOWCAT_INTEROP=1 cargo test --test interop`.

#![cfg(unix)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::{env, fs};

/// What a script exits with when a tool or a registry cannot be had on this machine.
const SKIPPED: i32 = 3;

#[test]
fn official_clients_see_the_same_with_and_without_the_proxy() {
    if env::var_os("SHADOWCAT_INTEROP").is_none_or(|value| value != "1") {
        return say("skipped: interop (set SHADOWCAT_INTEROP=1)");
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let installed = run(&mut Command::new(scripts.join("install.sh")));
    if installed.code() == Some(SKIPPED) {
        return say("skipped: interop (its peers cannot be installed here)");
    }
    assert!(installed.success(), "install.sh: {installed}");

    let (stdio, http) = (proxy("forward_stdio"), proxy("reverse_http"));
    let compared = run(Command::new(scripts.join("run.sh")).arg(&stdio));
    assert!(compared.success(), "run.sh: {compared}");
    let python = scripts.join(".peers/venv/bin/python");
    let compared = run(Command::new(&python).arg(scripts.join("over_http.py")).arg(&http));
    assert!(compared.success(), "over_http.py: {compared}");
    let file = scripts.join("../rules/seeds.yaml");
    let ruled = run(Command::new(&python).arg(scripts.join("ruled.py")).arg(proxy("rules")).arg(file));
    assert!(ruled.success(), "ruled.py: {ruled}");
    let guarded = run(Command::new(&python).arg(scripts.join("guarded.py")).arg(proxy("guard")));
    assert!(guarded.success(), "guarded.py: {guarded}");
    let replayed = run(Command::new(&python).arg(scripts.join("replayed.py")).arg(proxy("record_replay")));
    assert!(replayed.success(), "replayed.py: {replayed}");
    let held = run(Command::new(&python).arg(scripts.join("holding.py")).arg(proxy("breakpoints")));
    assert!(held.success(), "holding.py: {held}");
    let compared = run(Command::new(&python).arg(scripts.join("inspector.py")).args([&http, &stdio]));
    if compared.code() == Some(SKIPPED) {
        return say("skipped: interop of the inspector (it needs node 22.19 or newer)");
    }
    assert!(compared.success(), "inspector.py: {compared}");
}

/// Builds an example beside this test, as `cargo test --test interop` alone does not.
fn proxy(example: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    // <target directory>/<profile>/deps/interop-<hash>
    let profile = test.ancestors().nth(2).expect("a test lies in its target directory");
    let target = profile.parent().expect("a profile lies in its target directory");
    let name = profile.file_name().and_then(|name| name.to_str()).expect("cargo names profiles in ASCII");

    let built = run(Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--example", example, "--features", "full"])
        .args(["--profile", if name == "debug" { "dev" } else { name }])
        .arg("--target-dir")
        .arg(target));
    assert!(built.success(), "cargo build: {built}");
    fs::canonicalize(profile.join("examples").join(example)).expect("cargo built it there")
}

fn run(command: &mut Command) -> ExitStatus {
    command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Past the test harness, which shows what a passing test prints to nobody.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
