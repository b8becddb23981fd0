//! Children in cgroups of their own, where there are any to be had.

#![cfg(all(target_os = "linux", feature = "limits"))]

use std::fs;
use std::path::{Path, PathBuf};

use shadowcat::connect::{Enforcement, Limits};

use crate::process::limited::{MIB, NEVER, ask, exceeded, peer, quick, run, shell};
use crate::process::system::running;
use crate::process::{self, eventually_async, mark};

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
