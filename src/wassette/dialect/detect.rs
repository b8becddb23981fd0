use super::{Dialect, UnreadableVersion, Version};

/// No dialect can be told from what was found. [`Dialect`] can be named by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownDialect {
    /// Its log goes where the protocol goes.
    #[error("wassette {found} is too old; 0.2.0 to 0.8 are supported")]
    TooOld {
        /// What was found.
        found: Version,
    },
    /// The flags of this version are not known for sure; its `--help` tells them.
    #[error(
        "the flags of wassette {found} are not known by its version; \
         0.2.0, 0.3.0 and 0.5 to 0.8 are, others are told by `--help`"
    )]
    Unsure {
        /// What was found.
        found: Version,
    },
    /// The text holds no version.
    #[error(transparent)]
    Unreadable(#[from] UnreadableVersion),
    /// The help names no flags that are known.
    #[error("this is not the help of a known wassette: it names no `serve` with a known flag")]
    UnknownHelp,
}

impl Dialect {
    /// The dialect of a released version.
    ///
    /// # Errors
    ///
    /// The version is too old, or the flags changed within its releases, or it is newer than this crate: then
    /// [`from_help`](Self::from_help) may tell.
    pub fn for_version(version: &Version) -> Result<Self, UnknownDialect> {
        match (version.major, version.minor, version.patch) {
            (0, 0 | 1, _) => Err(UnknownDialect::TooOld { found: version.clone() }),
            (0, 2, _) => Ok(Self::V0_2),
            (0, 3, 0) => Ok(Self::V0_3),
            (0, 5 | 6, _) => Ok(Self::V0_5),
            (0, 7 | 8, _) => Ok(Self::V0_8),
            _ => Err(UnknownDialect::Unsure { found: version.clone() }),
        }
    }

    /// The dialect of the `wassette` that prints `text` for `--version`.
    ///
    /// # Errors
    ///
    /// As [`for_version`](Self::for_version), or the text holds no version.
    pub fn from_version_output(text: &str) -> Result<Self, UnknownDialect> {
        Self::for_version(&Version::from_output(text)?)
    }

    /// The dialect told by help texts: those of `wassette --help` and `wassette serve --help`, one behind the other.
    ///
    /// ```
    /// use shadowcat::wassette::Dialect;
    ///
    /// let help = "Commands:\n  serve  Begin handling requests\n";
    /// let serve = "Options:\n  --plugin-dir <DIR>\n  --stdio  Enable stdio transport\n  --http   Enable HTTP";
    /// assert_eq!(Dialect::from_help(&format!("{help}{serve}"))?, Dialect::V0_2);
    /// # Ok::<(), shadowcat::wassette::UnknownDialect>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text names no flags that are known here.
    pub fn from_help(text: &str) -> Result<Self, UnknownDialect> {
        let has = |flag: &str| text.split_whitespace().any(|word| word.trim_end_matches(',') == flag);
        let command = |name: &str| text.lines().any(|line| line.split_whitespace().next() == Some(name));
        let streamable = has("--streamable-http");
        match () {
            () if !command("serve") => Err(UnknownDialect::UnknownHelp),
            () if command("run") && has("--allowed-host") => Ok(Self::V0_8),
            () if command("run") && streamable => Ok(Self::V0_5),
            () if has("--stdio") && has("--component-dir") && streamable => Ok(Self::V0_4),
            () if has("--stdio") && has("--plugin-dir") && streamable => Ok(Self::V0_3),
            () if has("--stdio") && has("--plugin-dir") && has("--http") => Ok(Self::V0_2),
            () => Err(UnknownDialect::UnknownHelp),
        }
    }
}
