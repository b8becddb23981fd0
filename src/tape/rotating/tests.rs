//! When the disk is waited for.

use super::*;
use crate::message::Direction;
use crate::tape::appender::SYNCS;
use crate::tape::{EntryKind, lines};

/// How often the disk was waited for until there were three files, and at the end.
fn syncs(format: impl Into<PartFormat>) -> (u32, u32) {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("shadowcat-syncs-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let rotate = Rotate::new().max_bytes(1_000);
    let mut tape = Rotating::create_with(folder.join("t"), &Tape::new().unwrap(), rotate, format).unwrap();
    let note = Entry::new(EntryKind::Note, Direction::ToClient, "x".repeat(100));
    SYNCS.set(0);
    while tape.part < 3 {
        tape.append(&note).unwrap();
    }
    let until_then = SYNCS.get();
    tape.finish().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    (until_then, SYNCS.get())
}

#[test]
fn a_new_part_waits_for_the_disk_only_where_each_commit_does() {
    assert_eq!(syncs(PartFormat::default()), (0, 1));
    assert_eq!(syncs(PartFormat::Json), (0, 1));
    let (until_then, _) = syncs(lines::Options::new().durable(true));
    assert!(until_then >= 2, "{until_then}");
}
