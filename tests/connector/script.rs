//! Shell scripts in the place of a wassette.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use shadowcat::connect::Wassette;
use shadowcat::connect::wassette::Stdio as Builder;
use shadowcat::wassette::Dialect;

use crate::process::system::group;
use crate::process::{Folder, eventually_async};
use crate::support::NEVER;

/// A script in the place of a wassette, which notes with which words and as which process it is run.
pub(crate) struct Script(pub(crate) Folder);

impl Script {
    /// What it does when it is asked for its version, and for its help; it serves until it is told to end.
    pub(crate) fn new(version: &str, help: &str) -> Self {
        let script = Self(Folder::new());
        let folder = script.0.name();
        script.write(&format!(
            "#!/bin/sh\n\
             {{ echo \"run $$\"; for word; do echo \"$word\"; done; }} >> {folder}/runs\n\
             case \"$*\" in\n\
             --version) {version} ;;\n\
             *--help) {help} ;;\n\
             *) cat /proc/$$/environ > {folder}/environment; echo ready >> {folder}/runs; exec sleep 600 ;;\n\
             esac\n"
        ));
        script
    }

    /// By another process: while this one has it open for writing, a child that it forks meanwhile has it too, and
    /// then it cannot be run.
    pub(crate) fn write(&self, text: &str) {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "cat > \"$0\"; chmod 755 \"$0\""]).arg(self.path()).stdin(Stdio::piped());
        let mut writer = command.spawn().unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("wassette")
    }

    pub(crate) fn builder(&self) -> Builder {
        Wassette::stdio().binary(self.path())
    }

    /// The words of each run, and its process.
    pub(crate) fn runs(&self) -> Vec<(u32, Vec<String>)> {
        let text = fs::read_to_string(self.0.path().join("runs")).unwrap_or_default();
        let mut runs: Vec<(u32, Vec<String>)> = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("run ") {
                Some(id) => runs.push((id.parse().unwrap(), Vec::new())),
                None => runs.last_mut().unwrap().1.push(line.to_owned()),
            }
        }
        runs
    }

    pub(crate) async fn error(&self) -> String {
        let error = self.builder().start().await.unwrap_err();
        self.left_nothing().await;
        error.to_string()
    }

    pub(crate) async fn left_nothing(&self) {
        for (id, _) in self.runs() {
            eventually_async(NEVER, "nothing is left", || group(id).is_empty()).await;
        }
    }

    /// The words with which it was asked, and those with which it serves, once it does.
    pub(crate) async fn serves(&self, builder: Builder) -> (Dialect, Vec<String>, Vec<String>) {
        let server = builder.start().await.unwrap();
        let is_ready =
            || self.runs().last().is_some_and(|(_, words)| words.last().is_some_and(|word| word == "ready"));
        eventually_async(NEVER, "it serves", is_ready).await;
        let dialect = server.dialect();
        server.shutdown().await;
        self.left_nothing().await;
        let mut runs: Vec<Vec<String>> = self.runs().into_iter().map(|(_, words)| words).collect();
        let mut served = runs.pop().unwrap();
        served.pop();
        (dialect, runs.concat(), served)
    }
}
