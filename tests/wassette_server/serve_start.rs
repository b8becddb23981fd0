//! Starts of Wassettes of our own that listen on HTTP, and starts that come to nothing.

#![cfg(all(feature = "http-client", feature = "http-server", target_os = "linux"))]

use std::time::Duration;

use crate::old::{Old, gone};
use crate::process::eventually_async;
use crate::script::Script;
use crate::support::*;
use crate::world::Kind;

#[tokio::test]
async fn two_that_start_at_once_do_not_take_each_other_for_themselves() {
    let old = Old::new(Kind::Fixture).unwrap();
    let (one, other) = tokio::join!(old.builder().spawn(), old.builder().spawn());
    let error = one.as_ref().err().or(other.as_ref().err()).unwrap();
    assert!(error.is_io(), "{error:?}");
    let server = one.or(other).unwrap();
    let id = server.get_ref().id();
    drop(server);
    gone(id).await;
}

#[tokio::test]
async fn what_an_old_version_cannot_do_is_refused_before_anything_runs() {
    let script = Script::new("0.2.0", "exit 1");
    let error = script.error(script.builder().bind(([127, 0, 0, 1], 9002).into())).await;
    let why = "this version of wassette listens on 127.0.0.1:9001 only, not on 127.0.0.1:9002";
    assert!(error.is_invalid() && error.to_string() == why, "{error}");
    for (arg, instead) in [
        ("--bind-address=127.0.0.1:1", "bind"),
        ("--bind-address", "bind"),
        ("--plugin-dir", "component_dir"),
    ] {
        let error = script.error(script.builder().arg(arg)).await.to_string();
        assert_eq!(error, format!("the argument {arg} is not taken: set `{instead}` instead"));
    }
    assert!(script.runs().is_empty());
}

#[tokio::test]
async fn a_process_that_dies_at_once_is_told_with_what_it_said_last() {
    let say = "echo one; echo two; echo three; printf '\\033[31mfour\\033[0m\\t4\\n'; echo \"it's 5\" >&2";
    for (what, words) in [
        ("exit 3", "it said nothing"),
        (&format!("echo zero; {say}; exit 3"), r#""two", "three", "four 4""#),
        ("echo no end | tr -d '\\n'; exit 3", r#"it said last "no end""#),
    ] {
        let script = Script::new("0.8.0", what);
        let error = script.error(script.builder()).await;
        let text = error.to_string();
        assert!(error.is_closed() && !error.is_io(), "{error:?}");
        assert!(text.starts_with("wassette did not start; it said "), "{text}");
        assert!(text.contains(words) && text.ends_with("ended: exit status: 3"), "{text}");
        assert!(text.contains("/wassette serve --streamable-http --bind-address 127.0.0.1:"), "{text}");
        assert_eq!(script.runs().len(), 1);
    }
    let script = Script::new("0.8.0", "kill -9 $$");
    let started = script.builder().start().await.unwrap_err();
    assert!(started.to_string().ends_with("ended: signal: 9 (SIGKILL)"), "{started}");
    assert_eq!(script.runs().len(), 1, "no supervisor tried again");
}

#[tokio::test]
async fn a_process_that_does_not_listen_in_time_is_given_up_and_gone() {
    let script = Script::new("0.8.0", "echo I think; exec sleep 600");
    let error = script.error(script.builder().spawn_timeout(Duration::from_secs(2))).await;
    assert!(error.is_timeout(), "{error:?}");
    assert!(
        error.to_string().contains(r#"it said last "I think": it does not listen on 127.0.0.1:"#),
        "{error}"
    );
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let script = Script::new("0.8.0", "exec sleep 600");
    let start = tokio::spawn(script.builder().spawn());
    eventually_async(NEVER, "it runs", || !script.runs().is_empty()).await;
    start.abort();
    script.left_nothing().await;
}
