//! `Algorithm`: the signature algorithms (RFC 7518 §3.1, RFC 8037, RFC 9864).

/// A signature algorithm (RFC 7518 §3.1; RFC 8037 and RFC 9864 for Ed25519).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// EdDSA on Ed25519; the header may say `EdDSA` or `Ed25519`.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

/// What kind of key an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    Ed25519,
    Hmac,
    P256,
    P384,
    Rsa,
}

impl Algorithm {
    /// The algorithm of this `alg`, compared case-sensitively (RFC 7515 §4.1.1).
    pub(crate) fn from_name(alg: &str) -> Option<Self> {
        if alg == ED25519 {
            return Some(Self::EdDsa);
        }
        ALL.into_iter().find(|algorithm| algorithm.name() == alg)
    }

    /// The `alg` value.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    pub(crate) fn family(self) -> KeyFamily {
        match self {
            Self::EdDsa => KeyFamily::Ed25519,
            Self::Es256 => KeyFamily::P256,
            Self::Es384 => KeyFamily::P384,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => KeyFamily::Hmac,
            Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Rs256 | Self::Rs384 | Self::Rs512 => KeyFamily::Rsa,
        }
    }
}

/// What an issuer's published keys may be used for unless its own list is given: all algorithms with a public key.
/// The first of a family is the one for a key that names none.
pub(crate) const PUBLIC_KEY_ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

const ALL: [Algorithm; 12] = [
    Algorithm::EdDsa,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

// The fully specified name of RFC 9864 §2.2.
const ED25519: &str = "Ed25519";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_none_is_none_of_them() {
        for alg in
            ["none", "None", "NONE", "nOnE", "none ", "", "hs256", "RS256 ", "ES512", "ES256K", "Ed448", "RSA1_5"]
        {
            assert_eq!(Algorithm::from_name(alg), None, "{alg:?}");
        }
        for algorithm in ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn the_fully_specified_name_of_ed25519_is_eddsa() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }

    #[test]
    fn published_keys_never_serve_a_shared_secret() {
        assert!(PUBLIC_KEY_ALGORITHMS.iter().all(|algorithm| algorithm.family() != KeyFamily::Hmac));
    }
}
