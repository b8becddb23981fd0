//! The direction in which folders may use each other; a lower one never uses a higher one, and folders of one
//! level never meet.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// From the lowest to the highest.
const LEVELS: [&[&str]; 12] = [
    &["clock", "file", "histogram", "key", "percent", "queue", "quiet", "ready", "schema", "stamp"],
    &["error"],
    &["message"],
    &["reply"],
    &["protocol"],
    &["secret"],
    &["shown"],
    &["wire", "rules", "tape", "session", "wassette"],
    &["policy"],
    &["audit"],
    &["layer", "connect", "serve", "monitor", "verify"],
    &["manual"],
];
/// Below everything.
const ANYWHERE: &str = "macros";

/// A path that leads where it must not.
#[derive(Debug, PartialEq)]
struct Offence {
    file: PathBuf,
    line: usize,
    path: String,
    why: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file.display(), self.line, self.path, self.why)
    }
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

/// `file` is relative to `src`.
fn check(file: &Path, source: &str) -> Vec<Offence> {
    let module: Vec<String> = module_of(file);
    let Some(from) = module.first().filter(|top| *top != ANYWHERE) else { return Vec::new() };
    let offence = |line, path: String, why: String| Offence { file: file.to_owned(), line, path, why };
    let Some(own) = level(from) else {
        return vec![offence(1, from.clone(), "the folder has no place in the order".to_owned())];
    };
    let judge = |(line, path): (usize, String)| {
        let to = path.split("::").next().unwrap_or_default();
        let why = match level(to) {
            _ if to == from || to == ANYWHERE => return None,
            None => "name the folder that it comes from".to_owned(),
            Some(level) if level > own => format!("`{to}` is above `{from}`"),
            Some(level) if level == own => format!("`{to}` stands beside `{from}`"),
            Some(_) => return None,
        };
        Some(offence(line, path, why))
    };
    root_paths(source, module.len()).into_iter().filter_map(judge).collect()
}

/// `layer/timeout/mod.rs` is `layer::timeout`.
fn module_of(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// Every path from the root of the crate with its line: `crate::…`, and `super::…` that climbs `depth` times.
fn root_paths(source: &str, depth: usize) -> Vec<(usize, String)> {
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let climb = "super::".repeat(depth);
    let tests = code.find("mod tests {").unwrap_or(code.len());
    let mut found = Vec::new();
    for (root, until) in [("crate::", code.len()), (&*climb, tests)] {
        for (at, _) in code[..until].match_indices(root).filter(|(at, _)| starts_a_path(&code, *at)) {
            let line = code[..at].matches('\n').count() + 1;
            found.extend(leaves(&code[at + root.len()..]).into_iter().map(|path| (line, path)));
        }
    }
    found.sort();
    found
}

fn starts_a_path(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}

/// The paths that `rest` begins with: one, or each of a group.
fn leaves(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        return vec![rest[..end].trim_end_matches(':').to_owned()];
    };
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                all.extend(leaves(group[start..at].trim()).into_iter().filter(|path| !path.is_empty()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    all
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

#[test]
fn lower_folders_never_use_higher_ones_and_siblings_never_meet() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let all = files(&src);
    assert!(all.len() > 20, "{} files", all.len());
    let offences: Vec<String> = all
        .iter()
        .flat_map(|file| check(file.strip_prefix(&src).unwrap(), &fs::read_to_string(file).unwrap()))
        .map(|offence| offence.to_string())
        .collect();
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_planted_offence_is_found_however_it_is_written() {
    for (file, source) in [
        ("message/mod.rs", "use crate::reply::Reply;"),
        ("reply/mod.rs", "use crate::protocol::peek;"),
        ("wire/http.rs", "fn f() -> crate::layer::TraceLayer { todo!() }"),
        ("layer/trace/future.rs", "use crate::{error::Error, connect::Multiplex};"),
        (
            "layer/trace/future.rs",
            "use crate::{\n    error::{Error, BoxError},\n    serve::{self, stdio},\n};",
        ),
        ("connect/child/mod.rs", "pub use crate::serve::stdio as x;"),
        ("serve/stdio/session.rs", "use super::super::super::connect::pipe;"),
        ("error.rs", "use super::message::Id;"),
        ("protocol/peek.rs", "use crate::JsonRpcMessage;"),
        ("utils/mod.rs", ""),
    ] {
        let found = check(Path::new(file), source);
        assert_eq!(found.len(), 1, "{file}: {source}: {found:?}");
    }
    let told = check(Path::new("tape/json.rs"), "//! docs\n\nuse crate::rules::Matcher;");
    assert_eq!(told[0].to_string(), "tape/json.rs:3: rules::Matcher: `rules` stands beside `tape`");
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (file, source) in [
        ("layer/mod.rs", "use crate::{error::Error, message::{Id, Kind}, layer::x, macros::y};"),
        ("layer/trace/future.rs", "use super::super::map::MapLayer;\nuse super::TARGET;"),
        (
            "message/mod.rs",
            "/// See [`Reply`](crate::reply::Reply).\nmod a;\n#[cfg(test)]\nmod tests { use super::*; }",
        ),
        ("connect/mod.rs", "pub(in crate::connect) struct A; use mycrate::serve; use other::crate_x;"),
        ("macros.rs", "use crate::layer::x;"),
        ("lib.rs", "pub use crate::layer::x;"),
        ("error.rs", "#[cfg(test)]\nmod tests {\n    use super::Error;\n}"),
    ] {
        assert_eq!(check(Path::new(file), source), [], "{file}: {source}");
    }
}
