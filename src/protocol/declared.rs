//! What a client says it can be asked.

use super::{method, peek};
use crate::message::{JsonRpcMessage, members};

/// What the client of a session declared (2025-11-25 basic/lifecycle, "Capability Negotiation").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    roots: bool,
    tasks: bool,
    sampling: bool,
    /// With tools (2025-11-25 client/sampling, "Capabilities").
    sampling_tools: bool,
    /// By a form, which is what no word about it means (2025-11-25 client/elicitation, "Capabilities").
    form: bool,
    url: bool,
}

impl Declared {
    /// As an `initialize` says. One without capabilities says nothing, and its client is asked whatever comes.
    pub(crate) fn by(initialize: &JsonRpcMessage) -> Self {
        let capabilities = peek::member(initialize.params().unwrap_or_default(), "capabilities");
        let Ok(Some(capabilities)) = capabilities else { return Self::everything() };
        let sampling = capability(capabilities, "sampling");
        let elicitation = capability(capabilities, "elicitation");
        let has = |of: Option<&[u8]>, name| of.is_some_and(|of| capability(of, name).is_some());
        let url = has(elicitation, "url");
        Self {
            roots: capability(capabilities, "roots").is_some(),
            tasks: capability(capabilities, "tasks").is_some(),
            sampling: sampling.is_some(),
            sampling_tools: has(sampling, "tools"),
            form: elicitation.is_some() && (has(elicitation, "form") || !url),
            url,
        }
    }

    fn everything() -> Self {
        Self { roots: true, tasks: true, sampling: true, sampling_tools: true, form: true, url: true }
    }

    /// Whether the client may be asked this. What no capability stands for, it may.
    pub(crate) fn allows(self, question: &JsonRpcMessage) -> bool {
        let params = question.params().unwrap_or_default();
        match question.method() {
            Some(method::CREATE_MESSAGE) if capability(params, "tools").is_some() => self.sampling_tools,
            Some(method::CREATE_MESSAGE) => self.sampling,
            Some(method::ROOTS_LIST) => self.roots,
            Some(method::ELICIT) => match peek::text(params, "mode") {
                Ok(Some(mode)) if mode == "url" => self.url,
                // A mode of a later revision is for the client to say.
                Ok(Some(mode)) if mode != "form" => self.form || self.url,
                _ => self.form,
            },
            Some(other) if other.starts_with("tasks/") => self.tasks,
            _ => true,
        }
    }
}

/// A member that is there and not null; one that stands twice is what it is at first.
fn capability<'a>(of: &'a [u8], name: &str) -> Option<&'a [u8]> {
    members(of).find(|member| member.is(name)).map(|member| member.value).filter(|value| *value != b"null")
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
    fn the_ways_of_asking_are_declared_one_by_one() {
        let ways = [
            (method::ELICIT, "{}"),
            (method::ELICIT, r#"{"mode":"form"}"#),
            (method::ELICIT, r#"{"mode":"url"}"#),
            (method::CREATE_MESSAGE, "{}"),
            (method::CREATE_MESSAGE, r#"{"tools":[]}"#),
        ];
        for (capabilities, allowed) in [
            (r#"{"elicitation":{},"sampling":{}}"#, [true, true, false, true, false]),
            (r#"{"elicitation":{"form":{}},"sampling":{"tools":{}}}"#, [true, true, false, true, true]),
            (r#"{"elicitation":{"url":{}}}"#, [false, false, true, false, false]),
            (r#"{"elicitation":{"form":{},"url":{}}}"#, [true, true, true, false, false]),
        ] {
            let declared = declared(&format!(r#"{{"capabilities":{capabilities}}}"#));
            let allows = ways.map(|(method, params)| {
                declared.allows(&JsonRpcMessage::request(1, method, params).unwrap())
            });
            assert_eq!(allows, allowed, "{capabilities}");
        }
    }

    #[test]
    fn a_client_that_says_nothing_of_it_is_asked_whatever_comes() {
        let elicit = JsonRpcMessage::request(1, method::ELICIT, "{}").unwrap();
        for (params, allows) in [("{}", true), (r#"{"capabilities":{}}"#, false)] {
            assert_eq!(declared(params).allows(&elicit), allows, "{params}");
        }
    }
}
