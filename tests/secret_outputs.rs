//! No secret that passes or that a child is given is in anything that is said of it: lines of children, logs, `tracing`, errors, `Debug`.
#![cfg(all(unix, feature = "secret", feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod keys;
mod process;

use std::io::Write;
use std::sync::{Arc, Mutex};

use keys::{ALNUM, drawn};
use process::Folder;
use shadowcat::connect::Command;
use shadowcat::layer::debug::{DebugLayer, Debugger, Format, Log, Options, Payload};
use shadowcat::layer::{CatchErrorLayer, TraceLayer};
use shadowcat::secret::{AllowList, Detector};
use shadowcat::{Code, Error, JsonRpcMessage, Reply};
use tower::{Service, ServiceBuilder, ServiceExt};

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn key() -> String {
    format!("ghp_{}", drawn(ALNUM, 36, 77))
}

/// All that is written, by whoever has a clone.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Everything that this thread tells `tracing`, until the guard is dropped.
    fn trace(&self) -> tracing::subscriber::DefaultGuard {
        let written = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_default(subscriber.with_writer(move || written.clone()).finish())
    }
}

/// The lines of what a shell prints, as the callback sees them.
async fn printed(script: &str, configure: impl FnOnce(Command) -> Command) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = seen.clone();
    let command = Command::new("sh").args(["-c", script]).env("KEY", key());
    let command = command.on_stderr(move |line| see.lock().unwrap().push(line.to_owned()));
    configure(command).spawn().unwrap().ended().await;
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn a_key_that_a_child_prints_reaches_neither_the_callback_nor_tracing() {
    run(async {
        let told = Written::default();
        let guard = told.trace();
        let script = r#"
            echo "starting with $KEY" >&2
            printf 'half of %s' "$(printf %s "$KEY" | cut -c1-10)" >&2; printf '%s\n' "$(printf %s "$KEY" | cut -c11-)" >&2
            printf '%04080d token=%s\n' 0 "$KEY" >&2
            printf '%s\n' '-----BEGIN PRIVATE KEY-----' 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' '-----END PRIVATE KEY-----' >&2
            printf 'last: %s' "$KEY" >&2"#;
        let lines = printed(script, |command| command).await;
        drop(guard);
        let marker = "[REDACTED:github-token]";
        assert_eq!(lines[..2], [format!("starting with {marker}"), format!("half of {marker}")]);
        assert_eq!(lines[2].trim_end(), "0".repeat(4080));
        assert_eq!(lines[3..6], ["[REDACTED:private-key]"; 3]);
        assert_eq!(lines[6], format!("last: {marker}"));
        let told = told.text();
        assert!(told.contains("starting with") && told.contains("last: "), "{told}");
        for part in [&key()[..], &key()[4..14], "MIIEvQ"] {
            assert!(!told.contains(part), "{told}");
        }
    });
}

#[test]
fn what_is_a_secret_in_a_childs_lines_is_the_applications_to_say() {
    run(async {
        let detector = Detector::builder().allow(AllowList::new().value(&key())).build();
        let lines = printed("echo $KEY >&2", |command| command.detector(Arc::new(detector))).await;
        assert_eq!(lines, [key()]);
    });
}

#[test]
fn how_a_child_was_started_is_told_without_secrets() {
    let command = Command::new("/there/is/none")
        .args(["--password", "hunter2hunter2", "--verbose", "plain", &key()])
        .arg(format!("--url=https://me:s3cr3tpass@{}/", "host.example"))
        .env("API_TOKEN", key())
        .env("PLAIN", "b");
    let shown = format!("{command} {command:?}");
    assert!(command.secret_variables().eq(["API_TOKEN"]));
    run(async {
        let told = Written::default();
        let guard = told.trace();
        let error = command.clone().spawn().unwrap_err();
        drop(guard);
        let shown = format!("{shown} {error} {error:?} {}", told.text());
        assert!(shown.contains("plain") && shown.contains("API_TOKEN"), "{shown}");
        for secret in ["hunter2", "s3cr3tpass", &key()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    });
}

#[test]
fn a_key_in_our_own_environment_never_reaches_a_child() {
    let folder = Folder::new();
    let proxy = process::forward_stdio();
    let script = "tr '\\0' '\\n' </proc/self/environ >environ 2>/dev/null || env >environ";
    let status = std::process::Command::new(proxy)
        .args(["--stack", "none", "--", "sh", "-c", script])
        .current_dir(folder.path())
        .env("OPENAI_API_KEY", key())
        .env("SHADOWCAT_TEST", key())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let environment = String::from_utf8(folder.read("environ")).unwrap();
    assert!(environment.contains("PATH="), "{environment} {status:?}");
    assert!(!environment.contains(&key()) && !environment.contains("API_KEY"), "{environment}");
}

/// What it is asked comes back, in a result and in a refusal.
fn leaf(message: &JsonRpcMessage) -> Result<Reply, Error> {
    let params = String::from_utf8(message.params().unwrap_or_default().to_vec()).unwrap();
    let why = format!("no such tool: {params}");
    match message.method() {
        Some("tools/list") => Err(Error::closed("the server is gone")),
        Some("ping") => Ok(Reply::refuse(message, Code::INVALID_PARAMS, why)),
        _ => Ok(message.responder().result(&params).unwrap().map_or_else(Reply::empty, Reply::one)),
    }
}

#[test]
fn logs_with_payloads_and_everything_traced_hold_no_secret() {
    run(async {
        let (log, told) = (Written::default(), Written::default());
        let guard = told.trace();
        for format in [Format::Human, Format::Json] {
            let writer = Log::new(log.clone()).payload(Payload::Full).format(format).max_record(1 << 16);
            let debugger = Debugger::start(Options::new().log(writer)).unwrap();
            let mut stack = ServiceBuilder::new()
                .layer(CatchErrorLayer::new())
                .layer(TraceLayer::new())
                .layer(DebugLayer::new(&debugger))
                .service_fn(|message: JsonRpcMessage| async move { leaf(&message) });
            let params = format!(
                r#"{{"name":"t","arguments":{{"say":"it is {}, ok","password":"hunter2","pin_code":5,"api_key":123456789,"{}":1,"plain":"visible"}}}}"#,
                key(),
                key()
            );
            for method in ["tools/call", "tools/list", "ping"] {
                let call = JsonRpcMessage::request(1, method, &params).unwrap();
                let shown = format!("{call:?}");
                told.clone().write_all(shown.as_bytes()).unwrap();
                let reply = stack.ready().await.unwrap().call(call).await.unwrap();
                told.clone().write_all(format!("{reply:?}").as_bytes()).unwrap();
            }
            told.clone().write_all(format!("{debugger:?} {}", debugger.snapshot()).as_bytes()).unwrap();
            debugger.flushed().await;
        }
        drop(guard);
        let (log, told) = (log.text(), told.text());
        assert!(log.contains("visible") && log.contains("[REDACTED:github-token], ok"), "{log}");
        for secret in [&key()[..], "hunter2", "123456789"] {
            assert!(!log.contains(secret), "{log}");
            assert!(!told.contains(secret), "{told}");
        }
    });
}

#[test]
fn a_raw_log_is_raw() {
    run(async {
        let log = Written::default();
        let debugger =
            Debugger::start(Options::new().log(Log::new(log.clone()).payload(Payload::Raw))).unwrap();
        let stack = ServiceBuilder::new().layer(DebugLayer::new(&debugger));
        let mut stack = stack.service_fn(|message: JsonRpcMessage| async move { leaf(&message) });
        let call = JsonRpcMessage::request(1, "x", format!(r#"{{"token":"{}"}}"#, key())).unwrap();
        drop(stack.ready().await.unwrap().call(call).await.unwrap());
        debugger.flushed().await;
        assert!(log.text().contains(&key()));
    });
}
