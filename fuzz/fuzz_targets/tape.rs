//! Whatever is in a file: a tape of any format, ours or another recorder's, is read up to its end or an error, and what
//! was read can be written and read again.
#![no_main]

use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use shadowcat::tape::import::{self, Format};
use shadowcat::tape::{self, Entry, Key, OpenOptions, Sink, Source, Tape, TapeError, export, json, lines};

fuzz_target!(|bytes: &[u8]| {
    let folder = std::env::temp_dir().join(format!("shadowcat-fuzz-tape-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("input");
    std::fs::write(&path, bytes).expect("a file");
    // The key is known to whoever writes the file: then what is sealed can be anything, too.
    let options = OpenOptions::new().key(Key::new([0; 32]));
    for source in [tape::open(&path), tape::open_with(&path, &options)].into_iter().flatten() {
        again(source, folder.join("again"));
    }
    if let Some(format) = Format::of(&path).expect("it can be read") {
        assert_eq!(import::open(&path).is_ok(), import::open_as(&path, format).is_ok());
    }
    for format in [Format::McpCassetteJson, Format::McpCassetteLines, Format::Mcpsnoop, Format::Log] {
        match import::open_as(&path, format) {
            Ok(source) => again(source, folder.join("again")),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

fn again(mut source: Box<dyn Source>, path: PathBuf) {
    let mut entries = Vec::new();
    for entry in &mut source {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                break;
            }
        }
    }
    let mut tape = source.tape().clone();
    // A part may begin with any number.
    tape.part = None;
    let file = path.with_extension("jsonl");
    ours(Box::new(lines::Writer::create(&file, &tape).expect("a new file")), &file, &entries);
    let file = path.with_extension("json");
    ours(Box::new(json::Writer::create(&file, &tape).expect("a new file")), &file, &entries);
    theirs(
        |path, tape| export::Writer::mcp_cassette_json(path, tape),
        Format::McpCassetteJson,
        &path,
        &tape,
        &entries,
    );
    theirs(
        |path, tape| export::Writer::mcp_cassette_lines(path, tape),
        Format::McpCassetteLines,
        &path,
        &tape,
        &entries,
    );
    theirs(|path, tape| export::Writer::mcpsnoop(path, tape), Format::Mcpsnoop, &path, &tape, &entries);
}

fn ours(mut sink: Box<dyn Sink>, file: &Path, entries: &[Entry]) {
    entries.iter().for_each(|entry| sink.append(entry).expect("there is room"));
    drop(sink.finish());
    drop(sink);
    let found: Vec<_> = tape::open(file).expect("a tape").map(|entry| entry.expect("an entry")).collect();
    assert_eq!(found, entries);
    std::fs::remove_file(file).expect("it was made");
}

/// What other recorders' tools are given is at least what is read here as theirs.
fn theirs(
    create: fn(&Path, &Tape) -> Result<export::Writer, TapeError>,
    format: Format,
    path: &Path,
    tape: &Tape,
    entries: &[Entry],
) {
    let file = path.with_extension("theirs");
    let mut sink = create(&file, tape).expect("a new file");
    // A cassette is of one session.
    entries.iter().for_each(|entry| drop(sink.append(entry)));
    drop(sink.finish());
    if sink.written() > 0 && !entries.iter().any(|entry| entry.kind == tape::EntryKind::Lost) {
        let source = import::open_as(&file, format).expect("it is theirs");
        let found = source.map(|entry| entry.expect("an entry")).count() as u64;
        assert_eq!(found, sink.written());
    }
    std::fs::remove_file(file).expect("it was made");
}
