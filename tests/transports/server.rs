//! The server's side: a process on a pipe, or an HTTP server; what it hears and says is the test's.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body as Answer;
use axum::extract::State;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http::{Method, Request, Response};
use shadowcat::connect::http::Body;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tower::ServiceExt;

use crate::support::{msg, soon};
use crate::upstream::{self, Asked, Events, Upstream};
use shadowcat::Kind;

pub(crate) enum Server {
    Pipe(Lines<BufReader<OwnedReadHalf>>, OwnedWriteHalf),
    Http {
        asked: Upstream,
        /// The stream of the call that was heard last.
        call: Option<Events>,
        /// What is said unasked goes here.
        listen: Option<Events>,
    },
}

impl Server {
    /// The far end of the process that relays.
    pub(crate) async fn relayed(listener: &TcpListener) -> Self {
        let socket = soon(listener.accept()).await.unwrap().0;
        socket.set_nodelay(true).unwrap();
        let (read, write) = socket.into_split();
        Self::Pipe(BufReader::new(read).lines(), write)
    }

    /// On a socket; its address.
    pub(crate) async fn on_http() -> (String, Self) {
        let (client, asked) = upstream::client();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(hand_on).with_state(Arc::new(Mutex::new(client)));
        tokio::spawn(async move {
            axum::serve(listener.tap_io(|socket| drop(socket.set_nodelay(true))), app).await
        });
        (format!("http://{address}/mcp"), Self::Http { asked, call: None, listen: None })
    }

    /// The next message. A request is begun to be answered with a stream.
    pub(crate) async fn hear(&mut self) -> String {
        match self {
            Self::Pipe(lines, _) => soon(lines.next_line()).await.unwrap().expect("the stack is there"),
            Self::Http { asked, call, .. } => {
                let asked = asked.asked().await;
                assert_eq!(asked.head.method, Method::POST, "{asked:?}");
                let heard = asked.body.clone();
                match msg(&heard).kind() {
                    Kind::Request => *call = Some(asked.events()),
                    _ => asked.status(202),
                }
                heard
            }
        }
    }

    /// The next message, which must be this request, answered with a single document.
    pub(crate) async fn answers(&mut self, request: &str, response: &str) {
        match self {
            Self::Pipe(..) => {
                assert_eq!(self.hear().await, request);
                self.say(response).await;
            }
            Self::Http { asked, .. } => asked.post(request).await.json(response.to_owned()),
        }
    }

    /// Says something during the call that was heard last.
    pub(crate) async fn say(&mut self, message: &str) {
        match self {
            Self::Pipe(_, write) => soon(write.write_all(format!("{message}\n").as_bytes())).await.unwrap(),
            Self::Http { call, .. } => call.as_mut().expect("a call is open").say(message),
        }
    }

    /// Says something that belongs to no call.
    pub(crate) async fn say_unasked(&mut self, message: &str) {
        match self {
            Self::Pipe(..) => self.say(message).await,
            Self::Http { listen, .. } => listen.as_mut().expect("somebody listens").say(message),
        }
    }

    /// The call is over.
    pub(crate) fn end_call(&mut self) {
        if let Self::Http { call, .. } = self {
            *call = None;
        }
    }

    /// What was opened last is where it speaks unasked.
    pub(crate) fn keep_listen(&mut self) {
        if let Self::Http { call, listen, .. } = self {
            *listen = call.take();
        }
    }

    /// The next request on HTTP, to be answered by hand.
    pub(crate) async fn asked(&mut self) -> Asked {
        match self {
            Self::Http { asked, .. } => asked.asked().await,
            Self::Pipe(..) => panic!("a process is not asked over HTTP"),
        }
    }

    /// The stream that the leaf asks for is where it speaks unasked.
    pub(crate) async fn opens_listen(&mut self) {
        let asked = self.asked().await;
        assert_eq!(asked.head.method, Method::GET, "{asked:?}");
        if let Self::Http { listen, .. } = self {
            *listen = Some(asked.events());
        }
    }
}

async fn hand_on(
    State(client): State<Arc<Mutex<upstream::Client>>>,
    request: Request<Answer>,
) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let client = client.lock().unwrap().clone();
    client
        .oneshot(Request::from_parts(head, Body::from(body)))
        .await
        .unwrap_or_else(|_| Response::builder().status(500).body(Answer::empty()).unwrap())
}
