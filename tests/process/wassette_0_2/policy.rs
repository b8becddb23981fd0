//! What a component may do, in the YAML that 0.2 writes; only what 0.2 wrote is read back.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

/// The grants of one component.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    storage: Vec<Storage>,
    network: Vec<String>,
    environment: Vec<String>,
}

#[derive(Debug)]
struct Storage {
    uri: String,
    access: Vec<String>,
}

impl Policy {
    /// An empty one if there is no file.
    pub(crate) fn read(path: &Path) -> Self {
        let mut policy = Self::default();
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            policy.take(line.trim_start());
        }
        policy
    }

    fn take(&mut self, line: &str) {
        if let Some(uri) = line.strip_prefix("- uri: ") {
            self.storage.push(Storage { uri: unquoted(uri), access: Vec::new() });
        } else if let Some(host) = line.strip_prefix("- host: ") {
            self.network.push(unquoted(host));
        } else if let Some(key) = line.strip_prefix("- key: ") {
            self.environment.push(unquoted(key));
        } else if let (Some(access), Some(last)) = (line.strip_prefix("- "), self.storage.last_mut()) {
            last.access.push(access.to_owned());
        }
    }

    pub(crate) fn write(&self, path: &Path, component: &str) -> io::Result<()> {
        let about = format!("description: 'Auto-generated policy for component: {component}'");
        let storage = section(
            "storage",
            self.storage.iter().map(|one| {
                let access: String = one.access.iter().map(|access| format!("\n      - {access}")).collect();
                format!("uri: {}\n      access:{access}", quoted(&one.uri))
            }),
            "\n    deny: null",
        );
        let host = |host: &String| format!("host: {}", quoted(host));
        let network = section("network", self.network.iter().map(host), "\n    deny: null");
        let key = |key: &String| format!("key: {}", quoted(key));
        let environment = section("environment", self.environment.iter().map(key), "");
        let rest = "  runtime: null\n  resources: null\n  ipc: null\n";
        fs::write(
            path,
            format!("version: '1.0'\n{about}\npermissions:\n{storage}{network}{environment}{rest}"),
        )
    }

    /// Adds a grant; a second one for the same place adds what is new in it.
    pub(crate) fn grant(&mut self, kind: &str, details: &Value) -> Result<(), String> {
        match kind {
            "storage" => self.grant_storage(details),
            "network" => add(&mut self.network, text(details, "host", kind)?, "Network host"),
            _ => add(&mut self.environment, text(details, "key", kind)?, "Environment variable key"),
        }
    }

    fn grant_storage(&mut self, details: &Value) -> Result<(), String> {
        let uri = text(details, "uri", "storage")?;
        let access = details["access"].as_array().ok_or("Missing 'access' field for storage permission")?;
        let access = access.iter().map(read_or_write).collect::<Result<Vec<_>, _>>()?;
        if uri.is_empty() {
            return Err("Storage URI cannot be empty".to_owned());
        }
        if access.is_empty() {
            return Err("Storage access cannot be empty".to_owned());
        }
        match self.storage.iter_mut().find(|known| known.uri == uri) {
            Some(known) => {
                access.into_iter().for_each(|one| {
                    if !known.access.contains(&one) {
                        known.access.push(one);
                    }
                });
            }
            None => self.storage.push(Storage { uri: uri.to_owned(), access }),
        }
        Ok(())
    }

    /// Whether the path lies in a granted folder. Writing is in no component here.
    pub(crate) fn may_read(&self, path: &Path) -> bool {
        self.storage.iter().filter_map(|one| one.uri.strip_prefix("fs://")).any(|root| path.starts_with(root))
    }
}

fn section(name: &str, entries: impl ExactSizeIterator<Item = String>, end: &str) -> String {
    if entries.len() == 0 {
        return format!("  {name}: null\n");
    }
    let entries: String = entries.map(|entry| format!("\n    - {entry}")).collect();
    format!("  {name}:\n    allow:{entries}{end}\n")
}

fn text<'a>(details: &'a Value, field: &str, kind: &str) -> Result<&'a str, String> {
    details[field].as_str().ok_or_else(|| format!("Missing '{field}' field for {kind} permission"))
}

fn read_or_write(access: &Value) -> Result<String, String> {
    match access.as_str().ok_or("Invalid access type")? {
        known @ ("read" | "write") => Ok(known.to_owned()),
        other => Err(format!("Invalid access type: {other}")),
    }
}

fn add(granted: &mut Vec<String>, one: &str, what: &str) -> Result<(), String> {
    if one.is_empty() {
        return Err(format!("{what} cannot be empty"));
    }
    if !granted.iter().any(|known| known == one) {
        granted.push(one.to_owned());
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    match text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/') {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    inner.map_or_else(|| text.to_owned(), |inner| inner.replace("''", "'"))
}
