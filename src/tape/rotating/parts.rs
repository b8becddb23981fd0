//! The files of a rotated tape.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tape::TapeError;

/// What the names of parts end with.
const SUFFIXES: [&str; 5] = ["jsonl", "jsonl.zst", "jsonl.sealed", "json", "db"];

/// A file that has the name of a part, and its number.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: u32,
    pub(super) path: PathBuf,
}

pub(super) fn name(base: &Path, part: u32, suffix: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(format!(".{part:06}.{suffix}"));
    name.into()
}

/// What there is, the oldest first.
pub(super) fn find(base: &Path) -> Result<Vec<Part>, TapeError> {
    matching(base, number)
}

/// What there is beside parts, begun to replace one; each with the number of that.
pub(super) fn beside(base: &Path) -> Result<Vec<Part>, TapeError> {
    matching(base, |base, name| number(base, name.strip_suffix(".new")?))
}

fn matching(base: &Path, number: impl Fn(&str, &str) -> Option<u32>) -> Result<Vec<Part>, TapeError> {
    let folder = base.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let failed = |error| TapeError::io(folder.display(), error);
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(number) = base.file_name().and_then(|base| number(base.to_str()?, name.to_str()?)) else {
            continue;
        };
        parts.push(Part { number, path: base.with_file_name(name) });
    }
    parts.sort_by_key(|part| part.number);
    Ok(parts)
}

/// `day.000007.jsonl` is the seventh part of `day`.
fn number(base: &str, name: &str) -> Option<u32> {
    let (number, suffix) = name.strip_prefix(base)?.strip_prefix('.')?.split_once('.')?;
    let is_number = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && SUFFIXES.contains(&suffix) { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_parts_are_parts() {
        for (name, expected) in [
            ("day.000007.jsonl", Some(7)),
            ("day.1234567.jsonl.zst", Some(1_234_567)),
            ("day.000007.jsonl.sealed", Some(7)),
            ("day.000007.json", Some(7)),
            ("day.000007.db", Some(7)),
            ("day.000007.db-wal", None),
            ("day.000007.jsonl.bak", None),
            ("day.7.jsonl", None),
            ("day.+00007.jsonl", None),
            ("day2.000007.jsonl", None),
            ("day.x.000007.jsonl", None),
            ("day.000007", None),
        ] {
            assert_eq!(number("day", name), expected, "{name}");
        }
    }
}
