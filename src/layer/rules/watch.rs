//! Rules that are read again when their file changes.

use std::path::Path;

use super::{Rules, Watching};
use crate::error::Error;
use crate::layer::watch::watch;

impl Rules {
    /// Reads the rules again whenever the file at `path` has another content, as soon as nothing more is written to it
    /// for 100 ms. A bad file keeps the rules, and the [status](Self::status) says what is wrong.
    ///
    /// The folder of the file is watched, so that a file that is put in its place counts too. What is in the file when
    /// this is called is not read: the rules should be that.
    ///
    /// ```no_run
    /// use shadowcat::layer::rules::Rules;
    /// use shadowcat::rules::RuleSet;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let rules = Rules::new(RuleSet::from_path("rules.yaml")?.rules)?;
    /// let watching = rules.watch("rules.yaml")?;
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
    pub fn watch(&self, path: impl AsRef<Path>) -> Result<Watching, Error> {
        let (rules, path) = (self.clone(), path.as_ref().to_owned());
        watch(&path.clone(), move || {
            let _ = rules.reload_from(&path); // the status says it
        })
    }
}
