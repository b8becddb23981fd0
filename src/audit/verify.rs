//! Reading a log to see whether it is what was written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::Key;
use super::key::unhex;
use super::line::{Link, MAX_LINE};
use super::walk::{Problem, Walk};
use super::writer::Anchor;

/// Faults that are kept; more are counted.
const MOST_FAULTS: usize = 1000;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flaw {
    /// The file.
    pub path: PathBuf,
    /// The line in it, from 1; for what is missing at the end, the last.
    pub line: u64,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.problem)
    }
}

/// What was found in a log.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Findings {
    /// What is wrong, the first thousand.
    pub flaws: Vec<Flaw>,
    /// How much is wrong.
    pub flaw_count: u64,
    /// Records in their places.
    pub records: u64,
    /// Records that the log itself says are lost: its queue was full.
    pub lost: u64,
    /// How often the log went on after a line that was not written to its end.
    pub recoveries: u64,
    /// The last record.
    pub last: Option<Anchor>,
}

impl Findings {
    /// Nothing is wrong. Records may be [lost](Self::lost) all the same.
    pub fn is_whole(&self) -> bool {
        self.flaw_count == 0
    }
}

/// Reads logs, a line at a time.
///
/// What is cut off at the end of a log leaves no trace in it. Whoever wants to know keeps
/// [`Writer::last`](super::Writer::last) in another place, now and then, and has the verifier [look for it](Self::expect).
///
/// ```
/// use shadowcat::audit::{Options, Problem, Record, Verifier, Writer};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("audit-verify-{}.jsonl", std::process::id()));
/// let log = Writer::open(&path, Options::new())?;
/// log.record(Record::note("all is well"));
/// log.flushed().await;
/// assert!(Verifier::new().verify([&path])?.is_whole());
///
/// let text = std::fs::read_to_string(&path)?.replace("well", "lost");
/// std::fs::write(&path, text)?;
/// let findings = Verifier::new().verify([&path])?;
/// assert_eq!((findings.flaws[0].line, &findings.flaws[0].problem), (2, &Problem::Altered));
/// # std::fs::remove_file(path)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    key: Option<Key>,
    expected: Vec<Anchor>,
    from_the_middle: bool,
}

impl Verifier {
    /// Of logs without a key, from their first record on.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the key that the chain is bound by.
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// This record must be there.
    pub fn expect(mut self, anchor: Anchor) -> Self {
        self.expected.push(anchor);
        self
    }

    /// The first files may be gone.
    pub fn from_the_middle(mut self) -> Self {
        self.from_the_middle = true;
        self
    }

    /// Reads the files of one log, the oldest first.
    ///
    /// # Errors
    ///
    /// A file cannot be read. What is wrong with a log is no error but in the [`Findings`].
    pub fn verify(&self, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> io::Result<Findings> {
        let mut findings = Findings::default();
        let mut walk = Walk::new(self.key.as_ref(), (!self.from_the_middle).then_some(Link::START));
        let mut missing = self.expected.clone();
        let mut end = (PathBuf::new(), 0);
        for path in paths {
            end =
                (path.as_ref().to_owned(), self.file(path.as_ref(), &mut walk, &mut missing, &mut findings)?);
        }
        for anchor in missing {
            findings.wrong(&end.0, end.1, Problem::Truncated { seq: anchor.seq });
        }
        (findings.records, findings.lost) = (walk.told.records, walk.told.lost);
        findings.recoveries = walk.told.recoveries;
        findings.last = walk.last().filter(|last| last.seq > 0).map(Anchor::from);
        Ok(findings)
    }

    /// The number of its last line.
    fn file(
        &self,
        path: &Path,
        walk: &mut Walk<'_>,
        missing: &mut Vec<Anchor>,
        findings: &mut Findings,
    ) -> io::Result<u64> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            line.clear();
            (&mut file).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
            let mut wrong = |line, problem| findings.wrong(path, line, problem);
            let Some(text) = line.strip_suffix(b"\n") else {
                if line.len() > MAX_LINE {
                    at += 1;
                    wrong(at, Problem::Altered);
                    file.skip_until(b'\n')?;
                    continue;
                }
                at += u64::from(!line.is_empty());
                walk.end(at, &line, &mut wrong);
                seen(missing, walk.last());
                return Ok(at);
            };
            at += 1;
            walk.line(at, text, &mut wrong);
            seen(missing, walk.last());
        }
    }
}

fn seen(missing: &mut Vec<Anchor>, last: Option<Link>) {
    if let Some(last) = last.filter(|_| !missing.is_empty()) {
        missing.retain(|anchor| (anchor.seq, unhex(anchor.hash.as_bytes())) != (last.seq, Some(last.hash)));
    }
}

impl Findings {
    fn wrong(&mut self, path: &Path, line: u64, problem: Problem) {
        self.flaw_count += 1;
        if self.flaws.len() < MOST_FAULTS {
            self.flaws.push(Flaw { path: path.to_owned(), line, problem });
        }
    }
}
