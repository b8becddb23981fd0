//! Rotated tapes have one writer, in whatever process, and a restart loses nothing.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use killed::{start, tell_safe, told};
use shadowcat::tape::{self, Entry, PartFormat, Rotate, Rotating, Sink, Source, Tape, TapeError};
use taped::{Folder, ping};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_ROTATED";

/// Not a test of its own: what the other tests start.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, base) = task.split_once(' ').unwrap();
    let (entries, suffix) = what.split_once('-').unwrap();
    let mut writer = create(Path::new(base), suffix).unwrap();
    (1..=entries.parse().unwrap()).for_each(|number| writer.append(&ping(number)).unwrap());
    if entries != "0" {
        writer.commit().unwrap();
    }
    tell_safe(1);
    loop {
        std::thread::park(); // until it is killed
    }
}

fn formats() -> Vec<&'static str> {
    let mut formats = vec!["jsonl", "json"];
    if cfg!(feature = "sqlite") {
        formats.push("db");
    }
    formats
}

fn format(suffix: &str) -> PartFormat {
    match suffix {
        "jsonl" => PartFormat::default(),
        "json" => PartFormat::Json,
        #[cfg(feature = "sqlite")]
        "db" => PartFormat::Sqlite(tape::sqlite::Options::new()),
        other => panic!("{other}"),
    }
}

fn small() -> Rotate {
    Rotate::new().max_bytes(2_000)
}

fn create(base: &Path, suffix: &str) -> Result<Rotating, TapeError> {
    Rotating::create_with(base, &taped::tape(), small(), format(suffix))
}

fn resume(base: &Path, suffix: &str) -> Result<Rotating, TapeError> {
    Rotating::resume(base, small(), format(suffix))
}

/// Another process that has created a tape, written so many entries, and does not end.
fn writing(entries: u32, base: &Path, suffix: &str) -> Writing {
    let (child, mut out) = start(TASK, "", &format!("{entries}-{suffix}"), base);
    let child = Writing(child);
    told(&mut out, "safe ").unwrap();
    child
}

/// Killed at the end, also where a test fails.
struct Writing(Child);

impl Drop for Writing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn parts(folder: &Folder, suffix: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path("")).unwrap().map(|file| file.unwrap().path());
    let mut parts: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == suffix)).collect();
    parts.sort();
    parts
}

/// What stands in all parts, with what is known of the tape.
fn all(folder: &Folder, suffix: &str) -> (Tape, Vec<Entry>) {
    let mut merged = tape::merge(parts(folder, suffix).iter().map(|part| tape::open(part).unwrap())).unwrap();
    let entries = merged.by_ref().collect::<Result<_, _>>().unwrap();
    (merged.tape().clone(), entries)
}

#[test]
fn while_a_process_writes_a_rotated_tape_no_other_does_whatever_the_format() {
    for suffix in formats() {
        let folder = Folder::new();
        let (base, lock) = (folder.path("r"), folder.path("r.lock"));
        let writing = writing(3, &base, suffix);
        for refused in [resume(&base, suffix), create(&base, suffix)] {
            let error = refused.unwrap_err();
            assert!(error.is_busy() && error.to_string().contains("r.lock` tells who"), "{suffix}: {error}");
        }
        assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o600);
        let listed: Vec<_> = tape::list(folder.path("")).unwrap().map(Result::unwrap).collect();
        assert_eq!((listed.len(), listed[0].entries), (1, 3), "{suffix}: the lock is passed by");

        drop(writing);
        assert!(lock.exists(), "{suffix}: a process that is killed leaves it");
        let mut writer = resume(&base, suffix).unwrap();
        assert_eq!(writer.frames(), 3, "{suffix}");
        writer.append(&ping(4)).unwrap();
        writer.finish().unwrap();
        assert!(lock.exists() && resume(&base, suffix).unwrap_err().is_busy(), "{suffix}");
        drop(writer);
        assert!(!lock.exists(), "{suffix}: one that ends removes it");
    }
}

#[test]
fn a_file_that_is_no_lock_is_left_alone() {
    let folder = Folder::new();
    let lock = folder.path("Cargo.lock");
    fs::write(&lock, "precious").unwrap();
    for (mode, is_exists) in [(0o600, true), (0o644, false)] {
        fs::set_permissions(&lock, fs::Permissions::from_mode(mode)).unwrap();
        let error = create(&folder.path("Cargo"), "jsonl").unwrap_err();
        assert_eq!(error.is_exists(), is_exists, "{error}");
        assert!(error.to_string().contains("Cargo.lock: "), "{error}");
    }
    assert_eq!(fs::read_to_string(&lock).unwrap(), "precious");
    assert!(parts(&folder, "jsonl").is_empty());
}

#[test]
fn retention_leaves_the_lock_alone() {
    for suffix in formats() {
        let folder = Folder::new();
        let rotate = small().keep_files(1);
        let mut writer =
            Rotating::create_with(folder.path("r"), &taped::tape(), rotate, format(suffix)).unwrap();
        (1..=300).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.commit().unwrap();
        assert_eq!(parts(&folder, suffix), [writer.path()], "{suffix}");
        assert!(resume(&folder.path("r"), suffix).unwrap_err().is_busy(), "{suffix}");
    }
}

#[test]
fn a_part_that_somebody_writes_to_is_not_removed_even_where_it_is_blank() {
    let folder = Folder::new();
    let _writing = writing(20, &folder.path("r"), "json");
    let newest = parts(&folder, "json").pop().unwrap();
    assert!(!newest.ends_with("r.000001.json"));
    // As it is between the moment when it is made and that when its title is there.
    fs::File::options().write(true).open(&newest).unwrap().set_len(0).unwrap();
    let error = resume(&folder.path("r"), "json").unwrap_err();
    assert!(error.is_busy(), "{error}");
    assert_eq!(parts(&folder, "json").pop(), Some(newest));
}

#[test]
fn restarts_without_traffic_do_not_use_up_what_is_kept() {
    for suffix in formats() {
        let folder = Folder::new();
        let base = folder.path("r");
        let mut writer = create(&base, suffix).unwrap();
        (1..=3).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        drop(writer);
        for restart in 0..12 {
            let rotate = small().keep_files(3);
            let mut writer = Rotating::resume(&base, rotate, format(suffix)).unwrap();
            assert_eq!((writer.frames(), writer.last_at()), (3, Some(ping(3).at)), "{suffix}: {restart}");
            // In good order, in some order, and as one that is killed.
            match restart % 3 {
                0 => writer.finish().unwrap(),
                1 => writer.update(&writer.tape().clone().label("restart", &restart.to_string())).unwrap(),
                _ => writer.commit().unwrap(),
            }
        }
        let (found, entries) = all_torn(&folder, suffix);
        assert_eq!(entries, (1..=3).map(ping).collect::<Vec<_>>(), "{suffix}");
        assert_eq!(found.id, taped::tape().id);
        assert!(parts(&folder, suffix).len() <= 2, "{suffix}: {:?}", parts(&folder, suffix));

        let mut writer = resume(&base, suffix).unwrap();
        writer.append(&ping(4)).unwrap();
        writer.finish().unwrap();
        assert_eq!(all(&folder, suffix).1, (1..=4).map(ping).collect::<Vec<_>>(), "{suffix}");
        assert_eq!(writer.tape().part, Some(parts(&folder, suffix).len() as u32), "{suffix}");
    }
}

/// Of parts that need not be whole.
fn all_torn(folder: &Folder, suffix: &str) -> (Tape, Vec<Entry>) {
    let mut entries = Vec::new();
    let mut last = None;
    for part in parts(folder, suffix) {
        let mut source = tape::open(part).unwrap();
        let (found, error) = taped::read(&mut source);
        assert!(error.as_ref().is_none_or(TapeError::is_torn), "{error:?}");
        entries.extend(found);
        last = Some(source.tape().clone());
    }
    (last.unwrap(), entries)
}

#[test]
fn what_a_document_ended_with_is_known_in_the_one_that_replaces_it() {
    let folder = Folder::new();
    let base = folder.path("r");
    for shift in ["day", "night"] {
        let mut writer = create(&base, "json").or_else(|_| resume(&base, "json")).unwrap();
        let tape = writer.tape().clone().label(shift, "yes");
        writer.update(&tape).unwrap();
        writer.finish().unwrap();
    }
    let writer = resume(&base, "json").unwrap();
    assert!(["day", "night"].iter().all(|shift| writer.tape().labels.contains_key(*shift)));
    // Also for the next one, were this one killed now.
    let (found, _) = all_torn(&folder, "json");
    assert_eq!((found.labels.len(), parts(&folder, "json").len()), (2, 1));
}

#[test]
fn a_document_that_is_cut_in_its_first_frame_stays_as_it_is() {
    let folder = Folder::new();
    let mut writer = create(&folder.path("r"), "json").unwrap();
    writer.append(&ping(1)).unwrap();
    drop(writer);
    let part = folder.path("r.000001.json");
    let text = fs::read_to_string(&part).unwrap();
    let cut = &text[..text.len() - 20];
    fs::write(&part, cut).unwrap();
    let writer = resume(&folder.path("r"), "json").unwrap();
    assert!(writer.path().ends_with("r.000002.json"), "{writer:?}");
    assert_eq!(fs::read_to_string(&part).unwrap(), cut);
}

#[test]
fn a_tape_that_is_killed_before_its_first_entry_is_gone_on_with() {
    for suffix in formats() {
        let folder = Folder::new();
        drop(writing(0, &folder.path("r"), suffix));
        assert!(create(&folder.path("r"), suffix).unwrap_err().is_exists(), "{suffix}");
        let mut writer = resume(&folder.path("r"), suffix).unwrap();
        assert_eq!(writer.tape().id, taped::tape().id, "{suffix}");
        writer.append(&ping(1)).unwrap();
        writer.finish().unwrap();
        assert_eq!(all(&folder, suffix).1, [ping(1)], "{suffix}");
    }
}

#[test]
fn where_a_crash_left_only_blank_parts_a_tape_is_begun_anew() {
    for suffix in formats() {
        let folder = Folder::new();
        let (base, part) = (folder.path("r"), folder.path(&format!("r.000001.{suffix}")));
        fs::write(&part, "").unwrap();
        fs::set_permissions(&part, fs::Permissions::from_mode(0o600)).unwrap();
        let error = resume(&base, suffix).unwrap_err();
        assert!(error.is_io() && part.exists(), "{suffix}: {error}");
        let mut writer = create(&base, suffix).unwrap();
        assert_eq!(writer.path(), part, "{suffix}");
        writer.append(&ping(1)).unwrap();
        writer.finish().unwrap();
        assert_eq!(all(&folder, suffix).1, [ping(1)], "{suffix}");
    }
}
