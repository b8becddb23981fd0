//! Lines of stdin, read one at a time: what is not asked for is left to the editor.

use std::io::{self, BufRead};
use std::thread;

use tokio::sync::mpsc;

pub(super) struct Lines {
    ask: mpsc::Sender<()>,
    lines: mpsc::Receiver<io::Result<String>>,
    asked: bool,
}

impl Lines {
    /// Read by a thread of its own, which ends with the process.
    pub(super) fn of_stdin() -> Self {
        let (ask, mut asked) = mpsc::channel(1);
        let (tell, lines) = mpsc::channel(1);
        thread::spawn(move || {
            while asked.blocking_recv().is_some() {
                let mut line = Vec::new();
                let read = match io::stdin().lock().read_until(b'\n', &mut line) {
                    Ok(0) => return,
                    Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
                    Err(error) => Err(error),
                };
                if tell.blocking_send(read).is_err() {
                    return;
                }
            }
        });
        Self { ask, lines, asked: false }
    }

    /// The next; `None` at the end. Dropped while it waits, it loses none.
    pub(super) async fn next(&mut self) -> Option<io::Result<String>> {
        if !self.asked {
            self.ask.send(()).await.ok()?;
            self.asked = true;
        }
        let line = self.lines.recv().await;
        self.asked = false;
        line
    }
}
