//! Writes the hostile corpus as seeds: `cargo run --manifest-path fuzz/Cargo.toml --bin seeds`.
//!
//! Each case of `tests/hostile` becomes a file in `fuzz/corpus/TARGET`, whole for `lines`, `sse` and
//! `headers`, without its line terminator for the others. The transcripts of `tests/wassette` become seeds of
//! `wassette`, the files and the rules of `tests/rules` seeds of `rules`. Tapes of every format, whole, torn and damaged,
//! are seeds of `tape`; calls with rules that mean them are seeds of `policy`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use shadowcat::Direction::{ToClient, ToUpstream};
use shadowcat::tape::{
    Component, Entry, EntryKind, Key, Outcome, Sink, Snapshot, Tape, TapeId, export, json, lines, sqlite,
};

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
    written += wassette(root)? + rules(root)? + tapes(root)? + policy(root)?;
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

/// Each format, what other recorders wrote, and each of these torn and damaged.
fn tapes(root: &Path) -> Result<usize, Box<dyn Error>> {
    let folder = root.join("corpus/tape");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let tape = Tape::of(TapeId::from_text("t"), std::time::UNIX_EPOCH).session("s").transport("stdio");
    let tape = tape.component(Component::new("c").uri("oci://c").tool("f")).label("a", "b");
    let path = |name: &str| folder.join(name);
    write(lines::Writer::create(path("a.jsonl"), &tape)?)?;
    let (key, chain) = (Key::new([0; 32]), Key::new([1; 32]));
    let plain = lines::Options::new;
    for (name, options) in [
        ("a.zst", plain().compress(3)),
        ("a.sealed", plain().encrypt(key.clone())),
        ("a.both", plain().compress(3).encrypt(key.clone())),
        ("a.chained", plain().chain(chain.clone())),
        ("a.all", plain().compress(3).encrypt(key).chain(chain)),
    ] {
        write(lines::Writer::create_with(path(name), &tape, &options)?)?;
    }
    write(json::Writer::create(path("a.json"), &tape)?)?;
    write(sqlite::Writer::create(path("a.db"), &tape)?)?;
    let (key, chain, rows) = (Key::new([0; 32]), Key::new([1; 32]), sqlite::Options::new);
    for (name, options) in [
        ("a.sealed.db", rows().encrypt(key.clone())),
        ("a.chained.db", rows().chain(chain.clone())),
        ("a.all.db", rows().encrypt(key).hide_names(true).chain(chain)),
    ] {
        write(sqlite::Writer::create_with(path(name), &tape, &options)?)?;
    }
    write(export::Writer::mcp_cassette_json(path("a.mcp.json"), &tape)?)?;
    write(export::Writer::mcp_cassette_lines(path("a.cassette.jsonl"), &tape)?)?;
    write(export::Writer::mcpsnoop(path("a.mcpsnoop.jsonl"), &tape)?)?;
    for others in ["../tests/taped/foreign", "../tests/wassette/transcripts"] {
        for file in fs::read_dir(root.join(others))? {
            let file = file?;
            fs::copy(file.path(), folder.join(file.file_name()))?;
        }
    }
    let mut written = 0;
    for file in fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()? {
        let (whole, name) = (fs::read(file.path())?, file.file_name().to_string_lossy().into_owned());
        for part in 1..4 {
            let at = whole.len() * part / 4;
            fs::write(path(&format!("{name}.torn-{part}")), &whole[..at])?;
            let mut damaged = whole.clone();
            damaged[at] ^= 0x11;
            damaged.drain(at / 2..at / 2 + 3);
            fs::write(path(&format!("{name}.damaged-{part}")), damaged)?;
        }
        written += 7;
    }
    Ok(written)
}

/// One entry of every kind.
fn write(mut sink: impl Sink) -> Result<(), Box<dyn Error>> {
    let ask =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"f","arguments":{"a":1.50}}}"#;
    let entries = [
        Entry::new(EntryKind::Request, ToUpstream, ask).call(1),
        Entry::new(
            EntryKind::Notification,
            ToClient,
            r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
        ),
        Entry::new(EntryKind::Response, ToClient, "{ \"jsonrpc\": \"2.0\",\n\"id\": 1, \"result\": {}}")
            .call(1),
        Entry::new(EntryKind::End, ToClient, "").call(1).outcome(Outcome::Answered),
        Entry::new(EntryKind::Refused, ToUpstream, &b"\xff\x00"[..]).synthetic(),
        Entry::new(EntryKind::Component, ToClient, "loaded").component("c"),
        Entry::new(EntryKind::Note, ToClient, "stderr: x"),
        Entry::new(EntryKind::Lost, ToClient, "2"),
        Snapshot::environment("server", [("PATH", "/bin")]).entry(),
    ];
    for (number, entry) in entries.into_iter().enumerate() {
        sink.append(&entry.at(std::time::Duration::from_micros(number as u64 * 1500)).session("s"))?;
    }
    Ok(sink.finish()?)
}

/// A default, rules of one byte each (with a one before each, and a zero behind them), and a call.
fn policy(root: &Path) -> Result<usize, Box<dyn Error>> {
    let folder = root.join("corpus/policy");
    fs::create_dir_all(&folder)?;
    let names =
        ["evil", "safe", "Evil", "EV\u{130}L", "safe\\u0000", "s\u{e4}fe", "sa\u{308}fe", "", "other"];
    let mut written = 0;
    for (at, name) in names.into_iter().enumerate() {
        for (number, argument) in ["0", "1.0", "2", "\"2\"", "null"].into_iter().enumerate() {
            let call = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{{"n":{argument}}}}}}}"#
            );
            let mut seed = vec![u8::try_from(at & 1)?];
            for rule in 0..8_u8 {
                let spread = rule.wrapping_mul(37).wrapping_add(u8::try_from(at * 5 + number)?);
                seed.extend_from_slice(&[1, spread]);
            }
            seed.push(0);
            seed.extend_from_slice(call.as_bytes());
            fs::write(folder.join(format!("{at}-{number}")), seed)?;
            written += 1;
        }
    }
    Ok(written)
}
