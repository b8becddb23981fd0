//! A command that is run for what it prints.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::Command;
use crate::error::Error;

/// More of its output than this is not read.
const TEXT: u64 = 64 << 10;

impl Command {
    /// What the command prints to its stdout when it is run with these arguments and no others, at most 64 KiB as
    /// lossy UTF-8. With all its group it is gone when this is over or dropped.
    pub(in crate::connect) async fn print(&self, args: &[&str], patience: Duration) -> Result<String, Error> {
        let alone = self.clone().only_args(args);
        let mut command = alone.process();
        let started = alone.start(command.stdin(Stdio::null()).stderr(Stdio::null()))?;
        let (mut process, output) = (started.process, started.pipes.1);
        let printed = timeout(patience, async {
            let text = read(output).await;
            process.wait().await;
            text
        });
        match printed.await {
            Ok(text) => text.map_err(|error| Error::io(format_args!("reading what {alone} prints"), error)),
            Err(_) => Err(Error::timeout(format_args!("{alone} did not end within {patience:?}"))),
        }
    }
}

async fn read(output: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut text = Vec::new();
    if let Some(output) = output {
        output.take(TEXT).read_to_end(&mut text).await?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
