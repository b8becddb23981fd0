//! Tapes that are compressed, encrypted, or both: torn, changed, opened with the wrong key.

#![cfg(all(feature = "zstd", feature = "encryption"))]

use std::fs;
use std::io::Write;
use std::path::Path;

use shadowcat::tape::lines::{Options, Reader, Writer};
use shadowcat::tape::{self, Entry, Key, OpenOptions, Sink, json};

use crate::taped::{Folder, note, ping, read, tape};

fn key() -> Key {
    Key::new([7; 32])
}

fn with_key() -> OpenOptions {
    OpenOptions::new().key(key())
}

fn zipped() -> Options {
    Options::new().compress(3)
}

fn sealed() -> Options {
    Options::new().encrypt(key())
}

/// Compressed, encrypted and both, with what opens them.
fn ways() -> [(Options, OpenOptions); 3] {
    [(zipped(), OpenOptions::new()), (sealed(), with_key()), (sealed().compress(3), with_key())]
}

/// Six entries, committed by twos.
fn record(path: &Path, options: &Options) {
    let mut writer = Writer::create_with(path, &tape(), options).unwrap();
    for number in 1..=6 {
        writer.append(&ping(number)).unwrap();
        if number % 2 == 0 {
            writer.commit().unwrap();
        }
    }
    writer.finish().unwrap();
}

fn pings(numbers: std::ops::RangeInclusive<u64>) -> Vec<Entry> {
    numbers.map(ping).collect()
}

fn make(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn what_was_written_is_read_and_the_text_is_not_in_the_file() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a");
        record(&path, &options);
        let (found, error) = read(tape::open_with(&path, &open).unwrap());
        assert!(error.is_none(), "{options:?}: {error:?}");
        assert_eq!(found, pings(1..=6));
        let bytes = fs::read(&path).unwrap();
        assert!(memchr::memmem::find(&bytes, b"jsonrpc\":\"2.0\",\"id\":5").is_none(), "{options:?}");
    }
}

/// A frame of zstd a commit, so that other tools read it.
#[test]
fn a_compressed_tape_is_smaller_and_is_the_same_text() {
    let folder = Folder::new();
    let (plain, packed) = (folder.path("a.jsonl"), folder.path("a.jsonl.zst"));
    record(&plain, &Options::new());
    record(&packed, &zipped());
    let text = fs::read(&plain).unwrap();
    let unpacked = zstd::decode_all(fs::File::open(&packed).unwrap()).unwrap();
    assert_eq!(unpacked, text);
    let mut writer = Writer::create_with(folder.path("b"), &tape(), &zipped()).unwrap();
    (1..=1_000).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.finish().unwrap();
    assert!(fs::metadata(folder.path("b")).unwrap().len() < 40_000);
}

#[test]
fn a_file_cut_at_any_byte_gives_all_that_was_committed_before_and_is_gone_on_with() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let (whole, path) = (folder.path("whole"), folder.path("cut"));
        record(&whole, &options);
        let bytes = fs::read(&whole).unwrap();
        let mut most = 0;
        for cut in 0..bytes.len() {
            make(&path, &bytes[..cut]);
            let source = match tape::open_with(&path, &open) {
                Ok(source) => source,
                Err(error) => {
                    let is_clear = error.is_foreign() || error.is_torn() || cut == 0 && error.is_key();
                    assert!(most == 0 && is_clear, "{cut}: {error}");
                    continue;
                }
            };
            let (found, error) = read(source);
            let found = found.len() as u64;
            assert!(found >= most && found.is_multiple_of(2), "{cut}: {found} after {most}");
            assert!(error.is_none_or(|error| error.is_torn()), "{cut}");
            most = found;

            let mut writer = Writer::resume_with(&path, &options).unwrap();
            assert_eq!(writer.frames(), found, "{options:?} {cut}");
            writer.append(&note("after")).unwrap();
            writer.finish().unwrap();
            drop(writer);
            let (all, error) = read(tape::open_with(&path, &open).unwrap());
            assert!(error.is_none(), "{options:?} {cut}: {error:?}");
            assert_eq!(
                (&all[..found as usize], &all[found as usize..]),
                (&pings(1..=found)[..], &[note("after")][..])
            );
        }
        assert_eq!(most, 6);
    }
}

#[test]
fn a_sealed_tape_whose_end_was_cut_off_is_told_wherever_that_was() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole"), folder.path("cut"));
    record(&whole, &sealed());
    let bytes = fs::read(&whole).unwrap();
    for cut in 0..bytes.len() {
        make(&path, &bytes[..cut]);
        let Ok(source) = tape::open_with(&path, &with_key()) else { continue };
        let (_, error) = read(source);
        assert!(error.is_some_and(|error| error.is_torn()), "{cut}");
    }
}

#[test]
fn a_bit_that_is_flipped_anywhere_gives_an_error_and_what_stands_before_it() {
    for options in [sealed(), sealed().compress(3)] {
        let folder = Folder::new();
        let (whole, path) = (folder.path("whole"), folder.path("flipped"));
        record(&whole, &options);
        let bytes = fs::read(&whole).unwrap();
        for at in 0..bytes.len() {
            for bit in [0x01, 0x80] {
                let mut flipped = bytes.clone();
                flipped[at] ^= bit;
                make(&path, &flipped);
                let error = match tape::open_with(&path, &with_key()) {
                    Err(error) => error,
                    Ok(source) => {
                        let (found, error) = read(source);
                        assert_eq!(found, pings(1..=found.len() as u64), "{at}");
                        error.unwrap_or_else(|| panic!("{at}: nothing was noticed"))
                    }
                };
                let is_clear = error.is_damaged()
                    || error.is_key()
                    || error.is_torn()
                    || at < 17 && (error.is_foreign() || error.is_version());
                assert!(is_clear && error.to_string().contains("flipped"), "{at}: {error}");
                // What cannot be trusted is not gone on with.
                if error.is_damaged() {
                    assert!(Writer::resume_with(&path, &options).is_err(), "{at}");
                    assert_eq!(fs::read(&path).unwrap(), flipped);
                }
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_a_compressed_tape_never_gives_a_wrong_entry() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole"), folder.path("flipped"));
    record(&whole, &zipped());
    let bytes = fs::read(&whole).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x04;
        make(&path, &flipped);
        if let Ok(source) = tape::open_with(&path, &OpenOptions::new()) {
            let (found, _) = read(source);
            assert_eq!(found, pings(1..=found.len() as u64), "{at}");
        }
    }
}

/// The blocks of a sealed file: where each begins, and the end.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let mut at = 96;
    let mut all = vec![at];
    while at < bytes.len() {
        at += 5 + u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
        all.push(at);
    }
    all
}

#[test]
fn blocks_that_were_moved_doubled_left_out_or_taken_from_elsewhere_are_noticed() {
    let folder = Folder::new();
    let (a, b, path) = (folder.path("a"), folder.path("b"), folder.path("c"));
    record(&a, &sealed());
    record(&b, &sealed());
    let (a, b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
    let ends = blocks(&a);
    assert_eq!(ends, blocks(&b));
    let block = |bytes: &[u8], at: usize| bytes[ends[at]..ends[at + 1]].to_vec();
    let count = ends.len() - 1;
    let all: Vec<Vec<u8>> = (0..count).map(|at| block(&a, at)).collect();
    let mut cases = Vec::new();
    for at in 0..count {
        let (mut left_out, mut doubled, mut taken) = (all.clone(), all.clone(), all.clone());
        if at + 1 < count {
            left_out.remove(at);
            cases.push(left_out);
            let mut moved = all.clone();
            moved.swap(at, at + 1);
            cases.push(moved);
        }
        doubled.insert(at, all[at].clone());
        taken[at] = block(&b, at);
        cases.extend([doubled, taken]);
    }
    for (case, blocks) in cases.iter().enumerate() {
        make(&path, &[a[..96].to_vec(), blocks.concat()].concat());
        let error = match tape::open_with(&path, &with_key()) {
            Err(error) => error,
            Ok(source) => read(source).1.unwrap_or_else(|| panic!("{case}")),
        };
        assert!(error.is_damaged(), "{case}: {error}");
    }
    // Another file's head.
    make(&path, &[&b[..96], &a[96..]].concat());
    assert!(tape::open_with(&path, &with_key()).err().unwrap().is_damaged());
}

/// Two writers that went on from the same place used no number twice with one key: blocks of one do not fit the other.
#[test]
fn a_tape_that_is_gone_on_with_twice_takes_new_keys() {
    let folder = Folder::new();
    let (a, b) = (folder.path("a"), folder.path("b"));
    record(&a, &sealed());
    let before = fs::read(&a).unwrap();
    make(&b, &before);
    for path in [&a, &b] {
        let mut writer = Writer::resume_with(path, &sealed()).unwrap();
        writer.append(&ping(7)).unwrap();
        writer.finish().unwrap();
    }
    let (mut one, other) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
    assert_eq!((&one[..before.len()], one.len()), (&other[..before.len()], other.len()));
    let stretch = before.len() + 5 + 48;
    assert_ne!(one[stretch..], other[stretch..], "the same text, another key");
    one.truncate(stretch);
    one.extend_from_slice(&other[stretch..]);
    make(&a, &one);
    assert!(read(tape::open_with(&a, &with_key()).unwrap()).1.unwrap().is_damaged());
}

#[test]
fn keys_that_are_missing_wrong_or_too_many_are_told() {
    let folder = Folder::new();
    let (path, plain, document) = (folder.path("a"), folder.path("plain"), folder.path("document"));
    record(&path, &sealed());
    record(&plain, &Options::new());
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    let before = fs::read(&path).unwrap();
    let error = tape::open(&path).err().unwrap();
    assert!(
        error.is_key() && error.to_string().ends_with("it is encrypted; open it with its key"),
        "{error}"
    );
    let other = Key::new([8; 32]);
    let error = tape::open_with(&path, &OpenOptions::new().key(other.clone())).err().unwrap();
    assert!(error.is_key() && error.to_string().contains("this is not the key"), "{error}");
    assert!(Writer::resume(&path).unwrap_err().is_key());
    assert!(Writer::resume_with(&path, &Options::new().encrypt(other)).unwrap_err().is_key());
    for unsealed in [&plain, &document] {
        let error = tape::open_with(unsealed, &with_key()).err().unwrap();
        assert!(error.is_key() && error.to_string().contains("it is not encrypted"), "{error}");
    }
    assert!(Writer::resume_with(&plain, &sealed()).unwrap_err().is_key());
    assert!(Writer::create_with(&path, &tape(), &sealed()).unwrap_err().is_exists());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_later_version_is_told() {
    let folder = Folder::new();
    let path = folder.path("a");
    record(&path, &sealed());
    let mut bytes = fs::read(&path).unwrap();
    bytes[16] = 2;
    make(&path, &bytes);
    let error = tape::open_with(&path, &with_key()).err().unwrap();
    assert!(error.is_version() && error.to_string().contains("use a later shadowcat"), "{error}");
}

#[test]
fn a_packed_tape_that_grows_is_followed() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let (whole, path) = (folder.path("whole"), folder.path("a"));
        record(&whole, &options);
        let bytes = fs::read(&whole).unwrap();
        let mut writer = Writer::create_with(&path, &tape(), &options).unwrap();
        let mut reader = Reader::open_with(&path, &open).unwrap().follow(true);
        for number in 1..=50 {
            assert!(reader.next().is_none());
            writer.append(&ping(number)).unwrap();
            writer.commit().unwrap();
            assert_eq!(reader.next().unwrap().unwrap(), ping(number));
        }
        writer.finish().unwrap();
        assert!(reader.next().is_none() && reader.is_finished());

        // Byte by byte, as a slow disk would have it.
        let slow = folder.path("slow");
        let start = (0..).find(|cut| {
            make(&slow, &bytes[..*cut]);
            Reader::open_with(&slow, &open).is_ok()
        });
        let start = start.unwrap();
        make(&slow, &bytes[..start]);
        let mut reader = Reader::open_with(&slow, &open).unwrap().follow(true);
        let mut found = Vec::new();
        for byte in &bytes[start..] {
            fs::OpenOptions::new().append(true).open(&slow).unwrap().write_all(&[*byte]).unwrap();
            found.extend(reader.by_ref().map(Result::unwrap));
        }
        assert_eq!((found, reader.is_finished()), (pings(1..=6), true));
    }
}

/// 1 GiB of one letter is some 32 KiB.
#[test]
fn what_unpacks_to_very_much_is_not_taken_into_memory() {
    let folder = Folder::new();
    let path = folder.path("a");
    record(&path, &zipped());
    let mut encoder =
        zstd::Encoder::new(fs::OpenOptions::new().append(true).open(&path).unwrap(), 1).unwrap();
    encoder.write_all(b"{\"frame\":7,\"raw\":\"").unwrap();
    let letters = vec![b'x'; 1 << 20];
    (0..200).for_each(|_| encoder.write_all(&letters).unwrap());
    encoder.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 1 << 20);
    let mut reader = Reader::open(&path).unwrap().max_frame_bytes(1 << 20);
    let (found, error) = read(&mut reader);
    assert_eq!(found, pings(1..=6));
    assert!(error.unwrap().is_too_large());
}

/// A window of 128 MiB is what `zstd --long=27` asks for.
#[test]
fn what_needs_too_much_memory_to_unpack_is_refused() {
    let folder = Folder::new();
    let path = folder.path("a");
    let mut encoder = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(b"{}\n").unwrap();
    encoder.finish().unwrap();
    let error = tape::open(&path).err().unwrap();
    assert!(error.is_damaged() && error.to_string().contains("more than 8 MiB"), "{error}");
}

#[test]
fn a_block_that_says_it_is_very_long_costs_nothing() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole"), folder.path("a"));
    record(&whole, &sealed());
    let bytes = fs::read(&whole).unwrap();
    let at = blocks(&bytes)[3];
    for length in [0, 15, 64 << 20, u32::MAX] {
        let mut long = bytes.clone();
        long[at + 1..at + 5].copy_from_slice(&length.to_be_bytes());
        make(&path, &long);
        let (_, error) = read(tape::open_with(&path, &with_key()).unwrap());
        assert!(error.is_some_and(|error| error.is_damaged() || error.is_torn()), "{length}");
    }
}
