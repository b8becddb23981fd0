//! Newline framing, both ways.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use proptest::prelude::*;
use shadowcat::wire::lines::{Decoder, Encoder, Line, one_line};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::support::{call, msg, text};

/// Everything that `chunks` hold, told apart.
fn decode<'a>(max: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Line>, u64) {
    let (mut decoder, mut lines) = (Decoder::new(max), Vec::new());
    for chunk in chunks {
        decoder.push(chunk);
        lines.extend(std::iter::from_fn(|| decoder.next_line()));
    }
    lines.extend(decoder.finish());
    (lines, decoder.blank_lines())
}

fn frame(text: &str) -> Line {
    Line::Frame(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn a_carriage_return_belongs_to_the_terminator_or_breaks_the_frame() {
    let (lines, blank) = decode(64, [&b"a\r\nb\n\r\n \t\r\n\nc\rd\n\re\r\nf\r\r\ng\r"[..]]);
    let broken = |text: &str| Line::CarriageReturn(Bytes::copy_from_slice(text.as_bytes()));
    let rest = Line::Incomplete("g\r".into());
    assert_eq!(lines, [frame("a"), frame("b"), broken("c\rd"), broken("\re"), broken("f\r"), rest]);
    assert_eq!(blank, 3);
}

#[test]
fn a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    for end in ["\n", "\r\n"] {
        let (lines, _) = decode(4, [format!("1234{end}12345{end}1234{end}").as_bytes()]);
        assert_eq!(lines, [frame("1234"), Line::TooLong("12345".into()), frame("1234")], "{end:?}");
        let single: Vec<_> = format!("1234{end}12345{end}x{end}").into_bytes();
        assert_eq!(decode(4, single.chunks(1)).0, [frame("1234"), Line::TooLong("12345".into()), frame("x")]);
    }
}

#[test]
fn an_over_long_line_is_told_once_by_its_beginning_and_the_next_one_is_fine() {
    let mut input = b"{\"id\":7,".to_vec();
    input.resize(100_000, b'x');
    input.extend_from_slice(b"\n{}\n");
    for chunk in [1, 7, 4096, 65_536, 200_000] {
        let (lines, _) = decode(10_000, input.chunks(chunk));
        let [Line::TooLong(head), next] = &lines[..] else { panic!("{} lines", lines.len()) };
        assert!(head.starts_with(b"{\"id\":7,") && head.len() >= 1024, "its id can be found");
        assert_eq!(next, &frame("{}"));
    }
}

#[test]
fn the_end_of_the_input_in_the_middle_of_a_line_is_told() {
    assert_eq!(decode(64, [&b"a\n{\"b\""[..]]).0, [frame("a"), Line::Incomplete("{\"b\"".into())]);
    assert_eq!(decode(64, [&b"a\n \t"[..]]).0, [frame("a")], "a blank rest is nothing");
    assert_eq!(decode(2, [&b"long"[..], b"er"]).0, [Line::TooLong("lon".into())]);
    assert!(decode(64, []).0.is_empty());
}

/// A reader that never ends a line, and counts what is asked of it.
struct Endless(usize);

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        self.0 = self.0.max(room);
        buf.initialize_unfilled().fill(b'x');
        buf.advance(room);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_line_without_end_takes_bounded_memory() {
    let (mut decoder, mut reader) = (Decoder::new(1 << 20), Endless(0));
    let mut total = 0;
    while total < 64 << 20 {
        total += poll_fn(|cx| decoder.poll_read(&mut reader, cx)).await.unwrap();
        assert_eq!(decoder.next_line(), None);
    }
    // The room of a read grows with what is buffered: it would have run away with it.
    assert!(reader.0 <= 4 << 20, "a read of {} bytes", reader.0);
}

/// A writer that does as it is told: takes so many bytes at a time, 0 for `Pending`.
struct Partial<'a> {
    took: Vec<u8>,
    writes: Vec<usize>,
    script: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    vectored: bool,
}

impl<'a> Partial<'a> {
    fn new(script: &'a [usize], vectored: bool) -> Self {
        Self { took: Vec::new(), writes: Vec::new(), script: script.iter().cycle(), vectored }
    }
}

impl AsyncWrite for Partial<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let most = *self.script.next().unwrap();
        if most == 0 {
            return Poll::Pending;
        }
        assert!(!buf.is_empty(), "an empty write looks like the end");
        let taken = buf.len().min(most);
        self.took.extend_from_slice(&buf[..taken]);
        self.writes.push(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let joined: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        let vectored = self.vectored;
        self.poll_write(cx, if vectored { &joined } else { first })
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn flush(encoder: &mut Encoder, writer: &mut Partial<'_>) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    encoder.poll_flush(writer, &mut cx).map(Result::unwrap).is_ready()
}

#[test]
fn what_is_ready_goes_out_in_one_write() {
    let mut encoder = Encoder::new();
    (0..64).for_each(|id| encoder.push(&call(id)).unwrap());
    let mut writer = Partial::new(&[usize::MAX], true);
    assert!(flush(&mut encoder, &mut writer) && encoder.is_empty());
    assert_eq!(writer.writes.len(), 1);
    assert_eq!(decode(1 << 20, [&writer.took[..]]).0.len(), 64);
}

#[test]
fn one_message_per_write_is_one_message_per_write() {
    let mut encoder = Encoder::new().one_per_write();
    let sizes: Vec<usize> = (0..20).map(|id| text(&call(id)).len() + 1).collect();
    (0..20).for_each(|id| encoder.push(&call(id)).unwrap());
    let mut writer = Partial::new(&[usize::MAX], true);
    assert!(flush(&mut encoder, &mut writer));
    assert_eq!(writer.writes, sizes);
}

#[test]
fn a_raw_line_break_is_refused_and_one_line_mends_it() {
    let pretty = msg("{\r\n\t\"jsonrpc\":\"2.0\",\n\"method\":\"a\\n\"}".replace("\\n", "\\u0061"));
    let mut encoder = Encoder::new();
    assert!(encoder.push(&pretty).is_err() && encoder.is_empty());
    assert!(encoder.push_frame(&Bytes::from_static(b"a\rb")).is_err());
    assert!(encoder.push_frame(&Bytes::from_static(b"a\n")).is_err() && encoder.is_empty());
    let mended = one_line(&pretty);
    assert_eq!(mended.len(), pretty.bytes().len());
    encoder.push_frame(&mended).unwrap();
    assert_eq!(msg(std::str::from_utf8(&mended).unwrap()).method(), pretty.method());
}

#[test]
fn a_writer_that_takes_nothing_is_an_error() {
    let mut encoder = Encoder::new();
    encoder.push(&call(1)).unwrap();
    let mut cursor = io::Cursor::new(&mut [][..]);
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = encoder.poll_flush(&mut cursor, &mut cx) else { panic!("it was taken") };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}

#[test]
fn what_was_written_is_not_kept_even_if_the_queue_never_runs_dry() {
    let mut encoder = Encoder::new();
    let mut writer = Partial::new(&[4096, 0], true);
    for _ in 0..8 {
        encoder.push_frame(&Bytes::from(vec![b'x'; 4095])).unwrap();
    }
    for _ in 0..1000 {
        encoder.push_frame(&Bytes::from(vec![b'x'; 4095])).unwrap();
        assert!(!flush(&mut encoder, &mut writer));
    }
    assert_eq!(encoder.len(), 8 * 4096);
    // There is no other window into it: its debug output lists each byte that it holds.
    assert!(format!("{encoder:?}").len() < 8 << 20);
}

proptest! {
    #[test]
    fn framing_does_not_depend_on_how_the_bytes_are_cut(
        input in prop::collection::vec(prop::sample::select(&b"ab {}\r\r\n\n\n\xff"[..]), 0..200),
        cuts in prop::collection::vec(1..40_usize, 1..20),
        max in 0..24_usize,
    ) {
        let mut rest = &input[..];
        let mut chunks = Vec::new();
        for cut in cuts.iter().cycle() {
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let whole = decode(max, [&input[..]]);
        prop_assert_eq!(decode(max, chunks), whole.clone());
        prop_assert_eq!(decode(max, input.chunks(1)), whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_encoded_decodes_to_the_same_through_any_writer(
        sizes in prop::collection::vec(prop_oneof![4 => 1..40_usize, 2 => 16_000..17_000_usize, 1 => 30_000..70_000_usize], 1..24),
        script in prop::collection::vec(prop_oneof![Just(0_usize), 1..100_usize, 1_000..100_000_usize], 0..8),
        (vectored, one_per_write, push_ahead) in (any::<bool>(), any::<bool>(), 1..8_usize),
    ) {
        let script = [&script[..], &[50_000]].concat();
        let mut encoder = if one_per_write { Encoder::new().one_per_write() } else { Encoder::new() };
        let mut writer = Partial::new(&script, vectored);
        let frames: Vec<Bytes> =
            sizes.iter().enumerate().map(|(at, size)| vec![b'a' + at as u8; *size].into()).collect();
        for group in frames.chunks(push_ahead) {
            let before = encoder.len();
            group.iter().for_each(|frame| encoder.push_frame(frame).unwrap());
            prop_assert_eq!(encoder.len(), before + group.iter().map(|frame| frame.len() + 1).sum::<usize>());
            let queued = encoder.len() + writer.took.len();
            flush(&mut encoder, &mut writer);
            prop_assert_eq!(encoder.len() + writer.took.len(), queued);
        }
        while !flush(&mut encoder, &mut writer) {}
        let expected: Vec<Line> = frames.into_iter().map(Line::Frame).collect();
        prop_assert!(decode(1 << 20, [&writer.took[..]]).0 == expected);
    }
}
