//! Frames around a denied name, spelt in every way that some reader might understand.

use fastrand::Rng;

const METHODS: [&str; 9] = [
    "tools/call",
    "tools/call",
    "tools/call",
    "tools/call",
    "Tools/Call",
    "tools/call ",
    "prompts/get",
    "tools/list",
    "ping",
];
const NAMES: [&str; 12] = [
    "evil",
    "evil",
    "Evil",
    "EVIL",
    " evil",
    "evil\0safe",
    "ev\u{200b}il",
    "ev\u{ad}il",
    "ｅｖｉｌ",
    "safe",
    "devil",
    "evil2",
];

/// One frame; no line break is in it.
pub(crate) fn frame(seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    let rng = &mut rng;
    let mut members = vec![member(rng, "jsonrpc", "\"2.0\""), {
        let id = one(rng, ["1", "1", "\"a\"", "-0", "1.0", "1e0", "null"]);
        member(rng, "id", id)
    }];
    let method = one(rng, METHODS);
    let method = string(rng, method);
    members.push(member(rng, "method", &method));
    let params = params(rng);
    members.push(member(rng, "params", &params));
    if rng.u8(..10) == 0 {
        let method = one(rng, METHODS);
        let method = string(rng, method);
        let key = one(rng, ["method", "Method", "METHOD "]);
        members.push(member(rng, key, &method));
    }
    object(rng, members)
}

fn one<'a, const N: usize>(rng: &mut Rng, all: [&'a str; N]) -> &'a str {
    all[rng.usize(..N)]
}

fn params(rng: &mut Rng) -> String {
    let mut members = Vec::new();
    for _ in 0..[1, 1, 1, 1, 2, 3][rng.usize(..6)] {
        let key = ["name", "name", "name", "name", "Name", "name ", "na\u{200b}me", "title"][rng.usize(..8)];
        let name = NAMES[rng.usize(..NAMES.len())];
        let name = match rng.u8(..12) {
            0 => format!("[{}]", string(rng, name)),
            1 => format!("{{\"name\":{}}}", string(rng, name)),
            _ => string(rng, name),
        };
        members.push(member(rng, key, &name));
    }
    let decoy = string(rng, "safe");
    let deep =
        format!("{{\"name\":{decoy},\"a\":[{{\"method\":\"ping\"}},\"\\\"name\\\":\\\"evil\\\"\",1e2]}}");
    let deep = if rng.u8(..8) == 0 { params(rng) } else { deep };
    members.push(member(rng, "arguments", &deep));
    if rng.bool() {
        members.push(member(rng, "_meta", "{\"progressToken\":0.1e1,\"name\":\"safe\"}"));
    }
    object(rng, members)
}

fn object(rng: &mut Rng, mut members: Vec<String>) -> String {
    rng.shuffle(&mut members);
    let [a, b, c, d] = [(); 4].map(|()| space(rng));
    let inside = members.join(&format!("{a},{b}"));
    format!("{{{c}{inside}{d}}}")
}

fn member(rng: &mut Rng, key: &str, value: &str) -> String {
    format!("{}{}:{}{value}", string(rng, key), space(rng), space(rng))
}

fn space(rng: &mut Rng) -> &'static str {
    ["", "", "", " ", "\t", "  "][rng.usize(..6)]
}

/// A JSON string, with some characters escaped that need not be.
fn string(rng: &mut Rng, text: &str) -> String {
    let mut out = String::from("\"");
    let often = rng.u8(..4);
    for unit in text.encode_utf16() {
        let c = char::from_u32(unit.into());
        match c.filter(|c| !c.is_control() && !matches!(c, '"' | '\\') && rng.u8(..8) >= often) {
            Some(c) => out.push(c),
            None => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out.push('"');
    out
}
