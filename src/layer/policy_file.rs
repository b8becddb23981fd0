//! A file that says what is allowed, and is read again when it changes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch as status;

use super::access::Access;
use super::components::{Components, Control};
use crate::policy::{Loaded, Policy};
use crate::rules::Problems;

/// A file of a policy, in force: what it says, two handles hold, and take anew when the file is read again. Cheap to
/// clone, all clones are one.
///
/// - [`access`](Self::access) is for an [`AccessControlLayer`](crate::layer::AccessControlLayer).
/// - [`control`](Self::control) is for a [`ComponentGuardLayer`](crate::layer::ComponentGuardLayer): the file's member
///   `wassette`. Without it, what reads is allowed and nothing else.
///
/// Both know the same [`Components`], so that rules about components hold for the tools that a Wassette has; where the
/// component guard stands in no stack, nothing is learned, and such a rule denies every tool.
///
/// A file with errors is never in force: at the start it is an error, later what was in force stays so, and the
/// [status](Self::status) says why. Each message meets one policy, whole, and one profile, whole.
///
/// ```
/// use shadowcat::layer::policy_file::PolicyFile;
///
/// let path = std::env::temp_dir().join(format!("in-force-{}.json", std::process::id()));
/// std::fs::write(&path, r#"{"default":"deny","rules":[]}"#)?;
/// let file = PolicyFile::open(&path)?;
///
/// std::fs::write(&path, r#"{"default":"perhaps","rules":[]}"#)?;
/// assert!(file.reload().is_err());
/// assert!(file.status().borrow().problem.as_deref().unwrap().contains("unknown default \"perhaps\""));
/// assert_eq!(file.access().stats().replaced, 0);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PolicyFile(Arc<Shared>);

struct Shared {
    path: PathBuf,
    access: Access,
    control: Control,
    /// Two readings at a time could put the older in force.
    turn: Mutex<()>,
    status: status::Sender<Status>,
}

/// How the last reading went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How often the file came into force after the first time.
    pub reloads: u64,
    /// All that is wrong with the file as it was last read, so that it is not in force; none, if it is.
    pub problem: Option<Arc<str>>,
    /// What is doubtful about the file that is in force, one in a line.
    pub warnings: Option<Arc<str>>,
}

impl PolicyFile {
    /// Reads the file and puts it in force. It blocks, as reading a file does.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something is wrong with it: all problems at once.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Problems> {
        let path = path.as_ref().to_owned();
        let Loaded { policy, wassette, warnings, .. } = Policy::from_path(&path)?;
        let components = Components::new();
        let control = Control::with_components(wassette.unwrap_or_default(), &components);
        let access = Access::with_owners(policy, move |tool| components.owner_of(tool));
        let status = Status { warnings: told(&warnings), ..Status::default() };
        let (status, turn) = (status::channel(status).0, Mutex::default());
        Ok(Self(Arc::new(Shared { path, access, control, turn, status })))
    }

    /// What the file's rules are in force by.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// What its profile for a Wassette is in force by.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Reads the file again, and puts it in force if nothing is wrong with it. It blocks, as reading a file does.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open). What was in force still is, and the [status](Self::status) says why.
    pub fn reload(&self) -> Result<(), Problems> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let read = Policy::from_path(&self.0.path);
        let loaded = read.inspect_err(|problems| self.refuse(problems))?;
        self.0.access.replace(loaded.policy);
        self.0.control.replace(loaded.wassette.unwrap_or_default());
        let warnings = told(&loaded.warnings);
        self.0.status.send_modify(|status| {
            *status = Status { reloads: status.reloads + 1, problem: None, warnings };
        });
        tracing::info!(path = %self.0.path.display(), "another policy is in force");
        Ok(())
    }

    fn refuse(&self, problems: &Problems) {
        tracing::error!(%problems, "the policy is not in force; the one before still is");
        self.0.status.send_modify(|status| status.problem = told(problems));
    }

    /// How the last reading went, now and from now on.
    pub fn status(&self) -> status::Receiver<Status> {
        self.0.status.subscribe()
    }

    /// Reads the file again whenever it has another content or cannot be read any more, as soon as nothing more is
    /// written to it for 100 ms; and once now, so that no change is missed since it was opened. Its folder is watched,
    /// so that a file that is put in its place counts too.
    ///
    /// ```no_run
    /// use shadowcat::layer::policy_file::PolicyFile;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let file = PolicyFile::open("policy.yaml")?;
    /// let watching = file.watch()?;
    /// # drop(watching); Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    ///
    /// # Errors
    ///
    /// The folder cannot be watched.
    #[cfg(feature = "watch")]
    #[cfg_attr(docsrs, doc(cfg(feature = "watch")))]
    pub fn watch(&self) -> Result<super::rules::Watching, crate::error::Error> {
        let file = self.clone();
        let watching = super::watch::watch(&self.0.path, move || {
            let _ = file.reload(); // the status says it
        })?;
        let _ = self.reload();
        Ok(watching)
    }
}

fn told(problems: &Problems) -> Option<Arc<str>> {
    (!problems.is_empty()).then(|| problems.to_string().into())
}

impl fmt::Debug for PolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyFile")
            .field("path", &self.0.path)
            .field("status", &*self.0.status.borrow())
            .finish_non_exhaustive()
    }
}
