//! Leaving tools out of a list: nothing else changes.

use proptest::prelude::*;
use shadowcat::JsonRpcMessage;
use shadowcat::wire::http::{InvalidAnnotation, without_invalid_tools};

use crate::support::*;

/// The text of a tool, and whether it may be offered.
fn tool() -> impl Strategy<Value = (String, bool)> {
    let schema =
        |kind: &str, key: &str| format!(r#"{{"properties" : {{"a":{{"type":"{kind}", "{key}":"A"}}}} }}"#);
    let name = r#"([a-z\[\]{}, ]|\\"|\\u00e9|é){0,6}"#;
    (name, 0..6_u8).prop_map(move |(name, kind)| match kind {
        0 => (format!(r#"{{"name":"{name}","inputSchema":{}}}"#, schema("number", "x-mcp-header")), false),
        1 => (
            format!(r#"{{ "inputSchema":{}, "name":"{name}" }}"#, schema("array", r"x-mcp\u002dheader")),
            false,
        ),
        2 => (format!(r#"{{"name":"{name}","inputSchema":{}}}"#, schema("string", "x-mcp-header")), true),
        3 => (format!(r#"{{"name":"{name}","description":"x-mcp-header, \"]"}}"#), true),
        4 => (format!(r#"{{"inputSchema":{}}}"#, schema("number", "x-mcp-header")), false), // without a name
        _ => (format!(r#"{{"name":"{name}"}}"#), true),
    })
}

const BLANK: &str = "[ \t\r\n]{0,3}";

/// `head [ blank tool blank , blank tool blank ] tail`
fn written(head: &str, tools: &[(String, String, String)], tail: &str) -> String {
    let tools: Vec<_> = tools.iter().map(|(before, tool, after)| [&**before, tool, after].concat()).collect();
    format!("{head}[{}]{tail}", tools.join(","))
}

proptest! {
    #[test]
    fn no_byte_changes_but_those_of_tools_that_are_left_out(
        tools in prop::collection::vec((BLANK, tool(), BLANK), 0..8),
        more in r#"(, ?"[a-s]{1,4}": ?(1|\[\{\}\]|"\]")){0,1}"#,
    ) {
        let head = "{\"jsonrpc\":\"2.0\" ,\"id\":1,\"result\":{ \"_meta\":{},\"tools\" : ";
        let tail = format!("{more} }} }}");
        let all: Vec<_> = tools.iter().map(|(before, tool, after)| (before.clone(), tool.0.clone(), after.clone())).collect();
        let list = msg(written(head, &all, &tail));
        let (left, dropped) = without_invalid_tools(list.clone());
        prop_assert_eq!(dropped.len(), tools.iter().filter(|(_, tool, _)| !tool.1).count());
        if dropped.is_empty() {
            prop_assert_eq!(&left, &list);
        }
        // Blanks at both ends of the array stay, and so does what stands in front of a tool that has another before it.
        let text = text(&left);
        let array = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(&*tail)).unwrap();
        let mut rest = array.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap();
        if let (Some(first), Some(last)) = (all.first(), all.last()) {
            rest = rest.strip_prefix(&*first.0).unwrap();
            rest = rest.strip_suffix(&*last.2).unwrap();
        }
        let kept: Vec<_> = (0..tools.len()).filter(|at| tools[*at].1.1).collect();
        for (place, at) in kept.iter().enumerate() {
            rest = rest.strip_prefix(&*all[*at].1).unwrap();
            if let Some(next) = kept.get(place + 1) {
                let between = format!("{},{}", all[next - 1].2, all[*next].0);
                rest = rest.strip_prefix(&*between).unwrap();
            }
        }
        prop_assert_eq!(rest, "");
        prop_assert!(without_invalid_tools(left).1.is_empty());
    }

    #[test]
    fn what_is_no_list_of_tools_stays_as_it_is(
        result in r#"(1|"x-mcp-header"|\{\}|\{"tools":(1|\{"x-mcp-header":1\}|\[1, "x-mcp-header",null,\[\]\])\})"#,
    ) {
        let list = JsonRpcMessage::response(1, &*result).unwrap();
        let (left, dropped) = without_invalid_tools(list.clone());
        prop_assert_eq!(left, list);
        prop_assert!(dropped.is_empty());
    }
}

#[test]
fn a_tool_that_is_left_out_is_named_with_the_reason() {
    let odd = r#"{"name":"o\u0064d","inputSchema":{"x-mcp-header":"A"}}"#;
    let list = JsonRpcMessage::response("é", format!(r#"{{"tools":[{odd},{odd}]}}"#)).unwrap();
    let (left, dropped) = without_invalid_tools(list);
    assert_eq!(left.result().unwrap(), br#"{"tools":[]}"#);
    assert_eq!(
        dropped,
        [("odd".to_owned(), InvalidAnnotation::Misplaced), ("odd".to_owned(), InvalidAnnotation::Misplaced)]
    );
}
