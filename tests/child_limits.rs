//! What children may take of the machine: each limit, who is counted, and what is said of one that is exceeded.

#![cfg(all(target_os = "linux", feature = "limits"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use process::Folder;
use process::limited::{MIB, NEVER, ask, exceeded, peer, quick, run, shell};
use process::system::{entry, running};
use process::{eventually_async, mark};
use shadowcat::connect::{Command, Enforcement, Limits};

#[test]
fn a_child_that_takes_too_much_memory_is_killed_and_its_call_says_why() {
    run(async {
        let error = exceeded(peer(&["take", "200"]), quick().memory(32 * MIB)).await;
        assert!(error.to_string().contains(" exceeded its memory limit of 32 MiB by "), "{error}");
    });
}

#[test]
fn the_memory_of_a_grandchild_counts() {
    run(async {
        let command = shell(r#""$0" take 200 & wait"#);
        let error = exceeded(command, quick().memory(32 * MIB)).await;
        assert!(error.to_string().contains(" exceeded its memory limit of 32 MiB by "), "{error}");
    });
}

#[test]
fn reserved_addresses_are_no_memory() {
    run(async {
        // What wasmtime does: gigabytes of addresses, of which little is used.
        let child = peer(&["echo"]).limits(quick().memory(64 * MIB)).spawn().unwrap();
        assert!(ask(&child).await.is_ok());
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
        assert_eq!(line.split_whitespace().nth(3), Some("unlimited"));
        child.shutdown().await;
    });
}

#[test]
fn cpu_time_is_counted_for_all_processes_together() {
    run(async {
        let limits = quick().cpu_time(Duration::from_millis(400));
        let error = exceeded(shell(r#""$0" burn & "$0" burn & wait"#), limits).await;
        assert!(error.to_string().contains(" exceeded its CPU time limit of 400ms by "), "{error}");
    });
}

#[test]
fn the_kernel_ends_who_takes_too_much_cpu_time_while_the_watch_sleeps() {
    run(async {
        let limits = Limits::new().cpu_time(Duration::from_millis(900)).sample_every(NEVER);
        let error = exceeded(peer(&["burn"]), limits).await;
        let told = " exceeded its CPU time limit of 900ms: the kernel ended it";
        assert!(error.to_string().ends_with(told), "{error}");
    });
}

#[test]
fn a_child_that_multiplies_is_killed_with_all_that_it_started() {
    run(async {
        let mark = mark();
        let script = r#"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "$0" grandchild "$1" & done; wait"#;
        let error = exceeded(shell(script).arg(&mark), quick().processes(8)).await;
        assert!(error.to_string().contains(" exceeded its limit of 8 processes: there were "), "{error}");
        eventually_async(NEVER, "all are gone", || running(&["grandchild", &mark]).is_none()).await;
    });
}

#[test]
fn tasks_are_counted_like_processes() {
    run(async {
        let error = exceeded(shell("sleep 30 & sleep 30 & sleep 30 & wait"), quick().tasks(3)).await;
        assert!(error.to_string().ends_with(" exceeded its limit of 3 tasks: there were 4"), "{error}");
    });
}

#[test]
fn who_left_the_group_counts_and_does_not_survive() {
    run(async {
        let mark = mark();
        let script = r#"setsid "$0" grandchild "$1" & sleep 0.3; sleep 30 & wait"#;
        let error = exceeded(shell(script).arg(&mark), quick().processes(2)).await;
        assert!(error.to_string().ends_with(" exceeded its limit of 2 processes: there were 3"), "{error}");
        eventually_async(NEVER, "it is gone", || running(&["grandchild", &mark]).is_none()).await;
    });
}

#[test]
fn who_left_the_group_of_a_watched_child_does_not_outlive_it() {
    run(async {
        let mark = mark();
        let script = r#"setsid "$0" grandchild "$1" & cat > /dev/null"#;
        let child = shell(script).arg(&mark).limits(quick().processes(100)).spawn().unwrap();
        let there = || running(&["grandchild", &mark]).is_some_and(|id| entry(id).unwrap().group == id);
        eventually_async(NEVER, "it has a group of its own", there).await;
        let ended = child.ended();
        tokio::time::sleep(Duration::from_millis(50)).await; // a few looks
        drop(child);
        ended.await;
        eventually_async(NEVER, "it is gone", || running(&["grandchild", &mark]).is_none()).await;
    });
}

#[test]
fn a_child_that_is_being_stopped_is_still_held() {
    run(async {
        let command = shell(r#"cat > /dev/null; exec "$0" take 200"#).grace(NEVER, NEVER);
        let child = command.limits(quick().memory(32 * MIB)).spawn().unwrap();
        let (started, ended) = (Instant::now(), child.ended());
        drop(child);
        let exit = ended.await;

        assert_eq!(exit.status().unwrap().signal(), Some(9));
        assert!(started.elapsed() < NEVER);
    });
}

#[test]
fn open_files_are_limited_as_the_child_sees_it() {
    run(async {
        let child = peer(&["open", "/dev/null"]).limits(Limits::new().open_files(32)).spawn().unwrap();
        let opened: u64 = ask(&child).await.unwrap().parse().unwrap();
        assert!((1..32).contains(&opened), "{opened}");
        child.shutdown().await;
    });
}

#[test]
fn no_core_is_dumped_unless_it_is_allowed() {
    run(async {
        let own = core_of("self");
        for (limits, expected) in [(Limits::new(), "0"), (Limits::new().core_dumps(true), &*own)] {
            let child = peer(&["echo"]).limits(limits).spawn().unwrap();
            assert_eq!(core_of(&child.id().to_string()), expected);
            child.shutdown().await;
        }
    });
}

/// The hard limit.
fn core_of(process: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_whitespace().nth(5).unwrap().to_owned()
}

#[test]
fn limits_that_are_not_exceeded_change_nothing() {
    run(async {
        let limits = quick()
            .memory(1 << 30)
            .cpu_time(NEVER)
            .processes(10)
            .tasks(100)
            .open_files(100)
            .address_space(16 << 30);
        let child = peer(&["echo"]).limits(limits).spawn().unwrap();
        for _ in 0..100 {
            assert!(ask(&child).await.is_ok());
            tokio::task::yield_now().await;
        }
        let ended = child.ended();
        drop(child);
        let exit = ended.await;

        assert!(exit.is_success() && !exit.error().is_limit_exceeded(), "{exit}");
    });
}

#[test]
fn the_report_says_what_holds_each_limit() {
    run(async {
        let limits = Limits::new().memory(1 << 30).cpu_time(NEVER).open_files(100);
        let child = peer(&["echo"]).limits(limits).spawn().unwrap();
        let report = child.limits();

        assert_eq!(report.memory, Some(Enforcement::Watch));
        assert_eq!(report.cpu_time, Some(Enforcement::Watch));
        assert_eq!(report.open_files, Some(Enforcement::Rlimit));
        assert_eq!(report.core_dumps, Some(Enforcement::Rlimit));
        assert_eq!((&report.processes, &report.address_space), (&None, &None));
        assert!(report.is_complete());
        assert!(format!("{child:?}").contains("memory: Some(Watch)"), "{child:?}");
        child.shutdown().await;

        let unlimited = peer(&["echo"]).spawn().unwrap();
        assert_eq!(unlimited.limits().to_string(), "no limits");
        unlimited.shutdown().await;
    });
}

#[test]
fn a_limit_that_cannot_be_held_is_an_error_and_nothing_runs() {
    run(async {
        let folder = Folder::new();
        let command = Command::new("touch").arg("made").current_dir(folder.path());
        let limits = Limits::new().memory(MIB).cgroup(folder.path());
        let error = command.limits(limits).spawn().unwrap_err();

        let told = format!("the cgroup ({}) cannot be enforced", folder.name());
        assert!(error.to_string().starts_with(&told) && error.to_string().contains("best_effort"), "{error}");
        assert!(error.is_io() && !error.is_limit_exceeded());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}

#[test]
fn what_cannot_be_had_is_done_without_when_that_is_asked_for() {
    run(async {
        let folder = Folder::new();
        let limits = quick().memory(32 * MIB).cgroup(folder.path()).best_effort();
        let error = exceeded(peer(&["take", "200"]), limits).await;
        assert!(error.to_string().contains("memory limit of 32 MiB by "), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}
