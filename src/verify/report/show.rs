//! A report for people.

use std::fmt;

use super::{Call, Finding, Report, Verdict};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.totals)?;
        for call in self.calls.iter().filter(|call| call.verdict != Verdict::Equal) {
            write!(f, "{call}")?;
        }
        if !self.unasked.is_empty() {
            writeln!(f, "  said unasked:")?;
            self.unasked.iter().try_for_each(|finding| writeln!(f, "      {finding}"))?;
        }
        if self.unasked.is_empty() && self.totals.unasked > Verdict::Tolerated {
            writeln!(f, "  said unasked: {}", self.totals.unasked.as_str())?;
        }
        if self.totals.unlisted > 0 {
            writeln!(f, "  and {} differences that are not listed", self.totals.unlisted)?;
        }
        for (cause, count) in &self.totals.causes {
            writeln!(f, "  likely cause: {} ({count})", cause.escape_debug())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  note: {}", note.escape_debug()))?;
        let told = if self.is_deterministic() { "deterministic" } else { "not deterministic" };
        f.write_str(told)
    }
}

impl fmt::Display for super::Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls", self.calls)?;
        for (count, what) in [
            (self.equal, "equal"),
            (self.tolerated, "tolerated"),
            (self.differ, "different"),
            (self.extra, "with something extra"),
            (self.missing, "with something missing"),
            (self.failed, "failed"),
            (self.left_out, "messages left out"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}. {}", self.number, self.method.escape_debug())?;
        if let Some(name) = &self.name {
            write!(f, " {}", name.escape_debug())?;
        }
        writeln!(f, ": {}", self.verdict.as_str())?;
        self.findings.iter().try_for_each(|finding| writeln!(f, "      {finding}"))
    }
}

impl fmt::Display for Finding {
    /// In one line; what a server wrote is escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place.escape_debug())?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path.escape_debug())?;
        }
        let text = |text: &Option<String>| text.as_deref().unwrap_or("nothing").escape_debug().to_string();
        match (&self.expected, &self.actual) {
            (None, None) => write!(f, ": {}", self.verdict.as_str())?,
            (expected, actual) => write!(f, ": {} was recorded, now {}", text(expected), text(actual))?,
        }
        if !self.causes.is_empty() {
            let causes: Vec<_> = self.causes.iter().map(|cause| cause.escape_debug().to_string()).collect();
            write!(f, " ({})", causes.join(", "))?;
        }
        if self.verdict == Verdict::Tolerated {
            f.write_str(", tolerated")?;
        }
        Ok(())
    }
}
