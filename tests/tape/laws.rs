//! Entries are the same in every format.

use proptest::prelude::*;
use shadowcat::Error;
use shadowcat::tape::{self, Entry, Sink, Snapshot, Source, Tape, json, lines};

use crate::taped::{self, Folder, any_tape, bytes, entry, read, snapshot};

fn check(source: &mut dyn Source, entries: &[Entry], tape: &Tape) {
    let (found, error) = read(&mut *source);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found, entries);
    assert_eq!(source.tape(), tape);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tape_goes_through_all_formats_and_is_the_same(
        title in any_tape(), entries in prop::collection::vec(entry(), 0..8), cut in 0_usize..8
    ) {
        let folder = Folder::new();
        let (a, b, c) = (folder.path("a.jsonl"), folder.path("b.json"), folder.path("c.jsonl"));
        let mut writer = lines::Writer::create(&a, &title).unwrap();
        for (number, entry) in entries.iter().enumerate() {
            if number == cut {
                drop(writer);
                writer = lines::Writer::resume(&a).unwrap();
            }
            writer.append(entry).unwrap();
        }
        writer.finish().unwrap();
        check(&mut *tape::open(&a).unwrap(), &entries, &title);

        let mut from = tape::open(&a).unwrap();
        let mut document = json::Writer::create(&b, from.tape()).unwrap();
        tape::copy(&mut *from, &mut document).unwrap();
        check(&mut *tape::open(&b).unwrap(), &entries, &title);

        let mut from = tape::open(&b).unwrap();
        let mut writer = lines::Writer::create(&c, from.tape()).unwrap();
        tape::copy(&mut *from, &mut writer).unwrap();
        prop_assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&c).unwrap());
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_tape_goes_through_sqlite_and_is_the_same(
        title in any_tape(), entries in prop::collection::vec(entry(), 0..100), cut in 0_usize..100
    ) {
        use shadowcat::tape::sqlite;
        let folder = Folder::new();
        let (a, b, c) = (folder.path("a.db"), folder.path("b.json"), folder.path("c.db"));
        let mut writer = sqlite::Writer::create(&a, &title).unwrap();
        for (number, entry) in entries.iter().enumerate() {
            if number == cut {
                drop(writer);
                writer = sqlite::Writer::resume(&a, &title.id).unwrap();
            }
            writer.append(entry).unwrap();
        }
        writer.finish().unwrap();
        check(&mut *tape::open(&a).unwrap(), &entries, &title);

        let mut from = tape::open(&a).unwrap();
        let mut document = json::Writer::create(&b, from.tape()).unwrap();
        tape::copy(&mut *from, &mut document).unwrap();
        let mut from = tape::open(&b).unwrap();
        let mut writer = sqlite::Writer::create(&c, from.tape()).unwrap();
        tape::copy(&mut *from, &mut writer).unwrap();
        check(&mut *tape::open(&c).unwrap(), &entries, &title);
    }

    #[test]
    fn a_failure_is_told_by_its_end_whatever_its_text(text in ".*", said in bytes(), call in any::<u64>()) {
        let error = Error::too_large(&text).unsent();
        let (folder, title, end) = (Folder::new(), taped::tape(), Entry::failed(&error).call(call));
        let mut old = end.clone();
        old.bytes = said.into();
        for (name, entry) in [("a.jsonl", &end), ("b.json", &end), ("c.json", &old)] {
            let path = folder.path(name);
            let mut sink: Box<dyn Sink> = match name {
                "a.jsonl" => Box::new(lines::Writer::create(&path, &title).unwrap()),
                _ => Box::new(json::Writer::create(&path, &title).unwrap()),
            };
            sink.append(entry).unwrap();
            sink.finish().unwrap();
            prop_assert_eq!(&taped::entries(&path)[0], entry);
        }
        let told = end.failure().unwrap();
        prop_assert!(told.is_too_large() && told.is_unsent());
        prop_assert_eq!(told.to_string(), text);
        let told = old.failure().unwrap();
        prop_assert!(told.is_closed() && !told.is_unsent());
        prop_assert_eq!(told.to_string(), String::from_utf8_lossy(&old.bytes).into_owned());
    }

    #[test]
    fn state_goes_through_all_formats_and_is_the_same(snapshots in prop::collection::vec(snapshot(), 1..6)) {
        let folder = Folder::new();
        let title = taped::tape();
        let mut sinks: Vec<(&str, Box<dyn Sink>)> = vec![
            ("a.jsonl", Box::new(lines::Writer::create(folder.path("a.jsonl"), &title).unwrap())),
            ("b.json", Box::new(json::Writer::create(folder.path("b.json"), &title).unwrap())),
        ];
        #[cfg(feature = "sqlite")]
        sinks.push(("c.db", Box::new(tape::sqlite::Writer::create(folder.path("c.db"), &title).unwrap())));
        for (name, sink) in &mut sinks {
            snapshots.iter().for_each(|snapshot| sink.append(&snapshot.entry()).unwrap());
            sink.finish().unwrap();
            let entries = taped::entries(&folder.path(name));
            let found: Vec<_> = entries.iter().map(|entry| Snapshot::read(entry).unwrap().unwrap()).collect();
            prop_assert_eq!(&found, &snapshots);
        }
    }

    #[cfg(all(feature = "sqlite", feature = "zstd", feature = "encryption"))]
    #[test]
    fn a_tape_goes_through_all_packings_and_is_the_same(
        title in any_tape(), entries in prop::collection::vec(entry(), 0..12), cut in 0_usize..12, level in 1..6
    ) {
        use shadowcat::tape::{Key, OpenOptions, sqlite};
        use lines::{Options, Writer};
        let folder = Folder::new();
        let key = || Key::new([7; 32]);
        let open = OpenOptions::new().key(key());
        let ways = [
            (Options::new().compress(level), OpenOptions::new()),
            (Options::new().encrypt(key()), open.clone()),
            (Options::new().chain(Key::new([8; 32])), OpenOptions::new().chain(Key::new([8; 32]))),
            (Options::new().chain(key()).encrypt(key()).compress(level), open.clone().chain(key())),
        ];
        let in_sqlite = sqlite::Options::new;
        let databases = [
            (in_sqlite().encrypt(key()), open.clone()),
            (in_sqlite().encrypt(key()).hide_names(true), open.clone()),
            (in_sqlite().chain(key()), OpenOptions::new().chain(key())),
            (in_sqlite().encrypt(key()).chain(key()), open.chain(key())),
        ];
        let first = folder.path("first.json");
        let mut writer = json::Writer::create(&first, &title).unwrap();
        entries.iter().for_each(|entry| writer.append(entry).unwrap());
        writer.finish().unwrap();
        let mut source = tape::open(&first).unwrap();
        for (number, (options, open)) in ways.iter().enumerate() {
            let (packed, other) = (folder.path(&format!("{number}.packed")), folder.path(&number.to_string()));
            let mut writer = Writer::create_with(&packed, source.tape(), options).unwrap();
            for (number, entry) in (&mut *source).enumerate() {
                if number == cut {
                    drop(writer);
                    writer = Writer::resume_with(&packed, options).unwrap();
                }
                writer.append(&entry.unwrap()).unwrap();
            }
            writer.finish().unwrap();
            check(&mut *tape::open_with(&packed, open).unwrap(), &entries, &title);

            let database = folder.path(&format!("{number}.db"));
            let (options, of_database) = &databases[number];
            let mut from = tape::open_with(&packed, open).unwrap();
            let mut writer = sqlite::Writer::create_with(&database, from.tape(), options).unwrap();
            for (number, entry) in (&mut *from).enumerate() {
                if number == cut {
                    drop(writer);
                    writer = sqlite::Writer::resume_with(&database, &title.id, options).unwrap();
                }
                writer.append(&entry.unwrap()).unwrap();
            }
            writer.finish().unwrap();
            check(&mut *tape::open_with(&database, of_database).unwrap(), &entries, &title);

            let mut from = tape::open_with(&database, of_database).unwrap();
            let mut to: Box<dyn Sink> = match number {
                0 => Box::new(sqlite::Writer::create(&other, from.tape()).unwrap()),
                _ => Box::new(json::Writer::create(&other, from.tape()).unwrap()),
            };
            tape::copy(&mut *from, &mut *to).unwrap();
            check(&mut *tape::open(&other).unwrap(), &entries, &title);
            source = tape::open(&other).unwrap();
        }
    }

    /// serde_json stands for any tool that keeps the order of keys: members are written again one by one.
    #[test]
    fn a_document_that_another_tool_laid_out_holds_the_same_bytes(one in entry(), bytes in bytes()) {
        let folder = Folder::new();
        let mut one = one;
        one.bytes = bytes.into();
        // Tools have floating point for times.
        (one.at, one.call) = (std::time::Duration::from_millis(12), Some(7));
        let path = folder.path("a.json");
        let mut writer = json::Writer::create(&path, &taped::tape()).unwrap();
        writer.append(&one).unwrap();
        writer.finish().unwrap();
        let text = std::fs::read(&path).unwrap();
        // What loses something in other tools (surrogates, numbers of any length) they may refuse.
        let Ok(tree) = serde_json::from_slice::<Ordered>(&text) else { return Ok(()) };
        for again in [serde_json::to_vec(&tree).unwrap(), serde_json::to_vec_pretty(&tree).unwrap()] {
            std::fs::write(&path, again).unwrap();
            check(&mut json::Reader::open(&path).unwrap(), std::slice::from_ref(&one), &taped::tape());
        }
    }

    #[test]
    fn bytes_of_any_kind_are_a_tape_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), head in any::<bool>()) {
        let folder = Folder::new();
        let path = folder.path("a");
        let start = r#"{"version":"1.0","tape_id":"t","metadata":{"created_at":"2025-08-04T10:00:00Z"}"#;
        let mut text = if head { start.as_bytes().to_vec() } else { Vec::new() };
        text.extend_from_slice(&bytes);
        std::fs::write(&path, text).unwrap();
        let other = json::Reader::open(&path).ok().map(|source| Box::new(source) as Box<dyn Source>);
        for magic in [&b"\x28\xb5\x2f\xfd"[..], b"shadowcat sealed\x01\x00", b"shadowcat sealed\x01\x01"] {
            let path = folder.path("packed");
            std::fs::write(&path, [magic, &bytes].concat()).unwrap();
            let _ = tape::open(&path).map(read);
        }
        for source in [tape::open(&path).ok(), other].into_iter().flatten() {
            let _ = read(source);
        }
    }
}

/// A tree that keeps the order of its keys, as most tools do.
#[derive(Debug)]
enum Ordered {
    Leaf(serde_json::Value),
    List(Vec<Ordered>),
    Map(Vec<(String, Ordered)>),
}

impl<'de> serde::Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Ordered;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, v: bool) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(v.into()))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(v.into()))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(v.into()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(v.into()))
            }
            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(serde_json::Value::Null))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Ordered, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Ordered::List(items))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
                let mut members: Vec<(String, Ordered)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Ordered>()? {
                    // Of a key that stands twice, the last counts.
                    members.retain(|(known, _)| *known != key);
                    members.push((key, value));
                }
                Ok(Ordered::Map(members))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl serde::Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(members) => serializer.collect_map(members.iter().map(|(key, value)| (key, value))),
        }
    }
}
