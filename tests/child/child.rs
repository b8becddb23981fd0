//! Who owns a child process: how it starts, how it ends, and that it always does.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;
use shadowcat::connect::Command;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Service, ServiceExt};

use crate::process::{self, Folder};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Never waited for: the test fails long before.
const NEVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(100);

fn peer(args: &[&str]) -> Command {
    Command::new(process::peer()).args(args)
}

/// How the peer says that it was started.
async fn report(command: Command) -> Value {
    let request = JsonRpcMessage::request(1, "report", "{}").unwrap();
    let reply: Reply = command.spawn().unwrap().oneshot(request).await.unwrap();
    serde_json::from_slice(reply.as_one().unwrap().result().unwrap()).unwrap()
}

#[test]
fn arguments_reach_the_child_as_they_are_and_no_shell_reads_them() {
    run(async {
        let folder = Folder::new();
        let words =
            ["", "a b", "$HOME", "$(touch made)", "`touch made`", "; touch made", "*", "\"'\\", "-n", "é\n"];
        let report = report(peer(&["report"]).args(words).current_dir(folder.path())).await;

        assert_eq!(report["arguments"], serde_json::json!(words));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}

#[test]
fn the_environment_is_the_safe_six_and_what_is_configured() {
    run(async {
        let command = peer(&["report"]).env("CONFIGURED", "a=b $HOME").inherit_env("NOT_SET_ANYWHERE");
        let report = report(command.inherit_env("CARGO_MANIFEST_DIR").env("TERM", "dumb")).await;

        let mut expected: BTreeMap<String, String> = env::vars().collect();
        let inherited = ["HOME", "LOGNAME", "PATH", "SHELL", "USER", "CARGO_MANIFEST_DIR"];
        expected.retain(|key, _| inherited.contains(&key.as_str()));
        expected.insert("CONFIGURED".into(), "a=b $HOME".into());
        expected.insert("TERM".into(), "dumb".into());
        let got: BTreeMap<String, String> =
            serde_json::from_value::<Vec<(String, String)>>(report["variables"].clone())
                .unwrap()
                .into_iter()
                .collect();
        assert_eq!(got, expected);
        assert!(env::vars().any(|(key, _)| !expected.contains_key(&key)), "there is something to clear");
    });
}

#[test]
fn the_child_works_where_it_is_told_to() {
    run(async {
        let folder = Folder::new();
        let report = report(peer(&["report"]).current_dir(folder.path())).await;

        assert_eq!(report["folder"].as_str(), fs::canonicalize(folder.path()).unwrap().to_str());
    });
}

#[test]
fn stderr_lines_reach_the_callback_bounded_and_to_the_last() {
    run(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let see = seen.clone();
        let child = peer(&["stderr"]).on_stderr(move |line| see.lock().unwrap().push(line.to_owned()));
        let status = child.spawn().unwrap().ended().await.status();

        assert!(status.unwrap().success());
        let expected = ["first", "bad \u{fffd} byte", &"x".repeat(4096), "last, without an end"];
        assert_eq!(*seen.lock().unwrap(), expected);
    });
}

#[test]
fn a_callback_that_panics_loses_its_line_and_not_the_pipe() {
    run(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let see = seen.clone();
        let child = peer(&["stderr"]).on_stderr(move |line| {
            assert_ne!(line, "first");
            see.lock().unwrap().push(line.len());
        });
        let status = child.spawn().unwrap().ended().await.status();

        assert!(status.unwrap().success());
        assert_eq!(*seen.lock().unwrap(), ["bad \u{fffd} byte".len(), 4096, "last, without an end".len()]);
    });
}

#[test]
fn a_polite_child_ends_when_its_stdin_is_closed() {
    run(async {
        let child = peer(&["echo"]).grace(NEVER, NEVER).spawn().unwrap();
        let ended = child.ended();
        drop(child);
        let exit = ended.await;
        let (status, error) = (exit.status(), exit.error());

        assert_eq!(status.unwrap().code(), Some(0));
        assert!(error.is_closed());
    });
}

#[test]
fn a_child_that_ignores_a_closed_stdin_is_told_by_sigterm() {
    run(async {
        let child = peer(&["deaf"]).grace(SOON, NEVER).spawn().unwrap();
        let (started, ended) = (Instant::now(), child.ended());
        drop(child);
        let status = ended.await.status();

        assert_eq!(status.unwrap().signal(), Some(15));
        assert!(started.elapsed() >= SOON);
    });
}

#[test]
fn a_child_that_never_reads_is_stopped_like_any_other() {
    run(async {
        let child = Command::new("sleep").arg("600").grace(SOON, SOON).spawn().unwrap();
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(300_000));
        let call = child.clone().oneshot(JsonRpcMessage::request(1, "tools/call", large).unwrap());
        assert!(tokio::time::timeout(SOON, call).await.is_err(), "nobody answers");
        let ended = child.ended();
        drop(child);
        let status =
            tokio::time::timeout(Duration::from_secs(10), ended).await.expect("it is stopped").status();

        assert_eq!(status.unwrap().signal(), Some(15));
    });
}

#[test]
fn a_call_in_flight_keeps_the_child() {
    run(async {
        let child = peer(&["echo"]).grace(NEVER, NEVER).spawn().unwrap();
        let ended = child.ended();
        let call = child.oneshot(JsonRpcMessage::request(1, "ping", "").unwrap());
        assert!(call.await.unwrap().as_one().unwrap().result().is_some());
        assert_eq!(ended.await.status().unwrap().code(), Some(0));
    });
}

#[test]
fn a_stopped_child_fails_every_call_with_the_reason_and_is_gone_though_it_is_held() {
    run(async {
        let mut child = peer(&["silent"]).grace(SOON, SOON).spawn().unwrap();
        let call = |id| JsonRpcMessage::request(id, "never", "").unwrap();
        let pending: Vec<_> = (0..3).map(|id| child.call(call(id))).collect();
        child.stop(Error::closed("it is deaf"));
        child.stop(Error::closed("another reason"));

        for call in pending {
            let error = call.await.unwrap_err();
            assert!(error.is_closed() && !error.is_unsent(), "{error:?}");
            assert!(error.to_string().ends_with("was stopped: it is deaf"), "{error}");
        }
        let exit = child.ended().await;
        assert!(exit.status().is_some() && exit.to_string().ends_with("it is deaf"), "{exit:?}");
        assert!(child.call(call(9)).await.unwrap_err().is_unsent());
    });
}
