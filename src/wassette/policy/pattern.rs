use std::fmt;
use std::str::FromStr;

/// A storage URI with wildcards, such as `fs:///data/**`.
///
/// It covers what it matches and everything below; see the [module](super).
///
/// ```
/// use shadowcat::wassette::policy::StoragePattern;
///
/// let logs: StoragePattern = "fs:///var/*/app-*.log".parse()?;
/// assert!(logs.covers("/var/log/app-1.log"));
/// assert!(!logs.covers("/var/log/sub/app-1.log"));
/// assert!("fs:///var/../etc".parse::<StoragePattern>().is_err());
/// # Ok::<(), &'static str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoragePattern {
    text: Box<str>,
    absolute: bool,
    parts: Vec<Part>,
}

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// `**`: any number of parts.
    Deep,
    /// Exactly this.
    Exact(Box<str>),
    /// What begins and ends so; `*` alone has two empty ends.
    Ends(Box<str>, Box<str>),
}

/// More parts than any path has; it bounds the cost of a comparison.
const MAX_PARTS: usize = 128;

impl StoragePattern {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the file at `path` is matched, or lies below what is. A path that begins with `/` is absolute. A path
    /// with `..`, a backslash or a control character is never covered.
    pub fn covers(&self, path: &str) -> bool {
        let Some(path) = Self::of_path(path) else { return false };
        self.contains(&path)
    }

    /// The pattern that is this very path.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        if path.contains(|c: char| c.is_control() || c == '\\') {
            return None;
        }
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        let exact = |part: &str| (part != "..").then(|| Part::Exact(part.into()));
        let parts = parts.map(exact).collect::<Option<Vec<_>>>().filter(|parts| parts.len() <= MAX_PARTS)?;
        Some(Self { text: path.into(), absolute: path.starts_with('/'), parts })
    }

    /// Whether all that `other` covers is covered. `true` is always right; `false` may be wrong.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.absolute == other.absolute && Table::of(self, other, Table::contains)
    }

    /// Whether a path can be covered by both. `false` is always right.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.absolute == other.absolute && Table::of(self, other, Table::meets)
    }
}

/// Two patterns, and for each pair of places in them whether what follows fits. Behind the last part of each stands
/// a `**`: what lies below is covered too.
struct Table<'a> {
    own: Vec<&'a Part>,
    other: Vec<&'a Part>,
    fits: Vec<Vec<bool>>,
}

impl<'a> Table<'a> {
    /// Whether the whole fits by `rule`, which may ask for places further on.
    fn of(own: &'a StoragePattern, other: &'a StoragePattern, rule: fn(&Self, usize, usize) -> bool) -> bool {
        let parts =
            |pattern: &'a StoragePattern| pattern.parts.iter().chain([&Part::Deep]).collect::<Vec<_>>();
        let (own, other) = (parts(own), parts(other));
        let fits = vec![vec![false; other.len() + 1]; own.len() + 1];
        let mut table = Self { own, other, fits };
        for at in (0..=table.own.len()).rev() {
            for to in (0..=table.other.len()).rev() {
                table.fits[at][to] = rule(&table, at, to);
            }
        }
        table.fits[0][0]
    }

    /// Only the own `**` may skip: whatever the other's parts stand for is covered.
    fn contains(&self, at: usize, to: usize) -> bool {
        match (self.own.get(at), self.other.get(to)) {
            (None, other) => other.is_none(),
            (Some(Part::Deep), other) => self.fits[at + 1][to] || (other.is_some() && self.fits[at][to + 1]),
            (Some(_), None | Some(Part::Deep)) => false,
            (Some(own), Some(other)) => own.contains(other) && self.fits[at + 1][to + 1],
        }
    }

    /// Either `**` may skip.
    fn meets(&self, at: usize, to: usize) -> bool {
        match (self.own.get(at), self.other.get(to)) {
            (None, None) => true,
            (Some(Part::Deep), other) => self.fits[at + 1][to] || (other.is_some() && self.fits[at][to + 1]),
            (own, Some(Part::Deep)) => self.fits[at][to + 1] || (own.is_some() && self.fits[at + 1][to]),
            (Some(own), Some(other)) => own.meets(other) && self.fits[at + 1][to + 1],
            _ => false,
        }
    }
}

impl Part {
    /// Whether everything that `other` is, is this too. `**` is not asked for.
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(own), Self::Exact(other)) => own == other,
            (Self::Ends(head, tail), Self::Exact(text)) => {
                text.len() >= head.len() + tail.len() && text.starts_with(&**head) && text.ends_with(&**tail)
            }
            (Self::Ends(head, tail), Self::Ends(other_head, other_tail)) => {
                other_head.starts_with(&**head) && other_tail.ends_with(&**tail)
            }
            _ => false,
        }
    }

    /// Whether something can be both.
    fn meets(&self, other: &Self) -> bool {
        let either = |a: &str, b: &str, starts: fn(&str, &str) -> bool| starts(a, b) || starts(b, a);
        match (self, other) {
            (Self::Ends(head, tail), Self::Ends(other_head, other_tail)) => {
                either(head, other_head, |a, b| a.starts_with(b))
                    && either(tail, other_tail, |a, b| a.ends_with(b))
            }
            _ => self.contains(other) || other.contains(self),
        }
    }
}

impl FromStr for StoragePattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let path = text.strip_prefix("fs://").ok_or("a storage URI begins with fs://")?;
        if path.is_empty() {
            return Err("a storage URI names a path; fs:///** is everything");
        }
        if path.contains(|c: char| c.is_control() || matches!(c, '\\' | '?' | '[' | ']' | '{' | '}')) {
            return Err("a path has no `\\` and control characters, and no wildcards but `*` and `**`");
        }
        let absolute = path.starts_with('/');
        let inner = path.strip_prefix('/').unwrap_or(path);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let parts =
            inner.split('/').filter(|_| !inner.is_empty()).map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.len() > MAX_PARTS {
            return Err("a path has at most 128 parts");
        }
        Ok(Self { text: text.into(), absolute, parts })
    }
}

fn part(text: &str) -> Result<Part, &'static str> {
    match text {
        "" => return Err("a path has no empty parts"),
        "." | ".." => return Err("a path has neither `.` nor `..`; write where it leads"),
        "**" => return Ok(Part::Deep),
        _ => {}
    }
    match text.split_once('*') {
        None => Ok(Part::Exact(text.into())),
        Some((_, tail)) if tail.contains('*') => {
            Err("a part of a path has one `*` at most, and `**` stands alone between slashes")
        }
        Some((head, tail)) => Ok(Part::Ends(head.into(), tail.into())),
    }
}

impl fmt::Display for StoragePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
