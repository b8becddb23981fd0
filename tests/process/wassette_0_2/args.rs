//! The command line of 0.2.

use std::io::Write;
use std::process::ExitCode;
use std::{env, io};

const VERSION: &str = include_str!("../../wassette/cli/0.2/version.txt");
const HELP: &str = include_str!("../../wassette/cli/0.2/help.txt");
/// Asked with `HOME=/home/user`.
const SERVE_HELP: &str = include_str!("../../wassette/cli/0.2/serve-help.txt");

#[derive(Clone, Copy, Debug)]
pub(crate) enum Transport {
    Stdio,
    Http,
}

#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) transport: Transport,
    pub(crate) plugin_dir: String,
}

/// What is said instead of serving.
#[derive(Debug)]
pub(crate) enum Said {
    Asked(&'static str),
    Usage(String),
    Refused(&'static str),
}

impl Said {
    pub(crate) fn tell(self) -> ExitCode {
        let (text, status) = match self {
            Self::Asked(text) => {
                let _ = io::stdout().write_all(text.as_bytes());
                return ExitCode::SUCCESS;
            }
            Self::Usage(text) => (text, 2),
            Self::Refused(text) => (format!("Error: {text}\n"), 1),
        };
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(status)
    }
}

pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Serve, Said> {
    match words.next().as_deref() {
        Some("--version" | "-V") => Err(Said::Asked(VERSION)),
        Some("--help" | "-h" | "help") => Err(Said::Asked(HELP)),
        Some("serve") => serve(words),
        Some(word) => Err(unknown("unrecognized subcommand", word, "<COMMAND>")),
        None => Err(Said::Usage(HELP.to_owned())),
    }
}

fn serve(mut words: impl Iterator<Item = String>) -> Result<Serve, Said> {
    let (mut stdio, mut http, mut plugin_dir) = (false, false, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--stdio" => stdio = true,
            "--http" => http = true,
            "--plugin-dir" => plugin_dir = words.next(),
            "--help" | "-h" => return Err(Said::Asked(SERVE_HELP)),
            _ => match word.strip_prefix("--plugin-dir=") {
                Some(folder) => plugin_dir = Some(folder.to_owned()),
                None => return Err(unknown("unexpected argument", &word, "serve [OPTIONS]")),
            },
        }
    }
    let plugin_dir = plugin_dir.unwrap_or_else(default_plugin_dir);
    match (stdio, http) {
        (true, true) => Err(Said::Refused(
            "Running both stdio and HTTP transports simultaneously is not supported. Please choose one.",
        )),
        (_, false) => Ok(Serve { transport: Transport::Stdio, plugin_dir }),
        (false, true) => Ok(Serve { transport: Transport::Http, plugin_dir }),
    }
}

fn unknown(what: &str, word: &str, usage: &str) -> Said {
    let found = if what.starts_with("unexpected") { " found" } else { "" };
    let usage = format!("Usage: wassette {usage}\n\nFor more information, try '--help'.");
    Said::Usage(format!("error: {what} '{word}'{found}\n\n{usage}\n"))
}

fn default_plugin_dir() -> String {
    let data = env::var("XDG_DATA_HOME").unwrap_or_else(|_| {
        let home = env::var("HOME").unwrap_or_else(|_| "/".to_owned());
        format!("{home}/.local/share")
    });
    format!("{data}/wassette/components")
}
