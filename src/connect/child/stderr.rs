//! The child's stderr: free text, always drained, never taken for failure (2025-11-25 basic/transports).

use std::future::poll_fn;

use tokio::process::ChildStderr;

use super::command::OnStderr;
use crate::wire::lines::{Decoder, Line};

const MAX_LINE: usize = 4 << 10;

pub(super) async fn watch(mut stderr: ChildStderr, pid: u32, see: Option<OnStderr>) {
    let mut decoder = Decoder::new(MAX_LINE);
    loop {
        match poll_fn(|cx| decoder.poll_read(&mut stderr, cx)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        while let Some(line) = decoder.next_line() {
            show(&line, pid, see.as_ref());
        }
    }
    if let Some(line) = decoder.finish() {
        show(&line, pid, see.as_ref());
    }
}

fn show(line: &Line, pid: u32, see: Option<&OnStderr>) {
    let (Line::Frame(bytes) | Line::CarriageReturn(bytes) | Line::TooLong(bytes) | Line::Incomplete(bytes)) =
        line;
    let text = String::from_utf8_lossy(bytes);
    tracing::info!(target: "shadowcat::child::stderr", pid, "{text}");
    if let Some(see) = see {
        see(&text);
    }
}
