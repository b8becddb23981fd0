//! What a child prints that is no protocol: free text, always drained, never taken for failure (2025-11-25
//! basic/transports).

use std::future::poll_fn;

use tokio::io::AsyncRead;
use tokio::process::ChildStderr;

use super::command::OnStderr;
use crate::wire::lines::{Decoder, Line};

const MAX_LINE: usize = 4 << 10;

pub(super) async fn watch(stderr: ChildStderr, pid: u32, see: Option<OnStderr>) {
    each_line(stderr, |text| {
        tracing::info!(target: "shadowcat::child::stderr", pid, "{text}");
        if let Some(see) = &see {
            see(text);
        }
    })
    .await;
}

/// Shows each line to the end of the output: lossy UTF-8, at most 4 KiB of a line.
pub(super) async fn each_line(mut output: impl AsyncRead + Unpin, see: impl Fn(&str)) {
    let mut decoder = Decoder::new(MAX_LINE);
    loop {
        match poll_fn(|cx| decoder.poll_read(&mut output, cx)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        while let Some(line) = decoder.next_line() {
            show(&line, &see);
        }
    }
    if let Some(line) = decoder.finish() {
        show(&line, &see);
    }
}

fn show(line: &Line, see: impl Fn(&str)) {
    let (Line::Frame(bytes) | Line::CarriageReturn(bytes) | Line::TooLong(bytes) | Line::Incomplete(bytes)) =
        line;
    see(&String::from_utf8_lossy(bytes));
}
