//! What all sessions and requests together may keep: events for streams that are taken up again, and bodies that are
//! being read.

use bytes::Bytes;
use futures::channel::mpsc;
use http::{Request, Response, StatusCode};
use http_body_util::StreamBody;
use shadowcat::ReplySender;
use shadowcat::serve::Http;
use shadowcat::serve::http::Body;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::front::{self, Calls, Events, body, get, open, post, send, sending, sessions};
use crate::support::{call_text, done, msg, note, progress, settled, soon};

/// Bytes in all.
const ROOM: usize = 3000;

fn served() -> (Http, Calls) {
    sessions(|http| http.max_buffered(ROOM))
}

/// A notification of about 1000 bytes.
fn long(name: &str) -> String {
    note(name).replace('}', &format!(r#","params":{{"text":"{}"}}}}"#, "x".repeat(1000)))
}

/// A session whose client left after the first event of a call, the call, and the id of that event.
async fn left(http: &Http, calls: &mut Calls) -> (String, ReplySender, String) {
    let session = open(http, calls).await;
    let response = sending(http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 0))).unwrap();
    let seen = Events::of(response.await.unwrap()).next().await.unwrap().id.unwrap();
    settled().await;
    (session, sender, seen)
}

/// What is left of a call for a client that comes back.
async fn kept(http: &Http, session: &str, seen: &str) -> Vec<String> {
    let mut again = get(session);
    again.headers_mut().insert("last-event-id", seen.parse().unwrap());
    let response = send(http, again).await;
    if response.status() != StatusCode::OK {
        return Vec::new();
    }
    let (mut events, mut all) = (Events::of(response), Vec::new());
    while let Some(event) = events.next().await {
        all.push(String::from_utf8(event.data.to_vec()).unwrap()[..30].to_owned());
    }
    all
}

fn starts(messages: &[String]) -> Vec<String> {
    messages.iter().map(|text| text[..30].to_owned()).collect()
}

/// A body that comes as the test sends it.
type Slow = mpsc::UnboundedSender<Result<http_body::Frame<Bytes>, std::io::Error>>;

fn slowly(http: &Http, session: &str) -> (Slow, JoinHandle<Response<Body>>) {
    let (sender, chunks) = mpsc::unbounded();
    let (head, ()) = post(Some(session), "").map(drop).into_parts();
    let request = Request::from_parts(head, Box::pin(StreamBody::new(chunks)));
    let http = http.clone();
    (sender, tokio::spawn(async move { soon(http.oneshot(request)).await.unwrap() }))
}

async fn chunk(body: &Slow, text: impl Into<Bytes>) {
    body.unbounded_send(Ok(http_body::Frame::data(text.into()))).unwrap();
    settled().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_first_goes_first_whosever_it_is() {
    let (http, mut calls) = served();
    let (first, one, seen_by_first) = left(&http, &mut calls).await;
    let (second, two, seen_by_second) = left(&http, &mut calls).await;
    let [a, b, c, d] = ["a", "b", "c", "d"].map(long);
    for (sender, message) in [(&one, &a), (&two, &b), (&one, &c), (&two, &d)] {
        sender.try_send(msg(message)).unwrap();
        settled().await;
    }
    for sender in [one, two] {
        sender.finish(msg(done(1)));
    }
    settled().await;
    assert_eq!(kept(&http, &first, &seen_by_first).await, starts(&[c, done(1)]), "a went for c");
    assert_eq!(kept(&http, &second, &seen_by_second).await, starts(&[d, done(1)]), "and b for d");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_keeps_nothing() {
    let (http, mut calls) = served();
    for round in 0..10 {
        let (session, sender, seen) = left(&http, &mut calls).await;
        let [a, b] = ["a", "b"].map(long);
        for message in [&a, &b] {
            sender.try_send(msg(message)).unwrap();
        }
        sender.finish(msg(done(1)));
        settled().await;
        assert_eq!(kept(&http, &session, &seen).await, starts(&[a, b, done(1)]), "{round}");
        let end = front::request("DELETE", Some(&session)).body(String::new()).unwrap();
        assert!(send(&http, end).await.status().is_success());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_finds_no_room_is_refused_until_there_is_some() {
    let (http, mut calls) = served();
    let session = open(&http, &mut calls).await;
    let text = note("notifications/x");
    let (slow, waiting) = slowly(&http, &session);
    chunk(&slow, " ".repeat(ROOM - 100)).await;
    let (other, refused) = slowly(&http, &session);
    chunk(&other, " ".repeat(200)).await;
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(refused).await.contains("too much is being read"));
    // One that has come whole needs none.
    let whole = send(&http, post(Some(&session), format!("{}{text}", " ".repeat(ROOM)))).await;
    assert_eq!(whole.status(), StatusCode::ACCEPTED);

    chunk(&slow, text.clone()).await;
    drop(slow);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::ACCEPTED);
    for leaves in [true, false, true, false] {
        let (slow, waiting) = slowly(&http, &session);
        chunk(&slow, " ".repeat(ROOM - 100)).await;
        if leaves {
            waiting.abort();
            settled().await;
            continue;
        }
        chunk(&slow, text.clone()).await;
        drop(slow);
        assert_eq!(waiting.await.unwrap().status(), StatusCode::ACCEPTED);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_makes_room_for_a_body() {
    let (http, mut calls) = served();
    let (session, sender, seen) = left(&http, &mut calls).await;
    sender.try_send(msg(long("a"))).unwrap();
    settled().await;
    let (slow, waiting) = slowly(&http, &session);
    chunk(&slow, " ".repeat(ROOM - 500)).await;
    chunk(&slow, note("notifications/x")).await;
    drop(slow);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::ACCEPTED);
    sender.finish(msg(done(1)));
    settled().await;
    assert_eq!(kept(&http, &session, &seen).await, starts(&[done(1)]));
}
