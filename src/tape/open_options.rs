//! Who may read a tape, and who is told.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::found::Found;
use super::keys::Keys;
use super::lines::{self, NOT_SEALED};
use super::{Opening, Purpose, Tape, TapeError, TapeId};
use crate::key::Key;

type Check = dyn Fn(&Tape) -> Result<(), String> + Send + Sync;
type Hook = dyn Fn(&Opening<'_>) + Send + Sync;

/// What is asked of a tape before any of it is given away, and the keys that it needs.
///
/// [`open_with`](super::open_with), [`list_with`](super::list_with), the `open_with` of every reader
/// ([`lines`](super::lines::Reader::open_with), [`json`](super::json::Reader::open_with), SQLite) and of
/// [`import`](super::import::open_with), and a [replay](crate::connect::replay::Options::open_options) obey it; what
/// [`verify`](crate::verify) plays was opened so before. What is opened without these asks nothing and tells nobody.
///
/// ```
/// use shadowcat::tape::{self, OpenOptions, Sink, Tape, lines};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-open-{}.jsonl", std::process::id()));
/// lines::Writer::create(&path, &Tape::new()?.label("team", "red"))?.finish()?;
/// let options = OpenOptions::new()
///     .require_private_file()
///     .check(|tape| match tape.labels.get("team").map(String::as_str) {
///         Some("blue") => Ok(()),
///         _ => Err("it belongs to another team".to_owned()),
///     })
///     .on_open(|opening| println!("{opening}")); // or into an audit log
/// let error = tape::open_with(&path, &options).err().expect("it is of the red team");
/// assert!(error.is_refused());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct OpenOptions {
    pub(super) keys: Keys,
    pub(super) tape: Option<TapeId>,
    private: bool,
    pub(super) purpose: Purpose,
    pub(super) check: Option<Arc<Check>>,
    pub(super) hook: Option<Arc<Hook>>,
}

impl OpenOptions {
    /// Nothing is asked, and there is no key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a tape that was [encrypted](super::lines::Options::encrypt) with it, in JSON Lines or in SQLite. A tape that is not encrypted needs
    /// none, and is refused: it may have been put in the place of one that is.
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    pub fn key(mut self, key: Key) -> Self {
        self.keys.seal = Some(key);
        self
    }

    /// Reads only as far as the [chain](super::lines::Options::chain) holds. Tapes in JSON Lines and in SQLite can have
    /// one.
    pub fn chain(mut self, key: Key) -> Self {
        self.keys.chain = Some(key);
        self
    }

    /// Opens this tape of a file that holds several, as one in SQLite may; `sqlite::tapes` names them. Of a file that holds
    /// one, it must be this.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use shadowcat::tape::{self, OpenOptions, Sink, Tape, sqlite};
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-which-{}.db", std::process::id()));
    /// let (monday, tuesday) = (Tape::new()?, Tape::new()?);
    /// sqlite::Writer::create(&path, &monday)?.finish()?;
    /// sqlite::Writer::add_to(&path, &tuesday)?.finish()?;
    ///
    /// let tape = tape::open_with(&path, &OpenOptions::new().tape(tuesday.id.clone()))?;
    /// assert_eq!(tape.tape().id, tuesday.id);
    /// # std::fs::remove_file(&path)?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tape(mut self, id: TapeId) -> Self {
        self.tape = Some(id);
        self
    }

    /// Refuses what does not belong to this user, or what others may read or write: its mode must be 0600. On Unix.
    pub fn require_private_file(mut self) -> Self {
        self.private = true;
        self
    }

    /// Asks whether this tape may be read, before its first entry is. The text of a refusal is told to whoever opens
    /// it.
    ///
    /// What is known of a tape then is, in SQLite, all that was said of it until then. In JSON Lines it is what its recorder knew
    /// when it began: what was learned or said since (the peers, components, labels, and that a
    /// [`RecordLayer`](crate::layer::RecordLayer) masks) stands in later lines, in JSON at its end. So it is asked again
    /// when something was read there that differs, or was said meanwhile of a tape in SQLite that grows, and a refusal then ends the reading by its error: entries that stand
    /// before were read. A list and a replay read all before they give anything away. A check that
    /// [`redaction`](Tape::redaction) is there refuses a tape that says so only later.
    pub fn check(mut self, check: impl Fn(&Tape) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// Tells of every tape that was opened, and of every file that was not, to be put into a log:
    ///
    /// ```
    /// # #[cfg(not(feature = "audit"))] fn main() {}
    /// # #[cfg(feature = "audit")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use shadowcat::audit::{Options, Record, Writer};
    /// use shadowcat::connect::Replay;
    /// use shadowcat::tape::{self, OpenOptions, Purpose};
    ///
    /// # use shadowcat::{Direction, JsonRpcMessage, tape::{Entry, Sink, Tape}};
    /// # let folder = std::env::temp_dir().join(format!("shadowcat-on-open-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let (path, audit) = (folder.join("ping.json"), folder.join("audit.jsonl"));
    /// # let mut written = tape::json::Writer::create(&path, &Tape::new()?)?;
    /// # let ping = JsonRpcMessage::request(1, "ping", "{}")?;
    /// # written.append(&Entry::message(&ping, Direction::ToUpstream))?;
    /// # written.finish()?;
    /// let log = Writer::open(&audit, Options::new())?;
    /// let told = log.clone();
    /// let options = OpenOptions::new().on_open(move |opening| {
    ///     told.record(Record::note(&opening.to_string()).by("alice"));
    /// });
    /// let replay = Replay::options().open_options(options.clone()).open(&path)?;
    /// let to_verify = tape::open_with(&path, &options.purpose(Purpose::Verify))?;
    ///
    /// log.flushed().await;
    /// let text = std::fs::read_to_string(&audit)?;
    /// assert!(text.contains(r#""principal":"alice","note":"opened to replay: tape "#), "{text}");
    /// assert!(text.contains(r#""principal":"alice","note":"opened to verify: tape "#), "{text}");
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(()) }
    /// ```
    pub fn on_open(mut self, hook: impl Fn(&Opening<'_>) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// What the tape is opened for, as [`on_open`](Self::on_open) is told; [`Purpose::Read`] by default. Listing and
    /// replaying say it themselves.
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// The keys alone, for a file of which everything else was asked and told just now.
    pub(crate) fn keys(&self) -> Self {
        Self { tape: None, private: false, check: None, hook: None, ..self.clone() }
    }

    /// To open with these keys.
    pub(super) fn with(keys: Keys) -> Self {
        Self { keys, ..Self::default() }
    }

    /// To write what these open; `None` if that takes no key.
    pub(crate) fn to_write(&self) -> Option<lines::Options> {
        (!self.keys.is_none()).then(|| lines::Options::with(self.keys.clone()))
    }

    pub(super) fn sealed_by(&self) -> Option<&Key> {
        self.keys.seal()
    }

    /// What these open is encrypted.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed_by().is_some()
    }

    /// What these open has a chain that is checked.
    pub(crate) fn is_chained(&self) -> bool {
        self.keys.chain.is_some()
    }

    /// Of a format that has neither.
    pub(super) fn needs_no_key(&self, path: &Path) -> Result<(), TapeError> {
        match (self.sealed_by(), &self.keys.chain) {
            (Some(_), _) => Err(TapeError::key(path, NOT_SEALED)),
            (None, Some(_)) => Err(TapeError::key(
                path,
                "only JSON Lines and SQLite have a chain; open it without the chain's key",
            )),
            (None, None) => Ok(()),
        }
    }

    /// Opens a file by `open`, if all is well with it, and tells of it.
    pub(super) fn guard<T>(
        &self,
        path: &Path,
        open: impl FnOnce(Found) -> Result<T, TapeError>,
        tape: impl Fn(&T) -> &Tape,
    ) -> Result<T, TapeError> {
        self.guard_found(path, Found::read(path), open, tape)
    }

    /// The same, of a file that was looked at.
    pub(super) fn guard_found<T>(
        &self,
        path: &Path,
        found: Result<Found, TapeError>,
        open: impl FnOnce(Found) -> Result<T, TapeError>,
        tape: impl Fn(&T) -> &Tape,
    ) -> Result<T, TapeError> {
        let outcome = found
            .and_then(|found| self.private(path, found))
            .and_then(open)
            .and_then(|source| self.is_wanted(path, tape(&source)).map(|()| source))
            .and_then(|source| self.admit(path, tape(&source)).map(|()| source));
        if let Some(hook) = &self.hook {
            hook(&Opening { path, purpose: self.purpose, outcome: outcome.as_ref().map(tape) });
        }
        outcome
    }

    /// Whether the check lets such a tape be read.
    pub(crate) fn admit(&self, path: &Path, tape: &Tape) -> Result<(), TapeError> {
        let answer = self.check.as_ref().map_or(Ok(()), |check| check(tape));
        answer.map_err(|why| TapeError::refused(path, why))
    }

    fn private(&self, path: &Path, found: Found) -> Result<Found, TapeError> {
        let private = if self.private { found.private(path) } else { Ok(()) };
        private.map(|()| found).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => TapeError::refused(path, error),
            _ => TapeError::io(path.display(), error),
        })
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("key", &self.sealed_by())
            .field("chain", &self.keys.chain)
            .field("tape", &self.tape)
            .field("private", &self.private)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}
