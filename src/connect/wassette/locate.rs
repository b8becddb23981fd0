//! The binary: where it is, and which version.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::connect::child::Command;
use crate::error::Error;
use crate::wassette::{Dialect, UnknownDialect};

/// How long it may take to print its version or its help.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file that `binary` names: a path as it is, a name on `PATH`.
///
/// The error tells every place that was looked at.
pub(super) fn find(binary: &OsStr) -> Result<PathBuf, Error> {
    find_in(binary, env::var_os("PATH"))
}

fn find_in(binary: &OsStr, path: Option<OsString>) -> Result<PathBuf, Error> {
    let shown = binary.to_string_lossy();
    if binary.is_empty() {
        return Err(Error::invalid("the wassette binary has an empty name"));
    }
    if Path::new(binary).components().count() > 1 || Path::new(binary).is_absolute() {
        return match runnable(Path::new(binary)) {
            Ok(()) => Ok(PathBuf::from(binary)),
            Err(why) => {
                Err(Error::invalid(format_args!("cannot run {shown}: {why}; give the path of wassette")))
            }
        };
    }
    let Some(path) = path else {
        return Err(Error::invalid(format_args!(
            "{shown} was not looked for: PATH is not set; give its path"
        )));
    };
    let places: Vec<PathBuf> = env::split_paths(&path).filter(|place| place.is_absolute()).collect();
    if let Some(found) = places.iter().map(|place| place.join(binary)).find(|file| runnable(file).is_ok()) {
        return Ok(found);
    }
    let tried: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    Err(Error::invalid(format_args!(
        "there is no {shown} on PATH; tried {}; install wassette or give its path",
        tried.join(", ")
    )))
}

fn runnable(file: &Path) -> Result<(), String> {
    match file.metadata().as_ref().map(Metadata::permissions) {
        Err(error) => Err(error.to_string()),
        Ok(_) if !file.is_file() => Err("it is no file".to_owned()),
        Ok(permissions) if permissions.mode() & 0o111 == 0 => Err("it is not executable".to_owned()),
        Ok(_) => Ok(()),
    }
}

/// Asks the binary which dialect it speaks: its version, and where that is not enough, its help.
pub(super) async fn ask(command: &Command) -> Result<Dialect, Error> {
    let version = Dialect::from_version_output(&command.print(&["--version"], PATIENCE).await?);
    let why = match version {
        Ok(dialect) => return Ok(dialect),
        Err(why @ UnknownDialect::TooOld { .. }) => return Err(unknown(command, &why)),
        Err(why) => why,
    };
    let help =
        command.print(&["--help"], PATIENCE).await? + &command.print(&["serve", "--help"], PATIENCE).await?;
    Dialect::from_help(&help).map_err(|_| unknown(command, &why))
}

fn unknown(command: &Command, why: &UnknownDialect) -> Error {
    Error::invalid(format_args!("{command}: {why}; if it is a wassette, name its dialect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(binary: &str, path: Option<&str>) -> Result<PathBuf, String> {
        find_in(binary.as_ref(), path.map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_looked_for_in_the_order_of_path_and_never_below_the_working_directory() {
        assert_eq!(found("sh", Some("/no/such:bin::/etc:/bin:/usr/bin")), Ok(PathBuf::from("/bin/sh")));
        assert_eq!(
            found("sh", Some("/no/such:bin::/etc")).unwrap_err(),
            "there is no sh on PATH; tried /no/such, /etc; install wassette or give its path"
        );
    }

    #[test]
    fn what_is_on_path_and_cannot_be_run_is_not_it() {
        assert!(found("passwd", Some("/etc")).unwrap_err().starts_with("there is no passwd on PATH"));
    }

    #[test]
    fn a_path_is_taken_as_it_is_without_any_path_to_look_in() {
        assert_eq!(found("/bin/sh", None), Ok(PathBuf::from("/bin/sh")));
        let error = found("sh", None).unwrap_err();
        assert_eq!(error, "sh was not looked for: PATH is not set; give its path");
        assert!(found("./sh", None).unwrap_err().starts_with("cannot run ./sh: No such file"));
    }
}
