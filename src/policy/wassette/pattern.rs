//! Patterns of paths.

use wildmatch::WildMatch;

/// More parts than any path has.
const MOST: usize = 128;

/// Parts between slashes: `**` is any number of them, and in any other `*` and `?` stand for what is in that part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Deep,
    One(WildMatch),
}

impl Parts {
    /// `path` has no slash at its start.
    pub(super) fn read(path: &str) -> Result<Self, &'static str> {
        let part = |part: &str| match part {
            "" => Err("a path has no empty parts"),
            "." | ".." => Err("a path has neither `.` nor `..`; write where it leads"),
            "**" => Ok(Part::Deep),
            _ if part.contains("**") => Err("`**` stands alone between slashes"),
            _ => Ok(Part::One(WildMatch::new(part))),
        };
        let parts = path.split('/').map(part).collect::<Result<Vec<_>, _>>()?;
        match parts.len() <= MOST {
            true => Ok(Self(parts)),
            false => Err("a path has at most 128 parts"),
        }
    }

    /// Takes at most as many steps as both have parts, multiplied: what follows a `**` is only sought from there on.
    pub(super) fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let (mut own, mut other, mut again) = (0, 0, None);
        while other < parts.len() {
            match self.0.get(own) {
                Some(Part::Deep) => {
                    again = Some((own, other));
                    own += 1;
                }
                Some(Part::One(part)) if part.matches(parts[other]) => (own, other) = (own + 1, other + 1),
                _ => {
                    let Some((deep, from)) = again else { return false };
                    (own, other, again) = (deep + 1, from + 1, Some((deep, from + 1)));
                }
            }
        }
        self.0[own..].iter().all(|part| matches!(part, Part::Deep))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, path: &str) -> bool {
        Parts::read(pattern).is_ok_and(|parts| parts.matches(path))
    }

    #[test]
    fn a_star_stays_in_its_part_and_two_do_not() {
        for (pattern, yes, no) in [
            ("a/*", "a/b", "a/b/c"),
            ("a/**", "a/b/c", "b/a"),
            ("a/**/z", "a/z", "a/z/y"),
            ("a/**/z", "a/b/c/z", "a/b/c"),
            ("**/m/**/z", "x/m/m/y/z", "x/n/z"),
            ("*.wasm", "b.wasm", "a/b.wasm"),
            ("v?", "v1", "v12"),
        ] {
            assert!(takes(pattern, yes), "{pattern} {yes}");
            assert!(!takes(pattern, no), "{pattern} {no}");
        }
        for bad in ["", "a//b", "a/../b", "a/b**", "./a", &"a/".repeat(200)] {
            assert!(Parts::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = Parts::read(&["**/a"; 60].join("/")).expect("it is one");
        assert!(!pattern.matches(&["a"; 59].join("/")));
        assert!(!pattern.matches(&format!("{}b", "a/".repeat(2_000))));
    }
}
