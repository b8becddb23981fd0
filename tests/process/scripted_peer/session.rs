//! Peers that play what a folder says, or a long session, and record it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Envelope, READ, Random, envelope, lines, mirror, number, say};

/// The steps of a hostile case, from the files of a folder: writes `first`, awaits as many lines as `await`
/// says, writes `play`, then answers the request with the id `"probe"` and closes. Records what it receives.
pub(super) fn script(folder: &Path) -> io::Result<()> {
    let mut received = File::create(folder.join("received"))?;
    let mut input = lines().inspect(|line| received.write_all(line).expect("the record is writable"));
    say(&fs::read(folder.join("first"))?)?;
    let awaited = fs::read_to_string(folder.join("await"))?;
    for _ in 0..number(&awaited) {
        input.next();
    }
    say(&fs::read(folder.join("play"))?)?;
    if input.any(|line| line == b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"method\":\"ping\"}\n") {
        say(b"{\"jsonrpc\":\"2.0\",\"id\":\"probe\",\"result\":{}}\n")?;
    }
    Ok(())
}

/// One side of a long varied session; records what it receives and what it sends.
///
/// Requests are answered late and out of order, except those whose method begins with `never/`; in between it
/// says whatever a server may say unasked. Ends after its answer to the method `session/end`.
pub(super) fn session(folder: &Path) -> io::Result<()> {
    let mut received = BufWriter::new(File::create(folder.join("received"))?);
    let mut sent = BufWriter::new(File::create(folder.join("sent"))?);
    let mut out = BufWriter::with_capacity(READ, io::stdout());
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    let mut random = Random(7);
    for (number, line) in lines().enumerate() {
        received.write_all(&line)?;
        let Envelope { id, method } = envelope(&line);
        let ends = method.as_deref() == Some("session/end");
        if id.is_some() && method.is_some_and(|method| !method.starts_with("never/")) && !ends {
            waiting.push(line.clone());
        }
        let mut frames = Vec::new();
        if random.below(3) == 0 {
            frames.push(unasked(number, &mut random));
        }
        while !waiting.is_empty() && (ends || waiting.len() > 20 || random.below(3) > 0) {
            let at = random.below(waiting.len());
            frames.push(reply(&waiting.swap_remove(at), &mut random));
        }
        if ends {
            frames.push(reply(&line, &mut random));
        }
        for frame in frames {
            sent.write_all(&frame)?;
            out.write_all(&frame)?;
        }
        if random.below(2) == 0 || waiting.is_empty() {
            out.flush()?;
        }
        if ends {
            break;
        }
    }
    received.flush()?;
    sent.flush()?;
    out.flush()
}

fn reply(line: &[u8], random: &mut Random) -> Vec<u8> {
    let id = envelope(line).id.expect("a request has an id").get();
    let text = match random.below(6) {
        0 => mirror(line).trim_ascii_end().to_vec(),
        1 => format!(r#" {{"id" : {id},"jsonrpc":"2.0", "error":{{"message":"nö","code":-32000,"data":null}} }}"#).into(),
        2 => format!(r#"{{"result":{{"content":[{{"type":"text","text":"\u00e9\/\ud83d"}}]}},"jsonrpc":"\u0032.0","id":{id}}}"#).into(),
        3 => format!(r#"{{"jsonrpc":"2.0","id":{id},"x-vendor":[1,2.50,-0,1E+2],"result":"plain"}}"#).into(),
        4 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"big":"{}"}}}}"#, "z".repeat(random.below(50_000))).into(),
        _ => format!("{{\"jsonrpc\":\"2.0\",\t\"id\":{id},\"result\":{{}}}}  ").into(),
    };
    [&text[..], b"\n"].concat()
}

fn unasked(number: usize, random: &mut Random) -> Vec<u8> {
    let text = match random.below(6) {
        0 => format!(r#"{{"jsonrpc":"2.0","id":"q{number}","method":"roots/list"}}"#),
        1 => format!(
            r#"{{ "jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"\u2028{number}"}} }}"#
        ),
        2 => format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":"t{}","progress":{number}}}}}"#,
            random.below(number + 1)
        ),
        3 => r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what was that?"}}"#.to_owned(),
        4 => r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"or that?"}}"#.to_owned(),
        _ => r#"{"method":"notifications/tools/list_changed","jsonrpc":"2.0","extra":{"a":{"b":[]}}}"#
            .to_owned(),
    };
    (text + "\n").into_bytes()
}
