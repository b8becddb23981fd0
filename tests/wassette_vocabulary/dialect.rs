//! Dialects: how a version is recognised, and what may be sent to one that goes deaf.

use proptest::prelude::*;
use shadowcat::wassette::{Dialect, Endpoint, Output, Refusal, Transport, UnknownDialect, Version};
use shadowcat::{Code, JsonRpcMessage};

fn request(method: &str, params: &str) -> JsonRpcMessage {
    let params = if params.is_empty() { String::new() } else { format!(r#","params":{params}"#) };
    JsonRpcMessage::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"{params}}}"#)).unwrap()
}

fn notification(method: &str, params: &str) -> JsonRpcMessage {
    JsonRpcMessage::notification(method, params).unwrap()
}

fn refused(method: &str, params: &str) -> Option<Code> {
    Dialect::V0_2.understands(&request(method, params)).unwrap_err().code()
}

#[test]
fn what_version_prints_is_recognised() {
    let dialect = |text: &str| Dialect::from_version_output(text);
    assert_eq!(dialect("wassette-mcp-server 0.2.0\n"), Ok(Dialect::V0_2));
    assert_eq!(dialect("wassette 0.3.0"), Ok(Dialect::V0_3));
    let info = r#"version.BuildInfo{RustVersion:"1.97.1", BuildProfile:"release", Version:"abc"}"#;
    assert_eq!(dialect(&format!("wassette-mcp-server 0.6.0 {info}")), Ok(Dialect::V0_5));
    assert_eq!(dialect("a warning\nwassette-mcp-server 0.8.0-rc.1+build (x)"), Ok(Dialect::V0_8));
}

#[test]
fn a_version_that_is_not_known_is_named_with_what_is() {
    let error = Dialect::from_version_output("wassette 0.1.0").unwrap_err();
    assert!(matches!(error, UnknownDialect::TooOld { .. }));
    assert_eq!(error.to_string(), "wassette 0.1.0 is too old; 0.2.0 to 0.8 are supported");
    for text in ["wassette 0.4.0", "wassette 0.3.4", "wassette 0.9.0", "wassette 1.0.0"] {
        let error = Dialect::from_version_output(text).unwrap_err();
        assert!(error.to_string().starts_with("the flags of wassette"), "{error}");
        assert!(error.to_string().contains("--help"));
    }
    for text in [
        "",
        "wassette",
        "wassette 1.2",
        "wassette 1.2.3.4",
        "wassette 1.2.-3",
        "python 3.13.1",
        "wassette 99999999999.0.0",
    ] {
        assert!(matches!(Dialect::from_version_output(text), Err(UnknownDialect::Unreadable(_))), "{text}");
    }
}

#[test]
fn help_texts_tell_the_dialect() {
    let old = "Usage: wassette <COMMAND>\n\nCommands:\n  serve  Begin handling requests\n  help   Print\n";
    let serve = |flags: &str| format!("{old}Usage: wassette serve [OPTIONS]\n\nOptions:\n{flags}");
    let of = |text: &str| Dialect::from_help(text);
    assert_eq!(of(&serve("  --plugin-dir <P>\n  --stdio\n  --http\n")), Ok(Dialect::V0_2));
    assert_eq!(
        of(&serve("  --plugin-dir <P>\n  --sse\n  --stdio\n  --streamable-http\n")),
        Ok(Dialect::V0_3)
    );
    assert_eq!(
        of(&serve("  --component-dir <P>\n  --sse\n  --stdio\n  --streamable-http\n")),
        Ok(Dialect::V0_4)
    );
    let new = "Commands:\n  run    Run locally with stdio transport\n  serve  Serve remotely\n";
    assert_eq!(of(&format!("{new}  --streamable-http\n")), Ok(Dialect::V0_5));
    assert_eq!(of(&format!("{new}  --streamable-http\n      --allowed-host <HOST>\n")), Ok(Dialect::V0_8));
    for text in ["", "serve", "  run  x\n", "Commands:\n  serve  x\n  --port <P>\n"] {
        assert_eq!(of(text), Err(UnknownDialect::UnknownHelp), "{text}");
    }
}

#[test]
fn command_lines_differ_by_dialect() {
    let address = Dialect::DEFAULT_ADDRESS;
    assert_eq!(Dialect::V0_2.http_args(None).unwrap(), ["serve", "--http"]);
    assert_eq!(Dialect::V0_2.http_args(Some(address)).unwrap(), ["serve", "--http"]);
    let error = Dialect::V0_3.http_args(Some("127.0.0.1:0")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this version of wassette listens on 127.0.0.1:9001 only, not on 127.0.0.1:0"
    );
    assert_eq!(Dialect::V0_4.stdio_args(), ["serve", "--stdio"]);
    assert_eq!(Dialect::V0_5.stdio_args(), ["run"]);
    for dialect in Dialect::ALL {
        assert!(!dialect.exits_on_eof());
        assert_eq!(dialect.log_output(Transport::Stdio), Output::Stderr);
        assert_eq!(dialect.log_output(Transport::Http), Output::Stdout);
        assert_eq!(dialect.endpoint() == Endpoint::Sse { path: "/sse" }, dialect == Dialect::V0_2);
    }
    assert_eq!((Dialect::V0_2.env_prefix(), Dialect::V0_3.env_prefix()), ("WASETTE_", "WASSETTE_"));
}

#[test]
fn what_a_client_says_in_the_transcripts_is_understood_unless_it_deafened_the_server() {
    let mut deafening = Vec::new();
    for entry in std::fs::read_dir("tests/wassette/transcripts").unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let said: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = said["line"].as_str().unwrap();
            let text = text.split_once('{').map_or("", |(_, _)| &text[text.find('{').unwrap()..]).to_owned();
            if said["dir"] != "client_to_server" {
                continue;
            }
            let Ok(message) = JsonRpcMessage::parse(text) else { continue };
            if Dialect::V0_2.understands(&message).is_err() {
                deafening.push(message.method().unwrap().to_owned());
            }
        }
    }
    deafening.sort();
    deafening.dedup();
    assert_eq!(deafening, ["no/such", "server/discover"]);
}

#[test]
fn an_unknown_method_is_answered_and_an_unknown_notification_dropped() {
    assert_eq!(refused("no/such", "{}"), Some(Code::METHOD_NOT_FOUND));
    assert_eq!(refused("notifications/initialized", ""), Some(Code::METHOD_NOT_FOUND));
    for (method, params) in [("notifications/tools/list_changed", "{}"), ("x", "{}"), ("notifications/x", "")]
    {
        assert_eq!(Dialect::V0_2.understands(&notification(method, params)).unwrap_err().code(), None);
    }
    for dialect in [Dialect::V0_2, Dialect::V0_3, Dialect::V0_4, Dialect::V0_5] {
        assert!(dialect.understands(&request("server/discover", "{}")).is_err());
    }
    assert!(Dialect::V0_8.understands(&request("server/discover", "{}")).is_ok());
}

#[test]
fn params_that_the_server_cannot_read_are_refused() {
    let wrong = [
        ("tools/call", ""),
        ("tools/call", "{}"),
        ("tools/call", r#"{"name":1}"#),
        ("tools/call", r#"{"name":"a","arguments":[]}"#),
        ("tools/call", r#"{"name":"a","_meta":1}"#),
        ("tools/call", r#"{"name":"a","arguments":{"x":"\ud800"}}"#),
        ("tools/call", r#"{"name":"a","arguments":{"x":1e400}}"#),
        ("initialize", r#"{"protocolVersion":"2025-06-18","capabilities":{}}"#),
        ("initialize", r#"{"protocolVersion":1,"capabilities":{},"clientInfo":{"name":"a","version":"1"}}"#),
        (
            "initialize",
            r#"{"protocolVersion":"x","capabilities":{"roots":1},"clientInfo":{"name":"a","version":"1"}}"#,
        ),
        ("logging/setLevel", r#"{"level":"loud"}"#),
        ("completion/complete", r#"{"ref":{"type":"x"},"argument":{"name":"a","value":"b"}}"#),
        ("resources/read", r#"{"uri":null}"#),
    ];
    for (method, params) in wrong {
        assert_eq!(refused(method, params), Some(Code::INVALID_PARAMS), "{method} {params}");
    }
    let deep = format!(r#"{{"name":"a","arguments":{{"x":{}1{}}}}}"#, "[".repeat(125), "]".repeat(125));
    assert_eq!(refused("tools/call", &deep), Some(Code::INVALID_PARAMS));
}

#[test]
fn params_that_the_server_can_read_pass() {
    let client = r#""clientInfo":{"name":"a","version":"1","title":"T"}"#;
    let right = [
        ("ping", String::new()),
        ("tools/list", String::new()),
        ("tools/list", r#"{"cursor":1,"_meta":null}"#.to_owned()),
        ("tools/call", r#"{"n\u0061me":"a","arguments":null,"_meta":{"progressToken":1}}"#.to_owned()),
        (
            "initialize",
            format!(r#"{{"protocolVersion":"9","capabilities":{{"elicitation":{{}}}},{client}}}"#),
        ),
        ("logging/setLevel", r#"{"level":"debug"}"#.to_owned()),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"b"}}"#.to_owned(),
        ),
    ];
    for (method, params) in right {
        assert_eq!(Dialect::V0_2.understands(&request(method, &params)), Ok(()), "{method} {params}");
    }
}

#[test]
fn notifications_and_answers_are_checked_too() {
    let note = |method, params: &str| Dialect::V0_2.understands(&notification(method, params));
    assert_eq!(note("notifications/initialized", ""), Ok(()));
    assert_eq!(note("notifications/cancelled", r#"{"requestId":1,"reason":"r"}"#), Ok(()));
    assert!(note("notifications/cancelled", r#"{"requestId":-1}"#).is_err());
    assert_eq!(note("notifications/progress", r#"{"progressToken":"t","progress":1}"#), Ok(()));
    assert!(note("notifications/progress", r#"{"progressToken":"t","progress":0.5}"#).is_err());
    let answer = |text: &'static str| Dialect::V0_2.understands(&JsonRpcMessage::parse(text).unwrap());
    assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"result":{"x":1}}"#), Ok(()));
    assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}"#), Ok(()));
    let refusal =
        answer(r#"{"jsonrpc":"2.0","id":1,"error":{"code":4294967296,"message":"m"}}"#).unwrap_err();
    assert!(matches!(refusal, Refusal::Unwanted(_)) && refusal.code().is_none());
}

#[test]
fn lists_that_0_2_never_answers_are_named() {
    assert!(Dialect::V0_2.always_fails("prompts/list") && Dialect::V0_2.always_fails("resources/list"));
    assert!(!Dialect::V0_2.always_fails("tools/list") && !Dialect::V0_8.always_fails("prompts/list"));
}

proptest! {
    #[test]
    fn a_version_is_read_back(major: u32, minor: u32, patch: u32, pre in "(-[a-z0-9]{1,5}(\\.[0-9]{1,3})?)?") {
        let text = format!("{major}.{minor}.{patch}{pre}");
        prop_assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
    }

    #[test]
    fn no_output_panics(text in "(?s)(wassette )?.{0,80}") {
        let _ = Dialect::from_version_output(&text);
        let _ = Dialect::from_help(&text);
    }
}
