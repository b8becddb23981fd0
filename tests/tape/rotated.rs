//! Tapes in several files: numbered on, gone on with after a crash, forgotten.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use shadowcat::tape::lines::{Options, verify};
use shadowcat::tape::{self, Entry, Key, OpenOptions, PartFormat, Rotate, Rotating, Sink, Source, Tape};

use crate::taped::{self, Folder, entries, note, ping, read};

#[test]
fn a_rotated_tape_is_numbered_on_and_old_parts_are_forgotten() {
    let folder = Folder::new();
    let rotate = Rotate::new().max_bytes(2_000).keep_files(3);
    let mut writer = Rotating::create(folder.path("r"), &title(), rotate).unwrap();
    (1..=200).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    let names = parts(&folder);
    assert_eq!(names.len(), 3);
    assert_eq!(names.last().unwrap(), writer.path());
    let mut all = Vec::new();
    for name in &names {
        assert!(fs::metadata(name).unwrap().len() < 2_200, "{name:?}");
        all.extend(entries(name));
    }
    let expected: Vec<_> = (201 - all.len() as u64..=200).map(ping).collect();
    assert_eq!(all, expected);
}

#[test]
fn an_entry_larger_than_a_part_has_one_of_its_own() {
    let folder = Folder::new();
    let rotate = Rotate::new().max_bytes(100);
    let mut writer = Rotating::create(folder.path("r"), &title(), rotate).unwrap();
    (0..3).for_each(|_| writer.append(&note(&"x".repeat(1_000))).unwrap());
    writer.finish().unwrap();
    assert_eq!(parts(&folder).len(), 3);
}

fn title() -> Tape {
    taped::tape()
}

fn parts(folder: &Folder) -> Vec<PathBuf> {
    let mut names: Vec<_> =
        fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Whoever writes has a lock, and SQLite its log beside the last one.
    names.retain(|name| {
        name.extension().is_none_or(|end| end != "lock" && end != "db-wal" && end != "db-shm")
    });
    names.sort();
    names
}

fn small() -> Rotate {
    Rotate::new().max_bytes(2_000)
}

fn key() -> Key {
    Key::new([7; 32])
}

fn all(parts: &[PathBuf], options: &OpenOptions) -> Vec<Entry> {
    let mut all = Vec::new();
    for part in parts {
        let (found, error) = read(tape::open_with(part, options).unwrap());
        // A document that was dropped is not gone on with.
        let may_be_torn = part.extension().is_some_and(|end| end == "json");
        assert!(error.as_ref().is_none_or(|error| may_be_torn && error.is_torn()), "{error:?}");
        all.extend(found);
    }
    all
}

/// Every way in which parts can be packed and bound, and what opens them.
fn ways() -> Vec<(PartFormat, OpenOptions)> {
    #[allow(unused_mut, reason = "without features it is all")]
    let mut ways = vec![
        (Options::new(), OpenOptions::new()),
        (Options::new().chain(key()), OpenOptions::new().chain(key())),
    ];
    #[cfg(feature = "zstd")]
    ways.push((Options::new().compress(3), OpenOptions::new()));
    #[cfg(feature = "encryption")]
    ways.push((
        Options::new().encrypt(key()).chain(Key::new([8; 32])),
        OpenOptions::new().key(key()).chain(Key::new([8; 32])),
    ));
    #[cfg(all(feature = "zstd", feature = "encryption"))]
    ways.push((Options::new().encrypt(key()).compress(1), OpenOptions::new().key(key())));
    let mut ways: Vec<_> = ways.into_iter().map(|(options, open)| (options.into(), open)).collect();
    ways.push((PartFormat::Json, OpenOptions::new()));
    #[cfg(feature = "sqlite")]
    {
        let options = tape::sqlite::Options::new;
        ways.push((options().into(), OpenOptions::new()));
        ways.push((options().chain(key()).into(), OpenOptions::new().chain(key())));
    }
    #[cfg(all(feature = "sqlite", feature = "encryption"))]
    ways.push((tape::sqlite::Options::new().encrypt(key()).into(), OpenOptions::new().key(key())));
    ways
}

#[test]
fn a_rotated_tape_is_gone_on_with_however_it_is_packed() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let mut writer = Rotating::create_with(folder.path("r"), &title(), small(), options.clone()).unwrap();
        for number in 1..=200 {
            if number % 23 == 0 {
                drop(writer);
                writer = Rotating::resume(folder.path("r"), small(), options.clone()).unwrap();
                assert_eq!(writer.frames(), number - 1);
            }
            writer.append(&ping(number)).unwrap();
        }
        writer.finish().unwrap();
        let parts = parts(&folder);
        // A part that was dropped without its end was gone on with, so each has one.
        assert!(parts.len() > 3, "{options:?}: {parts:?}");
        assert_eq!(all(&parts, &open), (1..=200).map(ping).collect::<Vec<_>>(), "{options:?}");
    }
}

#[test]
fn a_crash_between_two_parts_is_gone_on_from() {
    let folder = Folder::new();
    let mut writer = Rotating::create(folder.path("r"), &title(), small()).unwrap();
    (1..=50).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.commit().unwrap();
    drop(writer);
    let newest = parts(&folder).pop().unwrap();
    let (found, _) = read(tape::open(&newest).unwrap());
    let before = 50 - found.len() as u64;
    // The new part has its first line and nothing else: it tells where the tape was.
    let text = fs::read_to_string(&newest).unwrap();
    fs::write(&newest, format!("{}\n", text.lines().next().unwrap())).unwrap();
    let mut writer = Rotating::resume(folder.path("r"), small(), Options::new()).unwrap();
    assert_eq!(writer.frames(), before);
    writer.append(&ping(before + 1)).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert_eq!(all(&parts(&folder), &OpenOptions::new()), (1..=before + 1).map(ping).collect::<Vec<_>>());

    // The new part was made and nothing was written to it.
    fs::write(&newest, "").unwrap();
    let mut writer = Rotating::resume(folder.path("r"), small(), Options::new()).unwrap();
    assert_eq!(writer.frames(), before);
    (before + 1..=before + 60).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    assert_eq!(all(&parts(&folder), &OpenOptions::new()), (1..=before + 60).map(ping).collect::<Vec<_>>());
}

#[test]
fn what_is_there_already_is_gone_on_with_and_not_begun_anew() {
    let folder = Folder::new();
    let error = Rotating::resume(folder.path("r"), small(), Options::new()).unwrap_err();
    assert!(error.is_io(), "{error}");
    let writer = Rotating::create(folder.path("r"), &title(), small()).unwrap();
    let error = Rotating::resume(folder.path("r"), small(), Options::new()).unwrap_err();
    assert!(error.is_busy(), "{error}");
    drop(writer);
    // Also where the first parts are gone: sooner or later a new tape would meet the rest.
    fs::rename(folder.path("r.000001.jsonl"), folder.path("r.000005.jsonl")).unwrap();
    let error = Rotating::create(folder.path("r"), &title(), small()).unwrap_err();
    assert!(error.is_exists() && error.to_string().contains("r.000005.jsonl"), "{error}");
}

#[test]
fn only_parts_of_this_tape_are_forgotten() {
    let folder = Folder::new();
    let foreign = ["r.000001.jsonl.bak", "r.000000.jsonl", "other.000001.jsonl"];
    let rotate = small().keep_files(2);
    let mut writer = Rotating::create(folder.path("r"), &title(), rotate).unwrap();
    for name in foreign {
        // One has the name of a part, and is none.
        fs::write(folder.path(name), "precious").unwrap();
    }
    (1..=200).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    for name in foreign {
        assert_eq!(fs::read_to_string(folder.path(name)).unwrap(), "precious", "{name}");
    }
    assert_eq!(parts(&folder).len(), foreign.len() + 2);
}

#[test]
fn old_parts_go_when_all_together_are_too_large_or_too_old() {
    for (rotate, most) in
        [(small().keep_bytes(5_000), 3), (small().keep_for(Duration::ZERO), 1), (small().keep_files(0), 1)]
    {
        let folder = Folder::new();
        let mut writer = Rotating::create(folder.path("r"), &title(), rotate.clone()).unwrap();
        (1..=200).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        drop(writer);
        let left = parts(&folder);
        assert!(!left.is_empty() && left.len() <= most, "{rotate:?}: {left:?}");
        // When it is gone on with, too.
        let writer = Rotating::resume(folder.path("r"), small().keep_files(1), Options::new()).unwrap();
        assert_eq!((parts(&folder).len(), writer.frames()), (1, 200));
    }
}

#[test]
fn a_chain_leads_through_all_parts() {
    let folder = Folder::new();
    let options = Options::new().chain(key());
    let mut writer = Rotating::create_with(folder.path("r"), &title(), small(), options).unwrap();
    (1..=100).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    let open = OpenOptions::new().chain(key());
    let parts = parts(&folder);
    let found = verify(&parts, &open).unwrap();
    assert_eq!((found.entries, found.begins, found.ends), (100, true, true));
    let found = verify(&parts[1..], &open).unwrap();
    assert_eq!((found.begins, found.ends), (false, true));
    let found = verify(&parts[..2], &open).unwrap();
    assert!(found.begins && found.ends, "each part has its end");
    let error = verify([&parts[0], &parts[2]], &open).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("a part is missing"), "{error}");
    let error = verify([&parts[1], &parts[0]], &open).unwrap_err();
    assert!(error.is_damaged(), "{error}");
}

#[test]
fn a_number_that_somebody_took_is_passed_over_and_the_file_is_left_alone() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let mut writer = Rotating::create_with(folder.path("r"), &title(), small(), options.clone()).unwrap();
        let theirs = ["r.000002.jsonl", "r.000003.jsonl.zst"].map(|name| folder.path(name));
        theirs.iter().for_each(|path| fs::write(path, "precious").unwrap());
        (1..=100).for_each(|number| writer.append(&ping(number)).unwrap());
        drop(writer);
        let mut writer = Rotating::resume(folder.path("r"), small(), options.clone()).unwrap();
        (101..=200).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        assert!(theirs.iter().all(|path| fs::read_to_string(path).unwrap() == "precious"));
        theirs.iter().for_each(|path| fs::remove_file(path).unwrap());
        let parts = parts(&folder);
        assert!(parts.len() > 3, "{options:?}: {parts:?}");
        assert_eq!(all(&parts, &open), (1..=200).map(ping).collect::<Vec<_>>(), "{options:?}");
    }
}

#[cfg(unix)]
#[test]
fn where_no_new_part_can_be_made_the_last_one_is_gone_on_with() {
    // SQLite writes nothing to a file that was moved.
    let ways = ways().into_iter().filter(|(format, _)| format!("{format:?}") != "Sqlite");
    for (options, open) in ways {
        let folder = Folder::new();
        fs::create_dir(folder.path("here")).unwrap();
        let base = folder.path("here/r");
        let mut writer = Rotating::create_with(base, &title(), small(), options.clone()).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        fs::rename(folder.path("here"), folder.path("there")).unwrap();
        (2..=100).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        let only = [folder.path("there").join(writer.path().file_name().unwrap())];
        assert_eq!(all(&only, &open), (1..=100).map(ping).collect::<Vec<_>>(), "{options:?}");
        let found = verify(&only, &open);
        assert!(found.is_ok_and(|found| found.ends) || has_no_chain(&only[0], &open), "{options:?}");
    }
}

fn has_no_chain(path: &std::path::Path, open: &OpenOptions) -> bool {
    verify([path], open).is_err_and(|error| error.is_key() || error.is_foreign())
}

#[test]
fn old_parts_make_room_before_a_new_one_is_made() {
    let folder = Folder::new();
    let mut writer = Rotating::create(folder.path("r"), &title(), small().keep_files(3)).unwrap();
    let mut number = 1;
    while parts(&folder).len() < 3 {
        writer.append(&ping(number)).unwrap();
        number += 1;
    }
    // No number is left for another part.
    fs::create_dir(folder.path(&format!("r.{}.jsonl", u32::MAX))).unwrap();
    (number..=number + 100).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    assert!(!folder.path("r.000001.jsonl").exists());
    let left = ["r.000002.jsonl", "r.000003.jsonl"].map(|name| folder.path(name));
    let found = all(&left, &OpenOptions::new());
    assert_eq!(found.last(), Some(&ping(number + 100)));
}

#[test]
fn old_parts_go_also_while_no_new_one_is_begun() {
    let folder = Folder::new();
    let rotate = small().keep_for(Duration::from_millis(300));
    let mut writer = Rotating::create(folder.path("r"), &title(), rotate).unwrap();
    let mut number = 1;
    while !folder.path("r.000002.jsonl").exists() {
        writer.append(&ping(number)).unwrap();
        number += 1;
    }
    let began = Instant::now();
    while folder.path("r.000001.jsonl").exists() {
        writer.commit().unwrap();
        assert!(began.elapsed() < Duration::from_secs(60), "it is kept for ever");
        std::thread::yield_now();
    }
    assert!(writer.path().exists());
}

#[test]
fn parts_of_every_format_are_one_tape_again_and_the_oldest_are_forgotten() {
    for (format, open) in ways() {
        let folder = Folder::new();
        let rotate = small().keep_files(3);
        let mut writer = Rotating::create_with(folder.path("r"), &title(), rotate, format.clone()).unwrap();
        (1..=300).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        let parts = parts(&folder);
        assert_eq!((parts.len(), parts.last().unwrap().as_path()), (3, writer.path()), "{format:?}");
        assert_eq!((writer.frames(), writer.last_at()), (300, Some(ping(300).at)), "{format:?}");
        drop(writer);
        let left = fs::read_dir(folder.path("")).unwrap().count();
        assert_eq!(left, 3, "{format:?}: nothing else is left of those that are gone");
        let tapes = parts.iter().map(|part| tape::open_with(part, &open).unwrap());
        let mut merged = tape::merge(tapes).unwrap();
        let found: Vec<_> = merged.by_ref().map(Result::unwrap).collect();
        assert_eq!(merged.tape().id, title().id);
        let first = 301 - found.len() as u64;
        assert!(first > 1, "{format:?}");
        assert_eq!(found, (first..=300).map(ping).collect::<Vec<_>>(), "{format:?}");
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_database_without_a_tape_in_it_is_nothing_to_go_on_with() {
    use rusqlite::Connection;
    let folder = Folder::new();
    let create = |name| {
        Rotating::create_with(
            folder.path(name),
            &title(),
            small(),
            PartFormat::Sqlite(tape::sqlite::Options::new()),
        )
    };
    let mut writer = create("r").unwrap();
    (1..=10).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    drop(writer);
    for blank in [true, false] {
        let next = folder.path("r.000002.db");
        if blank {
            fs::write(&next, "").unwrap();
        } else {
            create("other").unwrap().finish().unwrap();
            fs::rename(folder.path("other.000001.db"), &next).unwrap();
            Connection::open(&next).unwrap().execute("DELETE FROM tapes", []).unwrap();
        }
        let writer =
            Rotating::resume(folder.path("r"), small(), PartFormat::Sqlite(tape::sqlite::Options::new()))
                .unwrap();
        assert_eq!((writer.frames(), next.exists()), (10, false));
    }
    assert!(Rotating::resume(folder.path("r"), small(), Options::new()).unwrap_err().is_foreign());
}

#[cfg(feature = "sqlite")]
#[test]
fn a_database_of_a_rotated_tape_grows_to_its_size_and_little_more() {
    let folder = Folder::new();
    let rotate = Rotate::new().max_bytes(1 << 20);
    let mut writer = Rotating::create_with(
        folder.path("r"),
        &title(),
        rotate,
        PartFormat::Sqlite(tape::sqlite::Options::new()),
    )
    .unwrap();
    (0..3000).for_each(|_| writer.append(&note(&"x".repeat(1000))).unwrap());
    writer.finish().unwrap();
    drop(writer);
    let sizes: Vec<_> = parts(&folder).iter().map(|part| fs::metadata(part).unwrap().len()).collect();
    let (last, full) = sizes.split_last().unwrap();
    assert!(full.len() >= 2 && *last > 0, "{sizes:?}");
    // 64 entries are committed at once.
    assert!(full.iter().all(|size| (900_000..1_300_000).contains(size)), "{sizes:?}");
}
