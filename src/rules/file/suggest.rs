//! What was meant by a word that nothing is called.

/// Longer words are not looked at.
const MAX_WORD: usize = 64;

/// The known word that is nearest, if it is near: a third of the letters may differ, or the end is missing.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let is_begin = |known: &str| word.len() > 2 && known.starts_with(word);
    let near = |known: &'k str| (if is_begin(known) { 1 } else { distance(word, known) }, known);
    let (distance, found) = known.into_iter().map(near).min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.chars().count() / 3).max(1)).then_some(found)
}

/// `; did you mean "x"?`, or else all that is known.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("; did you mean {meant:?}?"),
        None => format!("; known: {}", known.join(", ")),
    }
}

/// How many letters are to be changed, added, taken away or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|word| word.to_lowercase().chars().collect::<Vec<_>>());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_another_word_is_not() {
        let known = ["rewrite", "mock", "fault", "block", "pass", "hold", "tag"];
        for (word, meant) in [
            ("rewritte", Some("rewrite")),
            ("Mock", Some("mock")),
            ("fualt", Some("fault")),
            ("blokc", Some("block")),
            ("tags", Some("tag")),
            ("rew", Some("rewrite")),
            ("delete", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(1_000), known), None);
    }
}
