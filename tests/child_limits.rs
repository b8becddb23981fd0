//! What children may take of the machine: each limit, who is counted, and what is said of one that is exceeded.

#![cfg(all(target_os = "linux", feature = "limits"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use process::Folder;
use process::system::{entry, group, running};
use process::{eventually_async, mark};
use shadowcat::connect::{Child, Command, Enforcement, Limits};
use shadowcat::{Error, JsonRpcMessage};
use tower::ServiceExt;

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Never waited for: the test fails long before.
const NEVER: Duration = Duration::from_secs(20);
const MIB: u64 = 1 << 20;

fn peer(args: &[&str]) -> Command {
    Command::new(process::peer()).args(args)
}

/// A shell whose `$0` is the peer, and `$1` the next argument.
fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script]).arg(process::peer())
}

fn quick() -> Limits {
    Limits::new().sample_every(Duration::from_millis(10))
}

async fn ask(child: &Child) -> Result<String, Error> {
    let call = child.clone().oneshot(JsonRpcMessage::request(1, "ping", "").unwrap());
    let reply = tokio::time::timeout(NEVER, call).await.expect("it is answered, or it fails")?;
    Ok(String::from_utf8(reply.as_one().unwrap().result().unwrap().to_vec()).unwrap())
}

/// The error of a call in flight; the child and all that it started are gone.
async fn exceeded(command: Command, limits: Limits) -> Error {
    let name = command.to_string();
    let child = command.grace(NEVER, NEVER).limits(limits).spawn().unwrap();
    let (id, ended) = (child.id(), child.ended());
    let error = ask(&child).await.unwrap_err();
    let exit = ended.await;

    assert!(error.is_limit_exceeded() && error.is_closed() && !error.is_unsent(), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{name} exceeded its ")), "{error}");
    assert_eq!(exit.error().to_string(), error.to_string());
    let later = ask(&child).await.unwrap_err();
    assert!(later.is_limit_exceeded() && later.is_unsent(), "{later:?}");
    eventually_async(NEVER, "the group is gone", || group(id).is_empty()).await;
    error
}

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

/// A cgroup v2 below which we may make others, and whether it has these controllers. A test that finds none says
/// so.
fn cgroup(test: &str, controllers: &[&str]) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounted = mounts.lines().filter(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let root = mounted.filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from).next();
    let Some(root) = root else { return skip(test, "no cgroup v2 is mounted") };
    let has = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    if let Some(missing) = controllers.iter().find(|name| !has.split_whitespace().any(|has| has == **name)) {
        return skip(test, &format!("{} has no controller {missing}", root.display()));
    }
    let probe = root.join(mark());
    match fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)) {
        Ok(()) => Some(root),
        Err(error) => skip(test, &format!("{}: {error}", root.display())),
    }
}

fn skip(test: &str, why: &str) -> Option<PathBuf> {
    process::tell(&format!("skipped: {test}: {why}"));
    None
}

/// A cgroup goes soon after the last who was in it.
async fn no_cgroup_of_ours(root: &Path) {
    let ours = format!("/shadowcat-{}-", std::process::id());
    let none = || {
        let mut entries = fs::read_dir(root).unwrap().flatten().map(|entry| entry.path());
        !entries.any(|path| path.to_str().unwrap().contains(&ours))
    };
    eventually_async(NEVER, "no cgroup of ours is left", none).await;
}

#[test]
fn nobody_escapes_a_cgroup_and_nothing_of_it_is_left() {
    let Some(root) = cgroup("nobody_escapes_a_cgroup", &[]) else { return };
    run(async {
        let mark = mark();
        // An orphan in a session of its own, which no look at a process tree would find.
        let script = r#"read -r call; (setsid "$0" grandchild "$1" &) ; sleep 30 & wait"#;
        let limits = Limits::new().processes(2).cgroup(&root).best_effort();
        let error = exceeded(shell(script).arg(&mark), limits).await;

        assert!(error.to_string().ends_with(" exceeded its limit of 2 processes: there were 3"), "{error}");
        assert_eq!(running(&["grandchild", &mark]), None);
        no_cgroup_of_ours(&root).await;
    });
}

#[test]
fn a_cgroup_without_the_controller_is_refused_and_removed() {
    let test = "a_cgroup_without_the_controller_is_refused";
    let Some(root) = cgroup(test, &[]) else { return };
    if fs::read_to_string(root.join("cgroup.controllers")).unwrap().contains("memory") {
        skip(test, "the controller is there");
        return;
    }
    run(async {
        let error = peer(&["echo"]).limits(Limits::new().memory(MIB).cgroup(&root)).spawn().unwrap_err();
        assert!(error.to_string().contains("its memory controller cannot be enabled"), "{error}");
        no_cgroup_of_ours(&root).await;
    });
}

#[test]
fn the_kernel_holds_memory_and_tasks_in_a_cgroup() {
    let Some(root) = cgroup("the_kernel_holds_memory_and_tasks", &["memory", "pids"]) else { return };
    run(async {
        let limits = quick().memory(32 * MIB).tasks(100).cgroup(&root);
        let child = peer(&["echo"]).limits(limits.clone()).spawn().unwrap();
        assert_eq!(child.limits().memory, Some(Enforcement::Cgroup));
        assert_eq!(child.limits().tasks, Some(Enforcement::Cgroup));
        assert!(ask(&child).await.is_ok());
        child.shutdown().await;

        let error = exceeded(peer(&["take", "200"]), limits).await;
        assert!(error.to_string().ends_with("memory limit of 32 MiB: the kernel killed it"), "{error}");
        let few = quick().tasks(3).cgroup(&root);
        let error = exceeded(shell("sleep 30 & sleep 30 & sleep 30 & wait"), few).await;
        assert!(error.to_string().ends_with("limit of 3 tasks: the kernel refused it another"), "{error}");
        no_cgroup_of_ours(&root).await;
    });
}
