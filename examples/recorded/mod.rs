//! What the example `record_replay` is told to do.

mod keys;

use std::num::NonZeroU32;
use std::path::PathBuf;

use shadowcat::tape::{Component, OpenOptions, TapeId};

use super::proxy::Proxy;
pub(crate) use keys::Keys;

pub(crate) const USAGE: &str = "usage: record_replay record|replay|verify|show TAPE [--listen 127.0.0.1:PORT] \
    [--key FILE] [--chain-key FILE] [--upstream URL | -- COMMAND ARGS…], for record [--unmasked] [--keep FILE]… [--rotate-mib MIB], \
    for the others [--tape ID] [--session NAME | --no-session] [--incomplete], and for verify [--load URI]… [--grant]";

pub(crate) struct Task {
    pub(crate) what: What,
    pub(crate) tape: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) which: Which,
    pub(crate) proxy: Proxy,
}

/// Which of what TAPE holds is meant, and whether it may lack something.
#[derive(Default)]
pub(crate) struct Which {
    tape: Option<TapeId>,
    pub(crate) session: Option<Session>,
    pub(crate) incomplete: bool,
}

/// One session of a tape.
pub(crate) enum Session {
    Named(String),
    /// What was said outside of sessions.
    None,
}

/// What is recorded otherwise than by default.
#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) unmasked: bool,
    pub(crate) kept: Vec<String>,
    /// MiB of one file.
    pub(crate) rotate: Option<NonZeroU32>,
}

/// Components of a tape that may be loaded.
#[derive(Default)]
pub(crate) struct Verifying {
    uris: Vec<String>,
    grants: bool,
}

pub(crate) enum What {
    Record(Recording),
    Replay,
    Verify(Verifying),
    Show,
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Task, String> {
    let what = match args.next().as_deref() {
        Some("record") => What::Record(Recording::default()),
        Some("replay") => What::Replay,
        Some("verify") => What::Verify(Verifying::default()),
        Some("show") => What::Show,
        other => return Err(format!("record, replay, verify or show, not {}", other.unwrap_or("nothing"))),
    };
    let tape = args.next().ok_or("no TAPE is named")?.into();
    let (keys, which, proxy) = Default::default();
    let mut task = Task { what, tape, keys, which, proxy };
    while let Some(arg) = args.next() {
        let is_taken = match &mut task.what {
            What::Record(recording) => recording.take(&arg, &mut args)?,
            What::Verify(verifying) => {
                verifying.take(&arg, &mut args)? || task.which.take(&arg, &mut args)?
            }
            What::Replay | What::Show => task.which.take(&arg, &mut args)?,
        };
        if !is_taken && !task.keys.take(&arg, &mut args)? && !task.proxy.take(&arg, &mut args)? {
            return Err(format!("{arg}: what is that?"));
        }
    }
    Ok(task)
}

impl Which {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--tape" => self.tape = Some(TapeId::from_text(&args.next().ok_or("--tape: which ID?")?)),
            "--session" => self.session = Some(Session::Named(args.next().ok_or("--session: which NAME?")?)),
            "--no-session" => self.session = Some(Session::None),
            "--incomplete" => self.incomplete = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn opening(&self) -> OpenOptions {
        self.tape.iter().cloned().fold(OpenOptions::new(), OpenOptions::tape)
    }
}

impl Recording {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--unmasked" => self.unmasked = true,
            "--keep" => self.kept.push(args.next().ok_or("--keep: which FILE?")?),
            "--rotate-mib" => {
                let mib = args.next().ok_or("--rotate-mib: how many MIB?")?;
                self.rotate = Some(mib.parse().map_err(|why| format!("--rotate-mib {mib}: {why}"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Verifying {
    fn take(&mut self, arg: &str, args: &mut impl Iterator<Item = String>) -> Result<bool, String> {
        match arg {
            "--load" => self.uris.push(args.next().ok_or("--load: which URI?")?),
            "--grant" => self.grants = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn choose(&self, mut component: Component) -> Option<Component> {
        if !self.grants {
            component.policy = None;
        }
        let uri = component.uri.as_deref()?;
        self.uris.iter().any(|known| known == uri).then_some(component)
    }
}
