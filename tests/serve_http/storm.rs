//! The front end on HTTP under everything at once: every request is answered once, and nothing is left over.

use http::StatusCode;
use shadowcat::serve::{self, Http, http::SessionInfo};
use shadowcat::{Error, JsonRpcMessage, Kind, Reply};
use tower::service_fn;

use crate::front::{self, Events, INITIALIZE, body, endpoint, get, post, request, send};
use crate::support::{self, Dropped, call_text, cancelled, done, msg, progress};

const SESSIONS: usize = 40;
const CALLS: usize = 40;

/// Answers at once, later, with progress before, or never.
async fn answer(message: JsonRpcMessage, _alive: Dropped) -> Result<Reply, Error> {
    if message.is_listen() {
        return Ok(Reply::stream(futures::stream::pending()));
    }
    let Some(id) = message.owned_id().filter(|_| message.kind() == Kind::Request) else {
        return Ok(Reply::empty());
    };
    if message.method() == Some("initialize") {
        return Ok(Reply::one(message.responder().result(front::AGREED).unwrap().unwrap()));
    }
    let (sender, reply) = Reply::channel(8);
    let answer = msg(done(id.as_str()));
    tokio::spawn(async move {
        match fastrand::u8(0..4) {
            0 => {}
            1 => tokio::task::yield_now().await,
            2 => drop(sender.try_send(msg(progress(1, 1)))),
            _ => return sender.cancelled().await,
        }
        tokio::task::yield_now().await;
        sender.finish(answer);
    });
    Ok(reply)
}

/// One client: calls at once, half of them cancelled, some left, streams opened and dropped, and then the end.
async fn client(http: Http) {
    let opened = send(&http, post(None, INITIALIZE)).await;
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let calls: Vec<_> = (0..CALLS)
        .map(|id| {
            let (http, session) = (http.clone(), session.clone());
            tokio::spawn(async move {
                let response = send(&http, post(Some(&session), call_text(id))).await;
                if id % 5 == 0 {
                    return; // leaves
                }
                assert!(matches!(response.status().as_u16(), 200 | 404 | 502), "{}", response.status());
                let own = format!(r#""id":{id},"#);
                let text = body(response).await;
                assert!(text.matches(&own).count() <= 1, "{text}");
            })
        })
        .collect();
    let stream = Events::of(send(&http, get(&session)).await);
    for id in 0..CALLS / 2 {
        tokio::task::yield_now().await;
        let status = send(&http, post(Some(&session), cancelled(id))).await.status();
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    drop(stream);
    let deleted = send(&http, request("DELETE", Some(&session)).body(String::new()).unwrap()).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for call in calls {
        support::soon(call).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_is_answered_and_leaves_nothing() {
    let stacks = Dropped::default();
    let alive = stacks.clone();
    let make = service_fn(move |_: SessionInfo| {
        let alive = alive.guard();
        let stack = service_fn(move |message| answer(message, alive.clone()));
        async move { Ok::<_, Error>(stack) }
    });
    let http = serve::http(endpoint()).sessions(make).build();
    let clients: Vec<_> = (0..SESSIONS).map(|_| tokio::spawn(client(http.clone()))).collect();
    for client in clients {
        support::soon(client).await.unwrap();
    }
    assert!(http.sessions().is_empty());
    // Calls that were left end in tasks of their own.
    support::soon(async {
        while !http.is_idle() || stacks.alive() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
