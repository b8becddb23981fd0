//! How a Wassette is found, asked and started, and what is said where that fails: against shell scripts in its place.

#![cfg(target_os = "linux")]

use std::time::Duration;
use std::{env, fs};

use shadowcat::Error;
use shadowcat::connect::wassette::Stdio as Builder;
use shadowcat::connect::{Child, Supervised, Wassette};
use shadowcat::wassette::Dialect;

use crate::connector_script::Script;
use crate::process::{self, Folder, eventually_async};

/// Never waited for: the test fails long before.
const NEVER: Duration = Duration::from_secs(60);

async fn error_of(builder: Builder) -> Error {
    let started: Result<Wassette<Supervised<Child>>, Error> = builder.start().await;
    started.unwrap_err()
}

#[tokio::test]
async fn a_binary_that_is_missing_by_its_path_is_named() {
    let folder = Folder::new();
    let path = folder.path().join("wassette");
    let error = error_of(Wassette::stdio().binary(&path)).await;
    assert!(error.is_invalid(), "{error:?}");
    let path = path.display();
    let why = format!("cannot run {path}: No such file or directory (os error 2); give the path of wassette");
    assert_eq!(error.to_string(), why);
}

#[tokio::test]
async fn a_binary_that_is_missing_by_its_name_is_told_with_all_that_was_tried() {
    let error = error_of(Wassette::stdio().binary("no-such-wassette")).await;
    let text = error.to_string();
    assert!(text.starts_with("there is no no-such-wassette on PATH; tried /"), "{text}");
    assert!(text.ends_with("; install wassette or give its path"), "{text}");
    let path = env::var_os("PATH").unwrap();
    for place in env::split_paths(&path).filter(|place| place.is_absolute()) {
        assert!(text.contains(place.to_str().unwrap()), "{place:?} in {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_run_is_not() {
    let folder = Folder::new();
    folder.write("wassette", "#!/bin/sh\n");
    for (path, why) in
        [("wassette", "it is not executable"), ("", "it is no file"), ("wassette/x", "Not a dir")]
    {
        let error = error_of(Wassette::stdio().binary(folder.path().join(path))).await.to_string();
        assert!(error.starts_with("cannot run /") && error.contains(&format!(": {why}")), "{error}");
    }
    let error = error_of(Wassette::stdio().binary("")).await.to_string();
    assert_eq!(error, "the wassette binary has an empty name");
}

#[tokio::test]
async fn what_the_system_cannot_execute_is_told() {
    let script = Script::new("", "");
    script.write("#!/no/such/shell\n");
    let error = script.error().await;
    assert!(error.starts_with("cannot start `/") && error.contains("/wassette --version`"), "{error}");
}

#[tokio::test]
async fn a_version_tells_the_dialect_and_the_words_that_serve() {
    let build = r#"version.BuildInfo{RustVersion:"1.97.1", BuildProfile:"release"}"#;
    for (version, dialect, serve) in [
        ("wassette-mcp-server 0.2.0", Dialect::V0_2, &["serve", "--stdio", "--plugin-dir"][..]),
        ("wassette-mcp-server 0.3.0", Dialect::V0_3, &["serve", "--stdio", "--plugin-dir"]),
        (&format!("wassette-mcp-server 0.6.0 {build}"), Dialect::V0_5, &["run", "--component-dir"]),
        (&format!("wassette-mcp-server 0.8.0 {build}"), Dialect::V0_8, &["run", "--component-dir"]),
    ] {
        let script = Script::new(&format!("echo '{version}'"), "echo never asked");
        let components = script.0.name();
        let builder = script.builder().arg("--extra").args(["a b", "$HOME"]).component_dir(components);
        let (found, asked, served) = script.serves(builder).await;
        assert_eq!(found, dialect);
        assert_eq!(asked, ["--version"]);
        assert_eq!(served, [serve, &[components, "--extra", "a b", "$HOME"]].concat(), "{version}");
    }
}

#[tokio::test]
async fn where_the_version_is_not_enough_the_help_tells() {
    let help =
        "echo '  serve  Begin'; echo '  --component-dir <P>'; echo '  --streamable-http'; echo '  --stdio'";
    let script = Script::new("echo wassette-mcp-server 0.4.1", help);
    let (dialect, asked, served) = script.serves(script.builder()).await;
    assert_eq!(dialect, Dialect::V0_4);
    assert_eq!(asked, ["--version", "--help", "serve", "--help"]);
    assert_eq!(served, ["serve", "--stdio"]);
}

#[tokio::test]
async fn a_dialect_that_is_told_is_not_asked_for() {
    let script = Script::new("echo wassette-mcp-server 0.2.0", "");
    let (dialect, asked, served) = script.serves(script.builder().dialect(Dialect::V0_8)).await;
    assert_eq!((dialect, asked.len()), (Dialect::V0_8, 0));
    assert_eq!(served, ["run"]);
}

#[tokio::test]
async fn a_version_that_is_too_old_is_refused_and_nothing_more_is_asked() {
    let script = Script::new("echo wassette-mcp-server 0.1.0", "");
    let (error, path) = (script.error().await, script.path());
    let why = "wassette 0.1.0 is too old; 0.2.0 to 0.8 are supported";
    let what = format!("`{}`: {why}; if it is a wassette, name its dialect", path.display());
    assert_eq!(error, what);
    assert_eq!(script.runs().len(), 1);
}

#[tokio::test]
async fn what_is_no_wassette_is_told() {
    let one_mib = "head -c 1048576 /dev/zero | tr '\\0' x";
    for (version, help) in [
        ("echo python 3.13.1", "echo 'usage: python'"),
        ("", ""),
        ("exit 3", "exit 3"),
        ("echo wassette-mcp-server 0.2.0 >&2", "echo nothing"),
        ("printf '\\377\\376\\000'", "printf '\\377'"),
        (one_mib, one_mib),
        ("kill -9 $$", "kill -9 $$"),
    ] {
        let script = Script::new(version, help);
        let error = script.error().await;
        let why = "the text names no version of wassette, such as `wassette 0.8.0`";
        let rest = "if it is a wassette, name its dialect";
        assert!(error.ends_with(&format!("/wassette`: {why}; {rest}")), "{version:?}: {error}");
        assert_eq!(script.runs().len(), 3, "{version}");
    }
}

#[tokio::test]
async fn an_unknown_version_without_a_known_help_is_named() {
    let script = Script::new("echo wassette-mcp-server 1.0.0", "echo '  serve  x'");
    let error = script.error().await;
    assert!(error.contains("the flags of wassette 1.0.0 are not known by its version"), "{error}");
}

#[tokio::test]
async fn a_megabyte_behind_the_version_does_no_harm() {
    let script = Script::new("echo wassette-mcp-server 0.3.0; head -c 1048576 /dev/zero", "echo never asked");
    let (dialect, asked, _) = script.serves(script.builder()).await;
    assert_eq!(dialect, Dialect::V0_3);
    assert_eq!(asked, ["--version"]);
}

/// Real processes, and the clock of the test, which moves on once every task waits.
#[tokio::test]
async fn a_version_that_does_not_come_is_given_up_and_its_process_is_gone() {
    for hangs in ["exec sleep 600", "sleep 600 & sleep 600", "echo wassette 0.2.0; trap '' TERM; sleep 600"] {
        let script = Script::new(hangs, "");
        let starting = tokio::spawn(script.builder().start());
        eventually_async(NEVER, "it is asked", || !script.runs().is_empty()).await;
        assert!(!starting.is_finished());
        tokio::time::pause();
        let error = starting.await.unwrap().unwrap_err();
        tokio::time::resume();
        assert!(error.is_timeout(), "{error:?}");
        assert!(error.to_string().ends_with("/wassette --version` did not end within 10s"), "{error}");
        script.left_nothing().await;
    }
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let script = Script::new("sleep 600", "");
    let starting = tokio::spawn(script.builder().start());
    eventually_async(NEVER, "it is asked", || !script.runs().is_empty()).await;
    starting.abort();
    assert!(starting.await.unwrap_err().is_cancelled());
    script.left_nothing().await;
}

#[tokio::test]
async fn a_component_directory_that_cannot_be_read_is_named_and_nothing_is_started() {
    let script = Script::new("echo wassette-mcp-server 0.2.0", "");
    script.0.write("file", "");
    for (name, why) in [("missing", "No such file"), ("file", "Not a directory")] {
        let directory = script.0.path().join(name);
        let error = error_of(script.builder().component_dir(&directory)).await;
        assert!(error.is_io(), "{error:?}");
        let text = error.to_string();
        let what = format!("cannot read the component directory {}: {why}", directory.display());
        assert!(text.starts_with(&what), "{text}");
    }
    assert!(script.runs().iter().all(|(_, words)| words == &["--version"]), "{:?}", script.runs());
    script.left_nothing().await;
}

#[tokio::test]
async fn a_component_directory_without_the_right_to_read_it_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let script = Script::new("echo wassette-mcp-server 0.2.0", "");
    let directory = script.0.path().join("closed");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&directory).is_ok() {
        return process::tell("skipped: root may read everything");
    }
    let error = error_of(script.builder().component_dir(&directory)).await;
    assert!(error.is_io() && error.to_string().contains("closed: Permission denied"), "{error:?}");
}

#[tokio::test]
async fn its_environment_is_the_safe_six_and_what_is_configured() {
    let script = Script::new("echo wassette-mcp-server 0.2.0", "");
    let builder = script.builder().env("RUST_LOG", "debug=x y").inherit_env("CARGO_MANIFEST_DIR");
    script.serves(builder.inherit_env("NOT_SET_ANYWHERE")).await;
    let text = String::from_utf8(script.0.read("environment")).unwrap();
    let mut keys: Vec<_> = text.split_terminator('\0').filter_map(|entry| entry.split_once('=')).collect();
    keys.sort_unstable();
    let safe = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
    let mut due: Vec<(&str, String)> = safe
        .iter()
        .chain(&["CARGO_MANIFEST_DIR"])
        .filter_map(|key| Some((*key, env::var(key).ok()?)))
        .chain([("RUST_LOG", "debug=x y".to_owned())])
        .collect();
    due.sort_unstable();
    let due: Vec<_> = due.iter().map(|(key, value)| (*key, value.as_str())).collect();
    assert_eq!(keys, due);
}

#[tokio::test]
async fn the_component_directory_is_not_taken_among_the_arguments() {
    for arg in ["--plugin-dir", "--component-dir=/tmp"] {
        let error = error_of(Wassette::stdio().binary("/bin/true").dialect(Dialect::V0_2).arg(arg)).await;
        assert_eq!(
            error.to_string(),
            format!("the argument {arg} is not taken: set `component_dir` instead")
        );
    }
}
