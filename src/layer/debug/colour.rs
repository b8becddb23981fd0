//! Colours, where a terminal shows them.

/// Whether a [`Log`](super::Log) is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Colour {
    /// Where it is written to a terminal and the variable `NO_COLOR` is empty or not set.
    #[default]
    Auto,
    /// Whatever it is written to.
    Always,
    /// Not at all.
    Never,
}

impl Colour {
    pub(super) fn paint(self, is_terminal: bool) -> Paint {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        Paint(self.is_on(is_terminal, wanted))
    }

    fn is_on(self, is_terminal: bool, wanted: bool) -> bool {
        match self {
            Self::Auto => is_terminal && wanted,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Writes in colours, or plainly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

impl Paint {
    fn paint(self, code: u8, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint(2, text)
    }

    pub(super) fn arrow(self, arrow: &str) -> String {
        self.paint(if arrow == "->" { 36 } else { 35 }, arrow)
    }

    pub(super) fn kind(self, kind: &str) -> String {
        match kind {
            "request" | "notification" | "response" => self.paint(1, kind),
            "cancelled" => self.paint(33, kind),
            _ => self.paint(31, kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_is_coloured_unless_it_is_said_otherwise() {
        for (colour, is_terminal, wanted, on) in [
            (Colour::Auto, true, true, true),
            (Colour::Auto, true, false, false),
            (Colour::Auto, false, true, false),
            (Colour::Always, false, false, true),
            (Colour::Never, true, true, false),
        ] {
            assert_eq!(colour.is_on(is_terminal, wanted), on, "{colour:?} {is_terminal} {wanted}");
        }
    }
}
