//! Stacks that do damage.

#![allow(dead_code, reason = "each test uses some of it")]

use super::support::msg;
use shadowcat::layer::rules::Rules;
use shadowcat::rules::{Action, Failure, Fault, Matcher, Rule, RuleSet, Text};
use shadowcat::{Direction, Error, JsonRpcMessage, Kind, Reply, RpcService};
use tower::service_fn;

pub(crate) const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}"#;
pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
pub(crate) const PONG: &str = r#"{"jsonrpc":"2.0","id":2,"result":{}}"#;
pub(crate) const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
pub(crate) const RESULT: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;

pub(crate) fn faulty(matcher: Matcher, failure: Failure) -> Rules {
    let mut fault = Fault::default();
    fault.failure = Some(failure);
    Rules::new(RuleSet::new([Rule::new("fault", matcher, Action::Fault(fault))]).unwrap()).unwrap()
}

pub(crate) fn requests() -> Matcher {
    Matcher::new().method(Text::exact("tools/call"))
}

pub(crate) fn responses() -> Matcher {
    requests().kind(Kind::Response).direction(Direction::ToClient)
}

pub(crate) fn logs() -> Matcher {
    Matcher::new().method(Text::exact("notifications/message"))
}

/// Answers a call, with a log line before the result if there is to be one, and everything else by an empty result.
pub(crate) fn server(logs: bool) -> impl RpcService + Clone {
    service_fn(move |message: JsonRpcMessage| {
        let said = [LOG, RESULT].map(|text| Ok(msg(text)));
        let reply = match message.method() {
            _ if message.is_session_listen() => Reply::stream(futures::stream::pending()),
            Some("tools/call") if logs => Reply::stream(futures::stream::iter(said)),
            Some("tools/call") => Reply::one(msg(RESULT)),
            _ => message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one),
        };
        std::future::ready(Ok::<_, Error>(reply))
    })
}

/// Whether what was seen is what was expected, so damaged.
pub(crate) type IsRight = fn(seen: &[u8], expected: &[u8]) -> bool;

pub(crate) fn damages() -> [(Failure, IsRight); 5] {
    let truncated: IsRight = |seen, expected| *seen == expected[..20];
    let corrupted: IsRight = |seen, expected| {
        seen.len() == expected.len()
            && seen.iter().zip(expected).filter(|(one, other)| one != other).count() == 3
    };
    let whole: IsRight = |seen, expected| seen == expected;
    [
        (Failure::Disconnect, |_, _| false),
        (Failure::Truncate(20), truncated),
        (Failure::Corrupt(3), corrupted),
        (Failure::Duplicate(2), whole),
        (Failure::Flood(2), whole),
    ]
}

pub(crate) fn times(failure: &Failure) -> usize {
    match failure {
        Failure::Disconnect => 0,
        Failure::Duplicate(_) | Failure::Flood(_) => 3,
        _ => 1,
    }
}
