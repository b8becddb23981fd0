//! What a replay tells of notifications that came otherwise than then, and what a recording that nobody finishes tells.

#![cfg(feature = "tape")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod replayed;
mod support;
mod taped;

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use replayed::*;
use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Matching, Mode, Options, Repeats, Taped};
use shadowcat::{Error, JsonRpcMessage, Reply};
use support::{cancelled, note};
use taped::Folder;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt, service_fn};

fn changed(path: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"path":"{path}"}}}}"#)
}

fn told() -> [shadowcat::tape::Entry; 4] {
    [
        up(note("notifications/initialized")),
        up(tool("1", "t", "{}")),
        down(result("1", "{}")),
        up(changed("a")),
    ]
}

fn mismatches(replay: &Replay) -> Vec<String> {
    replay.mismatches().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_notification_that_was_not_recorded_is_a_mismatch_that_names_the_nearest() {
    let mut replay = replay(told());
    tell(&mut replay, note("notifications/initialized")).await;
    tell(&mut replay, changed("a")).await;
    tell(&mut replay, cancelled(5)).await;
    assert_eq!(mismatches(&replay), [""; 0]);

    tell(&mut replay, changed("b")).await;
    tell(&mut replay, note("notifications/y")).await;
    let told = mismatches(&replay);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with(
            "the tape holds no notifications/x like this one; frame 4 comes nearest: /params/path"
        ),
        "{told:?}"
    );
    assert_eq!(told[1], "the tape holds nothing like notifications/y");
    assert_eq!(replay.mismatches()[0].nearest, Some(4));
    assert_eq!(replay.mismatches()[0].kind.as_str(), "unrecorded_notification");
    assert_eq!(replay.stats().unrecorded_notifications, 2);
}

#[tokio::test]
async fn a_notification_that_never_came_is_unused() {
    let mut replay = replay(told());
    let unused = |replay: &Replay| replay.unused().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        unused(&replay),
        ["frame 1: notifications/initialized", r#"frame 2: tools/call "t""#, "frame 4: notifications/x"]
    );
    tell(&mut replay, changed("a")).await;
    only(&mut replay, tool("2", "t", "{}")).await;
    assert_eq!(unused(&replay), ["frame 1: notifications/initialized"]);
    tell(&mut replay, note("notifications/initialized")).await;
    assert!(replay.unused().is_empty());
}

#[tokio::test]
async fn a_notification_that_comes_again_is_as_a_request_that_does() {
    for (repeats, mismatches) in [(Repeats::Last, 0), (Repeats::Refuse, 1)] {
        let mut replay = replay_by(Options::new().repeats(repeats), told());
        for _ in 0..2 {
            tell(&mut replay, note("notifications/initialized")).await;
        }
        let found = replay.mismatches();
        assert_eq!((found.len(), replay.stats().unrecorded_notifications), (mismatches, 1));
        assert!(found.iter().all(|found| found.to_string().ends_with("more often than it was recorded")));
    }
}

#[tokio::test]
async fn to_a_lenient_replay_a_notification_may_say_something_else_of_the_same() {
    let mut replay = replay_by(Options::new().matching(Matching::Lenient), told());
    tell(&mut replay, changed("b")).await;
    assert!(replay.mismatches().is_empty());
    tell(&mut replay, note("notifications/y")).await;
    assert_eq!(replay.mismatches().len(), 1);
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn install(&self) -> tracing::subscriber::DefaultGuard {
        let written = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server that is recorded, or replayed.
fn taped(path: &Path, mode: Mode) -> Taped<BoxCloneSyncService<JsonRpcMessage, Reply, Error>> {
    let server = service_fn(|message: JsonRpcMessage| async move {
        let answer = message.responder().result("{}").unwrap();
        Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one))
    });
    Options::new()
        .mode(mode)
        .open_or_record(path, || Ok::<_, Error>(BoxCloneSyncService::new(server)))
        .unwrap()
}

#[tokio::test]
async fn a_recording_that_nobody_finishes_is_warned_of() {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("a.json");
    let _installed = log.install();
    let server = taped(&path, Mode::Missing);
    let mut clone = server.clone();
    let ping = JsonRpcMessage::request(1, "ping", "{}").unwrap();
    drop(clone.ready().await.unwrap().call(ping.clone()).await.unwrap());
    drop(server);
    assert_eq!(log.text(), "", "a clone is still there");
    drop(clone);
    let text = log.text();
    assert!(text.contains("WARN") && text.contains("a.json") && text.contains("finish"), "{text}");
    assert!(!path.exists());

    let mut server = taped(&path, Mode::Missing);
    drop(server.ready().await.unwrap().call(ping).await.unwrap());
    let clone = server.clone();
    server.finish().unwrap();
    drop(clone);
    drop(taped(&path, Mode::Replay));
    assert_eq!(log.text(), text, "it is written, or there is nothing to write");
}
