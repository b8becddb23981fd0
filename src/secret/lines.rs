//! Text that comes line by line: what a program prints.

use std::borrow::Cow;
use std::sync::Arc;

use super::marker::Marker;
use super::runs::Class;
use super::{Detector, shared};

/// So many lines of a private key are waited through, at most, for its last one.
const LONGEST_KEY: usize = 256;

/// So far before a value stands what tells that it is a secret, in bytes.
const NEAR: usize = 64;

/// Masks lines of one output, one after the other: of a private key, each line goes.
///
/// ```
/// use shadowcat::secret::MaskLines;
///
/// let mut lines = MaskLines::default();
/// assert_eq!(lines.mask("listening on port 8080"), "listening on port 8080");
/// assert_eq!(lines.mask("password=hunter2 in /etc/app.conf"), "password=[REDACTED:assigned] in /etc/app.conf");
/// assert_eq!(lines.mask("-----BEGIN PRIVATE KEY-----"), "[REDACTED:private-key]");
/// assert_eq!(lines.mask("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"), "[REDACTED:private-key]");
/// assert_eq!(lines.mask("-----END PRIVATE KEY-----"), "[REDACTED:private-key]");
/// assert_eq!(lines.mask("done"), "done");
/// ```
#[derive(Clone, Debug)]
pub struct MaskLines {
    detector: Arc<Detector>,
    marker: Marker,
    /// Lines of a private key that may still come.
    of_key: usize,
}

impl Default for MaskLines {
    /// With all that is known here.
    fn default() -> Self {
        Self::new(shared().clone())
    }
}

impl MaskLines {
    /// With what this detector finds.
    pub fn new(detector: Arc<Detector>) -> Self {
        Self { detector, marker: Marker::default(), of_key: 0 }
    }

    /// The next line, without its secrets.
    pub fn mask<'l>(&mut self, line: &'l str) -> Cow<'l, str> {
        if self.of_key > 0 {
            return self.inside(line);
        }
        let masked = self.detector.mask(line, &self.marker);
        if matches!(masked, Cow::Owned(_)) && self.begins_key(line) {
            self.of_key = LONGEST_KEY;
        }
        masked
    }

    /// The beginning of a line that was cut off. What a secret may have begun with at its end goes with the rest.
    ///
    /// ```
    /// use shadowcat::secret::MaskLines;
    ///
    /// assert_eq!(MaskLines::default().mask_cut("token is ghp_a1b2c3"), "token is ");
    /// ```
    pub fn mask_cut<'l>(&mut self, line: &'l str) -> Cow<'l, str> {
        let goes_on = |byte: &u8| !byte.is_ascii() || Class::Value.has(*byte);
        let rest = line.len() - line.bytes().rev().take_while(goes_on).count();
        let mut near = rest.saturating_sub(NEAR);
        while !line.is_char_boundary(near) {
            near -= 1;
        }
        let end = if self.detector.has_word(&line[near..]) { rest } else { line.len() };
        self.mask(&line[..end])
    }

    fn inside<'l>(&mut self, line: &'l str) -> Cow<'l, str> {
        // What cannot be a line of a key ends it: a program that died in the middle, and another that goes on.
        let prose = line.split_whitespace().count() > 3;
        if prose && !line.contains("-----") {
            self.of_key = 0;
            return self.mask(line);
        }
        self.of_key = if line.contains("-----END ") { 0 } else { self.of_key - 1 };
        if line.trim().is_empty() { Cow::Borrowed(line) } else { Cow::Owned(self.marker.of(PRIVATE_KEY)) }
    }

    fn begins_key(&self, line: &str) -> bool {
        let open = line.rfind("-----BEGIN ").is_some_and(|begin| !line[begin..].contains("-----END "));
        open && self
            .detector
            .find(line)
            .last()
            .is_some_and(|found| found.kind == PRIVATE_KEY && found.range.end == line.len())
    }
}

const PRIVATE_KEY: &str = "private-key";
