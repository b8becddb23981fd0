//! From a path to text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Format, json};

/// By the end of its name.
pub(crate) fn format(path: &Path, what: &str) -> Result<Format, String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(json::read),
        #[cfg(feature = "yaml")]
        Some("yaml" | "yml") => Ok(super::yaml::read),
        #[cfg(not(feature = "yaml"))]
        Some("yaml" | "yml") => {
            Err("YAML needs the feature `yaml` of shadowcat; write JSON, or turn it on".to_owned())
        }
        _ => Err(format!("the name of {what} ends in .json, .yaml or .yml")),
    }
}

/// No more than a byte too much is read.
pub(crate) fn text(path: &Path, what: &str, max: usize) -> Result<String, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(max as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| match error.as_bytes().len() > max {
        true => format!("{what} has at most {max} bytes"),
        false => "is no UTF-8 text".to_owned(),
    })
}
