//! `Algorithm`: the signature algorithms that tokens may use (RFC 7518 §3.1, RFC 8037, RFC 8812, RFC 9864, RFC 9964).

/// A signature algorithm of tokens (RFC 7518 §3.1; RFC 8037 and RFC 9864 for Ed25519).
///
/// `none` (RFC 7518 §3.6) is not among them and cannot be enabled.
///
/// | family | key | use it if |
/// |---|---|---|
/// | `EdDsa` | 32 bytes | you choose freely: keys and signatures are short |
/// | `Es256`, `Es384` | P-256, P-384 | the issuer uses elliptic curves |
/// | `Rs..`, `Ps..` | RSA, 2048 to 8192 bits | the issuer uses RSA, like most identity providers |
/// | `Hs..` | a shared secret | the app is the only one that verifies its tokens |
/// | `Es512`, `Es256k`, `MlDsa..` | P-521, secp256k1, ML-DSA | the issuer uses them |
///
/// The algorithms of the last row are rejected unless they are named, in
/// [`Issuer::algorithms`](crate::Issuer::algorithms) or with a [PEM](crate::Issuer::pem).
///
/// ```
/// use portcullis::Algorithm;
///
/// assert_eq!(Algorithm::EdDsa.name(), "EdDSA");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// EdDSA with Ed25519. Both `EdDSA` and `Ed25519` are accepted as `alg`.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on secp256k1 with SHA-256 (RFC 8812 §3.2). Both values of `s` are accepted. Must be enabled by name.
    Es256k,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512. Must be enabled by name.
    Es512,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// ML-DSA-44 with an empty context (RFC 9964). Must be enabled by name.
    ///
    /// ML-DSA resists attacks with quantum computers. Its signatures have 2,420 bytes, so a token takes about 4 KiB.
    MlDsa44,
    /// ML-DSA-65 with an empty context (RFC 9964), with signatures of 3,309 bytes. Must be enabled by name.
    MlDsa65,
    /// ML-DSA-87 with an empty context (RFC 9964), with signatures of 4,627 bytes. Must be enabled by name.
    ///
    /// A token of over 8 KiB is verified on each request, because it is too long for the verified-token cache.
    MlDsa87,
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

/// The kind of key that an algorithm uses. A key of one family never verifies a signature of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    Ed25519,
    Hmac,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    P256,
    P384,
    P521,
    Rsa,
    Secp256k1,
}

impl KeyFamily {
    pub(crate) fn is_ml_dsa(self) -> bool {
        matches!(self, Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87)
    }
}

impl Algorithm {
    /// Returns the algorithm with this `alg` value. The comparison is case-sensitive (RFC 7515 §4.1.1).
    ///
    /// Libraries that compared without case, or only rejected the exact text `none`, accepted `nOnE`.
    pub(crate) fn from_name(alg: &str) -> Option<Self> {
        // RFC 9864 §2.2 gives EdDSA on Ed25519 a second, fully specified name.
        if alg == "Ed25519" {
            return Some(Self::EdDsa);
        }
        ALL.into_iter().find(|algorithm| algorithm.name() == alg)
    }

    /// Returns the `alg` value (IANA registry "JSON Web Signature and Encryption Algorithms").
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
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
            Self::Es256k => KeyFamily::Secp256k1,
            Self::Es384 => KeyFamily::P384,
            Self::Es512 => KeyFamily::P521,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => KeyFamily::Hmac,
            Self::MlDsa44 => KeyFamily::MlDsa44,
            Self::MlDsa65 => KeyFamily::MlDsa65,
            Self::MlDsa87 => KeyFamily::MlDsa87,
            Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Rs256 | Self::Rs384 | Self::Rs512 => KeyFamily::Rsa,
        }
    }
}

/// The algorithms that an issuer's published keys may use by default.
///
/// ES512, ES256K and ML-DSA are not among them: few issuers use them, and each further algorithm is one more way to
/// verify a token.
///
/// The order matters: a published key without `alg` uses the first algorithm of its family.
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

const ALL: [Algorithm; 17] = [
    Algorithm::EdDsa,
    Algorithm::Es256,
    Algorithm::Es256k,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_none_is_not_an_algorithm() {
        for alg in ["none", "None", "NONE", "nOnE", "none ", "", "hs256", "RS256 ", "es256k", "ml-dsa-44", "RSA1_5"] {
            assert_eq!(Algorithm::from_name(alg), None, "{alg:?}");
        }
        for algorithm in ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn names_of_other_algorithms_and_of_cose_are_unknown() {
        for alg in [
            "Ed448",
            "ESB256",
            "ESB320",
            "ESB384",
            "ESB512",
            "HPKE-0",
            "HPKE-7",
            "ESP256",
            "ESP384",
            "ESP512",
            "ES521",
            "HashML-DSA-44",
            "ML-DSA",
            "MLDSA44",
            "ML-DSA-44-ES256",
            "SLH-DSA-SHA2-128s",
            "ES256KR",
            "RS1",
        ] {
            assert_eq!(Algorithm::from_name(alg), None, "{alg}");
        }
    }

    #[test]
    fn algorithms_that_must_be_enabled_by_name_are_not_in_the_default() {
        let opt_in = [Algorithm::Es256k, Algorithm::Es512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];
        let is_default = |algorithm: &Algorithm| PUBLIC_KEY_ALGORITHMS.contains(algorithm);
        let others =
            ALL.into_iter().filter(|algorithm| !is_default(algorithm) && algorithm.family() != KeyFamily::Hmac);
        assert_eq!(others.collect::<Vec<_>>(), opt_in);
    }

    #[test]
    fn ed25519_is_another_name_of_eddsa() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }

    #[test]
    fn no_hmac_algorithm_is_allowed_for_published_keys() {
        assert!(PUBLIC_KEY_ALGORITHMS.iter().all(|algorithm| algorithm.family() != KeyFamily::Hmac));
    }
}
