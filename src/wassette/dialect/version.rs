use std::fmt;
use std::str::FromStr;

/// A released version of Wassette. What follows a `-` is kept and not compared.
///
/// ```
/// use shadowcat::wassette::Version;
///
/// let version = Version::from_output("wassette-mcp-server 0.8.0 version.BuildInfo{RustVersion:\"1.97.1\"}")?;
/// assert_eq!((version.minor, version.to_string().as_str()), (8, "0.8.0"));
/// assert!(Version::from_output("git version 2.50.1").is_err());
/// assert_eq!("v0.2.0".parse::<Version>()?.minor, 2);
/// # Ok::<(), shadowcat::wassette::UnreadableVersion>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number: flags change with it.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
    /// What follows a `-`, such as `rc.1`.
    pub pre: Option<String>,
}

impl Version {
    /// Reads what `wassette --version` prints: `wassette-mcp-server 0.2.0`, in later builds with more behind it.
    ///
    /// # Errors
    ///
    /// No line is of this form.
    pub fn from_output(text: &str) -> Result<Self, UnreadableVersion> {
        let words = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            words.next().filter(|name| name.starts_with("wassette"))?;
            words.next()?.parse().ok()
        };
        text.lines().find_map(words).ok_or(UnreadableVersion)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.pre.as_ref().map_or(Ok(()), |pre| write!(f, "-{pre}"))
    }
}

impl FromStr for Version {
    type Err = UnreadableVersion;

    fn from_str(text: &str) -> Result<Self, UnreadableVersion> {
        let text = text.strip_prefix('v').unwrap_or(text).split('+').next().unwrap_or_default();
        let (numbers, pre) = text.split_once('-').map_or((text, None), |(head, pre)| (head, Some(pre)));
        let mut numbers = numbers.split('.');
        let mut next = || number(numbers.next());
        let (major, minor, patch) = (next()?, next()?, next()?);
        if numbers.next().is_some() || pre.is_some_and(|pre| !is_pre(pre)) {
            return Err(UnreadableVersion);
        }
        Ok(Self { major, minor, patch, pre: pre.map(str::to_owned) })
    }
}

fn number(text: Option<&str>) -> Result<u32, UnreadableVersion> {
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(UnreadableVersion)
}

fn is_pre(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.len() <= 64 && text.split('.').all(part)
}

/// The text names no version of Wassette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text names no version of wassette, such as `wassette 0.8.0`")]
#[non_exhaustive]
pub struct UnreadableVersion;
