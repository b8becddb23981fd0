//! What is looked for in a text, before anything is judged.

use super::formats::FORMATS;

/// What a word may be a sign of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hint {
    Format(usize),
    Bearer,
    Basic,
    Name,
    Userinfo,
    WebToken,
    PrivateKey,
    Telegram,
    Terraform,
    #[cfg(feature = "regex")]
    Rule(usize),
}

/// The kind of what nothing but the name before it tells of.
pub(super) const ASSIGNED: &str = "assigned";
/// The kind of the whole value of a member whose name says it.
pub(super) const MEMBER: &str = "member";

/// Words that names of secrets contain.
const NAMES: [&str; 24] = [
    "apikey",
    "api_key",
    "api-key",
    "api.key",
    "auth",
    "cookie",
    "credential",
    "pass",
    "pwd",
    "secret",
    "token",
    "signature",
    "sig=",
    "_key",
    "-key",
    "accesskey",
    "accountkey",
    "privatekey",
    "masterkey",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "code=",
    "key=",
];

/// Each is a sign of its own.
const SIGNS: [(&str, Hint); 7] = [
    ("bearer", Hint::Bearer),
    ("basic", Hint::Basic),
    ("://", Hint::Userinfo),
    ("eyJ", Hint::WebToken),
    ("-----BEGIN ", Hint::PrivateKey),
    (":AA", Hint::Telegram),
    (".atlasv1.", Hint::Terraform),
];

impl Hint {
    /// The kind of secret that it leads to; a rule of one's own has its id.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Format(format) => FORMATS[format].kind,
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Name => ASSIGNED,
            Self::Userinfo => "password-in-url",
            Self::WebToken => "jwt",
            Self::PrivateKey => "private-key",
            Self::Telegram => "telegram-token",
            Self::Terraform => "terraform-token",
            #[cfg(feature = "regex")]
            Self::Rule(_) => "rule",
        }
    }
}

/// Whatever a secret begins with or stands beside.
pub(super) fn words() -> impl Iterator<Item = (&'static str, Hint)> {
    let formats = FORMATS.iter().enumerate().map(|(at, format)| (format.prefix, Hint::Format(at)));
    formats.chain(NAMES.map(|name| (name, Hint::Name))).chain(SIGNS)
}

/// Every kind that is known here, each once.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    let mut kinds: Vec<_> = words().map(|(_, hint)| hint.kind()).chain([MEMBER]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter()
}
