//! Whatever is in a file: a tape of any format, ours or another recorder's, is read up to its end or an error, can be gone on
//! with or is refused, and what was read can be written and read again; sealed or chained, nobody changes it unnoticed. What
//! is read is replayed and played, or refused.
#![no_main]

use std::future::{Ready, ready};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use libfuzzer_sys::fuzz_target;
use shadowcat::connect::Replay;
use shadowcat::tape::import::{self, Format};
use shadowcat::tape::{self, Entry, Key, OpenOptions, Sink, Source, Tape, TapeError, export, json, lines, sqlite};
use shadowcat::verify::Verify;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower_service::Service;

fuzz_target!(|bytes: &[u8]| {
    let folder = std::env::temp_dir().join(format!("shadowcat-fuzz-tape-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("input");
    std::fs::write(&path, bytes).expect("a file");
    for guard in GUARDS {
        if let Ok(source) = tape::open_with(&path, &guard.opening()) {
            again(source, folder.join("again"), bytes);
        }
        gone_on_with(bytes, &folder.join("copy"), guard);
    }
    GUARDS.iter().for_each(|guard| migrated(bytes, &folder.join("copy"), *guard));
    if let Some(format) = Format::of(&path).expect("it can be read") {
        assert_eq!(import::open(&path).is_ok(), import::open_as(&path, format).is_ok());
    }
    for format in [Format::McpCassetteJson, Format::McpCassetteLines, Format::Mcpsnoop, Format::Log] {
        match import::open_as(&path, format) {
            Ok(source) => again(source, folder.join("again"), bytes),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

/// How a file is guarded. The keys are known to whoever writes the input: then what is guarded can be anything, too.
#[derive(Clone, Copy)]
struct Guard {
    sealed: bool,
    chained: bool,
}

const GUARDS: [Guard; 4] = [
    Guard { sealed: false, chained: false },
    Guard { sealed: true, chained: false },
    Guard { sealed: false, chained: true },
    Guard { sealed: true, chained: true },
];

impl Guard {
    fn opening(self) -> OpenOptions {
        let options = OpenOptions::new();
        let options = if self.sealed { options.key(Key::new([0; 32])) } else { options };
        if self.chained { options.chain(Key::new([1; 32])) } else { options }
    }

    fn writing(self) -> lines::Options {
        let options = lines::Options::new();
        let options = if self.sealed { options.encrypt(Key::new([0; 32])) } else { options };
        if self.chained { options.chain(Key::new([1; 32])) } else { options }
    }

    fn of_rows(self) -> sqlite::Options {
        let options = sqlite::Options::new();
        let options = if self.sealed { options.encrypt(Key::new([0; 32])) } else { options };
        if self.chained { options.chain(Key::new([1; 32])) } else { options }
    }

    /// The entries up to the end, or to an error.
    fn read(self, path: &Path) -> (Vec<Entry>, Option<TapeError>) {
        tape::open_with(path, &self.opening()).map_or_else(|error| (Vec::new(), Some(error)), read)
    }
}

fn read(source: impl Iterator<Item = Result<Entry, TapeError>>) -> (Vec<Entry>, Option<TapeError>) {
    let mut entries = Vec::new();
    for entry in source {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (entries, Some(error));
            }
        }
    }
    (entries, None)
}

/// A file that is only ours, or it would not be written to.
fn private(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, bytes).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// What could be read up to its end, or to where a crash tore it, can be read so with what is added.
fn gone_on_with(bytes: &[u8], copy: &Path, guard: Guard) {
    private(copy, bytes);
    if guard.chained {
        drop(lines::verify([copy], &guard.opening()));
    }
    let (before, error) = guard.read(copy);
    let Ok(mut writer) = lines::Writer::resume_with(copy, &guard.writing()) else { return };
    let entry = Entry::new(tape::EntryKind::Note, shadowcat::Direction::ToClient, "more");
    let added = writer.append(&entry).and_then(|()| writer.finish());
    drop(writer);
    if added.is_ok() && error.is_none_or(|error| error.is_torn()) {
        let (after, error) = guard.read(copy);
        assert!(error.is_none(), "{error:?}");
        assert_eq!((after.len(), &after[..before.len()]), (before.len() + 1, &before[..]));
    }
}

/// What was brought to this version is read to its end: nothing else is left of it.
fn migrated(bytes: &[u8], copy: &Path, guard: Guard) {
    private(copy, bytes);
    let Ok(version) = sqlite::migrate(copy) else { return };
    if version < 2 {
        for id in sqlite::tapes(copy).expect("it was migrated") {
            let (_, error) = read(sqlite::Reader::open_tape(copy, &id).expect("it was migrated"));
            assert!(error.is_none(), "{error:?}");
        }
    }
    for id in sqlite::tapes(copy).into_iter().flatten() {
        let open = || sqlite::Reader::open_tape_with(copy, &id, &guard.opening()).map(read);
        if guard.chained {
            drop(sqlite::verify_tape(copy, &id, &guard.opening()));
        }
        let before = open();
        let Ok(mut writer) = sqlite::Writer::resume_with(copy, &id, &guard.of_rows()) else { continue };
        let entry = Entry::new(tape::EntryKind::Note, shadowcat::Direction::ToClient, "more");
        let added = writer.append(&entry).and_then(|()| writer.finish());
        drop(writer);
        let (Ok(()), Ok((before, error))) = (added, before) else { continue };
        if error.is_none_or(|error| error.is_torn()) {
            let (after, error) = open().expect("it was written");
            assert!(error.is_none(), "{error:?}");
            assert_eq!(after.len(), before.len() + 1);
        }
    }
    for beside in ["copy-wal", "copy-shm", "copy-journal"] {
        drop(std::fs::remove_file(copy.with_file_name(beside)));
    }
}

fn again(mut source: Box<dyn Source>, path: PathBuf, bytes: &[u8]) {
    let (entries, _) = read(&mut source);
    let mut tape = source.tape().clone();
    replayed(&tape, &entries);
    // A part may begin with any number.
    tape.part = None;
    let file = path.with_extension("jsonl");
    ours(Box::new(lines::Writer::create(&file, &tape).expect("a new file")), &file, &entries);
    let file = path.with_extension("json");
    ours(Box::new(json::Writer::create(&file, &tape).expect("a new file")), &file, &entries);
    for guard in &GUARDS[1..] {
        changed(*guard, &path.with_extension("guarded"), &tape, &entries, bytes);
        if entries.len() < 20 && bytes.len() % 8 == 0 {
            changed_rows(*guard, &path.with_extension("guarded.db"), &tape, &entries, bytes);
        }
    }
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

/// A tape in memory.
struct Found {
    tape: Tape,
    entries: std::vec::IntoIter<Entry>,
}

impl Found {
    fn new(tape: &Tape, entries: &[Entry]) -> Self {
        Self { tape: tape.clone(), entries: entries.to_vec().into_iter() }
    }
}

impl Iterator for Found {
    type Item = Result<Entry, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(Ok)
    }
}

impl Source for Found {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

/// A server that is not there.
struct Gone;

impl Service<JsonRpcMessage> for Gone {
    type Response = Reply;
    type Error = Error;
    type Future = Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Err(Error::closed("there is no server")))
    }

    fn call(&mut self, _: JsonRpcMessage) -> Self::Future {
        ready(Ok(Reply::empty()))
    }
}

/// It can be replayed, and played, or there is a reason why not.
fn replayed(tape: &Tape, entries: &[Entry]) {
    for unnamed in [false, true] {
        let (options, verify) = (Replay::options(), Verify::new(Found::new(tape, entries)));
        let (options, verify) =
            if unnamed { (options.without_session(), verify.without_session()) } else { (options, verify) };
        match options.incomplete(true).read(&mut Found::new(tape, entries)) {
            Ok(replay) => assert!(replay.unused().len() <= entries.len()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("threads");
        match runtime.block_on(verify.run(Gone)) {
            Ok(report) => assert!(!report.is_deterministic() || report.calls.len() <= entries.len()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn ours(mut sink: Box<dyn Sink>, file: &Path, entries: &[Entry]) {
    entries.iter().for_each(|entry| sink.append(entry).expect("there is room"));
    drop(sink.finish());
    drop(sink);
    let found: Vec<_> = tape::open(file).expect("a tape").map(|entry| entry.expect("an entry")).collect();
    assert_eq!(found, entries);
    std::fs::remove_file(file).expect("it was made");
}

/// Nobody without its key puts anything in, wherever the input says that the file is changed.
fn changed(guard: Guard, file: &Path, tape: &Tape, entries: &[Entry], bytes: &[u8]) {
    let zipped = guard.writing().compress(1);
    let options = if bytes.len() % 2 == 0 { guard.writing() } else { zipped };
    let mut sink = lines::Writer::create_with(file, tape, &options).expect("a new file");
    entries.iter().for_each(|entry| sink.append(entry).expect("there is room"));
    drop(sink.finish());
    drop(sink);
    let (found, error) = guard.read(file);
    assert!(error.is_none() && found == entries, "{error:?}");
    let mut text = std::fs::read(file).expect("it was made");
    let number =
        bytes.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let at = number % text.len();
    text[at] ^= 1 << (number / 7 % 8);
    std::fs::write(file, text).expect("it is ours");
    let (found, _) = guard.read(file);
    assert!(entries.starts_with(&found), "byte {at}");
    std::fs::remove_file(file).expect("it was made");
}

/// The same of a database, in which an entry need not stand in its place.
fn changed_rows(guard: Guard, file: &Path, tape: &Tape, entries: &[Entry], bytes: &[u8]) {
    let Ok(mut sink) = sqlite::Writer::create_with(file, tape, &guard.of_rows()) else { return };
    let is_taken = entries.iter().all(|entry| sink.append(entry).is_ok());
    drop(sink.finish());
    drop(sink);
    if is_taken {
        let (found, error) = guard.read(file);
        assert!(error.is_none() && found == entries, "{error:?}");
        let mut text = std::fs::read(file).expect("it was made");
        let number =
            bytes.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        let at = number % text.len();
        text[at] ^= 1 << (number / 7 % 8);
        std::fs::write(file, text).expect("it is ours");
        let (found, _) = guard.read(file);
        assert!(entries.starts_with(&found), "byte {at}");
    }
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
