//! Masking what stands at a place of a message.

use std::ops::Range;

use bytes::Bytes;

use crate::message::{Pointer, elements, index, members, write_string};

/// JSON with `marker` for all that stands where a path leads: in a message, and in each message of a batch. `*` is any
/// one step, and a key that stands twice is masked twice.
pub(crate) fn masked(json: Bytes, paths: &[Pointer], marker: &str) -> Bytes {
    let mut found = Vec::new();
    for path in paths {
        let tokens: Vec<&str> = path.tokens().collect();
        places(&json, 0, &tokens, &mut found);
        if json.trim_ascii_start().first() == Some(&b'[') {
            elements(&json).for_each(|place| places(&json[place.clone()], place.start, &tokens, &mut found));
        }
    }
    if found.is_empty() {
        return json;
    }
    found.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
    let (mut out, mut at) = (Vec::with_capacity(json.len()), 0);
    for place in found {
        if place.start < at {
            continue;
        }
        out.extend_from_slice(&json[at..place.start]);
        write_string(&mut out, marker);
        at = place.end;
    }
    out.extend_from_slice(&json[at..]);
    out.into()
}

/// Where a path leads to in `json`, which begins at `start`. As deep as the path is long.
fn places(json: &[u8], start: usize, path: &[&str], found: &mut Vec<Range<usize>>) {
    let Some((step, rest)) = path.split_first() else {
        found.push(start..start + json.len());
        return;
    };
    for member in members(json).filter(|member| *step == "*" || member.is(step)) {
        places(member.value, start + member.value_at.start, rest, found);
    }
    for (number, place) in elements(json).enumerate() {
        if *step == "*" || index(step) == Some(number) {
            places(&json[place.clone()], start + place.start, rest, found);
        }
    }
}
