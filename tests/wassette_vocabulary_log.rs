//! Lines of Wassette's log. The lines are made by tracing-subscriber itself, with the spans, targets and texts
//! that Wassette uses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use shadowcat::wassette::log::{self, Event, Level, LogLine, MAX_LINE, MAX_PARTS};
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a subscriber like Wassette's prints while `f` runs: on stdio without colours, on HTTP with them.
fn printed(ansi: bool, f: impl Fn()) -> Vec<LogLine> {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(lines.clone())
        .with_ansi(ansi)
        .finish();
    tracing::subscriber::with_default(subscriber, f);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(log::parse).collect()
}

/// The same line with and without colours reads alike, but for the time.
fn one(f: impl Fn()) -> LogLine {
    let (mut plain, mut coloured) = (printed(false, &f).remove(0), printed(true, &f).remove(0));
    assert!(plain.timestamp.take().is_some_and(|time| time.ends_with('Z')));
    assert!(coloured.timestamp.take().is_some());
    assert_eq!(plain, coloured);
    plain
}

#[test]
fn a_call_of_0_2_names_its_tool_and_hides_nothing_in_its_spans() {
    let line = one(|| {
        let _call = info_span!("handle_tools_call", method_name = %"list-directory").entered();
        let request = ("list-directory", r#"a "quoted\" } text: INFO wassette: x"#, [1, 2]);
        let _handle = info_span!("handle_component_call", req = ?request).entered();
        info!(target: "mcp_server::components", function_name = %"list-directory", "Calling function");
    });
    assert_eq!(line.level, Some(Level::Info));
    assert_eq!(line.target, "mcp_server::components");
    let spans: Vec<_> = line.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(spans, ["handle_tools_call", "handle_component_call"]);
    assert!(line.span_field("req").unwrap().ends_with("[1, 2])"));
    assert_eq!(line.event(), Event::Invoked { component: None, tool: Some("list-directory") });
}

#[test]
fn a_failure_of_0_2_takes_the_tool_from_the_span() {
    let line = one(|| {
        let _call = info_span!("handle_tools_call", method_name = %"read-file").entered();
        error!(target: "mcp_server::tools", error = ?"no \"such\" file\n", "Tool call failed");
    });
    assert_eq!(line.level, Some(Level::Error));
    let expected = Event::ToolFailed { tool: Some("read-file"), error: Some("no \"such\" file\n") };
    assert_eq!(line.event(), expected);
}

#[test]
fn later_versions_name_component_and_tool() {
    let call = |text: &'static str, failed: bool| {
        one(|| match failed {
            true => error!(target: "mcp_server::components", function_name = %"f", component_id = %"c",
                error = %"it broke: a=1", "{text}"),
            false => {
                info!(target: "mcp_server::components", function_name = %"f", component_id = %"c", "{text}")
            }
        })
    };
    let (component, tool) = (Some("c"), Some("f"));
    let line = call("Component function invocation started", false);
    assert_eq!(line.event(), Event::Invoked { component, tool });
    let line = call("Component function invocation completed successfully", false);
    assert_eq!(line.event(), Event::Returned { component, tool });
    let line = call("Component function invocation failed", true);
    assert_eq!(line.event(), Event::InvocationFailed { component, tool, error: Some("it broke:") });
}

#[test]
fn loading_and_unloading_are_counted_once() {
    let lines = printed(false, || {
        let front = info_span!("handle_load_component").entered();
        info!(target: "mcp_server::components", path = %"file:///a.wasm", "Component load operation started");
        let library = info_span!("load_component", uri = "file:///a.wasm").entered();
        info!(target: "wassette", component_id = %"a", status = ?Some(1), "Successfully loaded component");
        drop(library);
        info!(target: "mcp_server::components", component_id = %"a", "Component loaded successfully");
        drop(front);
        info!(target: "wassette", component_id = %"a", "Component unloaded successfully");
        info!(target: "mcp_server::components", component_id = %"a", "Component unloaded successfully");
        info!(target: "wassette", component_id = %"b", elapsed = ?Duration::from_micros(12_345), "component loaded");
        error!(target: "mcp_server::components", error = %"gone", path = "oci://x/y", "Failed to load component");
    });
    let uri = Some("file:///a.wasm");
    let took = Some(Duration::from_nanos(12_345_000));
    let expected = [
        Event::Other,
        Event::Loaded { component: Some("a"), uri, took: None },
        Event::Other,
        Event::Unloaded { component: Some("a") },
        Event::Other,
        Event::Loaded { component: Some("b"), uri: None, took },
        Event::LoadFailed { uri: Some("oci://x/y"), error: Some("gone") },
    ];
    assert_eq!(lines.iter().map(LogLine::event).collect::<Vec<_>>(), expected);
}

#[test]
fn start_stop_and_blocked_requests_are_seen() {
    let lines = printed(true, || {
        let _a = info_span!("new", plugin_dir = %"/var/lib/wassette").entered();
        let _b = info_span!("new_with_clients").entered();
        let _c = info_span!("new_with_policy").entered();
        info!(target: "wassette", "Starting MCP server with stdio transport");
        warn!(target: "wassette::http", uri = %"http://evil.example/", allowed_hosts = ?["a", "b"],
            "HTTP request blocked by network policy");
        debug!(target: "rmcp", "MCP server shutting down");
    });
    assert_eq!(lines[0].spans.len(), 3);
    assert_eq!(lines[0].target, "wassette");
    assert_eq!(lines[0].event(), Event::Started);
    assert_eq!(lines[1].event(), Event::Blocked { uri: Some("http://evil.example/") });
    assert_eq!(lines[1].field("allowed_hosts"), Some(r#"["a", "b"]"#));
    assert_eq!(lines[2].event(), Event::Stopping);
}

#[test]
fn a_line_of_another_form_is_all_message() {
    for text in ["", "thread 'main' panicked at x", "INFOX a: b", "12 13 14", "{\"jsonrpc\":\"2.0\"}"] {
        let line = log::parse(text);
        assert_eq!((line.level, line.message.as_str()), (None, text));
        assert_eq!(line.event(), Event::Other);
    }
    let line = log::parse("Error: INFO a{b=1");
    assert_eq!(line.message, "Error: INFO a{b=1");
    assert_eq!(log::parse("2026-01-01T00:00:00Z INFO a{b=1").message, "a{b=1");
}

#[test]
fn long_lines_and_many_parts_are_cut() {
    let long = log::parse(&"é".repeat(MAX_LINE));
    assert!(long.message.len() <= MAX_LINE);
    let many: String = (0..1_000).map(|at| format!(" k{at}=1")).collect();
    assert_eq!(log::parse(&format!("INFO a: x{many}")).fields.len(), MAX_PARTS);
    let spans = log::parse(&format!("INFO {} a: x", "a{b=1}:".repeat(1_000)));
    assert!(spans.spans.len() <= MAX_PARTS);
    for hostile in ["a={", "a=\"\\", "a=(\"", " a=[", "\u{1b}]", "\u{1b}["] {
        let _ = log::parse(&format!("INFO a: {}", hostile.repeat(MAX_LINE / 4)));
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_no_control_character_stays(text in "(?s).{0,200}") {
        let line = log::parse(&text);
        prop_assert!(!line.message.contains(char::is_control));
        let _ = line.event();
    }

    #[test]
    fn whatever_follows_a_level_is_read(text in r#"[a-b{}="\\: ()\[\],\x1b]{0,60}"#) {
        let line = log::parse(&format!("2026-01-01T00:00:00Z  INFO {text}"));
        prop_assert!(line.spans.len() <= MAX_PARTS && line.fields.len() <= MAX_PARTS);
    }

    #[test]
    fn a_printed_text_comes_back(text in "(?s).{0,40}", target in "[a-z]{1,8}(::[a-z]{1,8}){1,2}") {
        let line = log::parse(&format!("INFO {target}: told value={text:?}"));
        prop_assert_eq!(line.target, target);
        prop_assert_eq!(line.fields.first().map(|field| field.value.as_str()), Some(text.as_str()));
    }
}
