//! Servers that do not behave: each is a clear error that names the command, in bounded time and memory.

use std::fs::File;
use std::time::{Duration, Instant};

use shadowcat::connect::{Child, Command};
use shadowcat::layer::TimeoutLayer;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tokio::time::timeout;
use tower::{ServiceBuilder, ServiceExt};

use crate::process::{self, Folder, Proxy, configured, forward_stdio};

/// However slow the machine is, every one of these ends long before.
const BOUNDED: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(100);

fn peer(args: &[&str]) -> Command {
    Command::new(process::peer()).args(args).grace(SOON, SOON)
}

fn request() -> JsonRpcMessage {
    JsonRpcMessage::request(1, "tools/call", r#"{"name":"t"}"#).unwrap()
}

async fn call(child: &Child) -> Result<Reply, Error> {
    timeout(BOUNDED, child.clone().oneshot(request())).await.expect("a call ends in bounded time")
}

/// Closed, and the text holds all of `parts`.
#[track_caller]
fn expect_closed(error: &Error, parts: &[&str]) {
    assert!(error.is_closed(), "{error:?}");
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in: {text}");
}

/// A call that is in flight, one that comes later, and how the child ended: all tell the same.
async fn expect_same_end(child: Child, parts: &[&str]) {
    let first = call(&child).await.unwrap_err();
    expect_closed(&first, parts);
    let later = call(&child).await.unwrap_err();
    expect_closed(&later, parts);
    assert!(later.is_unsent());
    let ended = child.ended();
    drop(child);
    let exit = timeout(BOUNDED, ended).await.expect("the child is reaped in bounded time");
    let (status, error) = (exit.status(), exit.error().clone());
    assert!(status.is_some());
    expect_closed(&error, parts);
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named_when_it_is_spawned() {
    let error = Command::new("/no/such/server").arg("--stdio").spawn().unwrap_err();
    expect_closed(&error, &["cannot start", "`/no/such/server --stdio`", "No such file"]);
    let error = Command::new("no-such-server-on-the-path").spawn().unwrap_err();
    expect_closed(&error, &["`no-such-server-on-the-path`"]);
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_an_error_of_the_spawn() {
    let error = peer(&["echo"]).current_dir("/no/such/folder").spawn().unwrap_err();
    expect_closed(&error, &["cannot start", "scripted_peer echo`", "No such file"]);
}

#[tokio::test]
async fn a_server_that_exits_at_once_is_told_with_its_status() {
    let child = peer(&["exit", "3"]).spawn().unwrap();
    expect_same_end(child, &["scripted_peer exit 3`", "exit status: 3"]).await;
}

#[tokio::test]
async fn a_server_that_prints_garbage_and_exits_is_told_with_both() {
    let child = peer(&["garbage-exit"]).spawn().unwrap();
    let parts = ["scripted_peer garbage-exit`", "exit status: 0", "no JSON-RPC messages: 2"];
    expect_same_end(child, &parts).await;
}

#[tokio::test]
async fn a_server_that_prints_garbage_and_lives_fails_its_call_at_the_timeout() {
    let child = peer(&["garbage"]).spawn().unwrap();
    let stack = ServiceBuilder::new().layer(TimeoutLayer::new().first(SOON)).service(child.clone());
    let reply = timeout(BOUNDED, stack.oneshot(request())).await.unwrap().unwrap();

    assert_eq!(reply.as_one().unwrap().id().unwrap().as_i64(), Some(1));
    assert!(reply.as_one().unwrap().error().is_some());
    let garbage_was_seen = || child.stats().unreadable_lines == 2;
    process::eventually_async(BOUNDED, "both lines are counted", garbage_was_seen).await;
    timeout(BOUNDED, child.shutdown()).await.expect("it is stopped in bounded time");
}

#[tokio::test]
async fn a_server_that_never_answers_costs_one_error_and_is_told_that_nobody_waits() {
    let folder = Folder::new();
    let record = folder.path().join("record");
    let child = peer(&["silent", record.to_str().unwrap()]).grace(BOUNDED, BOUNDED).spawn().unwrap();
    let stack = ServiceBuilder::new().layer(TimeoutLayer::new().first(SOON)).service(child.clone());
    let started = Instant::now();
    let reply = timeout(BOUNDED, stack.oneshot(request())).await.unwrap().unwrap();
    assert!(started.elapsed() >= SOON);
    assert!(reply.as_one().unwrap().error().is_some());
    child.shutdown().await;

    let heard = String::from_utf8(folder.read("record")).unwrap();
    let cancel =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n";
    assert_eq!(heard, format!("{}\n{cancel}", String::from_utf8_lossy(request().bytes())));
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_a_server_that_never_answers() {
    let folder = Folder::new();
    let record = folder.path().join("record");
    let child = peer(&["silent", record.to_str().unwrap()]).grace(BOUNDED, BOUNDED).spawn().unwrap();
    assert!(timeout(SOON, child.clone().oneshot(request())).await.is_err());
    child.shutdown().await;

    let heard = String::from_utf8(folder.read("record")).unwrap();
    assert_eq!(heard.lines().count(), 2);
    assert!(heard.lines().last().unwrap().contains(r#""method":"notifications/cancelled""#), "{heard}");
}

#[tokio::test]
async fn a_server_that_closes_its_stdout_and_lives_on_is_told_as_that_and_stopped() {
    let child = peer(&["close-stdout"]).spawn().unwrap();
    let id = child.id();
    let parts = ["scripted_peer close-stdout`", "closed its output but is still running"];
    expect_same_end(child, &parts).await;
    #[cfg(target_os = "linux")]
    assert!(process::system::group(id).is_empty());
    let _ = id;
}

#[tokio::test]
async fn a_line_without_an_end_is_dropped_and_the_end_told() {
    let child = peer(&["flood", &(16 << 20).to_string()]).spawn().unwrap();
    let parts = ["scripted_peer flood", "exit status: 0", "no JSON-RPC messages: 1"];
    expect_same_end(child, &parts).await;
}

/// The request of every test below, and what a proxy says on stderr when its server is gone.
const LINE: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";

/// One error for the one call, an error status, and a text on stderr with `parts` in it.
fn expect_told(stack: &str, command: &[&str], parts: &[&str]) {
    let folder = Folder::new();
    let log = File::create(folder.path().join("log")).unwrap();
    let mut proxy = Proxy::start_with(forward_stdio(), &[&["--stack", stack, "--"], command].concat(), log);
    let started = Instant::now();
    let mut stdin = proxy.take_stdin();
    let _ = std::io::Write::write_all(&mut stdin, LINE); // it may be gone already
    let rest = String::from_utf8(proxy.receive_rest()).unwrap();
    let status = proxy.finish();

    assert!(started.elapsed() < BOUNDED);
    assert!(!status.success());
    let log = String::from_utf8(folder.read("log")).unwrap();
    assert!(parts.iter().all(|part| log.contains(part)), "{parts:?} in: {log}");
    assert!(rest.lines().count() <= 1, "{rest}");
    assert!(
        rest.lines().all(|line| line.contains(r#""id":1,"#) && line.contains(r#""code":-32603"#)),
        "{rest}"
    );
}

#[test]
fn a_proxy_tells_its_user_which_server_failed_and_how() {
    let peer = process::peer().to_str().unwrap();
    for stack in ["none", "standard"] {
        expect_told(stack, &["/no/such/server"], &["/no/such/server", "No such file"]);
        expect_told(stack, &[peer, "exit", "3"], &["scripted_peer exit 3`", "exit status: 3"]);
        expect_told(stack, &[peer, "garbage-exit"], &["garbage-exit`", "no JSON-RPC messages: 2"]);
        expect_told(
            stack,
            &[peer, "close-stdout"],
            &["close-stdout`", "closed its output but is still running"],
        );
    }
}

/// 64 MiB, or 1 GiB with `SHADOWCAT_LONG` set.
#[cfg(target_os = "linux")]
#[test]
fn a_flood_without_a_line_break_costs_the_proxy_at_most_16_mib() {
    const GROWTH: usize = 16 << 10;
    let mib = if std::env::var_os("SHADOWCAT_LONG").is_some() { 1024 } else { 64 };
    let bytes = (configured("SHADOWCAT_FLOOD_MIB", mib) << 20).to_string();
    for stack in ["none", "standard"] {
        let peer = process::peer().to_str().unwrap();
        let args = ["--stack", stack, "--", peer, "flood", &bytes, "then-echo"];
        let mut proxy = Proxy::start(forward_stdio(), &args);
        proxy.send(b"no message\n"); // so that it serves when its memory is read
        assert!(!proxy.receive().is_empty());
        let before = process::system::peak_memory(proxy.id());
        let started = Instant::now();
        proxy.send(LINE);
        proxy.send(b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}\n");
        assert!(proxy.receive().starts_with(br#"{"jsonrpc":"2.0","id":2,"result":"#));
        let growth = process::system::peak_memory(proxy.id()).saturating_sub(before);
        process::tell(&format!("{stack}: {bytes} bytes in {:?}, growth {growth} KiB", started.elapsed()));
        assert!(growth <= GROWTH, "{growth} KiB");
    }
}

/// The same from the client's side.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_floods_costs_no_more_and_may_go_on() {
    let peer = process::peer().to_str().unwrap();
    let mut proxy = Proxy::start(forward_stdio(), &["--stack", "none", "--", peer, "echo"]);
    proxy.send(LINE);
    proxy.receive();
    let before = process::system::peak_memory(proxy.id());
    let block = vec![b'a'; 1 << 20];
    (0..64).for_each(|_| proxy.send(&block));
    proxy.send(b"\n");
    assert!(proxy.receive().windows(6).any(|bytes| bytes == b"-32600"));
    let growth = process::system::peak_memory(proxy.id()).saturating_sub(before);
    assert!(growth <= 16 << 10, "{growth} KiB");
    proxy.send(LINE);
    assert!(proxy.receive().starts_with(br#"{"jsonrpc":"2.0","id":1,"result":"#));
    assert!(proxy.finish().success());
}
