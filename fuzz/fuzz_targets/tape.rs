//! Whatever is in a file: a tape is read up to its end or an error, and what was read can be written and read again.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use shadowcat::tape::{self, Key, OpenOptions, Sink, Source, json, lines};

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
});

fn again(mut source: Box<dyn Source>, path: PathBuf) {
    let mut tape = source.tape().clone();
    // A part may begin with any number.
    tape.part = None;
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
    let line = lines::Writer::create(path.with_extension("jsonl"), &tape).map(|sink| Box::new(sink) as Box<dyn Sink>);
    let document = json::Writer::create(path.with_extension("json"), &tape).map(|sink| Box::new(sink) as Box<dyn Sink>);
    for (sink, name) in [(line, "jsonl"), (document, "json")] {
        let mut sink = sink.expect("a new file");
        entries.iter().for_each(|entry| sink.append(entry).expect("there is room"));
        drop(sink.finish());
        drop(sink);
        let file = path.with_extension(name);
        let found: Vec<_> = tape::open(&file).expect("a tape").map(|entry| entry.expect("an entry")).collect();
        assert_eq!(found, entries);
        std::fs::remove_file(file).expect("it was made");
    }
}
