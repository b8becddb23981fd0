//! Questions of a server that was made anew: their ids are told apart from those of the ones before.
//!
//! A new process counts its questions from the beginning again. The client's answer to one of the old process, still
//! under way or still in front of a person, must not settle a new one that happens to have its id.

use crate::connect::rename::with_param;
use crate::message::{Id, JsonRpcMessage, Kind, OwnedId, is_json};
use crate::protocol::{method, peek};

/// What the names of such ids begin with; then the generation, and the server's own id as it was written.
const NAMED: &str = "shadowcat/restart/";

/// The message of the server as the client sees it. The first leaf's are left as they are.
pub(super) fn ask(message: JsonRpcMessage, generation: u64) -> JsonRpcMessage {
    if generation <= 1 {
        return message;
    }
    match message.kind() {
        Kind::Request => {
            let name = message.id().map(|id| name(id, generation));
            name.map_or(message.clone(), |name| message.with_id(name))
        }
        // Where it withdraws a question.
        Kind::Notification if message.is_method(method::CANCELLED) => {
            let name = peek::cancelled_id(&message).ok().flatten().map(|id| name(id, generation));
            name.and_then(|name| with_param(message.clone(), "requestId", &name)).unwrap_or(message)
        }
        _ => message,
    }
}

/// The client's answer as the leaf of this generation knows it; `None` where it was asked by another.
pub(super) fn answer(message: JsonRpcMessage, generation: u64) -> Option<JsonRpcMessage> {
    let id = message.id().and_then(|id| id.text().map(|text| text.into_owned()));
    let named = id.as_deref().and_then(|id| id.strip_prefix(NAMED));
    let Some(named) = named else { return (generation <= 1).then_some(message) };
    let (asked, own) = named.split_once('/')?;
    if asked.parse() != Ok(generation) {
        return None;
    }
    // Whoever answers wrote it.
    let own = Id::from_json(own.as_bytes()).filter(|_| is_json(own.as_bytes()))?;
    Some(message.with_id(own.to_owned()))
}

fn name(id: Id<'_>, generation: u64) -> OwnedId {
    OwnedId::from(&*format!("{NAMED}{generation}/{}", id.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(text: &str) -> JsonRpcMessage {
        JsonRpcMessage::parse(text.to_owned()).expect(text)
    }

    proptest! {
        #[test]
        fn an_answer_finds_its_own_question_and_no_other(
            id in prop_oneof![any::<i32>().prop_map(|id| id.to_string()), "\"[a-z/\\u{e9}]{1,9}\""],
            asked in 1..5_u64,
            now in 1..5_u64,
        ) {
            let question = message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#));
            let shown = ask(question.clone(), asked);
            let reply = shown.responder().result("{}").unwrap().unwrap();
            let got = answer(reply, now);
            if asked == now {
                let got = got.unwrap();
                prop_assert_eq!(got.id().unwrap().as_str(), id.as_str());
            } else {
                prop_assert!(got.is_none());
            }
        }
    }

    #[test]
    fn an_answer_to_what_is_no_id_is_to_no_question() {
        for own in [
            r#"1,\"x\":{"#,
            r#"1},\"raw\":\"a\",\"z\":{\"a\":1"#,
            r#"\"a\",\"b\":\"c\""#,
            r#"\"a"#,
            "1 2",
            "-",
            "01",
        ] {
            let reply = message(&format!(r#"{{"jsonrpc":"2.0","id":"{NAMED}1/{own}","result":{{}}}}"#));
            assert_eq!(answer(reply, 1), None, "{own}");
        }
        let reply = message(&format!(r#"{{"jsonrpc":"2.0","id":"{NAMED}1/\"a\"","result":{{}}}}"#));
        assert_eq!(answer(reply, 1).unwrap().bytes(), r#"{"jsonrpc":"2.0","id":"a","result":{}}"#);
    }

    #[test]
    fn a_question_that_is_withdrawn_is_withdrawn_by_its_name() {
        let text = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
        assert_eq!(ask(message(text), 1), message(text));
        let named = ask(message(text), 3);
        assert_eq!(peek::cancelled_id(&named).unwrap().unwrap().text().unwrap(), "shadowcat/restart/3/7");
    }
}
