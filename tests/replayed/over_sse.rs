//! The transcript of a Wassette on HTTP+SSE, answered by its tape behind the front end for HTTP+SSE.

use http::StatusCode;
use shadowcat::connect::Replay;
use shadowcat::serve::http::SessionInfo;
use shadowcat::serve::{self, Http};
use shadowcat::tape::Entry;
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, JsonRpcMessage};
use tower::service_fn;

use crate::front::{Events, at, endpoint, post, request, send};
use crate::process::wassette::transcript;
use crate::replayed::{down, replay, up};

/// A body that was posted, or a message that came on the stream; the rest of the transcript is HTTP's.
enum Line<'a> {
    Posted(&'a str),
    Heard(&'a str),
}

fn line(line: &str) -> Option<Line<'_>> {
    if let Some(body) = line.strip_prefix("POST /message?sessionId=… ") {
        return Some(Line::Posted(body));
    }
    line.strip_prefix("data: ").filter(|data| data.starts_with('{')).map(Line::Heard)
}

fn served(replay: Replay) -> Http {
    let sse = Endpoint::bound_to("/sse", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let sessions = service_fn(move |_: SessionInfo| std::future::ready(Ok::<_, Error>(replay.clone())));
    serve::http(endpoint()).http_sse(sse).sessions(sessions).build()
}

#[tokio::test]
async fn wassette_says_on_the_stream_again_what_it_said_there() {
    let transcript = transcript("http-sse");
    let lines: Vec<Line<'_>> = transcript.iter().filter_map(|entry| line(&entry.line)).collect();
    let entries = lines.iter().filter_map(|line| -> Option<Entry> {
        match line {
            Line::Posted(body) => JsonRpcMessage::parse((*body).to_owned()).is_ok().then(|| up(body)),
            Line::Heard(data) => Some(down(data)),
        }
    });
    let replay = replay(entries);
    let http = served(replay.clone());
    let stream = send(&http, at("/sse", request("GET", None).body(String::new()).unwrap())).await;
    let mut events = Events::of(stream);
    let uri = format!("/sse{}", events.data().await);
    let (mut posted, mut heard) = (0, 0);
    for line in lines {
        match line {
            Line::Posted(body) => {
                // What is no message never reached the real one either.
                let is_message = JsonRpcMessage::parse(body.to_owned()).is_ok();
                let status = if is_message { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST };
                assert_eq!(send(&http, at(&uri, post(None, body))).await.status(), status, "{body}");
                posted += 1;
            }
            Line::Heard(data) => {
                assert_eq!(events.data().await, data);
                heard += 1;
            }
        }
    }
    assert_eq!((posted, heard), (5, 3));
    assert!(replay.unused().is_empty() && replay.mismatches().is_empty(), "{replay:?}");
    assert_eq!(replay.stats().unrecorded_notifications, 0);
}
