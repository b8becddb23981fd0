//! The client's side: what it says and hears, on a pipe or over HTTP.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use shadowcat::connect::http::{Body, HttpClient, ResponseBody};
use shadowcat::protocol::peek;
use shadowcat::wire::sse::{Decoder, Limits};
use shadowcat::{JsonRpcMessage, Kind, Pointer};
use tokio::task::JoinHandle;
use tower::Service;

use crate::support::{Peer, msg, soon};

pub(crate) enum Client {
    Pipe(Peer),
    Http { url: String, session: Option<String>, listen: Option<Stream> },
}

/// Where the answer to one message is read: on a pipe, that is the pipe itself.
pub(crate) enum Stream {
    Pipe,
    Coming(JoinHandle<Response<ResponseBody>>),
    Document(ResponseBody),
    Open(ResponseBody, Box<Decoder>),
    Over,
}

impl Client {
    /// Sends; what comes of it is read later.
    pub(crate) async fn send(&mut self, message: &str) -> Stream {
        match self {
            Self::Pipe(peer) => {
                peer.say(message).await;
                Stream::Pipe
            }
            Self::Http { .. } => {
                let request = self.post(message);
                Stream::Coming(tokio::spawn(
                    async move { soon(HttpClient::new().call(request)).await.unwrap() },
                ))
            }
        }
    }

    /// The next message of what comes of one that was sent.
    pub(crate) async fn hear(&mut self, stream: &mut Stream) -> String {
        match self {
            Self::Pipe(peer) => peer.hear().await.expect("the stack is there"),
            Self::Http { .. } => stream.next().await.expect("there is another message"),
        }
    }

    /// Nothing more comes of what was sent. A pipe tells that by what it says next.
    pub(crate) async fn hears_the_end(&mut self, mut stream: Stream) {
        if let Self::Http { .. } = self {
            assert_eq!(stream.next().await, None);
        }
    }

    /// The next message that belongs to no call.
    pub(crate) async fn hear_unasked(&mut self) -> String {
        match self {
            Self::Pipe(peer) => peer.hear().await.expect("the stack is there"),
            Self::Http { listen, .. } => {
                listen.as_mut().expect("it listens").next().await.expect("there is another message")
            }
        }
    }

    /// Asks for what belongs to no call, in a session on HTTP.
    pub(crate) async fn listen(&mut self) {
        if let Self::Http { url, session, listen } = self {
            let request = Request::get(&*url)
                .header("accept", "text/event-stream")
                .header("mcp-session-id", session.as_deref().expect("a session is open"));
            let request = request.body(Body::from(Bytes::new())).unwrap();
            let response = soon(HttpClient::new().call(request)).await.unwrap();
            assert_eq!(response.status(), 200);
            *listen = Some(Stream::of(response));
        }
    }

    pub(crate) fn set_session(&mut self, id: String) {
        if let Self::Http { session, .. } = self {
            *session = Some(id);
        }
    }

    fn post(&self, message: &str) -> Request<Body> {
        let Self::Http { url, session, .. } = self else { panic!("a pipe has no heads") };
        let mut request = Request::post(url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        for (name, value) in heads(&msg(message)) {
            request = request.header(name, value);
        }
        request.body(Body::from(Bytes::from(message.to_owned()))).unwrap()
    }
}

/// What the head of a modern message mirrors, its argument `a` among it.
fn heads(message: &JsonRpcMessage) -> Vec<(&'static str, String)> {
    let Ok(Some(version)) = peek::protocol_version(message) else { return Vec::new() };
    let read = |place: &str| {
        let found = place.parse::<Pointer>().unwrap().find(message.bytes()).unwrap();
        found.map(|json| serde_json::from_slice::<String>(json).unwrap())
    };
    let named = read("/params/name").or_else(|| read("/params/uri"));
    let named = named.filter(|_| message.kind() == Kind::Request).map(|name| ("mcp-name", name));
    let a = read("/params/arguments/a").map(|a| ("mcp-param-a", a));
    let method = message.method().unwrap().to_owned();
    [("mcp-protocol-version", version.into_owned()), ("mcp-method", method)]
        .into_iter()
        .chain(named)
        .chain(a)
        .collect()
}

impl Stream {
    pub(crate) fn of(response: Response<ResponseBody>) -> Self {
        Self::Open(response.into_body(), Box::new(Decoder::new(Limits::default())))
    }

    /// Closes the connection, before or after the head has come.
    pub(crate) fn leave(self) {
        if let Self::Coming(coming) = self {
            coming.abort();
        }
    }

    /// The response's head.
    pub(crate) async fn head(&mut self) -> http::response::Parts {
        let Self::Coming(coming) = self else { panic!("the head was read already") };
        let (head, body) = soon(coming).await.unwrap().into_parts();
        let kind = head.headers.get("content-type").map(|kind| kind.to_str().unwrap());
        *self = match kind {
            Some("text/event-stream") => Self::Open(body, Box::new(Decoder::new(Limits::default()))),
            _ => Self::Document(body),
        };
        head
    }

    /// The next message, of a document or of a stream of events; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        if let Self::Coming(_) = self {
            self.head().await;
        }
        if let Self::Document(body) = self {
            let bytes = soon(body.collect()).await.unwrap().to_bytes();
            *self = Self::Over;
            return (!bytes.is_empty()).then(|| String::from_utf8(bytes.to_vec()).unwrap());
        }
        let Self::Open(body, decoder) = self else { return None };
        loop {
            if let Some(event) = decoder.next_event().unwrap() {
                // One without data tells where to take the stream up.
                if !event.data.is_empty() {
                    return Some(String::from_utf8(event.data.to_vec()).unwrap());
                }
                continue;
            }
            let frame = soon(body.frame()).await?;
            if let Ok(data) = frame.unwrap().into_data() {
                decoder.push(data);
            }
        }
    }
}
