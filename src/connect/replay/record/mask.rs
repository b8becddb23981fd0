//! What of a recording is masked.

use std::borrow::Cow;

use super::save::Old;
use crate::connect::replay::Options;
use crate::message::JsonRpcMessage;
#[cfg(feature = "secret")]
use crate::tape::Redact;
#[cfg(feature = "secret")]
use crate::tape::profile::{self, SECRETS};
use crate::tape::{Entry, Tape};

/// Secrets, unless they are to be recorded.
#[derive(Debug)]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    redact: Option<Redact>,
}

#[cfg(feature = "secret")]
impl Mask {
    /// Masks what the options say, and at least what was masked on the tape that is there, or says why it cannot.
    pub(super) fn as_on(old: Option<&Old>, options: &Options) -> Result<Self, &'static str> {
        let (paths, unmasked) = (&options.mask_paths, options.unmasked && options.mask_paths.is_empty());
        let Some((old, profile)) = old.and_then(|old| Some((old, old.tape.redaction.as_deref()?))) else {
            return Ok(Self { redact: (!unmasked).then(|| Redact::new().paths_too(paths)) });
        };
        if unmasked {
            return Err("it is masked, and would not be any more");
        }
        let words = || profile.split(", ").flat_map(str::split_whitespace);
        if words().next().is_none() || !words().all(is_known) {
            return Err("its redaction is none that is known here");
        }
        if old.has_places && words().all(|word| word == SECRETS) {
            return Err("places are masked on it that it does not name");
        }
        let is_whole = words().any(|word| word == SECRETS);
        let whole = if is_whole { profile.to_owned() } else { format!("{SECRETS} {profile}") };
        Ok(Self { redact: Some(Redact::of_profile(profile).profile(&whole).paths_too(paths)) })
    }

    /// `None` if it cannot be masked.
    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        match &self.redact {
            Some(redact) => redact.said(message).map(Cow::Owned),
            None => Some(Cow::Borrowed(message)),
        }
    }

    /// Of what is no message.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        match &self.redact {
            Some(redact) => redact.entry(entry),
            None => entry,
        }
    }

    /// What a tape says that it was masked by.
    pub(super) fn profile(&self) -> Option<Cow<'_, str>> {
        self.redact.as_ref().map(Redact::profile_name)
    }

    /// What is known of the tape, and that it is masked.
    pub(super) fn tape(&self, tape: Tape) -> Tape {
        match &self.redact {
            Some(redact) => redact.tape(&tape),
            None => tape,
        }
    }
}

#[cfg(feature = "secret")]
fn is_known(word: &str) -> bool {
    word == SECRETS || !word.ends_with(',') && profile::place(word).is_some()
}

#[cfg(not(feature = "secret"))]
impl Mask {
    /// Without the feature nothing is masked: not where something was.
    pub(super) fn as_on(old: Option<&Old>, _: &Options) -> Result<Self, &'static str> {
        match old {
            Some(old) if old.has_places || old.tape.redaction.is_some() => {
                Err("it is masked, which takes the feature `secret`")
            }
            _ => Ok(Self {}),
        }
    }

    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        Some(Cow::Borrowed(message))
    }

    pub(super) fn entry(&self, entry: Entry) -> Entry {
        entry
    }

    pub(super) fn profile(&self) -> Option<Cow<'_, str>> {
        None
    }

    pub(super) fn tape(&self, tape: Tape) -> Tape {
        tape
    }
}
