//! Tapes in SQLite of which something is missing or changed: what a crash, a broken disk or a stranger leaves.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use killed::{Worst, configured};
use shadowcat::tape::sqlite::{Reader, Writer};
use shadowcat::tape::{self, Entry, Sink, Tape, TapeError};
use taped::{Folder, note, ping, read, tape, write};

/// Entries of one commit.
const COMMIT: usize = 5;

fn opened(path: &Path) -> (Vec<Entry>, Option<TapeError>) {
    tape::open(path).map_or_else(|error| (Vec::new(), Some(error)), read)
}

/// What was written, and the bytes of the file.
fn written(folder: &Folder) -> (Vec<Entry>, Vec<u8>) {
    let whole = folder.path("whole.db");
    let all: Vec<_> = (1..60).map(ping).chain([note("done")]).collect();
    write(Writer::create(&whole, &tape()).unwrap(), &all);
    (all, fs::read(&whole).unwrap())
}

#[test]
fn a_file_cut_off_anywhere_is_read_as_far_as_it_goes_or_refused() {
    let folder = Folder::new();
    let path = folder.path("cut.db");
    let (all, bytes) = written(&folder);
    for cut in (0..bytes.len()).step_by(1021) {
        fs::write(&path, &bytes[..cut]).unwrap();
        let (found, error) = opened(&path);
        assert!(error.is_some() || found == all, "{cut}");
        assert!(all.starts_with(&found), "{cut}");
    }
}

/// SQLite has no checksum of a page: what is changed in a text is read changed. It is never more than what was changed.
#[test]
fn a_file_with_any_byte_changed_has_no_entry_that_was_not_written_but_the_changed_one() {
    let folder = Folder::new();
    let path = folder.path("changed.db");
    let (all, bytes) = written(&folder);
    for at in (0..bytes.len()).step_by(61) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        fs::write(&path, bytes).unwrap();
        let (found, error) = opened(&path);
        let others = found.iter().zip(&all).filter(|(found, written)| found != written).count();
        assert!(others <= 1 && found.len() <= all.len(), "byte {at}: {others} others");
        assert!(error.is_some() || found.len() == all.len(), "byte {at}: {} without an error", found.len());
    }
}

/// What a byte takes out of a tape is missing there, also where other tapes follow.
#[test]
fn of_a_file_of_several_tapes_each_has_its_entries_or_an_error() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole.db"), folder.path("changed.db"));
    let tapes = [(); 3].map(|()| Tape::new().unwrap());
    let all: [Vec<_>; 3] = std::array::from_fn(|tape| (1..8).map(|at| ping(10 * tape as u64 + at)).collect());
    write(Writer::create(&whole, &tapes[0]).unwrap(), &all[0]);
    for (tape, all) in tapes.iter().zip(&all).skip(1) {
        write(Writer::add_to(&whole, tape).unwrap(), all);
    }
    let bytes = fs::read(&whole).unwrap();
    for at in (0..bytes.len()).step_by(331) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        fs::write(&path, bytes).unwrap();
        for (tape, all) in tapes.iter().zip(&all) {
            let opened = Reader::open_tape(&path, &tape.id);
            let (found, error) = opened.map_or_else(|error| (Vec::new(), Some(error)), read);
            let others = found.iter().zip(all).filter(|(found, written)| found != written).count();
            assert!(others <= 1 && found.len() <= all.len(), "byte {at}: {others} others");
            assert!(error.is_some() || found.len() == all.len(), "byte {at}: {} found", found.len());
        }
    }
}

/// The last row of a tape leads nowhere, and what stands in another place is of another tape.
#[test]
fn a_last_row_that_has_gone_elsewhere_is_missed_by_who_reads_and_by_who_goes_on() {
    let folder = Folder::new();
    let path = folder.path("tapes.db");
    let (first, second) = (Tape::new().unwrap(), Tape::new().unwrap());
    let all: Vec<_> = (1..=3).map(ping).collect();
    write(Writer::create(&path, &first).unwrap(), &all);
    write(Writer::add_to(&path, &second).unwrap(), &all);
    let moved = "UPDATE recordings SET id = id + 1099511627777 WHERE tape = 1 AND frame = 3";
    rusqlite::Connection::open(&path).unwrap().execute(moved, []).unwrap();
    for (tape, why) in
        [(&first, "frames up to frame 3 are missing"), (&second, "frame 4 stands behind frame 3")]
    {
        let (_, error) = read(Reader::open_tape(&path, &tape.id).unwrap());
        let error = error.unwrap();
        assert!(error.is_damaged() && error.to_string().contains(why), "{error}");
        let error = Writer::resume(&path, &tape.id).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_tape_of_nothing_is_whole_and_one_that_grows_is_read_on() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = Writer::create(&path, &tape()).unwrap();
    assert!(matches!(opened(&path), (found, None) if found.is_empty()));
    let mut reader = tape::open(&path).unwrap();
    for number in 1..=3 {
        writer.append(&ping(number)).unwrap();
        writer.commit().unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), ping(number));
    }
    assert!(reader.next().is_none());
}

/// A file and its log of some 4 MiB, as they stand while they are written; what was written, and how much of that after
/// each commit. On a busy machine there are some more than are asked for, as what waits for 20 ms is committed.
fn with_log(folder: &Folder) -> (PathBuf, Vec<Entry>, Vec<usize>) {
    let whole = folder.path("whole.db");
    let mut writer = Writer::create(&whole, &tape()).unwrap();
    // The log is begun anew at some 16 MiB, and not while somebody reads what stands before it.
    let reader = rusqlite::Connection::open(&whole).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM tapes").unwrap();
    let length = || fs::metadata(folder.path("whole.db-wal")).unwrap().len();
    let (mut all, mut commits, mut before) = (Vec::new(), vec![0], length());
    while before < 4 << 20 {
        let entry = ping(all.len() as u64 + 1);
        writer.append(&entry).unwrap();
        all.push(entry);
        if all.len() % COMMIT == 0 {
            writer.commit().unwrap();
        }
        if length() > before {
            commits.push(all.len());
            before = length();
        }
    }
    // Copied while the writer has it: closing would empty the log.
    let path = folder.path("cut.db");
    fs::copy(&whole, &path).unwrap();
    fs::copy(folder.path("whole.db-wal"), folder.path("cut.db-wal")).unwrap();
    (path, all, commits)
}

/// Cut at every 4 KiB of 4 MiB, and at so many places by chance (`SHADOWCAT_CUTS`, always the same).
#[test]
fn a_log_cut_anywhere_leaves_what_was_committed_before() {
    let folder = Folder::new();
    let (path, all, mut commits) = with_log(&folder);
    let (log, index) = (folder.path("cut.db-wal"), folder.path("cut.db-shm"));
    let length = fs::metadata(&log).unwrap().len();
    let mut chance = fastrand::Rng::with_seed(7);
    let mut cuts: Vec<_> = (0..=length).step_by(4096).collect();
    cuts.extend((0..configured("SHADOWCAT_CUTS", 50)).map(|_| chance.u64(..length)));
    // From its end, so that one log does for all.
    cuts.sort_unstable_by(|one, other| other.cmp(one));
    let mut opening = Worst::of("opened with a log that was cut", Duration::from_secs(1));
    for cut in cuts {
        fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(cut).unwrap();
        let _ = fs::remove_file(&index);
        let source = opening.measure(|| tape::open(&path));
        let (found, error) = source.map_or_else(|error| (Vec::new(), Some(error)), read);
        assert_eq!(fs::metadata(&log).unwrap().len(), cut, "reading changes nothing");
        assert!(error.is_none() || found.is_empty(), "{cut}: {error:?}");
        assert!(all.starts_with(&found), "{cut}");
        // A cut takes no more than two commits away, and no part of one.
        let left = commits.iter().rev().take(3).position(|count| *count == found.len());
        let gone = left.unwrap_or_else(|| panic!("{cut}: {} of {:?}", found.len(), commits.last()));
        commits.truncate(commits.len() - gone);
    }
    assert_eq!(commits, [0]);
    opening.is_seldom_slow();
}
