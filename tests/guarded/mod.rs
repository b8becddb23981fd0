//! Stacks with access control in them.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod frames;

use futures::stream;
use shadowcat::layer::AccessControlLayer;
use shadowcat::layer::access::Access;
use shadowcat::policy::{Policy, Rule, Target};
use shadowcat::rules::Text;
use shadowcat::{JsonRpcMessage, Reply};
use tower::{Layer, ServiceExt};

use super::support::{Seen, leaf};

/// The profile of the corpus.
pub(crate) fn no_evil() -> Policy {
    Policy::allow_by_default([Rule::deny("no-evil", Target::Tool(Text::exact("evil")))]).unwrap()
}

pub(crate) fn request(method: &str, params: &str) -> JsonRpcMessage {
    JsonRpcMessage::request(1, method, params).unwrap()
}

pub(crate) fn tool(name: &str) -> JsonRpcMessage {
    request("tools/call", &serde_json::json!({ "name": name }).to_string())
}

/// What the server received of a client's message; what it said is `says`, whatever it is asked, except by answers.
pub(crate) async fn guarded(access: &Access, sent: JsonRpcMessage, says: &[JsonRpcMessage]) -> (Reply, Seen) {
    let says = says.to_vec();
    let server = leaf(move |message: JsonRpcMessage| {
        let all = if message.method().is_some() { says.clone() } else { Vec::new() };
        async move {
            Ok(match &all[..] {
                [] => Reply::empty(),
                [one] => Reply::one(one.clone()),
                _ => Reply::stream(stream::iter(all.into_iter().map(Ok))),
            })
        }
    });
    let seen = server.seen.clone();
    let reply = AccessControlLayer::new(access).layer(server).oneshot(sent).await.unwrap();
    (reply, seen)
}

/// The texts of what the client gets, and of what the server received.
pub(crate) async fn exchange(
    access: &Access,
    sent: JsonRpcMessage,
    says: &[JsonRpcMessage],
) -> (Vec<String>, Vec<String>) {
    let (reply, seen) = guarded(access, sent, says).await;
    let got = super::support::rest(reply).await;
    (got, seen.all())
}

/// The code of an error, and its text.
pub(crate) fn error(text: &str) -> (i64, String) {
    let message: serde_json::Value = serde_json::from_str(text).unwrap();
    (message["error"]["code"].as_i64().unwrap(), message["error"]["message"].as_str().unwrap().to_owned())
}
