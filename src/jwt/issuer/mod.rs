//! `Issuer`: an issuer whose tokens are accepted, with its keys and the format of its tokens.

pub(crate) mod claim_map;
pub(crate) mod conventions;
mod presets;
pub(crate) mod profile;
pub(crate) mod trusted;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::claim_map::ClaimMap;
use crate::jwt::issuer::conventions::{IssuerConventions, UserMap};
use crate::jwt::issuer::profile::{Profile, TokenUse};
use crate::jwt::remote::discovery::JwksLocation;

/// An issuer whose tokens are accepted: its name, its keys, and the format of its tokens.
///
/// The name must equal the `iss` claim of its tokens byte for byte, including a trailing slash. A constructor checks
/// and fetches nothing; [`build`](crate::jwt::JwtAuthBuilder::build) reports every invalid argument.
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
    pub(crate) name: String,
    pub(crate) source: KeySource,
    /// The keys of `add_secret` and `add_pem`.
    pub(crate) added: Vec<FixedKey>,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) audiences: Vec<String>,
    pub(crate) conventions: IssuerConventions,
    /// The invalid argument of a preset.
    pub(crate) invalid_argument: Option<InvalidArgument>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(crate) enum KeySource {
    /// The text of a JWK Set.
    Document(String),
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

#[derive(Clone)]
pub(crate) enum KeyMaterial {
    Pem(String),
    Secret(Zeroizing<Vec<u8>>),
}

/// An argument that cannot be valid. A constructor does not fail, so it is kept for `build()`.
#[derive(Clone)]
pub(crate) struct InvalidArgument {
    /// The constructor.
    pub(crate) setter: &'static str,
    /// What the argument should have been.
    pub(crate) expected: &'static str,
    pub(crate) value: String,
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
    fn new(name: impl Into<String>, source: KeySource, profile: Profile) -> Self {
        Self {
            name: name.into(),
            source,
            added: Vec::new(),
            algorithms: None,
            audiences: Vec::new(),
            conventions: IssuerConventions::new(profile),
            invalid_argument: None,
        }
    }

    /// An authorization server that publishes metadata (RFC 8414, OpenID Connect Discovery) with the URL of its keys.
    ///
    /// Its tokens have the profile [`Rfc9068`](Profile::Rfc9068), unless [set](Self::profile) otherwise.
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Remote(JwksLocation::Metadata), Profile::Rfc9068)
    }

    /// An authorization server with a JWK Set at this URL.
    ///
    /// Its tokens have the profile [`Rfc9068`](Profile::Rfc9068), unless [set](Self::profile) otherwise.
    pub fn jwks(issuer: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Remote(JwksLocation::Url(url.into())), Profile::Rfc9068)
    }

    /// An issuer with this JWK Set (RFC 7517), a JSON text.
    ///
    /// Its tokens have the profile [`Rfc9068`](Profile::Rfc9068), unless [set](Self::profile) otherwise.
    pub fn jwks_document(issuer: impl Into<String>, jwks: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Document(jwks.into()), Profile::Rfc9068)
    }

    /// An issuer that signs with HS256 and this secret of at least 32 bytes.
    ///
    /// Its tokens have the profile [`Compatible`](Profile::Compatible), unless [set](Self::profile) otherwise.
    pub fn hs256(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("hs256", Algorithm::Hs256, secret.into()))
    }

    /// Like [`hs256`](Self::hs256), with HS384 and a secret of at least 48 bytes.
    pub fn hs384(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("hs384", Algorithm::Hs384, secret.into()))
    }

    /// Like [`hs256`](Self::hs256), with HS512 and a secret of at least 64 bytes.
    pub fn hs512(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::fixed(issuer, FixedKey::secret("hs512", Algorithm::Hs512, secret.into()))
    }

    /// An issuer that signs with this algorithm, and whose public key is this PEM text.
    ///
    /// The PEM is a `PUBLIC KEY`, an `RSA PUBLIC KEY` or a `CERTIFICATE`. Tokens have the profile
    /// [`Compatible`](Profile::Compatible), unless [set](Self::profile) otherwise.
    pub fn pem(issuer: impl Into<String>, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        Self::fixed(issuer, FixedKey::pem("pem", algorithm, pem.into()))
    }

    fn fixed(issuer: impl Into<String>, key: FixedKey) -> Self {
        Self::new(issuer, KeySource::Fixed(key), Profile::Compatible)
    }

    /// Adds a secret to an issuer with a secret or a PEM, so that tokens of both are accepted during a key rotation.
    ///
    /// An algorithm has at most four keys.
    ///
    /// ```
    /// use portcullis::{Algorithm, Issuer};
    ///
    /// # let (new, old) = ([7; 32], [8; 32]);
    /// let issuer = Issuer::hs256("https://app.example.com", new).add_secret(Algorithm::Hs256, old);
    /// # assert!(portcullis::JwtAuth::builder().issuer(issuer).audience("api").build().is_ok());
    /// ```
    pub fn add_secret(self, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        self.add_key(FixedKey::secret("add_secret", algorithm, secret.into()))
    }

    /// Adds a PEM to an issuer with a PEM or a secret, so that tokens of both are accepted during a key rotation.
    ///
    /// An algorithm has at most four keys.
    pub fn add_pem(self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.add_key(FixedKey::pem("add_pem", algorithm, pem.into()))
    }

    fn add_key(mut self, key: FixedKey) -> Self {
        self.added.push(key);
        self
    }

    /// Sets how the issuer's access tokens are distinguished from its other tokens.
    ///
    /// Each constructor documents its default. Choose [`Profile::Compatible`] for an issuer that publishes its keys but
    /// sends `typ: JWT`.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.conventions.profile = profile;
        self
    }

    /// Sets the algorithms that published keys may use (default: all that verify with a public key, RS256 first).
    ///
    /// A published key without `alg` uses the first one of its family.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the audience of this issuer's tokens (default: [that of the layer](crate::jwt::JwtAuthBuilder::audience)).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = vec![audience.into()];
        self
    }

    /// Adds an audience: a token for any one of them is accepted.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the claims from which a user is read (default: [`ClaimMap::new`], or those of the preset).
    pub fn claims(mut self, claims: ClaimMap) -> Self {
        self.conventions.claims = claims;
        self
    }

    /// Changes some of the claims from which a user is read, and keeps the others of the preset.
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::auth0("app.eu.auth0.com").map_claims(|claims| claims.roles(["https://app.example/roles"]));
    /// # assert!(portcullis::JwtAuth::builder().issuer(issuer).audience("api").build().is_ok());
    /// ```
    pub fn map_claims(mut self, map: impl FnOnce(ClaimMap) -> ClaimMap) -> Self {
        self.conventions.claims = map(self.conventions.claims);
        self
    }

    /// Sets a function that changes the user of a verified token, for what a [`ClaimMap`] cannot express.
    ///
    /// It runs on every request and can read all claims with [`UserContext::claims`]. For a database query, use
    /// [`load_user`](crate::jwt::JwtAuthBuilder::load_user).
    ///
    /// ```
    /// use portcullis::{Issuer, UserContext};
    ///
    /// let issuer = Issuer::hs256("https://app.example.com", [7; 32]).map_user(|user: UserContext| {
    ///     let is_staff = user.email().is_some_and(|email| email.ends_with("@example.com"));
    ///     if is_staff { user.with_roles(["staff"]) } else { user }
    /// });
    /// # assert!(portcullis::JwtAuth::builder().issuer(issuer).audience("api").build().is_ok());
    /// ```
    pub fn map_user(mut self, map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        self.conventions.user_map = Some(UserMap(Arc::new(map)));
        self
    }

    /// Sets the conventions of an app that issues its own tokens.
    ///
    /// Access tokens have the claim `type: access`, so that refresh tokens of the same issuer are rejected. The tier is
    /// read from `subscription_tier`, roles and permissions from `roles` and `permissions`.
    pub fn first_party(mut self) -> Self {
        self.conventions.profile = Profile::Compatible;
        self.conventions.claims = self.conventions.claims.tier(["subscription_tier"]);
        self.conventions.token_use = Some(TokenUse { claim: "type", value: Some("access") });
        self
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
