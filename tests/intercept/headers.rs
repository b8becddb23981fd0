//! What a layer rewrites is what the head says: over 2026-07-28, before a server that refuses every other head.

#![cfg(all(feature = "http-server", feature = "http-client"))]

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body as Answer;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shadowcat::connect::Http;
use shadowcat::connect::http::{Body, HttpClient, Options};
use shadowcat::layer::CheckParamsLayer;
use shadowcat::layer::hold::{self, Breakpoint, HoldLayer, Holds};
use shadowcat::layer::intercept::{Action, Chain, InterceptLayer, Interest, on};
use shadowcat::protocol::Era;
use shadowcat::wire::http::Endpoint;
use shadowcat::{Edit, JsonRpcMessage, serve};
use tokio::net::TcpListener;
use tower::{Layer, Service};

use crate::support::{self, Seen, msg, soon};

/// What each tool mirrors: the header, and where its value stands.
fn mirrored_by(tool: &str) -> BTreeMap<&'static str, &'static str> {
    match tool {
        "t" => [("mcp-param-a", "/a"), ("mcp-param-n", "/n"), ("mcp-param-b", "/o/b")].into(),
        "u" => [("mcp-param-other", "/a")].into(),
        _ => BTreeMap::new(),
    }
}

fn tools() -> Value {
    let mirrored = |kind: &str, header: &str| json!({"type": kind, "x-mcp-header": header});
    let nested = json!({"type": "object", "properties": {"b": mirrored("boolean", "B")}});
    let tool = |name: &str, properties: Value| json!({"name": name, "inputSchema": {"type": "object", "properties": properties}});
    json!([
        tool("t", json!({"a": mirrored("string", "A"), "n": mirrored("integer", "N"), "o": nested})),
        tool("u", json!({"a": mirrored("string", "Other")})),
        tool("plain", json!({"a": {"type": "string"}})),
    ])
}

fn decoded(value: &str) -> String {
    let encoded = value.strip_prefix("=?base64?").and_then(|value| value.strip_suffix("?="));
    encoded.map_or(value.to_owned(), |value| String::from_utf8(STANDARD.decode(value).unwrap()).unwrap())
}

/// What a head must say of a body, by the book (2026-07-28 basic/transports/streamable-http).
fn due(body: &Value) -> BTreeMap<String, String> {
    let (method, params) = (body["method"].as_str().unwrap(), &body["params"]);
    let mut due = BTreeMap::from([("mcp-method".to_owned(), method.to_owned())]);
    let name = match method {
        "tools/call" | "prompts/get" => &params["name"],
        "resources/read" => &params["uri"],
        _ => &Value::Null,
    };
    due.extend(name.as_str().map(|name| ("mcp-name".to_owned(), name.to_owned())));
    if method == "tools/call" {
        for (header, place) in mirrored_by(name.as_str().unwrap()) {
            let value = params["arguments"].pointer(place);
            let value = value.map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            due.extend(value.map(|value| (header.to_owned(), value)));
        }
    }
    due
}

fn said(headers: &HeaderMap) -> BTreeMap<String, String> {
    let ours = headers.iter().filter(|(name, _)| {
        let name = name.as_str();
        name.starts_with("mcp-param-") || name == "mcp-name" || name == "mcp-method"
    });
    ours.map(|(name, value)| (name.to_string(), decoded(value.to_str().unwrap()))).collect()
}

/// Refuses a head that does not say what the body says, all of it and nothing more.
async fn strict(State(seen): State<Seen>, request: Request<Answer>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let (status, answer) = match (said(&head.headers), due(&body)) {
        (said, due) if said != due => {
            (400, json!({"error": {"code": -32020, "message": format!("{said:?} is not {due:?}")}}))
        }
        _ if body["method"] == "tools/list" => (200, json!({"result": {"tools": tools()}})),
        // Of the layer that checks heads; it goes on without.
        _ if body["method"] == "subscriptions/listen" => {
            (200, json!({"error": {"code": -32601, "message": "Method not found"}}))
        }
        _ => {
            seen.push(String::from_utf8(bytes.to_vec()).unwrap());
            (200, json!({"result": {"resultType": "complete"}}))
        }
    };
    let mut answer = answer;
    (answer["jsonrpc"], answer["id"]) = (json!("2.0"), body["id"].clone());
    let head = Response::builder().status(status).header("content-type", "application/json");
    head.body(answer.to_string().into()).unwrap()
}

/// A front end, the layers, and the strict server behind them.
struct Stack {
    url: String,
    chain: Chain,
    holds: Holds,
    /// What the strict server took.
    taken: Seen,
}

async fn listener() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

impl Stack {
    async fn start() -> Self {
        let (taken, chain, holds) = (Seen::default(), Chain::new(), Holds::new(hold::Options::new()));
        let (server, upstream) = listener().await;
        let app = Router::new().fallback(strict).with_state(taken.clone());
        tokio::spawn(async move { axum::serve(server, app).await });
        let upstream = format!("http://{upstream}/mcp").parse().unwrap();
        let leaf = Http::with_options(HttpClient::new(), upstream, Options::new().era(Era::Modern));
        let held = HoldLayer::new(&holds).layer(leaf);
        // What the client's head said is judged before anything is rewritten.
        let stack = CheckParamsLayer::new().layer(InterceptLayer::new(chain.clone()).layer(held));
        let (front, address) = listener().await;
        let http = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).stateless(stack).build();
        tokio::spawn(http.server().run(front, std::future::pending()));
        Self { url: format!("http://{address}/mcp"), chain, holds, taken }
    }

    /// The answer to a request whose head says what is due, but for `lies`.
    async fn ask(&self, body: &Value, lies: &[(&'static str, &str)]) -> Value {
        let mut request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .body(Body::from(Bytes::from(body.to_string())))
            .unwrap();
        for (name, value) in due(body) {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, shadowcat::wire::http::encode_value(&value));
        }
        for (name, value) in lies {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = soon(HttpClient::new().call(request)).await.unwrap();
        let bytes = soon(response.into_body().collect()).await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }
}

fn request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

fn call() -> Value {
    request("tools/call", json!({"name": "t", "arguments": {"a": "x", "n": 1, "o": {"b": true}}}))
}

type Rewrite = fn(Edit) -> Edit;

/// What is sent, how it is rewritten, and what of it the server sees at a place.
fn rewrites() -> Vec<(Value, Rewrite, &'static str, Value)> {
    fn at(edit: Edit, place: &str, json: &str) -> Edit {
        edit.set(&place.parse().unwrap(), json)
    }
    let prompt = || request("prompts/get", json!({"name": "p", "arguments": {"a": "x"}}));
    let resource = || request("resources/read", json!({"uri": "x:1"}));
    vec![
        (call(), |edit| edit, "/params/arguments/a", json!("x")),
        (call(), |edit| at(edit, "/params/arguments/a", "\"žluť \""), "/params/arguments/a", json!("žluť ")),
        (
            call(),
            |edit| at(edit, "/params/arguments/a", "\"=?base64?eA==?=\""),
            "/params/arguments/a",
            json!("=?base64?eA==?="),
        ),
        (call(), |edit| at(edit, "/params/arguments/n", "-7"), "/params/arguments/n", json!(-7)),
        (call(), |edit| at(edit, "/params/arguments/o/b", "false"), "/params/arguments/o/b", json!(false)),
        (
            call(),
            |edit| edit.remove(&"/params/arguments/a".parse().unwrap()),
            "/params/arguments",
            json!({"n": 1, "o": {"b": true}}),
        ),
        (call(), |edit| at(edit, "/params/arguments", "{}"), "/params/arguments", json!({})),
        (call(), |edit| edit.remove(&"/params/arguments".parse().unwrap()), "/params/name", json!("t")),
        (call(), |edit| at(edit, "/params/name", "\"u\""), "/params/name", json!("u")),
        (call(), |edit| at(edit, "/params/name", "\"plain\""), "/params/name", json!("plain")),
        (call(), |edit| edit.method("prompts/get"), "/method", json!("prompts/get")),
        (
            call(),
            |edit| at(edit.method("resources/read"), "/params/uri", "\"x:2\""),
            "/method",
            json!("resources/read"),
        ),
        (call(), |edit| edit.method("x/other"), "/method", json!("x/other")),
        (prompt(), |edit| at(edit, "/params/name", "\"q é\""), "/params/name", json!("q é")),
        (
            prompt(),
            |edit| at(edit.method("tools/call"), "/params/name", "\"t\""),
            "/method",
            json!("tools/call"),
        ),
        (resource(), |edit| at(edit, "/params/uri", "\"x:é/\\u00fc\""), "/params/uri", json!("x:é/ü")),
        (resource(), |edit| edit.method("prompts/list"), "/method", json!("prompts/list")),
    ]
}

#[tokio::test]
async fn what_is_rewritten_is_what_the_head_says() {
    let stack = Stack::start().await;
    for (number, (sent, rewrite, place, wanted)) in rewrites().into_iter().enumerate() {
        let change = move |message: &JsonRpcMessage| rewrite(message.clone().edit()).finish().unwrap();
        // By an interceptor, then by a person, who writes the whole message anew.
        let interest = Interest::requests().method(sent["method"].as_str().unwrap());
        stack
            .chain
            .add("rewrite", on(interest.clone(), move |seen| Action::Modify(change(seen.message()))))
            .unwrap();
        let answer = stack.ask(&sent, &[]).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{number}: {answer}");
        assert!(stack.chain.remove("rewrite"));

        stack.holds.set(Breakpoint::new("rewrite", interest)).unwrap();
        let person = async {
            let held = stack.holds.next().await;
            held.edit(msg(support::text(&change(held.message())))).unwrap();
        };
        let (answer, ()) = tokio::join!(stack.ask(&sent, &[]), person);
        assert_eq!(answer["result"]["resultType"], "complete", "{number}: {answer}");
        assert!(stack.holds.clear("rewrite"));

        for taken in &stack.taken.all()[2 * number..] {
            let taken: Value = serde_json::from_str(taken).unwrap();
            assert_eq!(taken.pointer(place), Some(&wanted), "{number}: {taken}");
        }
        assert_eq!(stack.taken.len(), 2 * (number + 1));
    }
}

/// A rewrite would make an honest head of a lie.
#[tokio::test]
async fn a_head_that_lies_is_refused_before_anything_is_rewritten() {
    let stack = Stack::start().await;
    let rewrite = |seen: &mut shadowcat::layer::intercept::Interception| {
        let edit = seen.message().clone().edit().set(&"/params/arguments/a".parse().unwrap(), "\"y\"");
        Action::Modify(edit.finish().unwrap())
    };
    stack.chain.add("rewrite", on(Interest::requests().method("tools/call"), rewrite)).unwrap();
    let lies: [&[(&str, &str)]; 4] =
        [&[("mcp-method", "ping")], &[("mcp-name", "u")], &[("mcp-param-a", "y")], &[("mcp-param-n", "2")]];
    for lie in lies {
        assert_eq!(stack.ask(&call(), lie).await["error"]["code"], -32020, "{lie:?}");
    }
    assert!(stack.taken.all().is_empty());
    assert_eq!(stack.ask(&call(), &[]).await["result"]["resultType"], "complete");
}
