//! An entry as a line. There may be hundreds of thousands in a second: what is the same in many is not put together anew.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::{Direction, write_string, write_unsigned};
use crate::stamp;
use crate::tape::{Edge, Entry, text, time};

/// Of what stands beside the content, with names of usual length.
const BESIDE: usize = 256;

/// Writes entry number `number`, as [`frame`](crate::tape::frame) has it, but for the end of the line.
pub(super) fn write(out: &mut Vec<u8>, number: u64, entry: &Entry) {
    out.reserve(entry.bytes.len() + BESIDE);
    out.extend_from_slice(b"{\"frame\":");
    write_unsigned(out, number);
    out.extend_from_slice(b",\"timestamp_ms\":");
    time::write_millis(out, entry.at);
    if let Some(wall) = entry.wall {
        out.extend_from_slice(b",\"time\":\"");
        stamp::write_utc(out, wall);
        out.push(b'"');
    }
    if let Some(session) = &entry.session {
        out.extend_from_slice(b",\"session_id\":");
        write_string(out, session);
    }
    out.extend_from_slice(way(entry));
    out.extend_from_slice(entry.kind.as_str().as_bytes());
    out.push(b'"');
    if let Some(call) = entry.call {
        out.extend_from_slice(b",\"call\":");
        write_unsigned(out, call);
    }
    if let Some(outcome) = entry.outcome {
        out.extend_from_slice(b",\"outcome\":\"");
        out.extend_from_slice(outcome.as_str().as_bytes());
        out.push(b'"');
    }
    if let Some(component) = &entry.component {
        out.extend_from_slice(b",\"component_id\":");
        write_string(out, component);
    }
    if entry.synthetic {
        out.extend_from_slice(b",\"synthetic\":true");
    }
    content(out, entry);
    out.push(b'}');
}

/// Up to the kind.
fn way(entry: &Entry) -> &'static [u8] {
    macro_rules! way {
        ($direction:literal, $edge:literal) => {
            concat!(",\"direction\":\"", $direction, "\",\"edge\":\"", $edge, "\",\"kind\":\"").as_bytes()
        };
    }
    match (entry.direction, entry.edge) {
        (Direction::ToUpstream, Edge::Client) => way!("client_to_server", "transport_in"),
        (Direction::ToUpstream, Edge::Upstream) => way!("client_to_server", "transport_out"),
        (Direction::ToClient, Edge::Client) => way!("server_to_client", "transport_in"),
        (Direction::ToClient, Edge::Upstream) => way!("server_to_client", "transport_out"),
    }
}

/// JSON stands as it is; what would break the line, as a text.
fn content(out: &mut Vec<u8>, entry: &Entry) {
    let bytes = &entry.bytes[..];
    if bytes.is_empty() {
        return out.extend_from_slice(b",\"raw\":\"\"");
    }
    if entry.is_json() && text::fits_a_line(bytes) {
        out.extend_from_slice(b",\"content\":");
        return out.extend_from_slice(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(raw) => {
            out.extend_from_slice(b",\"raw\":");
            write_string(out, raw);
        }
        Err(_) => {
            out.extend_from_slice(b",\"raw_base64\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::tape::object::Style;
    use crate::tape::{EntryKind, Outcome, frame};

    fn line(entry: &Entry) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, 7, entry);
        out
    }

    /// All but the content, of which a document may have two.
    fn beside(json: &[u8]) -> &str {
        let json = std::str::from_utf8(json).unwrap();
        json.split(",\"content\":").next().and_then(|rest| rest.split(",\"raw").next()).unwrap()
    }

    /// Of all kinds and ways, with and without what may be missing.
    fn entries() -> impl Strategy<Value = Entry> {
        let names = || proptest::option::of("[a-z\"é\n]{1,9}");
        let kind = proptest::sample::select(vec![EntryKind::Request, EntryKind::End, EntryKind::Lost]);
        let bytes = prop_oneof![
            Just(&b"{\"a\":[1,\"b\"]}"[..]),
            Just(&b"1"[..]),
            Just(&b""[..]),
            Just(&b"a \"text\"\n"[..]),
            Just(&b"\xff\xfe"[..]),
        ];
        let told = (any::<[bool; 3]>(), proptest::option::of(any::<u64>()), any::<u64>(), 0..1_u64 << 40);
        (kind, bytes, names(), names(), told).prop_map(|(kind, bytes, session, component, told)| {
            let ([up, inner, rest], call, at, wall) = told;
            let direction = if up { Direction::ToUpstream } else { Direction::ToClient };
            let mut entry = Entry::new(kind, direction, bytes).at(time::within(Duration::from_nanos(at)));
            (entry.session, entry.component) = (session.map(Into::into), component.map(Into::into));
            (entry.call, entry.synthetic) = (call, rest);
            if inner {
                entry = entry
                    .edge(Edge::Upstream)
                    .outcome(Outcome::Dropped)
                    .wall(UNIX_EPOCH + Duration::from_micros(wall));
            }
            entry
        })
    }

    proptest! {
        #[test]
        fn a_line_says_what_a_document_says_and_comes_back(entry in entries()) {
            let line = line(&entry);
            let mut document = Vec::new();
            frame::write(&mut document, Style::Pretty(2), 7, &entry);
            let compact = text::compact(&document);
            prop_assert_eq!(beside(&compact), beside(&line));
            let read = |json: &[u8], style| frame::read(json, style).unwrap();
            prop_assert_eq!(read(&document, Style::Pretty(2)), (Some(7), entry.clone()));
            prop_assert_eq!(read(&line, Style::Line), (Some(7), entry));
        }
    }

    #[test]
    fn json_that_would_break_the_line_is_a_text_in_it() {
        let entry = Entry::new(EntryKind::Note, Direction::ToClient, "{\n}");
        let line = line(&entry);
        assert!(line.ends_with(br#","raw":"{\n}"}"#), "{}", String::from_utf8_lossy(&line));
        assert_eq!(frame::read(&line, Style::Line).unwrap().1, entry);
    }
}
