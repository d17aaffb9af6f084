//! `Issuer`: who is trusted to issue tokens, and with which keys.

pub(crate) mod claim_map;
pub(crate) mod conventions;
pub(crate) mod profile;
pub(crate) mod trusted;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::field::origin::Origin;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::issuer::claim_map::ClaimMap;
use crate::jwt::issuer::conventions::{ClientMarker, IssuerConventions, UserMap};
use crate::jwt::issuer::profile::{Profile, TokenUse};
use crate::jwt::remote::discovery::JwksLocation;

/// Who is trusted to issue tokens, with which keys, and what its tokens look like.
///
/// The issuer is compared with a token's `iss` byte for byte: write it exactly as the tokens have it, a slash at the end
/// included. Nothing is checked or fetched here; [`build`](crate::jwt::JwtAuthBuilder::build) reports every problem.
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    pub(crate) name: String,
    pub(crate) source: KeySource,
    /// Keys given beside the source.
    pub(crate) added: Vec<FixedKey>,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    pub(crate) audiences: Vec<String>,
    pub(crate) conventions: IssuerConventions,
    /// The argument of a preset that cannot be what it is for, and its value.
    pub(crate) invalid_argument: Option<(&'static str, String)>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(crate) enum KeySource {
    Document(String),
    Fixed(FixedKey),
    Remote(JwksLocation),
}

/// A key that the user gives.
#[derive(Clone)]
pub(crate) struct FixedKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) material: KeyMaterial,
}

#[derive(Clone)]
pub(crate) enum KeyMaterial {
    Pem(String),
    Secret(Zeroizing<Vec<u8>>),
}

impl Issuer {
    fn new(name: impl Into<String>, source: KeySource, profile: Profile) -> Self {
        Self {
            name: name.into(),
            source,
            added: Vec::new(),
            algorithms: None,
            audiences: Vec::new(),
            conventions: IssuerConventions::of(profile),
            invalid_argument: None,
        }
    }

    /// A preset, whose tokens have the profile [`Compatible`](Profile::Compatible).
    fn preset(name: String, keys: String, change: impl FnOnce(&mut IssuerConventions)) -> Self {
        let mut issuer = Self::new(name, KeySource::Remote(JwksLocation::Url(keys)), Profile::Compatible);
        change(&mut issuer.conventions);
        issuer
    }

    /// A preset's constructor cannot fail: what is wrong with its argument is kept for `build()`.
    fn judged(mut self, argument: &'static str, value: &str, fits: bool) -> Self {
        self.invalid_argument = (!fits).then(|| (argument, value.to_owned()));
        self
    }

    /// An authorization server that publishes metadata (RFC 8414, OpenID Connect Discovery), from which its keys are
    /// found. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Remote(JwksLocation::Metadata), Profile::Rfc9068)
    }

    /// An authorization server whose JWK Set is at this URL. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn jwks(issuer: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Remote(JwksLocation::Url(url.into())), Profile::Rfc9068)
    }

    /// An issuer whose JWK Set (RFC 7517) is this text. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn jwks_document(issuer: impl Into<String>, jwks: impl Into<String>) -> Self {
        Self::new(issuer, KeySource::Document(jwks.into()), Profile::Rfc9068)
    }

    /// An issuer that signs with HS256 and this secret of at least 32 bytes. Tokens have the profile
    /// [`Compatible`](Profile::Compatible).
    pub fn hs256(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::secret(issuer, Algorithm::Hs256, secret)
    }

    /// As [`hs256`](Self::hs256) with HS384 and at least 48 bytes.
    pub fn hs384(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::secret(issuer, Algorithm::Hs384, secret)
    }

    /// As [`hs256`](Self::hs256) with HS512 and at least 64 bytes.
    pub fn hs512(issuer: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        Self::secret(issuer, Algorithm::Hs512, secret)
    }

    /// An issuer whose public key is this PEM (`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`), for this algorithm.
    /// Tokens have the profile [`Compatible`](Profile::Compatible).
    pub fn pem(issuer: impl Into<String>, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        let key = FixedKey { algorithm, material: KeyMaterial::Pem(pem.into()) };
        Self::new(issuer, KeySource::Fixed(key), Profile::Compatible)
    }

    fn secret(issuer: impl Into<String>, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        let key = FixedKey { algorithm, material: KeyMaterial::Secret(Zeroizing::new(secret.into())) };
        Self::new(issuer, KeySource::Fixed(key), Profile::Compatible)
    }

    /// Adds a secret beside the one or the PEM given first, so that both are accepted while keys are changed.
    pub fn add_secret(self, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        self.add_key(FixedKey { algorithm, material: KeyMaterial::Secret(Zeroizing::new(secret.into())) })
    }

    /// Adds a PEM beside the one or the secret given first, so that both are accepted while keys are changed.
    pub fn add_pem(self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.add_key(FixedKey { algorithm, material: KeyMaterial::Pem(pem.into()) })
    }

    fn add_key(mut self, key: FixedKey) -> Self {
        self.added.push(key);
        self
    }

    /// Sets how its access tokens are told from its other tokens.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.conventions.profile = profile;
        self
    }

    /// Sets the algorithms that its published keys may be used for, the first of a family being that of a key which
    /// names none. By default all with a public key, RS256 first.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the audience of this issuer's tokens, in place of the layer's.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences = vec![audience.into()];
        self
    }

    /// Adds an audience to this issuer's.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets which claims of its tokens say what of a user.
    pub fn claims(mut self, claims: ClaimMap) -> Self {
        self.conventions.claims = claims;
        self
    }

    /// Changes which claims of its tokens say what of a user: what the map does not touch stays as the preset has it.
    pub fn map_claims(mut self, map: impl FnOnce(ClaimMap) -> ClaimMap) -> Self {
        self.conventions.claims = map(self.conventions.claims);
        self
    }

    /// Sets what is made of a user once the token's claims are mapped, for what a [`ClaimMap`] cannot say. It sees the
    /// claims through [`UserContext::claims`]; to ask a database, use
    /// [`load_user`](crate::jwt::JwtAuthBuilder::load_user).
    pub fn map_user(mut self, map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        self.conventions.user = Some(UserMap(Arc::new(map)));
        self
    }
}

/// Issuers whose tokens have conventions of their own.
impl Issuer {
    /// Auth0, by its domain (`tenant.eu.auth0.com`, or a custom one). `iss` ends with a slash; `permissions` are read
    /// where the API has RBAC switched on.
    pub fn auth0(domain: &str) -> Self {
        let (issuer, keys) = (format!("https://{domain}/"), format!("https://{domain}/.well-known/jwks.json"));
        let preset = Self::preset(issuer, keys, |conventions| {
            conventions.client_marker = Some(ClientMarker::Equals("gty", "client-credentials"));
        });
        preset.judged("auth0 domain", domain, is_domain(domain))
    }

    /// Okta, by its domain and custom authorization server (`default`, or its id). Scopes are the array `scp`.
    pub fn okta(domain: &str, authorization_server: &str) -> Self {
        let issuer = format!("https://{domain}/oauth2/{authorization_server}");
        let keys = format!("{issuer}/v1/keys");
        let preset = Self::preset(issuer, keys, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["cid"]).scopes(["scp"]).roles(["roles", "groups"]);
        });
        preset.judged("okta domain", domain, is_domain(domain))
    }

    /// Microsoft Entra ID, tokens of version 1.0 (`iss` at `sts.windows.net`), by the tenant's id.
    pub fn entra_v1(tenant_id: &str) -> Self {
        let issuer = format!("https://sts.windows.net/{tenant_id}/");
        let claims = ClaimMap::new().email(["email", "upn"]);
        Self::entra(tenant_id, issuer, "discovery/keys", "appid", claims)
    }

    /// Microsoft Entra ID, tokens of version 2.0, by the tenant's id.
    pub fn entra_v2(tenant_id: &str) -> Self {
        let issuer = format!("https://login.microsoftonline.com/{tenant_id}/v2.0");
        let claims = ClaimMap::new().email(["email", "preferred_username"]);
        Self::entra(tenant_id, issuer, "discovery/v2.0/keys", "azp", claims)
    }

    fn entra(tenant_id: &str, issuer: String, keys: &str, client_claim: &'static str, claims: ClaimMap) -> Self {
        let keys = format!("https://login.microsoftonline.com/{tenant_id}/{keys}");
        let preset = Self::preset(issuer, keys, |conventions| {
            conventions.claims = claims.client_id([client_claim]).scopes(["scp"]);
            // An ID token for the same app has its audience, and after a refresh no `nonce` (OpenID Connect Core §12.2);
            // access tokens alone name the client they were issued to.
            conventions.token_use = Some(TokenUse { claim: client_claim, value: None });
            conventions.client_marker = Some(ClientMarker::EqualsSubject("oid"));
        });
        preset.judged("entra tenant id", tenant_id, is_guid(tenant_id))
    }

    /// Keycloak, by its base URL and realm. Roles are those of the realm; for a client's own, see
    /// [`keycloak_client`](Self::keycloak_client).
    pub fn keycloak(base_url: &str, realm: &str) -> Self {
        let issuer = format!("{}/realms/{realm}", base_url.trim_end_matches('/'));
        let keys = format!("{issuer}/protocol/openid-connect/certs");
        let preset = Self::preset(issuer, keys, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["azp", "client_id"]).roles(["/realm_access/roles"]);
            // Keycloak says `typ: JWT` in the header of every token, and what it is for in a claim of that name.
            conventions.token_use = Some(TokenUse { claim: "typ", value: Some("Bearer") });
            conventions.client_marker = Some(ClientMarker::StartsWith("preferred_username", "service-account-"));
        });
        preset.judged("keycloak realm", realm, !realm.is_empty() && !realm.contains('/'))
    }

    /// As [`keycloak`](Self::keycloak), with the roles that the tokens have for this client added to the realm's.
    pub fn keycloak_client(base_url: &str, realm: &str, client: &str) -> Self {
        let escaped = client.replace('~', "~0").replace('/', "~1");
        let roles = format!("/resource_access/{escaped}/roles");
        Self::keycloak(base_url, realm).map_claims(|claims| claims.add_roles(&roles))
    }

    /// Amazon Cognito, by region and user pool. Its access tokens have no `aud`: the audience to set is the app client's
    /// id, compared with `client_id`. Groups are roles.
    pub fn cognito(region: &str, user_pool_id: &str) -> Self {
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}");
        let keys = format!("{issuer}/.well-known/jwks.json");
        let preset = Self::preset(issuer, keys, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["client_id"]).roles(["cognito:groups"]);
            conventions.audience_claim = "client_id";
            conventions.token_use = Some(TokenUse { claim: "token_use", value: Some("access") });
            // A client's token has an `auth_time`, too. Cognito gives users and clients their ids itself, never the same.
            conventions.client_marker = Some(ClientMarker::EqualsSubject("client_id"));
        });
        let is_of_region = user_pool_id.strip_prefix(region).is_some_and(|rest| rest.starts_with('_'));
        preset.judged("cognito user pool id", user_pool_id, is_of_region)
    }

    /// Google, whose ID tokens serve as credentials; its access tokens are opaque. The audience to set is the client id
    /// the tokens were issued to.
    pub fn google() -> Self {
        let keys = "https://www.googleapis.com/oauth2/v3/certs".to_owned();
        Self::preset("https://accounts.google.com".to_owned(), keys, |conventions| {
            conventions.alias = Some("accounts.google.com");
            conventions.profile = Profile::IdToken;
        })
    }

    /// Takes the tokens for those of an app's own issuer, whose access tokens say `type: access` and whose claims are
    /// `roles`, `permissions` and `subscription_tier`: a refresh token of the same issuer is refused.
    pub fn first_party(mut self) -> Self {
        self.conventions.profile = Profile::Compatible;
        self.conventions.claims = self.conventions.claims.tier(["subscription_tier"]);
        self.conventions.token_use = Some(TokenUse { claim: "type", value: Some("access") });
        self
    }
}

fn is_domain(domain: &str) -> bool {
    Origin::of_url(&format!("https://{domain}")).is_ok_and(|(_, rest)| rest.is_empty())
}

/// `common` and its kin, and a domain's name, are in no token's `iss`.
fn is_guid(id: &str) -> bool {
    let groups =
        id.split('-').map(|group| if group.bytes().all(|byte| byte.is_ascii_hexdigit()) { group.len() } else { 0 });
    groups.eq([8, 4, 4, 4, 12])
}

/// Names the issuer, never its keys.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("profile", &self.conventions.profile)
            .finish_non_exhaustive()
    }
}
