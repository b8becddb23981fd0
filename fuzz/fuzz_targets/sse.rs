//! Events do not depend on how their bytes are cut, and what is encoded decodes to the same. The first bytes say
//! where to cut and what is too long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shadowcat::wire::sse::{Decoder, Encoder, Event, Exceeded, Limits};

fn decode<'a>(
    limits: Limits,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event>, Option<Exceeded>, Option<String>) {
    let (mut decoder, mut events, mut exceeded) = (Decoder::new(limits), Vec::new(), None);
    for chunk in chunks {
        decoder.push(chunk.to_vec());
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => {
                    exceeded = Some(error);
                    break;
                }
            }
        }
    }
    (events, exceeded, decoder.last_event_id().map(str::to_owned))
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (max, cut, bytes) = input;
    let limits = Limits::new(usize::from(max) * usize::from(max)).max_data_lines(usize::from(cut));
    let whole = decode(limits, std::iter::once(bytes));
    assert_eq!(decode(limits, bytes.chunks(usize::from(cut) + 1)), whole);
    let mut encoder = Encoder::new();
    let mut events = whole.0;
    // A NUL is data in a name that came, but none is written.
    events.retain(|event| encoder.push(event).is_ok());
    let out = std::iter::from_fn(|| encoder.next_chunk()).collect::<Vec<_>>().concat();
    assert_eq!(decode(Limits::default(), std::iter::once(&out[..])).0, events);
});
