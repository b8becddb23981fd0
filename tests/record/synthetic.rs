//! What a layer answers in somebody's place is marked on a tape, whichever layer it is, and is never played.

#![cfg(feature = "tape")]

use std::sync::Arc;
use std::time::Duration;

use futures::stream;
use http::HeaderMap;
use shadowcat::layer::access::Access;
use shadowcat::layer::components::Control;
use shadowcat::layer::intercept::{Action, Chain, Interest, on};
use shadowcat::layer::pin::{self, Pins};
use shadowcat::layer::quota::{Limit, Quotas};
use shadowcat::layer::{
    AccessControlLayer, CatchErrorLayer, CheckParamsLayer, ComponentGuardLayer, InterceptLayer,
    PinToolsLayer, QuotaLayer, RecordLayer, TimeoutLayer,
};
use shadowcat::policy::wassette::Profile;
use shadowcat::policy::{Policy, Rule, Target};
use shadowcat::rules::Text;
use shadowcat::tape::{Edge, EntryKind, RecorderOptions};
use shadowcat::verify::Verify;
use shadowcat::wire::http::Mirrored;
use shadowcat::{BoxError, Code, Context, Direction, Error, JsonRpcMessage, Reply};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::recorded::{Memory, recording};
use crate::support::{call, leaf, rest, soon};
use crate::verified;

/// What a server says.
#[derive(Clone, Copy)]
enum Says {
    /// This result.
    Result(&'static str),
    /// Nothing, ever.
    Nothing,
    /// The channel breaks at once.
    Breaks,
    /// It breaks in the middle.
    BreaksOff,
    /// This question, and nothing more.
    Asks(&'static str),
}

async fn server(says: Says, message: JsonRpcMessage) -> Result<Reply, Error> {
    let gone = || Error::closed("gone");
    match says {
        _ if message.method().is_none() => Ok(Reply::empty()),
        Says::Result(result) => Ok(verified::answer(&message, result)),
        Says::Nothing => std::future::pending().await,
        Says::Breaks => Err(gone()),
        Says::BreaksOff => {
            let note = JsonRpcMessage::notification("notifications/message", "{}").unwrap();
            Ok(Reply::stream(stream::iter([Ok(note), Err(gone())])))
        }
        Says::Asks(method) => {
            let question = JsonRpcMessage::request("q", method, "{}").unwrap();
            Ok(Reply::stream(stream::iter([Ok(question), Err(gone())])))
        }
    }
}

fn request(method: &str, params: &str) -> JsonRpcMessage {
    JsonRpcMessage::request(1, method, params).unwrap()
}

/// The responses on a tape of `layer` over a server, and whether they are marked; recorded at this edge.
async fn marks_at<L, S>(edge: Edge, layer: L, says: Says, sent: JsonRpcMessage) -> Vec<(String, bool)>
where
    L: Layer<BoxCloneService<JsonRpcMessage, Reply, Error>, Service = S>,
    S: Service<JsonRpcMessage, Response = Reply> + Send + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
{
    let (recorder, memory) = recording(RecorderOptions::new());
    let record = RecordLayer::new(recorder.clone()).edge(edge);
    let is_below = edge == Edge::Upstream;
    let below = service_fn(move |message| server(says, message));
    let below = match is_below {
        true => BoxCloneService::new(record.clone().layer(below)),
        false => BoxCloneService::new(below),
    };
    let guarded = layer.layer(below).map_err(|error| Error::from(error.into())).boxed();
    let stack = match is_below {
        true => guarded,
        false => record.layer(guarded).boxed(),
    };
    if let Ok(reply) = stack.oneshot(sent).await {
        let _ = futures::StreamExt::collect::<Vec<_>>(reply).await;
    }
    soon(recorder.finish()).await.unwrap();
    responses(&memory)
}

fn responses(memory: &Memory) -> Vec<(String, bool)> {
    let entries = memory.entries();
    let said = entries.iter().filter(|entry| entry.kind == EntryKind::Response);
    said.map(|entry| (String::from_utf8_lossy(&entry.bytes).into_owned(), entry.synthetic)).collect()
}

/// The layer answers in the server's place, and that is on the tape.
macro_rules! refuses {
    ($layer:expr, $says:expr, $sent:expr, $word:literal) => {{
        let marks = marks_at(Edge::Client, $layer, $says, $sent).await;
        assert!(
            matches!(&marks[..], [(text, true)] if text.contains($word)),
            "{} says {marks:?}, not {}",
            stringify!($layer),
            $word
        );
    }};
}

fn denying() -> Access {
    let all = [
        Rule::deny("tool", Target::Tool(Text::exact("t"))),
        Rule::deny("prompt", Target::Prompt(Text::exact("p"))),
        Rule::deny("resource", Target::Resource(Text::exact("file:///r"))),
        Rule::deny("method", Target::Method(Text::exact("x/y"))),
        Rule::deny("ask", Target::Method(Text::exact("sampling/createMessage"))),
    ];
    Access::new(Policy::allow_by_default(all).unwrap())
}

const FINE: Says = Says::Result("{}");
const NO_LIST: Says = Says::Result(r#"{"tools":7}"#);

#[tokio::test]
async fn what_is_denied_is_marked() {
    let access = || AccessControlLayer::new(&denying());
    refuses!(access(), FINE, call(1), "Unknown tool");
    refuses!(access(), FINE, request("prompts/get", r#"{"name":"p"}"#), "Unknown prompt");
    refuses!(access(), FINE, request("resources/read", r#"{"uri":"file:///r"}"#), "not found");
    refuses!(access(), FINE, request("x/y", "{}"), "Method not found");
    refuses!(access(), FINE, request("tools/call", "{}"), "error");
    refuses!(access(), NO_LIST, request("tools/list", "{}"), "not acceptable");
    let none = marks_at(Edge::Client, access(), FINE, request("ping", "{}")).await;
    assert!(matches!(&none[..], [(_, false)]), "the server's own answer is not: {none:?}");
}

#[tokio::test]
async fn what_is_said_to_a_server_in_the_clients_place_is_marked() {
    let asks = Says::Asks("sampling/createMessage");
    let access = AccessControlLayer::new(&denying());
    let marks = marks_at(Edge::Upstream, access, asks, request("ping", "{}")).await;
    assert!(matches!(&marks[..], [(text, true)] if text.contains("Method not found")), "{marks:?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_marked() {
    refuses!(CatchErrorLayer::new(), Says::Breaks, call(1), "upstream_closed");
    refuses!(CatchErrorLayer::new(), Says::BreaksOff, call(1), "upstream_closed");
    let timeout = TimeoutLayer::new().first(Duration::from_millis(1));
    refuses!(timeout, Says::Nothing, call(1), "timeout");
    let quotas = Quotas::new([Limit::quota("none", 1, Duration::from_secs(60))]);
    let first = marks_at(Edge::Client, QuotaLayer::new(&quotas), FINE, call(1)).await;
    assert!(matches!(&first[..], [(_, false)]), "{first:?}");
    refuses!(QuotaLayer::new(&quotas), FINE, call(1), "Too many requests");
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_marked() {
    let guard = || ComponentGuardLayer::new(&Control::new(Profile::new()));
    refuses!(guard(), FINE, request("tools/call", r#"{"name":"load-component"}"#), "Unknown tool");
    refuses!(guard(), NO_LIST, request("tools/list", "{}"), "not acceptable");
    let pins = || PinToolsLayer::new(&Pins::new(pin::Options::new().server("s")));
    refuses!(pins(), NO_LIST, request("tools/list", "{}"), "not acceptable");
    refuses!(pins(), FINE, request("tools/call", "{}"), "names no tool");
    let over_http = |header: &str| {
        let sent = request("tools/call", r#"{"name":"t","arguments":{"a":"x"}}"#);
        let headers = HeaderMap::from_iter([("mcp-param-a".parse().unwrap(), header.parse().unwrap())]);
        let mut context = Context::new(Direction::ToUpstream);
        context.shared_mut().insert(Mirrored::new(sent.clone(), &headers));
        sent.with_context(Arc::new(context))
    };
    let listed =
        r#"{"tools":[{"name":"t","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}]}"#;
    refuses!(CheckParamsLayer::new(), Says::Result(listed), over_http("y"), "-32020");
    refuses!(CheckParamsLayer::new(), NO_LIST, over_http("y"), "error");
    let marks = marks_at(Edge::Upstream, CheckParamsLayer::new(), NO_LIST, over_http("y")).await;
    assert!(!marks.is_empty() && marks.iter().all(|(_, mark)| !mark), "the server's own: {marks:?}");
    let chain = Chain::new();
    chain.add("no", on(Interest::requests(), |_| Action::block(Code::INVALID_PARAMS, "no"))).unwrap();
    refuses!(InterceptLayer::new(chain), FINE, call(1), "no");
}

#[cfg(feature = "secret")]
#[tokio::test]
async fn what_cannot_be_stripped_is_marked() {
    use shadowcat::layer::StripTokensLayer;
    let strip = || StripTokensLayer::both().max_bytes(80);
    let secret = Says::Result(r#"{"password":"hunter2","padding":"------------------------------------"}"#);
    refuses!(strip(), secret, request("ping", "{}"), "error");
    let sent = request("tools/call", r#"{"name":"t","arguments":{"password":"hunter2","a":"-----------"}}"#);
    refuses!(strip(), FINE, sent, "error");
}

#[cfg(feature = "schema")]
#[tokio::test]
async fn what_breaks_a_schema_is_marked() {
    use shadowcat::layer::ValidateArgumentsLayer;
    use shadowcat::layer::validate::{Options, Schemas};
    let schemas = Schemas::new(Options::new());
    refuses!(ValidateArgumentsLayer::new(&schemas), FINE, request("tools/call", "{}"), "names no tool");
}

/// The end of it all: what a policy has kept from a server is not sent to it by playing the tape.
#[tokio::test]
async fn a_call_that_was_denied_is_not_played_to_the_server() {
    let (recorder, memory) = recording(RecorderOptions::new());
    let mut stack = ServiceBuilder::new()
        .layer(RecordLayer::new(recorder.clone()))
        .layer(CatchErrorLayer::new())
        .layer(AccessControlLayer::new(&denying()))
        .service_fn(|message| server(FINE, message));
    for sent in [request("ping", "{}"), call(2), JsonRpcMessage::request(3, "ping", "{}").unwrap()] {
        let _ = rest(stack.ready().await.unwrap().call(sent).await.unwrap()).await;
    }
    soon(recorder.finish()).await.unwrap();

    let alone = leaf(|message| server(FINE, message));
    let seen = alone.seen.clone();
    let tape = verified::Played::new(memory.tape(), memory.entries());
    let report = soon(Verify::new(tape).run(alone)).await.unwrap();
    assert!(report.is_deterministic(), "{report}");
    assert_eq!((report.totals.calls, report.totals.left_out), (2, 1), "{report}");
    assert!(seen.all().iter().all(|sent| !sent.contains("tools/call")), "{:?}", seen.all());
}

#[tokio::test]
async fn what_was_marked_is_marked_when_it_is_replayed() {
    let mut made = verified::Made::new().call(1, "ping", "{}", "{}").call(2, "ping", r#"{"a":1}"#, "{}");
    made.entries.last_mut().unwrap().synthetic = true;
    let replay = shadowcat::connect::replay::Options::new().read(&mut made.source()).unwrap();
    let (recorder, memory) = recording(RecorderOptions::new());
    let mut stack = RecordLayer::new(recorder.clone()).layer(replay);
    for params in ["{}", r#"{"a":1}"#] {
        let reply = stack.ready().await.unwrap().call(request("ping", params)).await.unwrap();
        let _ = rest(reply).await;
    }
    soon(recorder.finish()).await.unwrap();
    let marks: Vec<_> = responses(&memory).into_iter().map(|(_, mark)| mark).collect();
    assert_eq!(marks, [false, true]);
}
