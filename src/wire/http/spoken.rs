//! Revisions that a server says it speaks, and of which those on the way speak fewer.

use crate::message::{JsonRpcMessage, Pointer, elements};
use crate::protocol::{ProtocolVersion, peek};

/// The answer without the revisions that are not `spoken` here: a client that took one of those would fail (2026-07-28
/// server/discover). Every other byte stays.
pub(crate) fn speak_only(answer: JsonRpcMessage, spoken: &[ProtocolVersion]) -> JsonRpcMessage {
    let Some((list, place)) = told(&answer) else { return answer };
    let is_spoken = |entry: &&[u8]| match peek::string(entry) {
        Ok(text) => text.parse().is_ok_and(|version| spoken.contains(&version)),
        Err(_) => true, // no revision
    };
    let entries: Vec<_> = elements(list).map(|entry| &list[entry]).collect();
    let kept: Vec<_> = entries.iter().copied().filter(is_spoken).collect();
    if kept.len() == entries.len() {
        return answer;
    }
    let list = [b"[", &*kept.join(&b","[..]), b"]"].concat();
    answer.clone().edit().set(&place, list).finish().unwrap_or(answer)
}

/// What it says is spoken, and where: in the answer to a `server/discover`, or in the refusal of a revision.
fn told(answer: &JsonRpcMessage) -> Option<(&[u8], Pointer)> {
    if let Some(result) = answer.result() {
        let list = peek::member(result, "supportedVersions").ok()??;
        return Some((list, Pointer::root().join("result").join("supportedVersions")));
    }
    let error = answer.error()?;
    let is_about_it = peek::member(error, "code") == Ok(Some(b"-32022")); // `Code::UNSUPPORTED_VERSION`
    let data = peek::member(error, "data").ok().flatten().filter(|_| is_about_it)?;
    let list = peek::member(data, "supported").ok()??;
    Some((list, Pointer::root().join("error").join("data").join("supported")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(answer: &str) -> String {
        let answer = JsonRpcMessage::parse(answer.to_owned()).unwrap();
        let narrowed = speak_only(answer, &[ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_06_18]);
        String::from_utf8(narrowed.bytes().to_vec()).unwrap()
    }

    #[test]
    fn revisions_that_are_not_spoken_are_not_told() {
        let list = r#"[ "2027-01-01", "2026-07-28","2025-11-25" ,"2025-06-1\u0038",7 ]"#;
        let kept = r#"["2026-07-28","2025-06-1\u0038",7]"#;
        for (before, behind) in [
            (r#"{"jsonrpc":"2.0","id":1,"result":{ "supportedVersions":"#, r#","capabilities":{} }}"#),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":{"supported":"#,
                r#","requested":"x"}}}"#,
            ),
        ] {
            assert_eq!(narrowed(&format!("{before}{list}{behind}")), format!("{before}{kept}{behind}"));
        }
    }

    #[test]
    fn what_says_nothing_else_is_not_touched() {
        for same in [
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":[ "2026-07-28" ]}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":"2027-01-01"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"","data":["supported"]}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"","data":{"supported":["2027-01-01"]}}}"#,
        ] {
            assert_eq!(narrowed(same), same);
        }
    }
}
