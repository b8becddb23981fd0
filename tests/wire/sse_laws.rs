//! Server-sent events, both ways: what holds for all of them.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use shadowcat::wire::sse::{Decoder, Encoder, Event, Exceeded, Limits};

/// Everything that `chunks` hold, and what ended it before its time.
fn decode<'a>(
    limits: Limits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<Exceeded>, Decoder) {
    let (mut decoder, mut events) = (Decoder::new(limits), Vec::new());
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(exceeded) => return (events, Some(exceeded), decoder),
            }
        }
    }
    (events, None, decoder)
}

fn written(encoder: &mut Encoder) -> Vec<u8> {
    let length = encoder.len();
    let out = std::iter::from_fn(|| encoder.next_chunk()).collect::<Vec<_>>().concat();
    assert!(out.len() == length && encoder.is_empty());
    out
}

fn event(name: Option<&str>, data: &str, id: Option<&str>, retry: Option<u64>) -> Event {
    let mut event = Event::default();
    event.name = name.map(str::to_owned);
    event.data = Bytes::copy_from_slice(data.as_bytes());
    event.id = id.map(str::to_owned);
    event.retry = retry.map(Duration::from_millis);
    event
}

/// A line break of any kind in data comes back as LF.
fn normal(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

fn any_event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![Just(None), "[a-z: é]{1,8}".prop_map(Some)];
    let id = prop_oneof![Just(None), "[ -~é]{0,8}".prop_map(Some)];
    let data = prop_oneof![4 => "[a-c: \r\né]{0,20}", 1 => "x{16300,16500}", 1 => "[a\n]{16300,16500}"];
    (name, data, id, proptest::option::of(0..=3_600_000_u64))
        .prop_map(|(name, data, id, retry)| event(name.as_deref(), &data, id.as_deref(), retry))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_encoded_decodes_to_the_same_however_it_is_cut(
        events in prop::collection::vec(any_event(), 0..6),
        size in 1..100_usize,
    ) {
        let mut encoder = Encoder::new();
        for event in &events {
            encoder.push(event).unwrap();
            encoder.push_comment("still here");
        }
        let out = written(&mut encoder);
        let expected: Vec<Event> = events
            .into_iter()
            .map(|mut event| {
                event.data = normal(std::str::from_utf8(&event.data).unwrap()).into();
                event
            })
            .collect();
        let limits = Limits::default().max_data_lines(20_000);
        prop_assert!(decode(limits, [&out[..]]).0 == expected);
        prop_assert!(decode(limits, out.chunks(size)).0 == expected);
    }
}

proptest! {
    #[test]
    fn events_do_not_depend_on_how_the_bytes_are_cut(
        lines in prop::collection::vec(
            prop::sample::select(&["data", "data:", "data: a", "id: 1", "id", "event: e", "retry: 5", ":", "x", "\u{feff}", "", "", ""][..]),
            0..40,
        ),
        ends in prop::collection::vec(prop::sample::select(&["\n", "\r\n", "\r", ""][..]), 40),
        cuts in prop::collection::vec(1..9_usize, 1..8),
        max in 0..12_usize,
    ) {
        let input: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, end]).collect();
        let limits = Limits::new(max).max_data_lines(3);
        let whole = decode(limits, [input.as_bytes()]);
        let mut rest = input.as_bytes();
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        let cut = decode(limits, chunks);
        prop_assert_eq!((&cut.0, cut.1), (&whole.0, whole.1));
        prop_assert_eq!(cut.2.last_event_id(), whole.2.last_event_id());
        prop_assert_eq!(cut.2.retry(), whole.2.retry());
        prop_assert_eq!(cut.2.is_incomplete(), whole.2.is_incomplete());
    }
}
