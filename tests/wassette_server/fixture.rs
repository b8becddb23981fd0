//! The fixture `wassette_0_2` against what the real Wassette 0.2.0 said: every transcript on stdio, replayed.
//! Where `SHADOWCAT_WASSETTE` names a real 0.2.0, all this is proved of it instead.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Instant;

use crate::process::wassette::{Wassette, command, folder, real, transcript};
use crate::process::{self, Folder, terminate, wassette_0_2};

/// A world in a folder: what the transcripts name by absolute paths lies below it.
struct World(Folder);

impl World {
    fn new() -> Self {
        let world = Self(Folder::new());
        let components = world.0.path().join("components");
        fs::create_dir_all(&components).unwrap();
        fs::create_dir_all(world.0.path().join("usr/share/doc")).unwrap();
        for name in ["echo", "add", "fail", "spin", "hog"] {
            world.component(name, name);
        }
        fs::write(components.join("filesystem.wasm"), "the fixture knows it by name").unwrap();
        world
    }

    /// Compiles the text into a component to load.
    fn component(&self, text: &str, name: &str) {
        let text = folder().join("components").join(text).with_extension("wat");
        let path = self.0.path().join("components").join(name).with_extension("wasm");
        fs::write(path, wat::parse_file(text).unwrap()).unwrap();
    }

    fn plugin_dir(&self) -> PathBuf {
        self.0.path().join("var/lib/wassette/components")
    }

    fn serve(&self) -> Wassette {
        Wassette::serve(&self.plugin_dir())
    }

    /// A line of the client, in this world.
    fn here(&self, line: &str) -> String {
        let folder = self.0.name();
        line.replace("file:///components", &format!("file://{folder}/components"))
            .replace("/usr/share/doc", &format!("{folder}/usr/share/doc"))
    }

    /// A line of the server, as if this world were the root.
    fn there(&self, line: &str) -> String {
        line.replace(self.0.name(), "")
    }
}

/// Without what no two runs have in common: the time at which a file was made, and what else there is to say of it.
fn lasting(line: &str) -> String {
    let line = cut(line, r#"created_at\":"#, ",");
    cut(&line, "Metadata {", r#"\"}"#)
}

/// Without what stands between the two, if they are there.
fn cut(line: &str, from: &str, to: &str) -> String {
    let Some((before, rest)) = line.split_once(from) else { return line.to_owned() };
    let (_, after) = rest.split_once(to).unwrap();
    format!("{before}{from}{to}{after}")
}

/// Sends what the client sent, and has the same answers, byte for byte and in the same order; then the same end.
fn replay(name: &str) {
    let world = World::new();
    let mut server = world.serve();
    for entry in transcript(name) {
        match entry.dir.as_str() {
            "client_to_server" => server.send(&world.here(&entry.line)),
            "server_to_client" => {
                let answer = server.receive().unwrap_or_else(|| panic!("{name}: nothing for {}", entry.line));
                assert_eq!(lasting(&world.there(&answer)), lasting(&entry.line), "{name}");
            }
            _ => end(name, &mut server, &entry.line),
        }
    }
    assert_eq!(server.receive(), None, "{name}");
}

fn end(name: &str, server: &mut Wassette, note: &str) {
    match note.rsplit_once(": ").unwrap() {
        ("stdin closed; exit status after 0.5 s", "None") => server.close(),
        ("stdin closed; exit status after 0.5 s", status) => {
            server.close();
            assert_eq!(server.wait().code(), Some(status.parse().unwrap()), "{name}");
        }
        ("SIGTERM sent; exit status", "-15") => {
            // All that a closed stdin brings about has happened, and it is there.
            server.logs("serve finished");
            terminate(server.id());
            assert_eq!(server.wait().signal(), Some(15), "{name}");
        }
        _ => panic!("{name}: what is {note:?}?"),
    }
}

#[test]
fn every_transcript_can_be_replayed() {
    let mut names = Vec::new();
    for file in fs::read_dir(folder().join("transcripts")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".jsonl").filter(|name| name.starts_with("stdio-")) else {
            continue;
        };
        // This one needs a component that only the fixture has.
        if name != "stdio-components" || real().is_none() {
            replay(name);
        }
        names.push(name.to_owned());
    }
    assert!(names.len() >= 7, "{names:?}");
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;

fn session(world: &World) -> Wassette {
    handshake(world.serve())
}

fn handshake(mut server: Wassette) -> Wassette {
    server.send(INITIALIZE);
    server.receive().unwrap();
    server.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    server
}

/// The text of a tool's result, past the notifications before it.
fn call(world: &World, server: &mut Wassette, tool: &str, arguments: &str) -> String {
    let params = format!(r#"{{"name":"{tool}","arguments":{}}}"#, world.here(arguments));
    server.send(&format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#));
    loop {
        let line: serde_json::Value = serde_json::from_str(&server.receive().unwrap()).unwrap();
        if line["id"] == 7 {
            return world.there(line["result"]["content"][0]["text"].as_str().unwrap());
        }
    }
}

const ECHO: &str = r#"{"path":"file:///components/echo.wasm"}"#;

#[test]
fn what_is_loaded_and_granted_is_there_after_a_restart() {
    let world = World::new();
    let mut first = session(&world);
    call(&world, &mut first, "load-component", ECHO);
    let grant = r#"{"component_id":"echo","details":{"uri":"fs:///tmp","access":["read"]}}"#;
    call(&world, &mut first, "grant-storage-permission", grant);
    drop(first);

    let mut second = session(&world);
    assert_eq!(call(&world, &mut second, "echo", r#"{"s":"again"}"#), "again");
    let policy = call(&world, &mut second, "get-policy", r#"{"component_id":"echo"}"#);
    assert!(policy.contains("policy found"), "{policy}");
}

#[test]
fn a_policy_is_written_as_wassette_writes_it() {
    let world = World::new();
    let mut server = session(&world);
    call(&world, &mut server, "load-component", ECHO);
    for (kind, details) in [
        ("network", r#"{"host":"*.example.com"}"#),
        ("environment-variable", r#"{"key":"HOME"}"#),
        ("storage", r#"{"uri":"fs:///tmp","access":["read"]}"#),
        ("storage", r#"{"uri":"fs:///tmp","access":["write","read"]}"#),
    ] {
        let arguments = format!(r#"{{"component_id":"echo","details":{details}}}"#);
        call(&world, &mut server, &format!("grant-{kind}-permission"), &arguments);
    }
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let real = read(folder().join("echo.policy.yaml"));
    assert_eq!(read(world.plugin_dir().join("echo.policy.yaml")), real);
}

/// *Seen* of the real one: it copies the file onto itself, truncated, and says that all is well.
#[test]
fn a_component_loaded_from_the_component_directory_is_lost_and_no_later_start_succeeds() {
    let world = World::new();
    let mut server = session(&world);
    call(&world, &mut server, "load-component", ECHO);
    let inside = format!(r#"{{"path":"file://{}/echo.wasm"}}"#, world.plugin_dir().display());
    let said = call(&world, &mut server, "load-component", &inside);
    assert_eq!(said, r#"{"id":"echo","status":"component loaded"}"#);
    assert_eq!(fs::read(world.plugin_dir().join("echo.wasm")).unwrap(), b"");
    drop(server);

    assert_eq!(world.serve().wait().code(), Some(1));
}

#[test]
fn two_components_with_one_tool_leave_it_to_nobody() {
    let world = World::new();
    world.component("echo", "echo-b");
    let mut server = session(&world);
    call(&world, &mut server, "load-component", ECHO);
    call(&world, &mut server, "load-component", r#"{"path":"file:///components/echo-b.wasm"}"#);
    let said = call(&world, &mut server, "echo", r#"{"s":"x"}"#);
    let why = "Multiple components found for tool 'echo': echo, echo-b";
    assert_eq!(said, format!("Error: Failed to find component for tool 'echo': {why}"));
}

#[test]
fn a_spinning_component_hears_no_cancellation_and_the_session_goes_on() {
    let world = World::new();
    let mut command = command();
    // It takes one worker; there may be fewer processors than that leaves any.
    command.env("TOKIO_WORKER_THREADS", "4").args(["serve", "--plugin-dir"]).arg(world.plugin_dir());
    let mut server = handshake(Wassette::start(&mut command));
    call(&world, &mut server, "load-component", r#"{"path":"file:///components/spin.wasm"}"#);
    server.send(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"spin","arguments":{}}}"#);
    server.send(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#);
    server.logs("cancelled id=2");
    server.send(r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#);
    assert_eq!(server.receive().unwrap(), r#"{"jsonrpc":"2.0","id":3,"result":{}}"#);
    terminate(server.id());
    assert_eq!(server.wait().signal(), Some(15));
    assert_eq!(server.receive(), None);
}

/// Of the fixture only: the real one gives the memory back after the call.
#[test]
#[cfg(target_os = "linux")]
fn a_hog_keeps_what_it_took() {
    let world = World::new();
    let mut server = handshake(Wassette::start(&mut fixture(&world)));
    call(&world, &mut server, "load-component", r#"{"path":"file:///components/hog.wasm"}"#);
    let before = process::system::peak_memory(server.id());
    assert_eq!(call(&world, &mut server, "hog", r#"{"mib":32}"#), "33619968");
    assert_eq!(call(&world, &mut server, "hog", r#"{"mib":32}"#), "33619968");
    let after = process::system::peak_memory(server.id());
    assert!(after - before >= 64 << 10, "{before} KiB, then {after} KiB");
}

/// The fixture, even where a real one is named.
fn fixture(world: &World) -> Command {
    let mut command = Command::new(wassette_0_2());
    command.args(["serve", "--plugin-dir"]).arg(world.plugin_dir());
    command
}

#[test]
fn a_slow_start_puts_off_the_first_answer() {
    let world = World::new();
    let started = Instant::now();
    let mut server = Wassette::start(fixture(&world).env("FIXTURE_SLOW_START_MS", "300"));
    server.send(INITIALIZE);
    assert!(server.receive().is_some());
    assert!(started.elapsed().as_millis() >= 300);
}

fn run(args: &[&str]) -> Output {
    command().env("HOME", "/home/user").env_remove("XDG_DATA_HOME").args(args).output().unwrap()
}

#[test]
fn the_command_line_is_that_of_0_2() {
    let recorded = |name: &str| fs::read_to_string(folder().join("cli/0.2").join(name)).unwrap();
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(said(&run(&["--version"])), "wassette-mcp-server 0.2.0\n");
    assert_eq!(said(&run(&["--help"])), recorded("help.txt"));
    assert_eq!(said(&run(&["serve", "--help"])), recorded("serve-help.txt"));

    for unknown in [&["run"][..], &["serve", "--streamable-http"], &["serve", "--component-dir", "x"], &[]] {
        let output = run(unknown);
        assert_eq!((output.status.code(), said(&output)), (Some(2), String::new()), "{unknown:?}");
    }
    assert_eq!(run(&["serve", "--stdio", "--http"]).status.code(), Some(1));
}
