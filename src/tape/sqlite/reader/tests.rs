use super::ahead::{BYTES, size};
use super::*;
use crate::message::Direction;
use crate::tape::sqlite::Writer;
use crate::tape::{EntryKind, Sink};

#[test]
fn what_is_read_ahead_is_bounded_whatever_its_weight_is_made_of() {
    let path = std::env::temp_dir().join(format!("shadowcat-ahead-{}.db", std::process::id()));
    let mut writer = Writer::create(&path, &Tape::new().unwrap()).unwrap();
    let long = "n".repeat(crate::tape::MAX_NAME_BYTES);
    let entry = Entry::new(EntryKind::Note, Direction::ToClient, "").session(&*long).component(&*long);
    (0..ROWS).for_each(|_| writer.append(&entry).unwrap());
    writer.finish().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    assert!(reader.next().is_some_and(|entry| entry.is_ok()));
    let ahead: usize = reader.ahead.iter().map(|(_, entry)| size(entry)).sum();
    drop((reader, writer));
    let _ = std::fs::remove_file(&path);
    assert!(ahead > 0 && ahead <= BYTES, "{ahead}");
}
