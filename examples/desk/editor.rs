//! A message in the person's own editor.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use shadowcat::BoxError;
use tokio::process::Command;

use super::print::{compact, pretty, visible};

/// What the person makes of this JSON; nothing where it was left as it is. Space between tokens is not kept.
///
/// # Errors
///
/// The editor cannot be run, or says that it failed.
pub(super) async fn changed(json: &[u8], number: u64) -> Result<Option<Vec<u8>>, BoxError> {
    let text = String::from_utf8(pretty(json))?;
    // In a file as on the screen: as escapes, which mean the same.
    let shown = text.split('\n').map(visible).collect::<Vec<_>>().join("\n") + "\n";
    let file = File::with(&shown, number)?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(env::var_os).unwrap_or_else(|| "vi".into());
    // The variable may hold arguments of the editor's.
    let mut command = Command::new("/bin/sh");
    let status = command.arg("-c").arg(r#"eval "$0 \"\$1\"""#).arg(&editor).arg(&file.0).status().await?;
    if !status.success() {
        return Err(
            format!("the editor {} ended with {status}; nothing was changed", editor.display()).into()
        );
    }
    let after = fs::read(&file.0)?;
    Ok((compact(&after) != compact(shown.as_bytes())).then(|| compact(&after)))
}

/// Nobody else can read it; gone when dropped.
struct File(PathBuf);

impl File {
    fn with(text: &str, number: u64) -> io::Result<Self> {
        let name = format!("breakpoints-{}-{number}.json", std::process::id());
        let file = Self(env::temp_dir().join(name));
        create(&file.0)?.write_all(text.as_bytes())?;
        Ok(file)
    }
}

/// Never one that is there already, which could be a link to elsewhere.
fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
