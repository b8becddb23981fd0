//! The component `filesystem`: it reads the real file system where a grant lets it.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::functions::{Arguments, text};
use crate::policy::Policy;

pub(crate) fn call(policy: &Policy, tool: &str, arguments: &Arguments) -> Result<String, String> {
    let path = Path::new(text(arguments, "path")?);
    let (done, failed) = match tool {
        "list-directory" => (list(policy, path), "Failed to read directory"),
        "read-file" => (read(policy, path), "Failed to read file"),
        "search-file" => {
            let pattern = text(arguments, "pattern")?;
            (search(policy, path, pattern), "Failed to search directory")
        }
        _ => (about(policy, path), "Failed to get metadata"),
    };
    Ok(match done {
        Ok(found) => json!({ "ok": found }).to_string(),
        Err(error) => json!({ "err": format!("{failed}: {error}") }).to_string(),
    })
}

fn granted(policy: &Policy, path: &Path) -> Result<(), io::Error> {
    match policy.may_read(path) {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "failed to find a pre-opened file descriptor through which {path:?} could be opened"
        ))),
    }
}

fn list(policy: &Policy, path: &Path) -> io::Result<Value> {
    granted(policy, path)?;
    let mut listed = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = if entry.file_type()?.is_dir() { "[DIR]" } else { "[FILE]" };
        listed.push(json!(format!("{kind} {}\n", entry.file_name().to_string_lossy())));
    }
    Ok(listed.into())
}

fn read(policy: &Policy, path: &Path) -> io::Result<Value> {
    granted(policy, path)?;
    fs::read_to_string(path).map(Value::from)
}

/// The paths below whose last part holds the pattern, in any case.
fn search(policy: &Policy, path: &Path, pattern: &str) -> io::Result<Value> {
    granted(policy, path)?;
    let (mut folders, mut found) = (vec![path.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().to_lowercase().contains(&pattern.to_lowercase()) {
                found.push(entry.path().to_string_lossy().into_owned());
            }
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(found.join("\n").into())
}

fn about(policy: &Policy, path: &Path) -> io::Result<Value> {
    granted(policy, path)?;
    fs::metadata(path).map(|metadata| format!("{metadata:?}").into())
}
