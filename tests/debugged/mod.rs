//! A debugger and what it writes.

#![allow(dead_code, reason = "each test uses some of it")]

use super::support::*;
use serde_json::Value;
use shadowcat::layer::debug::{Debugger, Log, Options};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use tower::{Service, service_fn};

/// What was written.
#[derive(Clone, Default)]
pub(crate) struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    pub(crate) fn objects(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn logging(change: impl FnOnce(Log) -> Log) -> (Debugger, Out) {
    let out = Out::default();
    let log = change(Log::new(out.clone()));
    (Debugger::start(Options::new().log(log)).unwrap(), out)
}

pub(crate) fn of_session(message: JsonRpcMessage, name: &str) -> JsonRpcMessage {
    message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(name)))
}

pub(crate) fn secret_call() -> JsonRpcMessage {
    let text = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t\u0031","arguments":{"x":"s3cret","n":4711,"on":true,"list":["s3cret",null]}}}"#;
    of_session(msg(text), "s-1")
}

/// One progress notification, then this.
pub(crate) fn answering(
    json: &'static str,
) -> impl Service<JsonRpcMessage, Response = Reply, Error = Error, Future: Send> + Clone {
    service_fn(move |message: JsonRpcMessage| async move {
        let Some(id) = message.id() else { return Ok(Reply::empty()) };
        let response = msg(format!(r#"{{"jsonrpc":"2.0","id":{id},{json}}}"#));
        Ok(Reply::stream(futures::stream::iter([Ok(msg(progress(1, 1))), Ok(response)])))
    })
}
