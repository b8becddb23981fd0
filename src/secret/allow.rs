//! What is no secret although it looks like one.

use std::collections::HashSet;
use std::fmt;

use sha2::{Digest, Sha256};
use wildmatch::WildMatch;

/// A longer value is compared by its digest only.
const LONGEST: usize = 1024;
/// An even longer one is never allowed.
const LONGEST_DIGESTED: usize = 64 << 10;

/// What looks like a secret and is none: test keys, values of documentation.
///
/// Nothing that it is given as a value is kept: only its SHA-256, which a configuration can hold as well. Its `Debug`
/// tells how much is in it, not what.
///
/// ```
/// use shadowcat::secret::{AllowList, Detector};
///
/// let allow = AllowList::new()
///     .value("ghp_1dLqYbCzTmV0pNwXeR9uKsFj7AhG2o3Ii4Qx")
///     .digest("0f35d27f4f4c8d44fd20e71afa2a4fbf1f1df9a0f0c4c6f7d6e6bb3b7e9f2d11")?
///     .glob("sk_test_*")
///     .containing("documentation");
/// let detector = Detector::builder().allow(allow).build();
/// assert!(detector.find("key: ghp_1dLqYbCzTmV0pNwXeR9uKsFj7AhG2o3Ii4Qx").is_empty());
/// assert_eq!(detector.find("key: ghp_1dLqYbCzTmV0pNwXeR9uKsFj7AhG2o3Ii4Qy").len(), 1);
/// # Ok::<(), shadowcat::secret::InvalidDigest>(())
/// ```
#[derive(Clone, Default)]
pub struct AllowList {
    digests: HashSet<[u8; 32]>,
    globs: Vec<WildMatch>,
    words: Vec<String>,
    paths: Vec<WildMatch>,
    #[cfg(feature = "regex")]
    regexes: Vec<regex::Regex>,
}

/// What is no SHA-256 in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidDigest;

impl AllowList {
    /// Nothing is allowed.
    pub fn new() -> Self {
        Self::default()
    }

    /// This very value, of at most 64 KiB.
    pub fn value(mut self, value: &str) -> Self {
        self.digests.insert(Sha256::digest(value).into());
        self
    }

    /// The value that has this SHA-256, in hexadecimal digits: `printf %s VALUE | sha256sum`.
    ///
    /// # Errors
    ///
    /// It is no such digest.
    pub fn digest(mut self, digest: &str) -> Result<Self, InvalidDigest> {
        let mut bytes = [0; 32];
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidDigest);
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digest[at..at + 2], 16).map_err(|_| InvalidDigest)?;
        }
        self.digests.insert(bytes);
        Ok(self)
    }

    /// Values of at most 1 KiB that match this pattern, in which `*` stands for any characters and `?` for one.
    pub fn glob(mut self, pattern: &str) -> Self {
        self.globs.push(WildMatch::new(pattern));
        self
    }

    /// Values of at most 1 KiB that have this in them, in whatever case.
    pub fn containing(mut self, word: &str) -> Self {
        self.words.push(word.to_ascii_lowercase());
        self
    }

    /// Values of at most 1 KiB in which this is found.
    #[cfg(feature = "regex")]
    #[cfg_attr(docsrs, doc(cfg(feature = "regex")))]
    pub fn regex(mut self, regex: regex::Regex) -> Self {
        self.regexes.push(regex);
        self
    }

    /// Everything at places that match this pattern: a JSON Pointer into a message, such as `/params/arguments/*`.
    /// Whoever knows the places asks [`allows_path`](Self::allows_path); a text alone has none.
    pub fn path(mut self, pattern: &str) -> Self {
        self.paths.push(WildMatch::new(pattern));
        self
    }

    /// Whether everything at this place, a JSON Pointer, is allowed.
    ///
    /// ```
    /// use shadowcat::secret::AllowList;
    ///
    /// let allow = AllowList::new().path("/result/*/sha");
    /// assert!(allow.allows_path("/result/commits/0/sha") && !allow.allows_path("/params/sha"));
    /// ```
    pub fn allows_path(&self, path: &str) -> bool {
        path.len() <= LONGEST && self.paths.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether it names any place.
    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Whether this value is allowed.
    ///
    /// ```
    /// use shadowcat::secret::AllowList;
    ///
    /// assert!(AllowList::new().containing("test").allows("sk_TEST_1234") && !AllowList::new().allows(""));
    /// ```
    pub fn allows(&self, value: &str) -> bool {
        let has_digest = !self.digests.is_empty()
            && value.len() <= LONGEST_DIGESTED
            && self.digests.contains(&<[u8; 32]>::from(Sha256::digest(value)));
        has_digest || (value.len() <= LONGEST && self.allows_by_look(value))
    }

    fn allows_by_look(&self, value: &str) -> bool {
        let contains = |word: &String| value.to_ascii_lowercase().contains(word.as_str());
        #[cfg(feature = "regex")]
        if self.regexes.iter().any(|regex| regex.is_match(value)) {
            return true;
        }
        self.globs.iter().any(|pattern| pattern.matches(value)) || self.words.iter().any(contains)
    }

    /// All that either allows.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.digests.extend(other.digests);
        self.globs.extend(other.globs);
        self.words.extend(other.words);
        self.paths.extend(other.paths);
        #[cfg(feature = "regex")]
        self.regexes.extend(other.regexes);
        self
    }
}

impl fmt::Debug for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("AllowList");
        out.field("digests", &self.digests.len())
            .field("globs", &self.globs.len())
            .field("words", &self.words.len())
            .field("paths", &self.paths.len());
        #[cfg(feature = "regex")]
        out.field("regexes", &self.regexes.len());
        out.finish()
    }
}
