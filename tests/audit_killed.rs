//! Writers of the audit log that are killed, and disks that are full, in processes of their own.

#![cfg(all(feature = "audit", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "its parent reads it")]

mod audited;
mod killed;

use std::path::Path;

use audited::{Folder, add, notes, verify};
use killed::{kill_after, kills, start, tell_safe, told};
use shadowcat::audit::{Options, Overflow, Record, Writer};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_AUDIT";

/// Not a test of its own: what the other tests start.
#[tokio::test]
async fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, path) = task.split_once(' ').unwrap();
    match what {
        "write" => write(Path::new(path)).await,
        "fill" => fill(Path::new(path)).await,
        other => panic!("{other}"),
    }
}

/// Until it is killed; tells what is safe.
async fn write(path: &Path) {
    let log = Writer::open(path, Options::new()).unwrap();
    for number in 1_u64.. {
        log.record(Record::note(&format!("{number} {}", "x".repeat(100))));
        if number.is_multiple_of(7) {
            log.flushed().await;
            tell_safe(log.stats().written);
        }
    }
}

/// A file may not grow beyond a limit, as on a full disk. Until there is room again, everything waits.
async fn fill(path: &Path) {
    let options = Options::new().overflow(Overflow::Count).max_queued(16);
    let log = Writer::open(path, options).unwrap();
    let mut sent = 0;
    while log.stats().lost == 0 || !log.stats().is_failing {
        log.record(Record::note(&"x".repeat(100)));
        sent += 1;
        tokio::task::yield_now().await;
    }
    println!("\nsent {sent}");
}

#[tokio::test]
async fn what_was_written_survives_a_kill_and_the_chain_goes_on() {
    let kills = kills(15);
    for kill in 0..kills {
        let folder = Folder::new();
        let safe = kill_after(1 + kill % 40, start(TASK, "", "write", &folder.log()));
        let found = verify([folder.log()]);
        assert!(found.records >= safe, "{} of {safe}", found.records);
        assert!(found.flaw_count <= 1, "nothing but the last line may be torn: {found:?}");

        add(&folder.log(), Options::new(), notes(1)).await;
        let found = verify([folder.log()]);
        assert!(found.is_whole() && found.records > safe, "{found:?}");
    }
}

#[tokio::test]
async fn a_full_disk_costs_records_that_are_counted_and_the_chain_goes_on_when_there_is_room() {
    let folder = Folder::new();
    // Blocks of 512 bytes; a write beyond them fails, it does not kill.
    let (mut child, mut out) = start(TASK, "ulimit -f 16; trap '' XFSZ;", "fill", &folder.log());
    let sent = told(&mut out, "sent ").expect("it runs on without room");
    child.kill().unwrap();
    child.wait().unwrap();
    let found = verify([folder.log()]);
    assert!(found.flaw_count <= 1 && found.records < sent, "{found:?} of {sent}");

    add(&folder.log(), Options::new(), notes(2)).await;
    let found = verify([folder.log()]);
    assert!(found.is_whole(), "{found:?}");
}
