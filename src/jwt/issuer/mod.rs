//! `Issuer`: an issuer whose tokens are accepted, with its keys and the format of its tokens.

pub(crate) mod claim_pin;
pub(crate) mod claim_rule;
mod constructors;
pub(crate) mod conventions;
mod key_settings;
pub(crate) mod presets;
pub(crate) mod profile;
mod required_claims;
mod settings;
pub(crate) mod tenants;
pub(crate) mod token_use;
pub(crate) mod trusted;

use std::fmt;

use zeroize::Zeroizing;

use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::conventions::IssuerConventions;
use crate::jwt::issuer::profile::Profile;
use crate::jwt::remote::discovery::JwksLocation;

/// An issuer whose tokens are accepted: its name, its keys, and the format of its tokens.
///
/// | the issuer | constructor |
/// |---|---|
/// | publishes metadata | [`discover`](Self::discover) |
/// | publishes its keys at a known URL | [`jwks`](Self::jwks) |
/// | cannot be reached by the app | [`jwks_document`](Self::jwks_document) |
/// | is the app, with a key pair | [`pem`](Self::pem) and [`first_party`](Self::first_party) |
/// | is the app, with a secret | [`hs256`](Self::hs256) and [`first_party`](Self::first_party) |
/// | is a well-known provider | a [preset](Self::auth0), such as `auth0` or `keycloak` |
///
/// The name must equal the `iss` claim of its tokens byte for byte, including a trailing slash (RFC 7519 §4.1.1). A
/// constructor checks and fetches nothing; [`build`](crate::jwt::JwtAuthBuilder::build) reports every invalid argument.
/// The guide describes how to configure [each provider](crate::_guide::issuers).
///
/// ```
/// use portcullis::{ClaimMap, Issuer, JwtAuth};
///
/// let issuer = Issuer::discover("https://auth.example.com")
///     .audience("https://api.example.com")
///     .claims(ClaimMap::new().roles(["/realm_access/roles"]));
/// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
/// ```
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    /// The constructor that created it, for errors.
    pub(crate) constructor: &'static str,
    pub(crate) name: String,
    pub(crate) source: KeySource,
    /// The keys of `add_secret` and `add_pem`.
    pub(crate) added: Vec<FixedKey>,
    /// `None` for the default, which is not the same as an empty list: that one is an error.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// The `use` of its published keys, if it is not `sig`.
    pub(crate) key_use: Option<String>,
    /// If empty, the audiences of the layer apply.
    pub(crate) audiences: Vec<String>,
    pub(crate) conventions: IssuerConventions,
    /// The invalid argument of a preset.
    pub(crate) invalid_argument: Option<InvalidArgument>,
    /// A setting of other presets, which has no effect here.
    pub(crate) misplaced_setting: Option<MisplacedSetting>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// The text of a JWK Set.
    Document(String),
    /// The first configured key; [`Issuer::added`] has the others.
    Fixed(FixedKey),
    Remote(JwksLocation),
}

/// A secret or public key from the configuration.
#[derive(Clone)]
pub(crate) struct FixedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) material: KeyMaterial,
    /// The method of [`Issuer`] that set the key, for errors.
    pub(crate) setter: &'static str,
}

/// The text or bytes of a configured key, which `build()` parses.
#[derive(Clone)]
pub(crate) enum KeyMaterial {
    Pem(String),
    /// Wiped from memory when it is dropped.
    Secret(Zeroizing<Vec<u8>>),
}

/// An invalid argument of a constructor. Constructors do not fail, so it is kept for `build()` to report.
#[derive(Clone)]
pub(crate) struct InvalidArgument {
    /// What the argument should have been.
    pub(crate) expected: &'static str,
    pub(crate) value: String,
}

/// A setting that only some presets have, on another issuer.
#[derive(Clone)]
pub(crate) struct MisplacedSetting {
    pub(crate) setter: &'static str,
    /// The presets that have it.
    pub(crate) presets: &'static [&'static str],
}

impl FixedKey {
    fn pem(setter: &'static str, algorithm: Algorithm, pem: String) -> Self {
        Self { algorithm, material: KeyMaterial::Pem(pem), setter }
    }

    fn secret(setter: &'static str, algorithm: Algorithm, secret: Vec<u8>) -> Self {
        Self { algorithm, material: KeyMaterial::Secret(Zeroizing::new(secret)), setter }
    }
}

impl Issuer {
    fn new(constructor: &'static str, name: impl Into<String>, source: KeySource, profile: Profile) -> Self {
        Self {
            constructor,
            name: name.into(),
            source,
            added: Vec::new(),
            algorithms: None,
            key_use: None,
            audiences: Vec::new(),
            conventions: IssuerConventions::new(profile),
            invalid_argument: None,
            misplaced_setting: None,
        }
    }
}

/// The issuer of this URL, as [`Issuer::discover`] creates it. An invalid URL is an issue of `build()`.
impl From<&str> for Issuer {
    fn from(url: &str) -> Self {
        Self::discover(url)
    }
}

/// The issuer of this URL, as [`Issuer::discover`] creates it. An invalid URL is an issue of `build()`.
impl From<String> for Issuer {
    fn from(url: String) -> Self {
        Self::discover(url)
    }
}

/// Shows the name and the profile, never a key.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("profile", &self.conventions.profile)
            .finish_non_exhaustive()
    }
}
