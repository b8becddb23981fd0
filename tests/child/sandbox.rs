//! What children may touch of the file system.

#![cfg(all(target_os = "linux", feature = "landlock"))]

use std::fs;

use shadowcat::connect::{Command, Sandbox, SandboxState};

use crate::process::{self, Folder};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Whether the kernel can; if not, that is said.
fn can(test: &str) -> bool {
    let probe = Sandbox::new().system().best_effort();
    let mut state = SandboxState::Open;
    run(async {
        let child = Command::new("true").sandbox(probe).spawn().unwrap();
        state = child.sandbox().clone();
        child.shutdown().await;
    });
    if state != SandboxState::Enforced {
        process::tell(&format!("skipped: {test}: {state:?}"));
    }
    state == SandboxState::Enforced
}

/// What the script says on stderr, in a folder that holds `secret`, and a folder `open` inside of it.
async fn say(folder: &Folder, sandbox: Option<Sandbox>, script: &str) -> String {
    let (sender, receiver) = std::sync::mpsc::sync_channel(100);
    let command = Command::new("sh").args(["-c", script]).current_dir(folder.path());
    let command = command.on_stderr(move |line| sender.send(line.to_owned()).unwrap());
    let command = match sandbox {
        Some(sandbox) => command.sandbox(sandbox),
        None => command,
    };
    let child = command.spawn().unwrap();
    let ended = child.ended();
    drop(child);
    ended.await;
    receiver.try_iter().collect::<Vec<_>>().join(" ")
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("secret", "s");
    fs::create_dir(folder.path().join("open")).unwrap();
    folder
}

#[test]
fn a_child_touches_what_it_may_and_nothing_else() {
    if !can("a_child_touches_what_it_may") {
        return;
    }
    run(async {
        let folder = folder();
        let script = "exec 3>&2 2>/dev/null
            cat secret > /dev/null && echo read >&3
            (echo x > secret) && echo wrote >&3
            (echo x > new) && echo made >&3
            (echo x > open/new) && cat open/new > /dev/null && echo inside >&3
            rm open/new && echo removed >&3
            (cd / && sh -c 'cat \"$0/secret\"' \"$OLDPWD\" > /dev/null) && echo grandchild >&3";
        let sandbox = Sandbox::new().system().write(folder.path().join("open"));

        assert_eq!(say(&folder, Some(sandbox), script).await, "inside removed");
        assert_eq!(say(&folder, None, script).await, "read wrote made inside removed grandchild");
    });
}

#[test]
fn what_may_be_read_may_not_be_written() {
    if !can("what_may_be_read_may_not_be_written") {
        return;
    }
    run(async {
        let folder = folder();
        let script =
            "exec 3>&2 2>/dev/null; cat secret > /dev/null && echo read >&3; (: > secret) && echo wrote >&3";
        let sandbox = Sandbox::new().system().read(folder.path());

        assert_eq!(say(&folder, Some(sandbox), script).await, "read");
        assert_eq!(folder.read("secret"), b"s");
    });
}

#[test]
fn we_stay_outside_and_so_does_the_next_child() {
    if !can("we_stay_outside") {
        return;
    }
    run(async {
        let folder = folder();
        let ours = "exec 3>&2 2>/dev/null; cat secret > /dev/null && echo read >&3; :";
        assert_eq!(say(&folder, Some(Sandbox::new().system()), ours).await, "");
        assert_eq!(say(&folder, None, ours).await, "read");
        folder.write("ours", "x");
    });
}

#[test]
fn a_path_that_does_not_exist_is_an_error_that_names_it() {
    run(async {
        let sandbox = Sandbox::new().system().read("/no/such/folder");
        let error = Command::new("true").sandbox(sandbox).spawn().unwrap_err();
        assert!(error.to_string().starts_with("no sandbox for `true`: /no/such/folder: "), "{error}");
    });
}

#[test]
fn a_program_that_may_not_be_read_does_not_start() {
    if !can("a_program_that_may_not_be_read") {
        return;
    }
    run(async {
        let error = Command::new(process::peer()).sandbox(Sandbox::new().system()).spawn().unwrap_err();
        assert!(error.to_string().contains("Permission denied"), "{error}");
    });
}

#[test]
fn the_state_is_reported() {
    if !can("the_state_is_reported") {
        return;
    }
    run(async {
        let child = Command::new("cat").sandbox(Sandbox::new().system()).spawn().unwrap();
        assert_eq!(*child.sandbox(), SandboxState::Enforced);
        assert!(format!("{child:?}").contains("sandbox: Enforced"), "{child:?}");
        child.shutdown().await;
        let child = Command::new("cat").spawn().unwrap();
        assert_eq!(*child.sandbox(), SandboxState::Open);
        child.shutdown().await;
    });
}
