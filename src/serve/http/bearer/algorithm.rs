//! How tokens may be signed.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, VerificationAlgorithm,
};

/// A way to sign a token, by a key of which everybody may know the public half (RFC 7518, RFC 8037).
///
/// There is none with a shared secret, and no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// What a key is a point on, or that it is a modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// What verifies.
pub(super) enum Verify {
    Rsa(&'static RsaParameters),
    Point(&'static dyn VerificationAlgorithm),
}

impl Algorithm {
    const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As a token's `alg` says it.
    ///
    /// ```
    /// use shadowcat::serve::http::bearer::Algorithm;
    ///
    /// assert_eq!(Algorithm::Rs256.as_str(), "RS256");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub(super) fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }

    pub(super) fn verify(self) -> Verify {
        match self {
            Self::Rs256 => Verify::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Verify::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Verify::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Verify::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Verify::Rsa(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Verify::Rsa(&RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Verify::Point(&ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Verify::Point(&ECDSA_P384_SHA384_FIXED),
            Self::EdDsa => Verify::Point(&ED25519),
        }
    }
}
