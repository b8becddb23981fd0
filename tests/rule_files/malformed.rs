//! What is wrong in many ways, and what is said of it.

use super::rule;

/// Files, and what is said of each.
pub(crate) fn malformed() -> Vec<(String, &'static [&'static str])> {
    let whole = [
        ("rules: [", &["r.yaml:1:8: no YAML: unclosed bracket"][..]),
        ("rules: []\nrules: []", &["r.yaml:2:1: no YAML: duplicate mapping key: rules"]),
        ("", &["expected a file of rules, a mapping, found nothing"]),
        ("- a", &["r.yaml:1:1: expected a file of rules, a mapping, found a list"]),
        ("{}", &["r.yaml:1:1: a file of rules needs `rules`; add it"]),
        (
            "version: 2\nrules: []",
            &["r.yaml:1:10: version 2 of the format is not known; this reads version 1"],
        ),
        ("version: \"1\"\nrules: []", &["version \"1\" of the format is not known"]),
        ("rulse: []", &["r.yaml:1:1: a file of rules has no field \"rulse\"; did you mean \"rules\"?"]),
        ("rules: {}", &["r.yaml:1:8: expected a list, found a mapping"]),
        ("rules: [a]", &["r.yaml:1:9: expected a rule, a mapping, found a text"]),
        ("rules: []\n---\nrules: []", &["no YAML: "]),
        ("rules:\n- <<: {id: a}\n", &["no YAML: "]),
        (
            "rules:\n- {id: a, matcher: {}, action: {type: hold}}\n- {id: a, matcher: {}, action: {type: hold}}",
            &["r.yaml:3:8: rule \"a\": the rule in line 2 has this id, too; rename one"],
        ),
    ];
    let rules = [
        ("", &["r.yaml:2:3: rule \"a\": a rule needs `matcher`", "a rule needs `action`"][..]),
        ("id: b, matcher: {}, action: {type: hold}", &["duplicate mapping key: id"]),
        (
            "matcher: {}, action: {type: rewritte}",
            &[": unknown action \"rewritte\"; did you mean \"rewrite\"?"],
        ),
        ("matcher: {}, action: {type: 1}", &["expected a text, found a number; put it in quotes"]),
        ("matcher: {}, action: {}", &["an action needs `type`; add it"]),
        ("matcher: {}, action: hold", &["expected an action, a mapping, found a text"]),
        ("mathcer: {}, action: {type: hold}", &["has no field \"mathcer\"; did you mean \"matcher\"?"]),
        ("matcher: {metod: x}, action: {type: hold}", &["has no field \"metod\"; did you mean \"method\"?"]),
        (
            "matcher: {method: 5}, action: {type: hold}",
            &["expected a text or a pattern, a mapping, found a number"],
        ),
        ("matcher: {tool: {regexp: x}}, action: {type: hold}", &["did you mean \"regex\"?"]),
        (
            "matcher: {tool: {regex: \"(\"}}, action: {type: hold}",
            &["r.yaml:2:35: rule \"a\": no regular expression: unclosed group"],
        ),
        (
            "matcher: {tool: {regex: \"(?=x)\"}}, action: {type: hold}",
            &["no regular expression: look-around"],
        ),
        (
            "matcher: {tool: {regex: \"(?:\\\\w{500}){500}\"}}, action: {type: hold}",
            &["no regular expression: Compiled regex exceeds size limit"],
        ),
        (
            "matcher: {tool: a, uri: b}, action: {type: hold}",
            &["`tool` and `uri`: no message has both; use `any`"],
        ),
        (
            "matcher: {direction: up}, action: {type: hold}",
            &["unknown direction \"up\"; known: client_to_server, server_to_client"],
        ),
        (
            "matcher: {kind: reqest}, action: {type: hold}",
            &["unknown kind \"reqest\"; did you mean \"request\"?"],
        ),
        ("matcher: {era: old}, action: {type: hold}", &["unknown era \"old\"; known: legacy, modern"]),
        ("matcher: {params: [1]}, action: {type: hold}", &["expected `params`, a mapping, found a list"]),
        (
            "matcher: {probability: 1.5}, action: {type: hold}",
            &["a probability is a number from 0 to 1, not 1.5"],
        ),
        (
            "matcher: {nth: 0}, action: {type: hold}",
            &["expected an integer from 1 to 9007199254740991, found 0"],
        ),
        (
            "matcher: {nth: {}}, action: {type: hold}",
            &["`nth` is a number, or has one or more of from, every, until"],
        ),
        (
            "matcher: {all: [{nth: 1}]}, action: {type: hold}",
            &["a matcher within a matcher has no field \"nth\""],
        ),
        (
            "matcher: {where: [{path: city, exists: true}]}, action: {type: hold}",
            &["\"city\" is no path; write a JSON Pointer"],
        ),
        (
            "matcher: {where: [{path: /a~2, exists: true}]}, action: {type: hold}",
            &["no JSON Pointer: after a tilde"],
        ),
        ("matcher: {where: [{path: \"$.a[\", exists: true}]}, action: {type: hold}", &["no JSONPath: "]),
        (
            "matcher: {where: [{path: \"$..a..b..c\", exists: true}]}, action: {type: hold}",
            &["a JSONPath has at most two `..`"],
        ),
        (
            "matcher: {where: [{path: /params}]}, action: {type: hold}",
            &["a condition needs one or more of exists, equals"],
        ),
        (
            "matcher: {where: [{path: /params, exists: false, above: 1}]}, action: {type: hold}",
            &["`exists: false` stands alone"],
        ),
        ("matcher: {where: [{path: /params, abvoe: 1}]}, action: {type: hold}", &["did you mean \"above\"?"]),
        ("matcher: {where: [{path: /params, type: text}]}, action: {type: hold}", &["unknown type \"text\""]),
        (
            "matcher: {where: [{path: /params, above: .nan}]}, action: {type: hold}",
            &["expected a number, found a text"],
        ),
        (
            "matcher: {where: [{path: /params, longer_than: -1}]}, action: {type: hold}",
            &["expected an integer from 0"],
        ),
        (
            "priority: 3000000000, matcher: {}, action: {type: hold}",
            &["expected an integer from -2147483648 to 2147483647, found 3000000000"],
        ),
        ("enabled: maybe, matcher: {}, action: {type: hold}", &["expected true or false, found a text"]),
        ("description: , matcher: {}, action: {type: hold}", &["expected a text, found nothing"]),
        ("scope: all, matcher: {}, action: {type: hold}", &["unknown scope \"all\"; known: global"]),
        (
            "scope: {upstream: a, client: b}, matcher: {}, action: {type: hold}",
            &["a scope needs just one of upstream, client"],
        ),
        (
            "capture: {c: {path: /params}}, matcher: {}, action: {type: hold}",
            &["a capture needs `request`", "a capture has no field \"path\"; known: request"],
        ),
        ("matcher: {}, action: {type: hold, for: 5}", &["the action `hold` has no field \"for\""]),
        (
            "matcher: {}, action: {type: mock}",
            &["the action `mock` needs just one of response, error, tool_error, tape, sequence"],
        ),
        ("matcher: {}, action: {type: mock, response: {}, tape: x}", &["needs just one of"]),
        ("matcher: {}, action: {type: mock, response: [1]}", &["a result is a mapping in MCP, not a list"]),
        (
            "matcher: {}, action: {type: mock, response: {}, then: stop}",
            &["unknown `then` \"stop\"; known: repeat, cycle, pass"],
        ),
        ("matcher: {}, action: {type: mock, error: {code: x}}", &["expected an integer, found a text"]),
        ("matcher: {}, action: {type: mock, sequence: [{}]}", &["an answer needs just one of"]),
        ("matcher: {}, action: {type: mock, tape: \"\"}", &["the name of a tape is not empty"]),
        (
            "matcher: {}, action: {type: fault, delay_ms: 5}",
            &["the action `fault` needs `fault`", "has no field \"delay_ms\""],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {delay_ms: 3600001}}",
            &["expected an integer from 0 to 3600000, found 3600001"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {flood: 100000}}",
            &["expected an integer from 1 to 10000"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {delay_ms: 1e99}}",
            &["expected an integer from 0 to 3600000, found 1e"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {timeout: true, flood: 1}}",
            &["`fault` needs just one of error, timeout"],
        ),
        ("matcher: {}, action: {type: fault, fault: {timeout: false}}", &["`timeout` is true, or left out"]),
        ("matcher: {}, action: {type: block, code: 1.5}", &["expected an integer from -9007199254740991"]),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{set: /params/a}]}",
            &["the step `set` needs `value`; add it"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{remove: /params/a, value: 1}]}",
            &["`remove` takes no `value`"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{set: /a, remove: /b, value: 1}]}",
            &["a step needs just one of set"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [], on_error: ignore}",
            &["unknown `on_error` \"ignore\""],
        ),
        (
            "matcher: {}, action: {type: tag, tag: {a: 1}}",
            &["expected a text, found a number; put it in quotes"],
        ),
        ("matcher: {}, action: {type: tag, tag: {\"\": b}}", &["the name of a tag is not empty"]),
    ];
    let rules = rules.into_iter().map(|(fields, said)| (rule(fields), said));
    let whole = whole.into_iter().map(|(text, said)| (text.to_owned(), said));
    whole.chain(rules).collect()
}
