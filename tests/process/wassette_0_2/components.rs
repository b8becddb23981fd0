//! The component directory: everything that outlives the process is in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::{fs, io};

use serde_json::Value;

use crate::policy::Policy;
use crate::{BoxError, functions};

/// The loaded components, each with what `list-components` says of it.
#[derive(Debug)]
pub(crate) struct Components {
    folder: PathBuf,
    loaded: Mutex<BTreeMap<String, Value>>,
}

impl Components {
    /// Loads what lies in the folder; one file that is no component, and the server does not start.
    pub(crate) fn open(folder: &Path) -> Result<Self, BoxError> {
        fs::create_dir_all(folder.join("downloads"))?;
        let mut loaded = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() && path.extension() == Some(OsStr::new("wasm")) {
                let (id, schema) = compile(&path)?;
                loaded.insert(id, schema);
            }
        }
        Ok(Self { folder: folder.to_owned(), loaded: Mutex::new(loaded) })
    }

    pub(crate) fn loaded(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.loaded.lock().expect("nothing panics while it is held")
    }

    /// Copies the file into the folder, truncating it if it is there already, and gives its id.
    pub(crate) fn load(&self, uri: &str) -> Result<String, String> {
        let (scheme, path) = uri
            .trim()
            .split_once("://")
            .ok_or("Invalid component reference. Should be of the form scheme://reference")?;
        match scheme {
            "file" => {}
            "oci" | "https" => return Err("the fixture fetches nothing".to_owned()),
            _ => return Err(format!("Unsupported component scheme: {scheme}")),
        }
        let path = Path::new(path);
        check(path)?;
        let (id, schema) = compile(path).map_err(|error| {
            let path = path.display();
            let hint = "Please ensure the file is a valid WebAssembly component.";
            format!("Failed to compile component from path: {path}. Error: {error}. {hint}")
        })?;
        fs::copy(path, self.folder.join(format!("{id}.wasm"))).map_err(|error| error.to_string())?;
        self.loaded().insert(id.clone(), schema);
        Ok(id)
    }

    /// Succeeds where there was none.
    pub(crate) fn unload(&self, id: &str) -> Result<(), String> {
        for path in [self.folder.join(format!("{id}.wasm")), self.policy_path(id)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.to_string()),
                _ => {}
            }
        }
        self.loaded().remove(id);
        Ok(())
    }

    pub(crate) fn grant(&self, id: &str, kind: &str, details: &Value) -> Result<(), String> {
        if !self.loaded().contains_key(id) {
            return Err(format!("Component not found: {id}"));
        }
        let mut policy = self.policy(id);
        policy.grant(kind, details)?;
        policy.write(&self.policy_path(id), id).map_err(|error| error.to_string())
    }

    pub(crate) fn policy(&self, id: &str) -> Policy {
        Policy::read(&self.policy_path(id))
    }

    pub(crate) fn policy_path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.policy.yaml"))
    }

    /// The component that has the tool, if exactly one has.
    pub(crate) fn with_tool(&self, tool: &str) -> Result<String, String> {
        let loaded = self.loaded();
        let has =
            |schema: &Value| schema["tools"].as_array().into_iter().flatten().any(|one| one["name"] == tool);
        let ids: Vec<_> =
            loaded.iter().filter(|(_, schema)| has(schema)).map(|(id, _)| id.as_str()).collect();
        match ids[..] {
            [] => Err("Tool not found".to_owned()),
            [id] => Ok(id.to_owned()),
            _ => Err(format!("Multiple components found for tool '{tool}': {}", ids.join(", "))),
        }
    }
}

fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    if !path.is_absolute() {
        let hint = "Please provide an absolute path to the WebAssembly component file.";
        return Err(format!("Component path must be fully qualified. {hint}"));
    }
    if !path.exists() {
        let hint = "Please provide a valid path to a WebAssembly component file.";
        return Err(format!("Component path does not exist: {shown}. {hint}"));
    }
    if path.extension() != Some(OsStr::new("wasm")) {
        let hint = "Component file must have .wasm extension.";
        return Err(format!("Invalid file extension for component: {shown}. {hint}"));
    }
    Ok(())
}

/// The file's id and what it exports. As there, the file may hold the text format.
fn compile(path: &Path) -> Result<(String, Value), String> {
    let id = path.file_stem().and_then(OsStr::to_str).ok_or("Failed to extract resource ID from path")?;
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    if bytes.is_empty() {
        return Err("expected at least one module field".to_owned());
    }
    let schema = functions::exports(id).ok_or_else(|| format!("the fixture knows no component {id}"))?;
    Ok((id.to_owned(), schema))
}
