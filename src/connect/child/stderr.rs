//! What a child prints that is no protocol: free text, always drained, never taken for failure (2025-11-25
//! basic/transports).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::io::AsyncRead;
use tokio::process::ChildStderr;

use super::command::OnStderr;
use super::mask::{Mask, MaskedOutput};
use crate::wire::lines::{Decoder, Line};

const MAX_LINE: usize = 4 << 10;

pub(super) async fn watch(stderr: ChildStderr, pid: u32, mask: Mask, see: Option<OnStderr>) {
    each_line(stderr, &mask, |text| {
        tracing::info!(target: "shadowcat::child::stderr", pid, "{text}");
        if let Some(see) = &see {
            see(text);
        }
    })
    .await;
}

/// Shows each line to the end of the output: lossy UTF-8, at most 4 KiB of a line, masked.
pub(super) async fn each_line(mut output: impl AsyncRead + Unpin, mask: &Mask, see: impl Fn(&str)) {
    let (mut decoder, mut masked) = (Decoder::new(MAX_LINE), mask.output());
    loop {
        match poll_fn(|cx| decoder.poll_read(&mut output, cx)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        while let Some(line) = decoder.next_line() {
            show(&line, &mut masked, &see);
        }
    }
    if let Some(line) = decoder.finish() {
        show(&line, &mut masked, &see);
    }
}

fn show(line: &Line, masked: &mut MaskedOutput, see: impl Fn(&str)) {
    let (Line::Frame(bytes) | Line::CarriageReturn(bytes) | Line::TooLong(bytes) | Line::Incomplete(bytes)) =
        line;
    let text = String::from_utf8_lossy(bytes);
    let text = masked.line(&text, matches!(line, Line::TooLong(_)));
    // A child whose output is not read any more would stop, or end.
    if catch_unwind(AssertUnwindSafe(|| see(&text))).is_err() {
        tracing::warn!("what looks at a child's output panicked");
    }
}
