//! What a detector is made of.

use std::collections::BTreeSet;

use super::allow::AllowList;
use super::detector::Detector;
use super::hint::kinds;
#[cfg(feature = "regex")]
use super::rule::CustomRule;

/// Makes a [`Detector`]: all kinds that are known here, without some, with rules of one's own, and with what is let be.
///
/// ```
/// use shadowcat::secret::{AllowList, Detector};
///
/// let detector = Detector::builder()
///     .without("twilio-key")?
///     .allow(AllowList::new().containing("not-a-secret"))
///     .build();
/// assert!(detector.find("SK0123456789abcdef0123456789abcdef").is_empty());
///
/// let error = Detector::builder().without("twilio").unwrap_err();
/// assert_eq!(error.to_string(), "there is no kind of secret that is called \"twilio\"");
/// # Ok::<(), shadowcat::secret::UnknownKind>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    pub(super) without: BTreeSet<&'static str>,
    pub(super) allow: AllowList,
    #[cfg(feature = "regex")]
    pub(super) rules: Vec<CustomRule>,
}

/// A kind of secret that nothing is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of secret that is called {0:?}")]
pub struct UnknownKind(String);

impl Builder {
    /// All that is known here, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves a kind out: one of [`Detector::kinds`].
    ///
    /// # Errors
    ///
    /// There is none of this name.
    pub fn without(mut self, kind: &str) -> Result<Self, UnknownKind> {
        let known = kinds().find(|known| *known == kind);
        self.without.insert(known.ok_or_else(|| UnknownKind(kind.to_owned()))?);
        Ok(self)
    }

    /// Lets be what is on this list too.
    pub fn allow(mut self, allow: AllowList) -> Self {
        self.allow = self.allow.with(allow);
        self
    }

    /// Looks for this too.
    #[cfg(feature = "regex")]
    #[cfg_attr(docsrs, doc(cfg(feature = "regex")))]
    pub fn rule(mut self, rule: CustomRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The detector.
    pub fn build(self) -> Detector {
        Detector::of(self)
    }
}
