//! Names of members and variables that hold secrets.

/// How surely a member of some name holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a name says it, hints at it, or does not")]
pub enum Sensitivity {
    /// Nothing speaks for it.
    None,
    /// A secret, if it looks like one: `token`, `signature`.
    Weak,
    /// A secret, whatever it looks like: `password`, `api_key`.
    Strong,
}

/// What a whole name is, or ends in, without case, `-`, `_` and `.`.
const STRONG: [&str; 34] = [
    "accesskey",
    "accesstoken",
    "accountkey",
    "apikey",
    "apisecret",
    "apitoken",
    "authtoken",
    "bearertoken",
    "clientsecret",
    "consumersecret",
    "cookie",
    "deploytoken",
    "encryptionkey",
    "gitlabtoken",
    "githubtoken",
    "idtoken",
    "jwtsecret",
    "masterkey",
    "oauthtoken",
    "passphrase",
    "passwd",
    "password",
    "personalaccesstoken",
    "privatekey",
    "proxyauthorization",
    "pwd",
    "refreshtoken",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "signingkey",
    "signingsecret",
    "webhooksecret",
];

/// The same, where the value has to look like a secret, too.
const WEAK: [&str; 9] =
    ["auth", "authorization", "credential", "credentials", "secret", "sig", "signature", "token", "bearer"];

/// Not what they end in.
const HARMLESS: [&str; 6] =
    ["cancellationtoken", "csrftoken", "nexttoken", "pagetoken", "progresstoken", "continuationtoken"];

/// A longer name is nobody's.
const LONGEST: usize = 96;

/// How surely a member of this name holds a secret.
///
/// ```
/// use shadowcat::secret::{Sensitivity, sensitivity};
///
/// assert_eq!(sensitivity("X-API-Key"), Sensitivity::Strong);
/// assert_eq!(sensitivity("DB_PASSWORD"), Sensitivity::Strong);
/// assert_eq!(sensitivity("token"), Sensitivity::Weak);
/// assert_eq!(sensitivity("max_tokens"), Sensitivity::None);
/// ```
pub fn sensitivity(name: &str) -> Sensitivity {
    if name.len() > LONGEST {
        return Sensitivity::None;
    }
    let separator = |c: &char| !matches!(c, '-' | '_' | '.' | ' ');
    let plain: String = name.chars().filter(separator).flat_map(char::to_lowercase).collect();
    let ends_in = |names: &[&str]| names.iter().any(|end| plain.ends_with(end));
    match () {
        () if ends_in(&HARMLESS) => Sensitivity::None,
        () if ends_in(&STRONG) => Sensitivity::Strong,
        () if WEAK.contains(&plain.as_str()) || (has_parts(name) && ends_in(&WEAK)) => Sensitivity::Weak,
        () => Sensitivity::None,
    }
}

/// Whether [`sensitivity`] could be anything but `None`: told by the last two letters of the name as it is written,
/// which costs next to nothing.
pub(super) fn may_be_sensitive(name: &str) -> bool {
    let letters = name.bytes().rev().filter(|byte| !matches!(byte, b'-' | b'_' | b'.' | b' '));
    let mut last = letters.map(|byte| byte.to_ascii_lowercase());
    let (Some(last), Some(before)) = (last.next(), last.next()) else { return false };
    let ends = b"ey en et ie se wd rd on th al ls ig re er";
    // Some letters beyond ASCII have a small form in it.
    !last.is_ascii() || !before.is_ascii() || ends.chunks(3).any(|end| end[..2] == [before, last])
}

/// `some_token`, `some-token` and `someToken` end in a word of their own; `heading` does not end in `ding`.
fn has_parts(name: &str) -> bool {
    let inner = name.get(1..).unwrap_or_default();
    inner.contains(['-', '_', '.', ' ']) || inner.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sensitive_name_is_passed_over() {
        for name in STRONG.iter().chain(&WEAK) {
            assert!(
                may_be_sensitive(name) && may_be_sensitive(&format!("X-{}_", name.to_uppercase())),
                "{name}"
            );
        }
        assert_eq!(sensitivity("X-API-\u{212a}ey"), Sensitivity::Strong);
        assert!(may_be_sensitive("X-API-ke\u{ff59}") && may_be_sensitive("to\u{212a}en"));
        assert!(!may_be_sensitive("id") && !may_be_sensitive("items") && !may_be_sensitive(""));
    }
}
