//! Server-sent events, both ways.

use std::time::Duration;

use bytes::Bytes;
use shadowcat::wire::sse::{Decoder, Encoder, Event, Exceeded, Limits, MAX_ID_BYTES, MAX_RETRY};

use crate::support::{call, msg};

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

fn events(input: &str) -> Vec<Event> {
    let (whole, exceeded, _) = decode(Limits::default(), [input.as_bytes()]);
    assert_eq!(exceeded, None);
    for size in [1, 2, 3] {
        assert_eq!(decode(Limits::default(), input.as_bytes().chunks(size)).0, whole, "in {size}s");
    }
    whole
}

fn data(input: &str) -> Vec<String> {
    events(input).iter().map(|event| String::from_utf8(event.data.to_vec()).unwrap()).collect()
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

#[test]
fn lf_crlf_and_cr_end_a_line_wherever_the_bytes_are_cut() {
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(data(&"data: a|data: b||data: c||".replace('|', end)), ["a\nb", "c"], "{end:?}");
    }
    assert_eq!(data("data: a\r\n\ndata: b\n\r\ndata: c\r\rdata: d\n\r"), ["a", "b", "c", "d"]);
    let (got, ..) = decode(Limits::default(), [&b"data: a\r"[..], b"\n", b"\r", b"\ndata: b\r\r"]);
    assert_eq!(got.len(), 2, "CR and LF in two chunks are one end");
}

#[test]
fn an_event_that_a_cr_ends_does_not_wait_for_the_next_byte() {
    assert_eq!(decode(Limits::default(), [&b"data: a\r\r"[..]]).0.len(), 1);
}

#[test]
fn the_examples_of_the_standard_are_read_as_it_says() {
    assert_eq!(data("data: YHOO\ndata: +2\ndata: 10\n\n"), ["YHOO\n+2\n10"]);
    let input =
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
    let expected = [
        event(None, "first event", Some("1"), None),
        event(None, "second event", Some(""), None),
        event(None, " third event", None, None),
    ];
    assert_eq!(events(input), expected);
    let (_, _, decoder) = decode(Limits::default(), [input.as_bytes()]);
    assert_eq!((decoder.last_event_id(), decoder.comments()), (None, 1), "an empty id forgets the last");
    assert_eq!(data("data\n\ndata\ndata\n\ndata:"), ["", "\n"]);
    assert_eq!(data("data:test\n\ndata: test\n\n"), ["test", "test"]);
}

#[test]
fn one_byte_order_mark_is_skipped_and_only_at_the_beginning() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\u{feff}data: a\n\n"), [""; 0]);
    assert_eq!(data("\n\u{feff}data: a\n\ndata: \u{feff}b\n\n"), ["\u{feff}b"]);
}

#[test]
fn an_event_of_another_type_is_no_message() {
    let types = events(
        "event: endpoint\ndata: /m\n\nevent: message\ndata\n\nevent\ndata\n\nevent: Message\ndata\n\n",
    );
    let message: Vec<_> = types.iter().map(Event::is_message).collect();
    assert_eq!(message, [false, true, true, false]);
    let (broken, ..) = decode(Limits::default(), [&b"event: message\xff\ndata: a\n\n"[..]]);
    assert!(!broken[0].is_message());
}

#[test]
fn an_id_that_cannot_be_given_back_is_ignored() {
    let longest = "9".repeat(MAX_ID_BYTES);
    let input = format!("id: {longest}\nid: 9{longest}\nid: a\0b\ndata\n\n");
    assert_eq!(events(&input)[0].id.as_ref(), Some(&longest));
    let (broken, ..) = decode(Limits::default(), [&b"id: \xff\ndata: a\n\n"[..]]);
    assert_eq!(broken[0].id, None);
}

#[test]
fn a_block_without_data_is_no_event_but_its_id_and_retry_count() {
    let (events, _, decoder) = decode(Limits::default(), [&b"id: 7\nretry: 250\n\nid: 8\n"[..]]);
    assert!(events.is_empty());
    assert_eq!(decoder.last_event_id(), Some("7"), "an id counts once its block ends");
    assert_eq!(decoder.retry(), Some(Duration::from_millis(250)));
}

#[test]
fn retry_is_digits_and_bounded() {
    let retry = |value: &str| events(&format!("retry: {value}\ndata\n\n"))[0].retry;
    assert_eq!(retry("0010"), Some(Duration::from_millis(10)));
    assert_eq!(retry("99999999999999999999"), Some(MAX_RETRY));
    for no_time in ["", " 10", "1e3", "-1", "+1", "1.5", "10 "] {
        assert_eq!(retry(no_time), None, "{no_time:?}");
    }
}

#[test]
fn what_the_stream_ends_in_the_middle_of_is_no_event() {
    for (input, incomplete) in [
        ("data: a\n", true),
        ("data: a", true),
        ("d", true),
        ("data: a\n\n", false),
        (": c\n", false),
        ("", false),
    ] {
        let (_, _, decoder) = decode(Limits::default(), [input.as_bytes()]);
        assert_eq!(decoder.is_incomplete(), incomplete, "{input:?}");
    }
}

#[test]
fn data_of_exactly_the_limit_passes_and_one_byte_more_ends_the_stream() {
    let limits = Limits::new(8).max_data_lines(3);
    let cases = [
        ("data: 12345678\n\n", 1, None),
        ("data: 123\ndata: 5678\n\n", 1, None),
        ("data\n\ndata: 123\ndata: 56789\n\n", 1, Some(Exceeded::Event { max: 8 })),
        ("data\n\n: 1234567890123\ndata\n\n", 1, Some(Exceeded::Line { max: 14 })),
        ("data\n\ndata: 123456789", 1, Some(Exceeded::Line { max: 14 })),
        ("data\ndata\ndata\n\n", 1, None),
        ("data\n\ndata\ndata\ndata\ndata\n\ndata\n\n", 1, Some(Exceeded::DataLines { max: 3 })),
    ];
    for (input, passed, expected) in cases {
        for size in [1, 5, 100] {
            let (events, exceeded, mut decoder) = decode(limits, input.as_bytes().chunks(size));
            assert_eq!((events.len(), exceeded), (passed, expected), "{input:?} in {size}s");
            if let Some(exceeded) = exceeded {
                decoder.push("\n\ndata: a\n\n");
                assert_eq!(decoder.next_event(), Err(exceeded), "the stream is over");
                assert!(shadowcat::Error::from(exceeded).is_too_large());
            }
        }
    }
}

#[test]
fn a_line_without_end_is_refused_when_the_limit_is_reached() {
    let mut decoder = Decoder::new(Limits::new(1 << 20));
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    let pushed = (1..).find(|_| {
        decoder.push(chunk.clone());
        decoder.next_event().is_err()
    });
    assert_eq!(pushed, Some(17));
    // There is no other window into it: its debug output lists each byte that it holds.
    assert!(format!("{decoder:?}").len() < 1000, "what was read of it is let go");
}

#[test]
fn data_within_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"event: message\ndata: {\"a\":1}\n\n");
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(chunk.clone());
    let data = decoder.next_event().unwrap().unwrap().data;
    assert_eq!(data.as_ptr(), chunk[21..].as_ptr());
}

#[test]
fn a_message_is_written_on_one_line() {
    let pretty = msg("{\r\n\"jsonrpc\":\"2.0\",\n\"id\":1,\r\"result\":{}}");
    let mut encoder = Encoder::new();
    encoder.push_message(&pretty);
    encoder.push_comment("a\r\nb");
    let out = written(&mut encoder);
    assert_eq!(out, b"data: {  \"jsonrpc\":\"2.0\", \"id\":1, \"result\":{}}\n\n: a  b\n\n");
    let (events, ..) = decode(Limits::default(), [&out[..]]);
    assert_eq!(events, [Event::message(&pretty)]);
}

#[test]
fn a_priming_event_is_an_id_and_empty_data() {
    let priming = event(None, "", Some("7"), Some(3000));
    let mut encoder = Encoder::new();
    encoder.push(&priming).unwrap();
    let out = written(&mut encoder);
    assert_eq!(out, b"id: 7\nretry: 3000\ndata: \n\n");
    assert_eq!(decode(Limits::default(), [&out[..]]).0, [priming]);
}

#[test]
fn small_events_that_are_ready_go_out_together_and_large_data_is_not_copied() {
    let mut encoder = Encoder::new();
    (0..64).for_each(|id| encoder.push_message(&call(id)));
    let large = msg(format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{}"}}"#, "x".repeat(100_000)));
    encoder.push_message(&large);
    (0..64).for_each(|id| encoder.push_message(&call(id)));
    let chunks: Vec<_> = std::iter::from_fn(|| encoder.next_chunk()).collect();
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[1].as_ptr(), large.bytes().as_ptr());
    let (events, ..) = decode(Limits::default(), chunks.iter().map(|chunk| &chunk[..]));
    assert_eq!(events.len(), 129);
}

#[test]
fn a_name_or_an_id_never_becomes_another_field() {
    for bad in ["a\nb", "a\rb", "\n", "a\0b"] {
        let mut encoder = Encoder::new();
        assert!(encoder.push(&event(Some(bad), "", None, None)).is_err());
        assert!(encoder.push(&event(None, "", Some(bad), None)).is_err());
        assert!(encoder.is_empty());
    }
    assert!(Encoder::new().push(&event(None, "", Some(&"9".repeat(MAX_ID_BYTES + 1)), None)).is_err());
}
