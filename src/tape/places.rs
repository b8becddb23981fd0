//! Masking what stands at a place of a message.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;

use crate::message::{Ambiguous, Member, Pointer, elements, index, members, write_string};

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
    if found.is_empty() { json } else { spliced(&json, found, marker).into() }
}

/// The same of one message; `None` where no path leads to anything.
///
/// # Errors
///
/// A key on the way stands twice.
pub(crate) fn masked_once(
    json: &[u8],
    paths: &[Pointer],
    marker: &str,
) -> Result<Option<Vec<u8>>, Ambiguous> {
    let mut found = Vec::new();
    for path in paths {
        let tokens: Vec<&str> = path.tokens().collect();
        if is_ambiguous(json, &tokens) {
            return Err(Ambiguous);
        }
        places(json, 0, &tokens, &mut found);
    }
    Ok((!found.is_empty()).then(|| spliced(json, found, marker)))
}

/// `json` with `marker` at those places. What stands inside another one goes with it.
fn spliced(json: &[u8], mut found: Vec<Range<usize>>, marker: &str) -> Vec<u8> {
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
    out
}

/// Where a path leads to in `json`, which begins at `start`. As deep as the path is long.
fn places(json: &[u8], start: usize, path: &[&str], found: &mut Vec<Range<usize>>) {
    let Some((step, rest)) = path.split_first() else {
        found.push(start..start + json.len());
        return;
    };
    for member in members_at(json, step) {
        places(member.value, start + member.value_at.start, rest, found);
    }
    for place in elements_at(json, step) {
        places(&json[place.clone()], start + place.start, rest, found);
    }
}

fn is_ambiguous(json: &[u8], path: &[&str]) -> bool {
    let Some((step, rest)) = path.split_first() else { return false };
    let mut keys = HashSet::new();
    members_at(json, step).any(|member| !keys.insert(member.key()) || is_ambiguous(member.value, rest))
        || elements_at(json, step).any(|place| is_ambiguous(&json[place], rest))
}

fn members_at<'a>(json: &'a [u8], step: &'a str) -> impl Iterator<Item = Member<'a>> {
    members(json).filter(move |member| step == "*" || member.is(step))
}

fn elements_at<'a>(json: &'a [u8], step: &'a str) -> impl Iterator<Item = Range<usize>> {
    let is_it = move |number: usize| step == "*" || index(step) == Some(number);
    elements(json).enumerate().filter(move |(number, _)| is_it(*number)).map(|(_, place)| place)
}
