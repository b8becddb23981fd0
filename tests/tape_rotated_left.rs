//! What a crash leaves of a document that was to replace a part without an entry.

#![cfg(all(feature = "tape", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use killed::{kill_after, start, tell_safe};
use shadowcat::tape::{PartFormat, Rotate, Rotating, Sink, Tape, json};
use taped::{Folder, entries, ping};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_LEFT";

/// Not a test of its own: what the other tests start.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (_, base) = task.split_once(' ').unwrap();
    for number in 1.. {
        drop(resume(Path::new(base)));
        tell_safe(number);
    }
}

fn small() -> Rotate {
    Rotate::new().max_bytes(2_000)
}

/// A tape without an entry.
fn create(base: &Path) -> Rotating {
    Rotating::create_with(base, &taped::tape(), small(), PartFormat::Json).unwrap()
}

fn resume(base: &Path) -> Rotating {
    Rotating::resume(base, small(), PartFormat::Json).unwrap()
}

/// A tape without an entry, and beside its first part what a process left that was killed while it replaced that.
fn left_by_a_kill(folder: &Folder) -> PathBuf {
    let (base, left) = (folder.path("r"), folder.path("r.000001.json.new"));
    drop(create(&base));
    for kill in 0..1000 {
        kill_after(1 + kill % 5, start(TASK, "", "resume", &base));
        if left.exists() {
            return left;
        }
    }
    panic!("it was never killed then");
}

#[test]
fn what_is_left_of_a_document_that_was_to_replace_another_is_removed_by_whoever_goes_on() {
    let folder = Folder::new();
    let (base, left) = (folder.path("r"), left_by_a_kill(&folder));
    let mut writer = resume(&base);
    assert!(!left.exists());
    assert!(writer.path().ends_with("r.000001.json"), "{writer:?}");
    writer.append(&ping(1)).unwrap();
    writer.finish().unwrap();
    assert_eq!(entries(writer.path()), [ping(1)]);
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn of_part(mut tape: Tape, part: u32) -> Tape {
    tape.part = Some(part);
    tape
}

/// A part without an entry, as it is when it is begun.
fn begun(tape: &Tape, part: u32) -> Vec<u8> {
    let folder = Folder::new();
    let path = folder.path("begun");
    drop(json::Writer::create(&path, &of_part(tape.clone(), part)).unwrap());
    fs::read(&path).unwrap()
}

#[test]
fn what_is_left_is_removed_wherever_it_is_cut_and_whichever_part_it_was_to_replace() {
    let folder = Folder::new();
    let base = folder.path("r");
    drop(create(&base));
    let bytes = begun(&taped::tape(), 1);
    assert_eq!(bytes, fs::read(folder.path("r.000001.json")).unwrap());
    for cut in (0..=bytes.len()).rev().step_by(7).chain([0, 1]) {
        for (name, part) in [("r.000001.json.new", 1), ("r.000009.json.new", 9)] {
            let whole = begun(&taped::tape(), part);
            put(&folder.path(name), &whole[..cut]);
        }
        let writer = resume(&base);
        assert!(writer.path().ends_with("r.000001.json"), "{cut}: {writer:?}");
        drop(writer);
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "{cut}");
    }
}

#[test]
fn retention_removes_what_a_crash_left_beside_parts() {
    let folder = Folder::new();
    let mut writer = create(&folder.path("r"));
    let left = folder.path("r.000001.json.new");
    put(&left, &begun(&taped::tape(), 1));
    (1..=20).for_each(|number| writer.append(&ping(number)).unwrap());
    assert!(writer.tape().part > Some(1) && !left.exists());
}

/// Gone on with where something stands beside the first part: it stays, and another part is begun.
fn is_let_be(what: &str, put: impl FnOnce(&Path)) {
    let folder = Folder::new();
    let (base, left) = (folder.path("r"), folder.path("r.000001.json.new"));
    drop(create(&base));
    put(&left);
    let look = || (fs::read(&left).unwrap(), fs::symlink_metadata(&left).unwrap().permissions());
    let before = look();
    let writer = resume(&base);
    assert!(writer.path().ends_with("r.000002.json"), "{what}: {writer:?}");
    assert_eq!(look(), before, "{what}");
}

#[test]
fn what_is_not_of_this_tape_or_more_than_its_beginning_stays_as_it_is() {
    let ours = begun(&taped::tape(), 1);
    let frame = br#"{"direction":"client_to_server","content":{"jsonrpc":"2.0","id":1,"method":"ping"}}"#;
    let json = format!("{{\n  \"version\": \"1.0\",\n  \"tape_id\": \"{}\"}}", taped::tape().id);
    for (what, bytes) in [
        ("another tape", begun(&Tape::new().unwrap(), 1)),
        ("another part", begun(&taped::tape(), 2)),
        ("a frame begins", [&ours, &b"{\"dir"[..]].concat()),
        ("a frame", [&ours, &frame[..]].concat()),
        ("an end", [&ours, &b"]}"[..]].concat()),
        ("JSON of somebody", json.into_bytes()),
        ("no tape", b"precious".to_vec()),
    ] {
        is_let_be(what, |left| put(left, &bytes));
    }
}

#[test]
fn what_is_shared_or_written_to_and_links_stay_as_they_are() {
    let ours = begun(&taped::tape(), 1);
    is_let_be("others may read it", |left| {
        put(left, &ours);
        fs::set_permissions(left, fs::Permissions::from_mode(0o644)).unwrap();
    });
    let mut writing = None;
    is_let_be("somebody writes to it", |left| {
        writing = Some(json::Writer::create(left, &of_part(taped::tape(), 1)).unwrap());
    });
    is_let_be("a link", |left| {
        let elsewhere = left.with_extension("elsewhere");
        put(&elsewhere, &ours);
        symlink(&elsewhere, left).unwrap();
    });
}

#[test]
fn what_has_another_name_stays_as_it_is() {
    let folder = Folder::new();
    let base = folder.path("r");
    drop(create(&base));
    let names = ["r.1.json.new", "r.000001.json.new.bak", "r2.000001.json.new", "r.000001.json.old", "r.new"];
    for name in names {
        put(&folder.path(name), &begun(&taped::tape(), 1));
    }
    drop(resume(&base));
    assert!(names.iter().all(|name| folder.path(name).exists()));
}
