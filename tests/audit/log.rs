//! The file of the audit log: its chain, its end, who may have put it there, and what follows it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use proptest::prelude::*;
use shadowcat::audit::{Anchor, Key, Options, Problem, Record, Verifier, Writer};

use crate::audited::{Folder, add, lines, notes, open, try_open, verify};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn a_log_that_is_opened_again_goes_on_with_its_chain() {
    let folder = Folder::new();
    for _ in 0..3 {
        add(&folder.log(), Options::new(), notes(2)).await;
    }
    let found = verify([folder.log()]);
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.records, found.recoveries, found.lost), (9, 0, 0));
    let kinds: Vec<_> = lines(&folder.log()).iter().map(|line| line["kind"].to_string()).collect();
    assert_eq!(kinds[..4], [r#""opened""#, r#""note""#, r#""note""#, r#""opened""#]);
    assert_eq!(lines(&folder.log())[8]["seq"], 9);
}

#[test]
fn a_change_of_any_byte_is_found() {
    let folder = Folder::new();
    runtime().block_on(add(&folder.log(), Options::new(), notes(3)));
    let whole = fs::read(folder.log()).unwrap();
    let changed = folder.path("changed");
    for at in 0..whole.len() {
        for change in [0x01, 0x20, 0x80, whole[at] ^ b'\n', whole[at] ^ b'"'] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            if bytes != whole {
                fs::write(&changed, &bytes).unwrap();
                assert!(!verify([&changed]).is_whole(), "byte {at}, change {change:#x}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_done_to_the_middle_of_a_log_is_found(
        cut in any::<prop::sample::Index>(), length in 0_usize..400, put in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let folder = Folder::new();
        runtime().block_on(add(&folder.log(), Options::new(), notes(6)));
        let whole = fs::read(folder.log()).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        let from = cut.index(last);
        let to = (from + length).min(last);
        let bytes = [&whole[..from], &put[..], &whole[to..]].concat();
        prop_assume!(bytes != whole);
        fs::write(folder.path("changed"), bytes).unwrap();
        prop_assert!(!verify([folder.path("changed")]).is_whole());
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let folder = Folder::new();
    add(&folder.log(), Options::new(), notes(6)).await;
    let text = fs::read_to_string(folder.log()).unwrap();
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let problems = |lines: Vec<&str>| {
        fs::write(folder.path("changed"), lines.concat()).unwrap();
        let found = verify([folder.path("changed")]);
        found.flaws.into_iter().map(|flaw| (flaw.line, flaw.problem)).collect::<Vec<_>>()
    };
    let removed = [&all[..2], &all[4..]].concat();
    assert_eq!(problems(removed), [(3, Problem::Removed { from: 3, to: 4 })]);
    assert_eq!(problems(all[1..].to_vec()), [(1, Problem::Removed { from: 1, to: 1 })]);
    let mut swapped = all.clone();
    swapped.swap(3, 4);
    assert_eq!(problems(swapped)[0], (4, Problem::Removed { from: 4, to: 4 }));
    let twice = [&all[..3], &all[2..]].concat();
    assert_eq!(problems(twice), [(4, Problem::Reordered { seq: 3 })]);
    let altered = all[3].replace("note 2", "note X");
    let lines = [&all[..3], &[altered.as_str()], &all[4..]].concat();
    assert_eq!(problems(lines), [(4, Problem::Altered)]);
    let half = &all[6][..50];
    assert_eq!(problems([&all[..6], &[half]].concat()), [(7, Problem::Torn)]);
    assert_eq!(problems(all), []);
}

#[tokio::test]
async fn an_end_that_is_cut_off_is_found_by_an_anchor() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    log.record(Record::note("the last"));
    log.flushed().await;
    let anchor = log.last();
    assert_eq!(anchor.seq, 2);
    assert!(Verifier::new().expect(anchor.clone()).verify([folder.log()]).unwrap().is_whole());
    let text = fs::read_to_string(folder.log()).unwrap();
    fs::write(folder.path("cut"), text.split_inclusive('\n').next().unwrap()).unwrap();
    assert!(verify([folder.path("cut")]).is_whole(), "nothing in the file tells");
    let found = Verifier::new().expect(anchor).verify([folder.path("cut")]).unwrap();
    assert_eq!((found.flaws[0].line, &found.flaws[0].problem), (1, &Problem::Truncated { seq: 2 }));
    let other = Anchor::new(2, "0".repeat(64));
    assert!(!Verifier::new().expect(other).verify([folder.log()]).unwrap().is_whole());
}

#[tokio::test]
async fn a_chain_with_a_key_holds_with_that_key_only() {
    let folder = Folder::new();
    let (key, other) = (Key::new([1; 32]), Key::new([2; 32]));
    add(&folder.log(), Options::new().chain_key(key.clone()), notes(2)).await;
    assert!(Verifier::new().key(key.clone()).verify([folder.log()]).unwrap().is_whole());
    assert_eq!(Verifier::new().key(other.clone()).verify([folder.log()]).unwrap().flaw_count, 3);
    assert_eq!(verify([folder.log()]).flaw_count, 3);
    for wrong in [Options::new(), Options::new().chain_key(other)] {
        let error = try_open(&folder.log(), wrong).await.unwrap_err();
        assert!(error.is_damaged(), "{error}");
    }
    add(&folder.log(), Options::new().chain_key(key.clone()), notes(1)).await;
    assert_eq!(Verifier::new().key(key).verify([folder.log()]).unwrap().records, 5);
}

/// A process that is killed leaves a prefix of what it writes.
#[tokio::test]
async fn a_log_that_was_torn_anywhere_goes_on_and_tells_of_it() {
    let folder = Folder::new();
    add(&folder.log(), Options::new(), notes(3)).await;
    let whole = fs::read(folder.log()).unwrap();
    let ends: Vec<_> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let torn = folder.path("torn");
    for length in 0..=whole.len() {
        let _ = fs::remove_file(&torn);
        fs::write(&torn, &whole[..length]).unwrap();
        fs::set_permissions(&torn, fs::Permissions::from_mode(0o600)).unwrap();
        add(&torn, Options::new(), notes(1)).await;
        let found = verify([&torn]);
        assert!(found.is_whole(), "{length}: {found:?}");
        let is_whole = length == 0 || ends.contains(&length);
        assert_eq!(found.recoveries, u64::from(!is_whole), "{length}");
        let kept = ends.iter().filter(|end| **end <= length + 1).count() as u64;
        assert_eq!(found.records, kept + found.recoveries + 2, "{length}");
        assert!(fs::read(&torn).unwrap().starts_with(&whole[..length]), "nothing is taken away");
    }
}

/// So does one that is killed while it tells of that.
#[tokio::test]
async fn a_recovery_that_was_torn_anywhere_is_recovered_from() {
    let folder = Folder::new();
    add(&folder.log(), Options::new(), notes(1)).await;
    let whole = fs::read(folder.log()).unwrap();
    let first = whole.len() - 40;
    let torn = folder.path("torn");
    let cut = |bytes: &[u8]| {
        let _ = fs::remove_file(&torn);
        fs::write(&torn, bytes).unwrap();
        fs::set_permissions(&torn, fs::Permissions::from_mode(0o600)).unwrap();
    };
    cut(&whole[..first]);
    add(&torn, Options::new(), notes(1)).await;
    let recovered = fs::read(&torn).unwrap();
    let line = recovered[first + 1..].iter().position(|byte| *byte == b'\n').unwrap();
    for second in (first + 1..first + line).step_by(5) {
        cut(&recovered[..second]);
        add(&torn, Options::new(), notes(1)).await;
        let twice = fs::read(&torn).unwrap();
        let found = verify([&torn]);
        assert!(found.is_whole() && found.recoveries == 1, "{second}: {found:?}");
        cut(&twice[..second + 60]);
        add(&torn, Options::new(), notes(1)).await;
        let found = verify([&torn]);
        assert!(found.is_whole() && found.recoveries == 1, "{second}, and again: {found:?}");
    }
}

#[tokio::test]
async fn an_end_that_was_altered_is_not_gone_on_with() {
    let folder = Folder::new();
    add(&folder.log(), Options::new(), notes(3)).await;
    let text = fs::read_to_string(folder.log()).unwrap();
    for (what, with) in [("note 2", "note X"), ("note 1", "note X"), ("\"}\n", "\"}\n\n")] {
        fs::write(folder.log(), text.replace(what, with)).unwrap();
        let error = try_open(&folder.log(), Options::new()).await.unwrap_err();
        assert!(error.is_damaged(), "{what}: {error}");
    }
}

#[test]
fn a_file_that_another_may_have_put_there_is_not_opened() {
    let folder = Folder::new();
    let refused = |why: &str| {
        let error = Writer::open(folder.log(), Options::new()).unwrap_err().to_string();
        assert!(error.contains("audit.jsonl: ") && error.contains(why), "{why}: {error}");
    };
    for mode in [0o644, 0o640, 0o602, 0o400, 0o700, 0o4600] {
        fs::write(folder.log(), "").unwrap();
        fs::set_permissions(folder.log(), fs::Permissions::from_mode(mode)).unwrap();
        // Who may do everything can open it all the same.
        let error = Writer::open(folder.log(), Options::new()).unwrap_err().to_string();
        assert!(error.contains(&format!("{mode:o} and must be 600")) || error.contains("denied"), "{error}");
        fs::remove_file(folder.log()).unwrap();
    }
    fs::write(folder.path("other"), "").unwrap();
    fs::set_permissions(folder.path("other"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink(folder.path("other"), folder.log()).unwrap();
    refused("");
    assert_eq!(fs::read(folder.path("other")).unwrap(), b"");
    fs::remove_file(folder.log()).unwrap();
    symlink(folder.path("nowhere"), folder.log()).unwrap();
    refused("");
    assert!(!folder.path("nowhere").exists());
    fs::remove_file(folder.log()).unwrap();
    fs::hard_link(folder.path("other"), folder.log()).unwrap();
    refused("more than one name");
    fs::remove_file(folder.log()).unwrap();
    symlink("/dev/full", folder.log()).unwrap();
    refused("");
    fs::remove_file(folder.log()).unwrap();
    fs::create_dir(folder.log()).unwrap();
    refused("");
    for device in ["/dev/full", "/dev/null"] {
        assert!(Writer::open(device, Options::new()).unwrap_err().to_string().contains("no regular file"));
    }
    assert!(Writer::open(folder.path("no/such"), Options::new()).is_err());
}

#[tokio::test]
async fn a_new_log_is_this_users_alone_and_one_process_writes_it() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    assert_eq!(fs::metadata(folder.log()).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(Writer::open(folder.log(), Options::new()).unwrap_err().is_busy());
    drop(log);
    open(&folder.log(), Options::new()).await;
}

#[tokio::test]
async fn a_full_file_is_followed_by_another_and_the_chain_goes_on() {
    let folder = Folder::new();
    let options = Options::new().max_bytes(64 << 10);
    for _ in 0..4 {
        let log = open(&folder.log(), options.clone()).await;
        for note in notes(250) {
            log.record(Record::note(&note.repeat(20)));
            log.flushed().await;
        }
    }
    let files = folder.files();
    assert!(files.len() > 4, "{files:?}");
    for file in &files {
        let known = fs::metadata(file).unwrap();
        assert!(known.len() <= 64 << 10, "{}", known.len());
        assert_eq!(known.permissions().mode() & 0o7777, 0o600);
    }
    let found = verify(&files);
    assert!(found.is_whole() && found.records > 1000, "{found:?}");
    assert_eq!(lines(&files[1])[0]["kind"], "continued");
    let without = verify(files.iter().filter(|file| !file.ends_with("audit.jsonl.000002")));
    assert_eq!(without.flaw_count, 1, "a file that is missing is found");
    assert!(matches!(without.flaws[0].problem, Problem::Removed { .. }));
    fs::remove_file(&files[0]).unwrap();
    assert!(!verify(&files[1..]).is_whole());
    assert!(Verifier::new().from_the_middle().verify(&files[1..]).unwrap().is_whole());
}

#[tokio::test]
async fn a_log_whose_file_was_just_put_aside_goes_on_behind_it() {
    let folder = Folder::new();
    add(&folder.log(), Options::new(), notes(3)).await;
    fs::rename(folder.log(), folder.path("audit.jsonl.000001")).unwrap();
    add(&folder.log(), Options::new(), notes(1)).await;
    let found = verify(folder.files());
    assert!(found.is_whole() && found.records == 6, "{found:?}");
}

#[tokio::test]
async fn old_files_are_put_aside_and_only_some_are_kept() {
    let folder = Folder::new();
    let options = Options::new().max_age(Duration::ZERO).keep(2);
    let log = Writer::open(folder.log(), options).unwrap();
    for note in notes(6) {
        log.record(Record::note(&note));
        log.flushed().await;
    }
    assert_eq!(log.stats().rotated, 6);
    let files = folder.files();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files[0].ends_with("audit.jsonl.000005"));
    assert!(Verifier::new().from_the_middle().verify(&files).unwrap().is_whole());
}
