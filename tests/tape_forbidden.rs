//! Files and folders that this user may not read or write: the error says so, whose they are, and nothing is changed.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod taped;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use shadowcat::tape::{self, Sink, TapeError, json, lines};
use taped::{Folder, note, tape};

/// Where it is to be tried, in a process of somebody who may not do everything.
const PLACE: &str = "SHADOWCAT_TEST_FORBIDDEN";
const NOBODY: u32 = 65534;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Not a test of its own: what the other starts.
#[test]
fn another_process() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let place = Path::new(&place);
    let (closed, inside) = (place.join("closed"), place.join("shut").join("a"));
    let user = fs::metadata(place).unwrap().uid();
    let of_file = &format!("it belongs to user {user} and has mode 0000");
    for name in ["a.jsonl", "a.json", "a.db"] {
        if !closed.join(name).exists() {
            continue;
        }
        told(tape::open(closed.join(name)).map(drop), of_file);
        told(tape::import::open(closed.join(name)).map(drop), of_file);
    }
    told(lines::Writer::resume(closed.join("a.jsonl")).map(drop), of_file);
    told(tape::list(place.join("unlisted")).map(drop), "it belongs to user");

    let of_folder = &format!("its folder belongs to user {user} and has mode 0555");
    told(lines::Writer::create(inside.with_extension("new"), &tape()).map(drop), of_folder);
    told(json::Writer::create(inside.with_extension("new"), &tape()).map(drop), of_folder);
    assert!(tape::open(inside.with_extension("jsonl")).is_ok());
    #[cfg(feature = "sqlite")]
    sqlite(&closed, &inside, of_file, of_folder);
    println!("\ntold 1");
}

#[cfg(feature = "sqlite")]
fn sqlite(closed: &Path, inside: &Path, of_file: &str, of_folder: &str) {
    use shadowcat::tape::sqlite;
    told(sqlite::Writer::resume(closed.join("a.db"), &tape().id).map(drop), of_file);
    told(sqlite::migrate(closed.join("a.db")), of_file);
    told(sqlite::tapes(closed.join("a.db")), of_file);
    told(sqlite::Writer::create(inside.with_extension("new"), &tape()).map(drop), of_folder);
    if let Err(error) = tape::open(inside.with_extension("db")) {
        told::<()>(Err(error), "SQLite writes beside it");
    }
}

fn told<T>(tried: Result<T, TapeError>, why: &str) {
    let Err(error) = tried else { panic!("it may be done: {why}") };
    assert!(error.is_io() && error.to_string().contains(why), "{error}");
    println!("{error}");
}

fn written(mut sink: impl Sink) {
    sink.append(&note("x")).unwrap();
    sink.finish().unwrap();
}

#[test]
fn what_may_not_be_read_or_written_is_told_with_whose_it_is() {
    let folder = Folder::new();
    let place = folder.path("");
    for name in ["closed", "shut"] {
        let inside = place.join(name);
        fs::create_dir(&inside).unwrap();
        written(lines::Writer::create(inside.join("a.jsonl"), &tape()).unwrap());
        written(json::Writer::create(inside.join("a.json"), &tape()).unwrap());
        #[cfg(feature = "sqlite")]
        written(tape::sqlite::Writer::create(inside.join("a.db"), &tape()).unwrap());
    }
    fs::create_dir(place.join("unlisted")).unwrap();

    let is_root = fs::metadata(&place).unwrap().uid() == 0;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "another_process", "--nocapture"]).env(PLACE, &place);
    if is_root {
        // Nothing is forbidden to root.
        give_to_nobody(&place);
        child.uid(NOBODY).gid(NOBODY);
    }
    for file in fs::read_dir(place.join("closed")).unwrap() {
        mode(&file.unwrap().path(), 0);
    }
    mode(&place.join("shut"), 0o555);
    mode(&place.join("unlisted"), 0o111);
    let done = child.output();
    mode(&place.join("shut"), 0o755);
    mode(&place.join("unlisted"), 0o755);
    let Ok(done) = done else {
        return eprintln!("SKIPPED: nobody may not run what lies in the target directory");
    };
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("\ntold 1\n"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(!place.join("shut/a.new").exists());
}

fn give_to_nobody(place: &Path) {
    std::os::unix::fs::chown(place, Some(NOBODY), Some(NOBODY)).unwrap();
    for inside in fs::read_dir(place).into_iter().flatten() {
        give_to_nobody(&inside.unwrap().path());
    }
}
