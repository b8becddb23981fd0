//! Definitions that are kept.

use std::collections::BTreeMap;
use std::path::Path;

use super::canonical::new_line;
use super::lock_read;
use super::store;
use super::{Definition, Drift, LockError};
use crate::message::write_string;

type Tools = BTreeMap<String, Definition>;

/// The definitions of tools that are trusted, server by server.
///
/// As text it is JSON that a person reads and that `diff` shows well: servers, tools and members are sorted, one
/// member a line. The digest of each tool stands beside its definition, and both must agree.
///
/// ```
/// use shadowcat::policy::pin::{Definition, LockFile};
///
/// let mut lock = LockFile::new();
/// lock.insert("web", Definition::read(br#"{"name":"fetch","inputSchema":{"type":"object"}}"#)?);
/// let text = lock.to_json();
/// assert_eq!(LockFile::from_json("tools.lock", &text)?, lock);
///
/// let error = LockFile::from_json("tools.lock", text.replace("object", "array")).unwrap_err();
/// assert_eq!(error.to_string(), "tools.lock:6:19: the definition has another digest: it was changed by hand");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    servers: BTreeMap<String, Tools>,
}

impl LockFile {
    /// Without servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a file of at most 64 MiB. It blocks, as reading a file does.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no lock file; the error tells where.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LockError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        Self::from_json(
            &name,
            store::read(path).map_err(|error| LockError::io(&name, "cannot be read", error))?,
        )
    }

    /// Reads text; `name` is for errors.
    ///
    /// # Errors
    ///
    /// It is no lock file.
    pub fn from_json(name: &str, text: impl AsRef<[u8]>) -> Result<Self, LockError> {
        lock_read::read(name, text.as_ref())
    }

    /// Writes a file that only its owner may read: whole, or not at all. What stood there before is replaced at once, and
    /// a symbolic link is, too, not what it leads to. It blocks.
    ///
    /// # Errors
    ///
    /// It cannot be written. The file before is untouched.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), LockError> {
        let path = path.as_ref();
        let failed = |error| LockError::io(&path.display().to_string(), "cannot be written", error);
        store::write(path, self.to_json().as_bytes()).map_err(failed)
    }

    /// As text.
    pub fn to_json(&self) -> String {
        let mut out = br#"{
  "shadowcatLock": 1,
  "servers": {"#
            .to_vec();
        for (index, (server, tools)) in self.servers.iter().enumerate() {
            key(&mut out, index, 2, server);
            out.push(b'{');
            for (index, (name, tool)) in tools.iter().enumerate() {
                key(&mut out, index, 3, name);
                out.push(b'{');
                key(&mut out, 0, 4, "digest");
                write_string(&mut out, &tool.digest().to_string());
                key(&mut out, 1, 4, "definition");
                tool.node().write_lines(&mut out, 4);
                new_line(&mut out, 3);
                out.push(b'}');
            }
            new_line(&mut out, 2);
            out.push(b'}');
        }
        out.extend_from_slice(b"\n  }\n}\n");
        String::from_utf8(out).expect("it is written from text")
    }

    /// Trusts a definition, in the place of another of this name.
    pub fn insert(&mut self, server: &str, tool: Definition) -> Option<Definition> {
        self.servers.entry(server.to_owned()).or_default().insert(tool.name().to_owned(), tool)
    }

    /// Trusts a server's list of tools as it is, even if it is empty: what is not in it is new.
    pub fn server(&mut self, server: &str) {
        self.servers.entry(server.to_owned()).or_default();
    }

    /// Forgets a tool.
    pub fn remove(&mut self, server: &str, tool: &str) -> Option<Definition> {
        self.servers.get_mut(server)?.remove(tool)
    }

    /// A tool's definition.
    pub fn get(&self, server: &str, tool: &str) -> Option<&Definition> {
        self.servers.get(server)?.get(tool)
    }

    /// The servers.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// The tools of a server, by name; none of one that is not in the file.
    pub fn tools(&self, server: &str) -> impl Iterator<Item = &Definition> {
        self.servers.get(server).into_iter().flat_map(BTreeMap::values)
    }

    /// Takes over what another trusts; where both know a tool, the other's definition holds.
    pub fn merge(&mut self, other: Self) {
        for (server, tools) in other.servers {
            self.servers.entry(server).or_default().extend(tools);
        }
    }

    /// What another says that differs from this: by server and tool.
    pub fn diff(&self, now: &Self) -> Vec<Drift> {
        let mut servers: Vec<_> = self.servers().chain(now.servers()).collect();
        servers.sort_unstable();
        servers.dedup();
        servers.into_iter().flat_map(|server| self.diff_of(server, now)).collect()
    }

    fn diff_of(&self, server: &str, now: &Self) -> Vec<Drift> {
        let mut names: Vec<_> = self.tools(server).chain(now.tools(server)).map(Definition::name).collect();
        names.sort_unstable();
        names.dedup();
        let drift = |name: &str| Drift::of(server, self.get(server, name), now.get(server, name));
        names.into_iter().filter_map(drift).collect()
    }
}

fn key(out: &mut Vec<u8>, index: usize, indent: usize, key: &str) {
    if index > 0 {
        out.push(b',');
    }
    new_line(out, indent);
    write_string(out, key);
    out.extend_from_slice(b": ");
}
