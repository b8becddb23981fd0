//! Places that are not looked at.

use crate::message::Pointer;

/// A way through a document, with steps left open.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Named(String),
    Any,
    AnyNumber,
}

impl Pattern {
    pub(super) fn of(pointer: &Pointer) -> Self {
        let step = |token: &str| match token {
            "*" => Step::Any,
            "**" => Step::AnyNumber,
            name => Step::Named(name.to_owned()),
        };
        Self(pointer.tokens().map(step).collect())
    }

    /// Whether the way is this one. Each step of it is looked at once for each of ours.
    pub(super) fn is(&self, path: &[String]) -> bool {
        // After each step of the way: which of our steps may have been the last.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip(&mut reached);
        for token in path {
            let mut next = vec![false; reached.len()];
            for (at, step) in self.0.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match step {
                    Step::Named(name) => next[at + 1] |= name == token,
                    Step::Any => next[at + 1] = true,
                    Step::AnyNumber => next[at] = true,
                }
            }
            self.skip(&mut next);
            reached = next;
        }
        reached[self.0.len()]
    }

    /// Any number may be none.
    fn skip(&self, reached: &mut [bool]) {
        for (at, step) in self.0.iter().enumerate() {
            reached[at + 1] |= reached[at] && matches!(step, Step::AnyNumber);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn open_steps_stand_for_any() {
        let is = |pattern: &str, path: &str| {
            let path: Pointer = path.parse().unwrap();
            let path: Vec<String> = path.tokens().map(str::to_owned).collect();
            Pattern::of(&pattern.parse().unwrap()).is(&path)
        };
        for (pattern, path) in [
            ("/a/b", "/a/b"),
            ("/a/*/c", "/a/0/c"),
            ("/**/c", "/c"),
            ("/**/c", "/a/b/c"),
            ("/a/**", "/a"),
            ("", ""),
        ] {
            assert!(is(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/a/b", "/a"),
            ("/a", "/a/b"),
            ("/a/*/c", "/a/c"),
            ("/**/c", "/c/d"),
            ("/a/**/b", "/b"),
            ("", "/a"),
        ] {
            assert!(!is(pattern, path), "{pattern} {path}");
        }
    }
}
