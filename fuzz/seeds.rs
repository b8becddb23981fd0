//! Writes the hostile corpus as seeds: `cargo run --manifest-path fuzz/Cargo.toml --bin seeds`.
//!
//! Each case of `tests/hostile` becomes a file in `fuzz/corpus/TARGET`, whole for `lines`, `sse` and
//! `headers`, without its line terminator for the others. The transcripts of `tests/wassette` become seeds of
//! `wassette`, the files and the rules of `tests/rules` seeds of `rules`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    bytes_base64: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut written = 0;
    for file in fs::read_dir(root.join("../tests/hostile"))? {
        let path = file?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let case: Case = serde_json::from_str(line)?;
            let bytes = STANDARD.decode(&case.bytes_base64)?;
            for target in ["scan", "edit", "lines", "peek", "wassette", "strip", "sse", "headers"] {
                let whole = matches!(target, "lines" | "sse" | "headers");
                let bytes = if whole { &bytes } else { bytes.trim_ascii_end() };
                let folder = root.join("corpus").join(target);
                fs::create_dir_all(&folder)?;
                fs::write(folder.join(&case.name), bytes)?;
                written += 1;
            }
        }
    }
    written += wassette(root)? + rules(root)?;
    println!("{written} seeds");
    Ok(())
}

/// What a real Wassette and its client said.
fn wassette(root: &Path) -> Result<usize, Box<dyn Error>> {
    let folder = root.join("corpus/wassette");
    let mut written = 0;
    for file in fs::read_dir(root.join("../tests/wassette/transcripts"))? {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for (at, line) in fs::read_to_string(&path)?.lines().enumerate() {
            let said: serde_json::Value = serde_json::from_str(line)?;
            fs::write(folder.join(format!("{name}-{at}")), said["line"].as_str().unwrap_or_default())?;
            written += 1;
        }
    }
    Ok(written)
}

/// Whole files, and each rule of them as one.
fn rules(root: &Path) -> Result<usize, Box<dyn Error>> {
    let folder = root.join("corpus/rules");
    fs::create_dir_all(&folder)?;
    let mut written = 0;
    for file in fs::read_dir(root.join("../tests/rules"))? {
        let path = file?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path)?;
        fs::write(folder.join(&*name), &text)?;
        for (at, rule) in text.split("\n  - ").skip(1).enumerate() {
            fs::write(folder.join(format!("{name}-{at}")), format!("rules:\n  - {rule}\n"))?;
            written += 1;
        }
        written += 1;
    }
    Ok(written)
}
