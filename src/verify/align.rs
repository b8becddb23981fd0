//! Which of two sequences of messages belong together.

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// The same in both.
    Same,
    /// One in the place of the other: indices into both.
    Instead(usize, usize),
    /// Recorded only.
    Missing(usize),
    /// Said now only.
    Extra(usize),
}

/// Longer ones than that, but for what is the same at their ends, are paired by their numbers only.
const MAX_TABLE: usize = 1 << 20;

/// Aligns `expected` and `actual`, keys that are equal where messages are, so that as many as possible are the same.
/// What is not is paired in order with what `is_alike`, between the same two neighbours.
pub(super) fn align<K: PartialEq>(
    expected: &[K],
    actual: &[K],
    is_alike: impl Fn(usize, usize) -> bool,
) -> Vec<Pair> {
    let head = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
    let (ours, theirs) = (&expected[head..], &actual[head..]);
    let tail = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(a, b)| a == b).count();
    let (ours, theirs) = (&ours[..ours.len() - tail], &theirs[..theirs.len() - tail]);
    let mut pairs = vec![Pair::Same; head];
    let (mut a, mut b) = (0, 0);
    let ends = (ours.len(), theirs.len());
    for (next_a, next_b) in common(ours, theirs).into_iter().chain([ends]) {
        gap(head + a..head + next_a, head + b..head + next_b, &is_alike, &mut pairs);
        if (next_a, next_b) != ends {
            pairs.push(Pair::Same);
        }
        (a, b) = (next_a + 1, next_b + 1);
    }
    pairs.extend(vec![Pair::Same; tail]);
    pairs
}

/// The longest common subsequence.
fn common<K: PartialEq>(ours: &[K], theirs: &[K]) -> Vec<(usize, usize)> {
    let width = theirs.len() + 1;
    if (ours.len() + 1).saturating_mul(width) > MAX_TABLE {
        return Vec::new();
    }
    // How long it is from here on.
    let mut longest = vec![0_u32; (ours.len() + 1) * width];
    for a in (0..ours.len()).rev() {
        for b in (0..theirs.len()).rev() {
            let at = a * width + b;
            longest[at] = if ours[a] == theirs[b] {
                longest[at + width + 1] + 1
            } else {
                longest[at + width].max(longest[at + 1])
            };
        }
    }
    let (mut a, mut b, mut found) = (0, 0, Vec::new());
    while a < ours.len() && b < theirs.len() {
        let at = a * width + b;
        if ours[a] == theirs[b] {
            found.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if longest[at + width] >= longest[at + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    found
}

fn gap(
    ours: std::ops::Range<usize>,
    theirs: std::ops::Range<usize>,
    is_alike: &impl Fn(usize, usize) -> bool,
    pairs: &mut Vec<Pair>,
) {
    let mut next = theirs.start;
    for a in ours {
        match (next..theirs.end).find(|b| is_alike(a, *b)) {
            Some(b) => {
                pairs.extend((next..b).map(Pair::Extra));
                pairs.push(Pair::Instead(a, b));
                next = b + 1;
            }
            None => pairs.push(Pair::Missing(a)),
        }
    }
    pairs.extend((next..theirs.end).map(Pair::Extra));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_does_not_shift_what_follows() {
        let alike = |_, _| false;
        assert_eq!(align(b"abcd", b"acd", alike), [Pair::Same, Pair::Missing(1), Pair::Same, Pair::Same]);
        assert_eq!(align(b"ab", b"axb", alike), [Pair::Same, Pair::Extra(1), Pair::Same]);
        assert_eq!(
            align(b"abc", b"xbz", |a, b| a == b),
            [Pair::Instead(0, 0), Pair::Same, Pair::Instead(2, 2)]
        );
        assert_eq!(align(b"ab", b"ba", alike), [Pair::Missing(0), Pair::Same, Pair::Extra(1)]);
        assert_eq!(align(b"", b"", alike), []);
    }

    #[test]
    fn each_message_is_accounted_for_once() {
        let sequences: [&[u8]; 6] = [b"", b"a", b"abcabc", b"cba", b"aabbcc", b"xyz"];
        for ours in sequences {
            for theirs in sequences {
                let pairs = align(ours, theirs, |a, b| (a + b) % 2 == 0);
                let count = |ours: bool| {
                    let counts = |pair: &&Pair| match pair {
                        Pair::Missing(_) => ours,
                        Pair::Extra(_) => !ours,
                        _ => true,
                    };
                    pairs.iter().filter(counts).count()
                };
                assert_eq!((count(true), count(false)), (ours.len(), theirs.len()), "{pairs:?}");
            }
        }
    }
}
