//! What a secret looks like: finding it in text, and putting a marker in its place. Nothing here reads or writes
//! messages; stripping, recording and logging share it.
//!
//! A secret is known by its format (some fifty providers' keys, JSON Web Tokens, private keys), by where it stands
//! (`Authorization: Bearer …`, `password=…`, `https://user:…@host`, `?access_token=…`), or by the name of the member
//! that holds it. Base64 is looked into, twice. What is no secret in all likelihood is let be: placeholders, empty
//! values, prose about passwords. How random a text looks only supports what else speaks for a secret.
//!
//! A [`Detector::builder`] leaves kinds out, lets be what an [`AllowList`] knows, and adds rules of one's own, from code
//! (`CustomRule`, feature `regex`) or from a file in the words of gitleaks (`Builder::rules_from_path`).
//!
//! Time is linear in the text, whatever stands in it.
//!
//! ```
//! use shadowcat::secret::{Detector, Marker};
//!
//! let detector = Detector::new();
//! let text = "curl -H 'Authorization: Bearer oDn2wrpfkJMmrH7OhacoK5x6Gixs' https://a.example";
//! let masked = detector.mask(text, &Marker::default());
//! assert_eq!(masked, "curl -H 'Authorization: Bearer [REDACTED:bearer]' https://a.example");
//! assert!(detector.find("Your password must be at least 12 characters").is_empty());
//! ```

mod allow;
mod builder;
mod detector;
mod document;
mod encoded;
mod format;
mod formats;
mod guess;
mod hint;
mod lines;
mod looking;
mod marker;
mod name;
mod place;
#[cfg(feature = "regex")]
mod rule;
mod runs;
mod words;

use std::sync::{Arc, LazyLock};

pub use allow::{AllowList, InvalidDigest};
pub use builder::{Builder, UnknownKind};
pub use detector::{Detector, Finding};
pub use document::{Found, Secrets};
pub use lines::MaskLines;
pub use marker::Marker;
pub use name::{Sensitivity, sensitivity};
#[cfg(feature = "regex")]
#[cfg_attr(docsrs, doc(cfg(feature = "regex")))]
pub use rule::{CustomRule, InvalidRule};

/// All that is known here, made once: for what the crate says and writes down by itself.
pub(crate) fn shared() -> &'static Arc<Detector> {
    static SHARED: LazyLock<Arc<Detector>> = LazyLock::new(Arc::default);
    &SHARED
}
