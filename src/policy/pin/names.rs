//! Names of tools that can be taken for each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::message::fold;

/// Names that are kept, of all servers together and of one, so that none fills it alone; of more, none is compared.
const MAX_NAMES: usize = 2048;
const MAX_OF_SERVER: usize = 512;
/// Lookalikes that are kept.
const MAX_FOUND: usize = 1024;
/// Characters of a name that is compared by its letters.
const SHORTEST: usize = 6;
const LONGEST: usize = 128;

/// How two names are alike, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Likeness {
    /// One name on two servers: one tool stands in the other's way.
    Same,
    /// They differ in case, width, invisible characters, or `-`, `_`, `.` and blanks only.
    Fold,
    /// They look the same in another script, as `раypal` and `paypal` do (Unicode TR 39). Needs the feature `confusables`.
    Confusable,
    /// One letter more, less or other, or two in the other order; of names of at least six letters, on two servers.
    OneEdit,
}

/// Two tools that can be taken for each other: server and name of each, the one that was there first in front.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Lookalike {
    /// The one that was there.
    pub first: (Arc<str>, Arc<str>),
    /// The one that came.
    pub second: (Arc<str>, Arc<str>),
    /// How they are alike.
    pub likeness: Likeness,
}

impl fmt::Display for Lookalike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((first_server, first), (server, second)) = (&self.first, &self.second);
        let how = match self.likeness {
            Likeness::Same => "has the same name as",
            Likeness::Fold => "differs only in case, width or separators from",
            Likeness::Confusable => "looks the same as",
            Likeness::OneEdit => "is one letter away from",
        };
        write!(f, "tool {second:?} of {server:?} {how} {first:?} of {first_server:?}")
    }
}

/// The names of the tools of all servers that a client sees, shared by their stacks; cheap to clone, all clones are one.
///
/// It reports and decides nothing: two honest servers may both have a `search`. At most 2,048 names are kept and
/// compared, 512 of one server, and 1,024 pairs; [`left_out`](Self::left_out) counts the rest.
///
/// ```
/// use shadowcat::policy::pin::{Likeness, Names};
///
/// let names = Names::new();
/// names.observe("files", ["read_file"]);
/// let found = names.observe("evil", ["read-File", "read_file", "raed_file", "shell"]);
/// let how: Vec<_> = found.iter().map(|pair| pair.likeness).collect();
/// assert!(how.contains(&Likeness::Fold) && how.contains(&Likeness::Same) && how.contains(&Likeness::OneEdit));
/// ```
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    names: BTreeMap<(Arc<str>, Arc<str>), Forms>,
    /// How many names each server has.
    counts: BTreeMap<Arc<str>, usize>,
    found: BTreeSet<Lookalike>,
    left_out: u64,
}

/// What names are compared by.
struct Forms {
    folded: String,
    skeleton: String,
    letters: Vec<char>,
}

impl Names {
    /// Without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes names of a server; returns what each new one can be taken for.
    pub fn observe<'a>(&self, server: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<Lookalike> {
        let (server, mut table) = (Arc::<str>::from(server), self.lock());
        let mut found = Vec::new();
        for name in names {
            found.extend(table.observe(&server, name));
        }
        found
    }

    /// All that were found, until now.
    pub fn lookalikes(&self) -> Vec<Lookalike> {
        self.lock().found.iter().cloned().collect()
    }

    /// Names and pairs for which there was no room.
    pub fn left_out(&self) -> u64 {
        self.lock().left_out
    }

    /// Forgets a server that is no longer there.
    pub fn forget(&self, server: &str) {
        let mut table = self.lock();
        table.names.retain(|(of, _), _| **of != *server);
        table.counts.remove(server);
        table.found.retain(|pair| *pair.first.0 != *server && *pair.second.0 != *server);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn observe(&mut self, server: &Arc<str>, name: &str) -> Vec<Lookalike> {
        let key = (server.clone(), Arc::<str>::from(name));
        if self.names.contains_key(&key) {
            return Vec::new();
        }
        let of_server = self.counts.get(server).copied().unwrap_or_default();
        if self.names.len() >= MAX_NAMES || of_server >= MAX_OF_SERVER {
            self.left_out += 1;
            return Vec::new();
        }
        let forms = Forms::of(name);
        let alike = self.names.iter().filter_map(|(other, known)| {
            let likeness = likeness(other, known, &key, &forms)?;
            Some(Lookalike { first: other.clone(), second: key.clone(), likeness })
        });
        let mut alike: Vec<_> = alike.collect();
        self.names.insert(key, forms);
        self.counts.insert(server.clone(), of_server + 1);
        let room = MAX_FOUND - self.found.len();
        self.left_out += alike.len().saturating_sub(room) as u64;
        alike.truncate(room);
        self.found.extend(alike.iter().cloned());
        alike
    }
}

fn likeness(
    (server, name): &(Arc<str>, Arc<str>),
    known: &Forms,
    (other_server, other): &(Arc<str>, Arc<str>),
    forms: &Forms,
) -> Option<Likeness> {
    if name == other {
        return Some(Likeness::Same);
    }
    if known.folded == forms.folded {
        return Some(Likeness::Fold);
    }
    if known.skeleton == forms.skeleton {
        return Some(Likeness::Confusable);
    }
    // `get_user` and `get_users` of one server are its own affair.
    (server != other_server && is_one_edit(&known.letters, &forms.letters)).then_some(Likeness::OneEdit)
}

impl Forms {
    fn of(name: &str) -> Self {
        let folded: String = fold(name).chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).collect();
        // A name longer than any that is meant is compared as a whole only.
        let letters: Vec<char> = folded.chars().take(LONGEST + 1).collect();
        let letters = if letters.len() > LONGEST { Vec::new() } else { letters };
        Self { skeleton: skeleton(&folded), folded, letters }
    }
}

/// The text that stands for all that look like it.
#[cfg(feature = "confusables")]
fn skeleton(folded: &str) -> String {
    unicode_security::confusable_detection::skeleton(folded).collect()
}

#[cfg(not(feature = "confusables"))]
fn skeleton(folded: &str) -> String {
    folded.to_owned()
}

fn is_one_edit(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < SHORTEST || long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short_rest, long_rest) = (&short[same..], &long[same..]);
    if short.len() < long.len() {
        return *short_rest == long_rest[1..];
    }
    match (short_rest, long_rest) {
        ([], _) | (_, []) => false,
        ([a, b, short @ ..], [c, d, long @ ..]) if a == d && b == c && short == long => true,
        ([_, short @ ..], [_, long @ ..]) => short == long,
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.lock();
        f.debug_struct("Names")
            .field("names", &table.names.len())
            .field("lookalikes", &table.found.len())
            .finish_non_exhaustive()
    }
}
