//! Messages, and what can happen to them.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn space() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\n", "\t  ", "\r\n", "                        "])
}

/// Text as a JSON string, each character spelled in one of the ways that JSON has for it.
fn spelled(text: String) -> impl Strategy<Value = String> {
    vec(0..8_u8, text.chars().count()).prop_map(move |ways| {
        let mut out = String::from('"');
        for (c, way) in text.chars().zip(ways) {
            let must = c < ' ' || matches!(c, '"' | '\\');
            if way > 0 && !must {
                out.push(c);
            } else {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
        }
        out.push('"');
        out
    })
}

fn string() -> impl Strategy<Value = String> {
    ".{0,40}".prop_flat_map(spelled)
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?"
}

fn object(
    member: impl Strategy<Value = String> + 'static,
    keys: &'static str,
    most: usize,
) -> impl Strategy<Value = String> {
    let members = btree_map(keys, (member, space(), space()), 0..most);
    let members = members.prop_flat_map(|members| {
        members
            .into_iter()
            .map(|(key, (value, a, b))| {
                spelled(key).prop_map(move |key| format!("{a}{key}{b}:{a}{value}{b}"))
            })
            .collect::<Vec<_>>()
    });
    members.prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![string(), number(), select(vec!["true", "false", "null"]).prop_map(str::to_owned)];
    leaf.clone().prop_recursive(5, 24, 6, move |inner| {
        prop_oneof![
            vec((space(), inner.clone(), space()), 0..6).prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                format!("[{}]", items.join(","))
            }),
            object(inner.clone(), ".{0,24}", 6),
            object(leaf.clone(), "[a-c]{1,4}", 50),
        ]
    })
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        (-(1_i64 << 53) + 1..1 << 53).prop_map(|id| id.to_string()),
        "[ -~é☃😀]{1,20}".prop_flat_map(spelled),
    ]
}

/// A valid message, its members in any order.
pub(crate) fn message() -> impl Strategy<Value = String> {
    let version = || Just(r#""jsonrpc":"2.0""#.to_owned());
    let id = || id().prop_map(|id| format!("\"id\":{id}"));
    let method =
        || "[a-z]{1,9}/[a-zA-Z]{1,9}".prop_flat_map(spelled).prop_map(|text| format!("\"method\":{text}"));
    let params = || object(value(), "[_a-z]{1,9}", 6).prop_map(|params| format!("\"params\":{params}"));
    let vendor = value().prop_map(|value| format!("\"x-vendor\":{value}"));
    let result = value().prop_map(|result| format!("\"r\\u0065sult\":{result}"));
    let error = (-40_000..40_000_i32, string(), value()).prop_map(|(code, text, data)| {
        format!(r#""error":{{"data":{data},"code":{code},"message":{text}}}"#)
    });
    let members = prop_oneof![
        (version(), id(), method(), params()).prop_map(|(a, b, c, d)| vec![a, b, c, d]),
        (version(), method(), params(), vendor).prop_map(|(a, b, c, d)| vec![a, b, c, d]),
        (version(), id(), result).prop_map(|(a, b, c)| vec![a, b, c]),
        (version(), id(), error).prop_map(|(a, b, c)| vec![a, b, c]),
    ];
    (members.prop_shuffle(), space(), space())
        .prop_map(|(members, a, b)| format!("{a}{{{b}{}{a}}}{b}", members.join(&format!("{a},{b}"))))
}

/// One accident, or one attack.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Delete(Index, usize),
    Insert(Index, &'static str),
    Splice(Index, Index, usize),
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    let structural = select(&b"{}[],:\"\\ 0-.e1tn\n\x00\x7f\xff\xc3"[..]);
    let pieces = select(vec![
        "\"id\":1,",
        "\"a\":1,\"a\":2,",
        "\\u0069",
        "\\ud800",
        "{}",
        "[[",
        "1.5",
        "\u{feff}",
        "null",
    ]);
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, 1 << bit)),
        (at(), structural).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at(), 1..20_usize).prop_map(|(at, count)| Mutation::Delete(at, count)),
        (at(), pieces).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        (at(), at(), 1..40_usize).prop_map(|(from, to, count)| Mutation::Splice(from, to, count)),
    ]
}

/// Applies a mutation.
pub(crate) fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Flip(at, bit) => bytes[at.index(length)] ^= bit,
        Mutation::Set(at, byte) => bytes[at.index(length)] = *byte,
        Mutation::Delete(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + count));
        }
        Mutation::Insert(at, piece) => {
            let at = at.index(length);
            bytes.splice(at..at, piece.bytes());
        }
        Mutation::Splice(from, to, count) => {
            let (from, to) = (from.index(length), to.index(length));
            let piece = bytes[from..length.min(from + count)].to_vec();
            bytes.splice(to..to, piece);
        }
    }
}
