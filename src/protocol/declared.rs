//! What a client says it can be asked.

use super::{method, peek};
use crate::message::{JsonRpcMessage, members};

/// The capabilities that stand for what a server may ask.
const ALL: [&str; 4] = ["sampling", "roots", "elicitation", "tasks"];

/// Those that the client of a session declared (2025-11-25 basic/lifecycle, "Capability Negotiation").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared([bool; ALL.len()]);

impl Declared {
    /// As an `initialize` says. One without capabilities says nothing, and its client is asked whatever comes.
    pub(crate) fn by(initialize: &JsonRpcMessage) -> Self {
        let capabilities = peek::member(initialize.params().unwrap_or_default(), "capabilities");
        let Ok(Some(capabilities)) = capabilities else { return Self([true; ALL.len()]) };
        let is_declared =
            |name| members(capabilities).any(|member| member.is(name) && member.value != b"null");
        Self(ALL.map(is_declared))
    }

    /// Whether the client may be asked this. What no capability stands for, it may.
    pub(crate) fn allows(self, question: &JsonRpcMessage) -> bool {
        let name = match question.method() {
            Some(method::CREATE_MESSAGE) => "sampling",
            Some(method::ROOTS_LIST) => "roots",
            Some(method::ELICIT) => "elicitation",
            Some(other) if other.starts_with("tasks/") => "tasks",
            _ => return true,
        };
        ALL.iter().zip(self.0).any(|(known, is_declared)| *known == name && is_declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(params: &str) -> Declared {
        Declared::by(&JsonRpcMessage::request(1, method::INITIALIZE, params).unwrap())
    }

    #[test]
    fn only_what_was_declared_is_asked() {
        let declared =
            declared(r#"{"capabilities":{"roots":{},"s\u0061mpling":{"tools":{}},"elicitation":null}}"#);
        let allows = |method| declared.allows(&JsonRpcMessage::request(1, method, "{}").unwrap());
        assert!(
            [method::ROOTS_LIST, method::CREATE_MESSAGE, method::PING, "own/question"]
                .into_iter()
                .all(allows)
        );
        assert!(![method::ELICIT, "tasks/get", "tasks/list"].into_iter().any(allows));
    }

    #[test]
    fn a_client_that_says_nothing_of_it_is_asked_whatever_comes() {
        let elicit = JsonRpcMessage::request(1, method::ELICIT, "{}").unwrap();
        for (params, allows) in [("{}", true), (r#"{"capabilities":{}}"#, false)] {
            assert_eq!(declared(params).allows(&elicit), allows, "{params}");
        }
    }
}
