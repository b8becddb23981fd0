//! Shell scripts in the place of a wassette that serves HTTP.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use shadowcat::connect::Wassette;
use shadowcat::connect::wassette::Serve;

use crate::process::system::group;
use crate::process::{Folder, eventually_async, reverse_http, wassette_0_2};
use crate::support::NEVER;

/// What a newer version does: the fixture's tools behind Streamable HTTP.
pub(crate) fn serves() -> String {
    let (proxy, fixture) = (reverse_http().display(), wassette_0_2().display());
    format!("exec {proxy} --listen \"$4\" --stack none -- {fixture} serve --stdio --plugin-dir \"$6\"")
}

/// A script that says that it is this version, notes its words and its process, and then does `what`.
pub(crate) struct Script {
    pub(crate) folder: Folder,
}

impl Script {
    pub(crate) fn new(version: &str, what: &str) -> Self {
        let folder = Folder::new();
        let script = Self { folder };
        let name = script.folder.name();
        script.write(&format!(
            "#!/bin/sh\n\
             [ \"$1\" = --version ] && echo wassette-mcp-server {version} && exit\n\
             echo \"$$ $*\" >> {name}/runs\n\
             {what}\n"
        ));
        script
    }

    /// By another process: while this one has it open for writing, a child that it forks meanwhile has it too, and
    /// then it cannot be run.
    fn write(&self, text: &str) {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "cat > \"$0\"; chmod 755 \"$0\""]).arg(self.path()).stdin(Stdio::piped());
        let mut writer = command.spawn().unwrap();
        writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("wassette")
    }

    pub(crate) fn builder(&self) -> Serve {
        Wassette::serve().binary(self.path()).component_dir(self.folder.path())
    }

    /// The process of each run, and its words.
    pub(crate) fn runs(&self) -> Vec<(u32, String)> {
        let text = fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default();
        let run = |line: &str| {
            let (id, words) = line.split_once(' ').unwrap();
            (id.parse().unwrap(), words.to_owned())
        };
        text.lines().map(run).collect()
    }

    pub(crate) async fn left_nothing(&self) {
        for (id, _) in self.runs() {
            eventually_async(NEVER, "nothing is left", || group(id).is_empty()).await;
        }
    }

    /// Why it cannot be started.
    pub(crate) async fn error(&self, builder: Serve) -> shadowcat::Error {
        let error = builder.spawn().await.unwrap_err();
        self.left_nothing().await;
        error
    }
}
