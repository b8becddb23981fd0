//! The fixture `wassette_0_2` on HTTP+SSE against what the real Wassette 0.2.0 said there, on bare sockets; or a
//! real 0.2.0 that `SHADOWCAT_WASSETTE` names and that finds port 9001 free.

#![cfg(all(unix, feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use process::Folder;
use process::wassette::{Wassette, command, transcript};

/// However slow the machine is, an answer that takes longer does not come.
const HANGS: Duration = Duration::from_secs(60);

/// An answer: what came before its body, and the body if it has a length.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// What runs, and where it listens.
struct Server {
    _process: Wassette,
    address: String,
    _folder: Folder,
    _turn: MutexGuard<'static, ()>,
}

/// The real one knows only one port.
static TURN: Mutex<()> = Mutex::new(());

impl Server {
    fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new();
        let mut command = command();
        command.args(["serve", "--http", "--plugin-dir"]).arg(folder.path());
        let process = Wassette::start(command.env("FIXTURE_ADDR", "127.0.0.1:0"));
        let address = loop {
            let line = process.receive().expect("it logs where it listens before it ends");
            if let Some((_, rest)) = line.split_once("Starting MCP server on ") {
                break rest.split_once(' ').unwrap().0.to_owned();
            }
        };
        Self { _process: process, address, _folder: folder, _turn: turn }
    }

    /// A connection on which the request is made; its answer up to the body.
    fn ask(&self, request: &str, body: &str, host: &str) -> (Answer, BufReader<TcpStream>) {
        let stream = connect(&self.address);
        stream.set_read_timeout(Some(HANGS)).unwrap();
        let length = body.len();
        let json = "Content-Type: application/json";
        let text =
            format!("{request} HTTP/1.1\r\nHost: {host}\r\n{json}\r\nContent-Length: {length}\r\n\r\n{body}");
        (&stream).write_all(text.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut answer = head(&mut stream);
        if let Some(length) = answer.headers.get("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        (answer, stream)
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&format!("POST {path}"), body, &self.address).0
    }

    fn listen(&self) -> (Answer, Events) {
        let (answer, stream) = self.ask("GET /sse", "", &self.address);
        (answer, Events { stream, session: String::new() })
    }
}

/// It says where it will listen before it does.
fn connect(address: &str) -> TcpStream {
    let deadline = Instant::now() + HANGS;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) => assert!(Instant::now() < deadline, "{address}: {error}"),
        }
    }
}

fn line(stream: &mut impl BufRead) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.pop();
    line
}

fn head(stream: &mut impl BufRead) -> Answer {
    let status = line(stream).split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line(stream).trim_end().split_once(": ") {
        headers.insert(name.to_owned(), value.to_owned());
    }
    headers.remove("date");
    Answer { status, headers, body: String::new() }
}

/// The open stream, line by line as it is on the wire, chunks and all.
struct Events {
    stream: BufReader<TcpStream>,
    session: String,
}

impl Events {
    /// The next line, with `SESSION` for the session's id, which the first event tells.
    fn line(&mut self) -> String {
        let line = line(&mut self.stream);
        if let Some((_, session)) = line.split_once("sessionId=") {
            self.session = session.trim_end().to_owned();
        }
        match self.session.as_str() {
            "" => line,
            session => line.replace(session, "SESSION"),
        }
    }

    /// The data of the next event.
    fn data(&mut self) -> String {
        loop {
            if let Some(data) = self.line().strip_prefix("data: ") {
                return data.to_owned();
            }
        }
    }

    fn path(&self) -> String {
        format!("/message?sessionId={}", self.session)
    }
}

/// `HTTP 202 {"content-length": "0"} body`, as a transcript has it.
fn recorded(line: &str) -> Answer {
    let (status, rest) = line.strip_prefix("HTTP ").unwrap().split_once(' ').unwrap();
    let mut rest = serde_json::Deserializer::from_str(rest).into_iter();
    let mut headers: BTreeMap<String, String> = rest.next().unwrap().unwrap();
    headers.remove("date");
    let body = line[line.len() - line.split_once('}').unwrap().1.len()..].trim_start().to_owned();
    Answer { status: status.parse().unwrap(), headers, body }
}

#[test]
fn the_transcript_can_be_replayed() {
    let server = Server::start();
    let (mut answer, mut events) = server.listen();
    for entry in transcript("http-sse") {
        let line = entry.line.as_str();
        if let Some(body) = line.strip_prefix("POST /message?sessionId=… ") {
            answer = server.post(&events.path(), body);
        } else if entry.dir == "server_to_client_raw" {
            assert_eq!(events.line(), line);
        } else if line.starts_with("HTTP ") {
            assert_eq!(answer, recorded(line));
        } else {
            let (asked, status) = line.rsplit_once(" HTTP ").unwrap();
            answer = match asked {
                "(POST with an unknown sessionId)" => server.post("/message?sessionId=none", PING),
                "(POST /mcp)" => server.post("/mcp", PING),
                "(GET /sse with Host: evil.example)" => server.ask("GET /sse", "", "evil.example").0,
                _ => panic!("what is {asked}?"),
            };
            assert_eq!(answer.status.to_string(), status.trim_end(), "{asked}");
        }
    }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;

#[test]
fn what_would_make_it_deaf_on_stdio_is_refused_and_the_session_goes_on() {
    let server = Server::start();
    let mut events = server.listen().1;
    events.data();
    assert_eq!(server.post(&events.path(), INITIALIZE).status, 202);
    events.data();
    assert_eq!(server.post(&events.path(), INITIALIZED).status, 202);
    for deaf in [
        r#"{"jsonrpc":"2.0","id":3,"method":"no/such","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":-1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/no/such"}"#,
    ] {
        assert_eq!(server.post(&events.path(), deaf).status, 422, "{deaf}");
    }
    assert_eq!(server.post(&events.path(), PING).status, 202);
    assert_eq!(events.data(), r#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
}

#[test]
fn a_session_that_does_not_begin_with_initialize_is_gone() {
    let server = Server::start();
    let mut events = server.listen().1;
    events.data();
    assert_eq!(server.post(&events.path(), PING).status, 202);
    // Taken, and the session ends for it; only then is another refused.
    let gone =
        std::iter::repeat_with(|| server.post(&events.path(), PING).status).find(|&status| status != 202);
    assert_eq!(gone, Some(410));
}
