//! Lines do not depend on how their bytes are cut, and what is encoded decodes to the same. The first bytes say
//! where to cut and what is too long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shadowcat::wire::lines::{Decoder, Encoder, Line};

fn decode<'a>(max: usize, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Line> {
    let (mut decoder, mut lines) = (Decoder::new(max), Vec::new());
    for chunk in chunks {
        decoder.push(chunk);
        lines.extend(std::iter::from_fn(|| decoder.next_line()));
    }
    lines.extend(decoder.finish());
    lines
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (max, cut, bytes) = input;
    let max = usize::from(max) * usize::from(max);
    let whole = decode(max, std::iter::once(bytes));
    assert_eq!(decode(max, bytes.chunks(usize::from(cut) + 1)), whole);
    let mut encoder = Encoder::new();
    let frames: Vec<Line> = whole.into_iter().filter(|line| matches!(line, Line::Frame(_))).collect();
    for line in &frames {
        let Line::Frame(frame) = line else { continue };
        encoder.push_frame(frame).expect("a frame holds no line break");
    }
    let mut written = Vec::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(encoder.poll_flush(&mut written, &mut cx).is_ready());
    assert_eq!(decode(max, std::iter::once(&written[..])), frames);
});
