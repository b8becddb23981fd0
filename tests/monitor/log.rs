//! What a monitor reads of logs, and what it loses of them.

use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::monitor::{Event, Monitor, Samples, log_channel};
use shadowcat::wassette::log::Level;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, duplex};
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use crate::process;

const OFTEN: Duration = Duration::from_millis(20);
const HANGS: Duration = Duration::from_secs(60);

/// As Wassette 0.2 prints at level debug.
const OLD: &str = "\
2026-11-20T22:41:40.100000Z  INFO wassette: Starting MCP server with stdio transport
2026-11-20T22:41:41.000000Z  INFO handle_tools_call{method_name=add}: mcp_server::tools: Handling tool call
2026-11-20T22:41:41.000100Z  INFO handle_tools_call{method_name=add}:handle_component_call: mcp_server::components: Calling function function_name=add
2026-11-20T22:41:41.250100Z DEBUG handle_tools_call{method_name=add}:handle_component_call: mcp_server::components: Component call successful
2026-11-20T22:41:42.000000Z  INFO handle_tools_call{method_name=add}:handle_component_call: mcp_server::components: Calling function function_name=add
2026-11-20T22:41:42.500000Z ERROR handle_tools_call{method_name=add}:handle_component_call: mcp_server::components: Component call failed error=overflow
2026-11-20T22:41:42.500001Z ERROR handle_tools_call{method_name=add}: mcp_server::tools: Tool call failed error=overflow
";

/// A process to watch, ours, killed when dropped.
struct Watched(Child);

impl Watched {
    fn new() -> Self {
        let mut command = Command::new(process::load_peer());
        command.arg("log").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn watch(&self) -> Monitor {
        Monitor::attach(self.0.id()).unwrap().interval(OFTEN)
    }

    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn next(samples: &mut Samples) -> Option<Event> {
    timeout(HANGS, samples.next()).await.expect("something comes")
}

/// The messages of the log up to its end.
async fn messages(samples: &mut Samples) -> Vec<String> {
    let mut messages = Vec::new();
    loop {
        match next(samples).await.expect("the log ends before the stream") {
            Event::Log(line) => messages.push(line.message.trim_end().to_owned()),
            Event::LogEnded(error) => {
                assert!(error.is_none(), "{error:?}");
                return messages;
            }
            Event::Usage(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_lines_of_a_log_come_in_order_and_its_calls_are_counted() {
    let watched = Watched::new();
    let mut samples = watched.watch().log(OLD.as_bytes()).samples();
    let messages = messages(&mut samples).await;
    assert_eq!(messages.len(), 7);
    assert_eq!(messages[2], "Calling function");

    let calls = samples.invocations();
    let (tool, tally) = calls.tools().next().unwrap();
    assert_eq!((tool.name.as_str(), tool.component.as_deref()), ("add", None));
    assert_eq!((tally.calls, tally.returned, tally.failed, tally.timed), (2, 1, 1, 2));
    assert_eq!(tally.time, Duration::from_millis(750));
    assert_eq!((calls.total(), calls.tools().count(), calls.others().calls), (tally, 1, 0));
    assert!(matches!(next(&mut samples).await, Some(Event::Usage(_))), "the process is watched on");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_and_counted_and_the_next_is_whole() {
    let watched = Watched::new();
    let whole = "w".repeat(16 << 10);
    let text = format!("{}\n{whole}\n\u{1b}[32mé\u{1b}[0m\nhalf", "x".repeat(100_000));
    let mut samples = watched.watch().log(std::io::Cursor::new(text.into_bytes())).samples();
    let messages = messages(&mut samples).await;
    assert_eq!(messages, [&*"x".repeat(4 << 10), &whole, "é", "half"]);
    assert_eq!((samples.lost().cut_lines, samples.lost().lines), (1, 0));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_read_all_the_same() {
    let watched = Watched::new();
    let mut samples = watched.watch().log(&b"\xff\xfe a\n\n\n\r\nb\rc\n"[..]).samples();
    assert_eq!(messages(&mut samples).await, ["\u{fffd}\u{fffd} a", "bc"]);
}

#[tokio::test]
async fn the_last_words_come_before_the_end() {
    let mut watched = Watched::new();
    let log = Receiver::from_owned_fd(watched.0.stderr.take().unwrap().into()).unwrap();
    let mut samples = watched.watch().log(log).samples();
    assert!(matches!(next(&mut samples).await, Some(Event::Usage(_))));
    let mut stdin = watched.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"thread 'main' panicked\n").unwrap();
    drop(stdin);
    watched.0.wait().unwrap();

    let mut told = Vec::new();
    while let Some(event) = next(&mut samples).await {
        match event {
            Event::Log(line) => told.push(line.message),
            Event::LogEnded(_) => told.push("end of the log".to_owned()),
            Event::Ended => told.push("end".to_owned()),
            _ => {}
        }
    }
    assert_eq!(told, ["thread 'main' panicked", "end of the log", "end"]);
}

#[tokio::test]
async fn a_log_that_somebody_holds_open_does_not_hold_up_the_end() {
    let mut watched = Watched::new();
    let (mut held, log) = duplex(64);
    let mut samples = watched.watch().log(log).samples();
    held.write_all(b"one\n").await.unwrap();
    while !matches!(next(&mut samples).await, Some(Event::Log(_))) {}
    watched.kill();
    while !matches!(next(&mut samples).await, Some(Event::Ended)) {}
    assert!(held.write_all(b"two\n").await.is_err(), "it is let go of");
}

/// Says the same for ever.
struct Endless(&'static [u8]);

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while buffer.remaining() >= self.0.len() {
            buffer.put_slice(self.0);
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_log_without_end_holds_up_neither_samples_nor_the_end() {
    for text in [&b"INFO wassette: again\n"[..], b"no line break", b"\n"] {
        let mut watched = Watched::new();
        let mut samples = watched.watch().log(Endless(text)).samples();
        let mut seen = 0;
        while seen < 3 {
            seen += usize::from(matches!(next(&mut samples).await, Some(Event::Usage(_))));
        }
        watched.kill();
        while next(&mut samples).await.is_some() {}
    }
}

#[tokio::test]
async fn a_reader_that_fails_ends_the_log_and_not_the_watch() {
    let watched = Watched::new();
    let broken = tokio_test::io::Builder::new()
        .read(b"INFO wassette: one\n")
        .read_error(std::io::Error::other("the disk is gone"))
        .build();
    let mut samples = watched.watch().log(broken).samples();
    let error = loop {
        match next(&mut samples).await.unwrap() {
            Event::LogEnded(error) => break error.unwrap(),
            Event::Log(line) => assert_eq!(line.level, Some(Level::Info)),
            _ => {}
        }
    };
    assert!(error.is_io() && error.to_string() == "cannot read the log: the disk is gone", "{error}");
    assert!(matches!(next(&mut samples).await, Some(Event::Usage(_))));
}

#[tokio::test]
async fn a_full_channel_loses_lines_and_counts_them() {
    let watched = Watched::new();
    let (log, lines) = log_channel(2);
    let taken: Vec<bool> =
        ["one", &"é".repeat(10_000), "three", "four"].map(|line| log.try_line(line)).to_vec();
    assert_eq!(taken, [true, true, false, false]);
    let clone = log.clone();
    let mut samples = watched.watch().log_lines(lines).samples();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Some(Event::Log(line)) = next(&mut samples).await {
            told.push(line.message);
        }
    }
    assert_eq!(told, ["one", &"é".repeat(2 << 10)]);
    assert_eq!((samples.lost().lines, samples.lost().cut_lines), (2, 1));
    assert!(log.try_line("five"), "there is room again");
    drop((log, clone));
    assert_eq!(messages(&mut samples).await, ["five"]);
}

#[cfg(feature = "stdio")]
#[tokio::test]
async fn the_stderr_of_a_child_that_is_proxied_can_be_fed() {
    let (log, lines) = log_channel(16);
    let server = shadowcat::connect::Command::new(process::load_peer());
    let server = server.arg("log").on_stderr(move |line| assert!(log.try_line(line))).spawn().unwrap();
    let mut samples = Monitor::attach(server.id()).unwrap().interval(OFTEN).log_lines(lines).samples();
    let ping = shadowcat::JsonRpcMessage::request(1, "ping", "{}").unwrap();
    let call = tokio::spawn(tower::ServiceExt::oneshot(server.clone(), ping));
    let line = loop {
        if let Some(Event::Log(line)) = next(&mut samples).await {
            break line;
        }
    };
    assert!(line.message.contains(r#""method":"ping""#), "{line:?}");
    call.abort();
    let _ = call.await;
    server.shutdown().await;
    while next(&mut samples).await.is_some() {}
}
