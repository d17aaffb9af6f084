//! `Issuer`: who is trusted to issue tokens, and with which keys.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::context::UserContext;
use crate::field::origin::Origin;
use crate::jwt::algorithm::Algorithm;
use crate::jwt::claim_map::ClaimMap;
use crate::jwt::discovery::Location;
use crate::jwt::profile::{Profile, TokenUse};

/// Who is trusted to issue tokens, with which keys, and what its tokens look like.
///
/// The issuer is compared with a token's `iss` byte for byte: write it exactly as the tokens have it, a slash at the end
/// included. Nothing is checked or fetched here; [`build`](crate::jwt::JwtAuthBuilder::build) reports every problem.
#[derive(Clone)]
#[must_use]
pub struct Issuer {
    pub(super) name: String,
    /// Another spelling of `iss` that means the same issuer.
    pub(super) alias: Option<&'static str>,
    pub(super) source: Source,
    /// Keys given beside the source.
    pub(super) added: Vec<FixedKey>,
    pub(super) profile: Profile,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) audience_claim: &'static str,
    pub(super) audiences: Vec<String>,
    pub(super) token_use: Option<TokenUse>,
    pub(super) client_marker: Option<ClientMarker>,
    pub(super) claims: ClaimMap,
    pub(super) user: Option<UserMap>,
    /// The argument of a preset that cannot be what it is for, and its value.
    pub(super) misfit: Option<(&'static str, String)>,
}

/// Where an issuer's keys come from.
#[derive(Clone)]
pub(super) enum Source {
    Document(String),
    Fixed(FixedKey),
    Remote(Location),
}

/// A key that the user gives.
#[derive(Clone)]
pub(super) struct FixedKey {
    pub(super) algorithm: Algorithm,
    pub(super) material: Material,
}

#[derive(Clone)]
pub(super) enum Material {
    Pem(String),
    Secret(Zeroizing<Vec<u8>>),
}

/// A claim by which an issuer tells that a client acts for itself.
#[derive(Clone, Debug)]
pub(super) enum ClientMarker {
    /// The claim has this value.
    Equals(&'static str, &'static str),
    /// The claim equals `sub`.
    EqualsSubject(&'static str),
    /// The claim begins like this.
    StartsWith(&'static str, &'static str),
}

/// What the user makes of a mapped user.
#[derive(Clone)]
pub(super) struct UserMap(pub(super) Arc<dyn Fn(UserContext) -> UserContext + Send + Sync>);

impl fmt::Debug for UserMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserMap").finish_non_exhaustive()
    }
}

impl Issuer {
    fn new(name: impl Into<String>, source: Source, profile: Profile) -> Self {
        Self {
            name: name.into(),
            alias: None,
            source,
            added: Vec::new(),
            profile,
            algorithms: None,
            audience_claim: "aud",
            audiences: Vec::new(),
            token_use: None,
            client_marker: None,
            claims: ClaimMap::new(),
            user: None,
            misfit: None,
        }
    }

    /// An authorization server that publishes metadata (RFC 8414, OpenID Connect Discovery), from which its keys are
    /// found. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new(issuer, Source::Remote(Location::Metadata), Profile::Rfc9068)
    }

    /// An authorization server whose JWK Set is at this URL. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn jwks(issuer: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(issuer, Source::Remote(Location::Url(url.into())), Profile::Rfc9068)
    }

    /// An issuer whose JWK Set (RFC 7517) is this text. Tokens have the profile [`Rfc9068`](Profile::Rfc9068).
    pub fn jwks_document(issuer: impl Into<String>, jwks: impl Into<String>) -> Self {
        Self::new(issuer, Source::Document(jwks.into()), Profile::Rfc9068)
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
        let key = FixedKey { algorithm, material: Material::Pem(pem.into()) };
        Self::new(issuer, Source::Fixed(key), Profile::Compatible)
    }

    fn secret(issuer: impl Into<String>, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        let key = FixedKey { algorithm, material: Material::Secret(Zeroizing::new(secret.into())) };
        Self::new(issuer, Source::Fixed(key), Profile::Compatible)
    }

    /// Adds a secret beside the one or the PEM given first, so that both are accepted while keys are changed.
    pub fn add_secret(self, algorithm: Algorithm, secret: impl Into<Vec<u8>>) -> Self {
        self.add_key(FixedKey { algorithm, material: Material::Secret(Zeroizing::new(secret.into())) })
    }

    /// Adds a PEM beside the one or the secret given first, so that both are accepted while keys are changed.
    pub fn add_pem(self, algorithm: Algorithm, pem: impl Into<String>) -> Self {
        self.add_key(FixedKey { algorithm, material: Material::Pem(pem.into()) })
    }

    fn add_key(mut self, key: FixedKey) -> Self {
        self.added.push(key);
        self
    }

    /// Sets how its access tokens are told from its other tokens.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
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
        self.claims = claims;
        self
    }

    /// Changes which claims of its tokens say what of a user: what the map does not touch stays as the preset has it.
    pub fn map_claims(mut self, map: impl FnOnce(ClaimMap) -> ClaimMap) -> Self {
        self.claims = map(self.claims);
        self
    }

    /// Sets what is made of a user once the token's claims are mapped, for what a [`ClaimMap`] cannot say. It sees the
    /// claims through [`UserContext::claims`]; to ask a database, use
    /// [`load_user`](crate::jwt::JwtAuthBuilder::load_user).
    pub fn map_user(mut self, map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        self.user = Some(UserMap(Arc::new(map)));
        self
    }
}

/// Issuers whose tokens have habits of their own.
impl Issuer {
    /// Auth0, by its domain (`tenant.eu.auth0.com`, or a custom one). `iss` ends with a slash; `permissions` are read
    /// where the API has RBAC switched on.
    pub fn auth0(domain: &str) -> Self {
        Self {
            misfit: misfit("auth0 domain", domain, is_domain),
            client_marker: Some(ClientMarker::Equals("gty", "client-credentials")),
            ..Self::new(
                format!("https://{domain}/"),
                remote(format!("https://{domain}/.well-known/jwks.json")),
                Profile::Compatible,
            )
        }
    }

    /// Okta, by its domain and custom authorization server (`default`, or its id). Scopes are the array `scp`.
    pub fn okta(domain: &str, authorization_server: &str) -> Self {
        let issuer = format!("https://{domain}/oauth2/{authorization_server}");
        let keys = remote(format!("{issuer}/v1/keys"));
        let claims = ClaimMap::new().client_id(["cid"]).scopes(["scp"]).roles(["roles", "groups"]);
        let misfit = misfit("okta domain", domain, is_domain);
        Self { claims, misfit, ..Self::new(issuer, keys, Profile::Compatible) }
    }

    /// Microsoft Entra ID, tokens of version 1.0 (`iss` at `sts.windows.net`), by the tenant's id.
    pub fn entra_v1(tenant_id: &str) -> Self {
        let claims = ClaimMap::new().client_id(["appid"]).email(["email", "upn"]).scopes(["scp"]);
        Self {
            claims,
            // An ID token for the same app has its audience, and after a refresh no `nonce` (OpenID Connect Core §12.2);
            // access tokens alone name the client they were issued to.
            token_use: Some(TokenUse { claim: "appid", value: None }),
            client_marker: Some(ClientMarker::EqualsSubject("oid")),
            misfit: misfit("entra tenant id", tenant_id, is_guid),
            ..Self::new(
                format!("https://sts.windows.net/{tenant_id}/"),
                remote(format!("https://login.microsoftonline.com/{tenant_id}/discovery/keys")),
                Profile::Compatible,
            )
        }
    }

    /// Microsoft Entra ID, tokens of version 2.0, by the tenant's id.
    pub fn entra_v2(tenant_id: &str) -> Self {
        let claims = ClaimMap::new().client_id(["azp"]).email(["email", "preferred_username"]).scopes(["scp"]);
        Self {
            claims,
            // As above: the audience of both kinds is the client id.
            token_use: Some(TokenUse { claim: "azp", value: None }),
            client_marker: Some(ClientMarker::EqualsSubject("oid")),
            misfit: misfit("entra tenant id", tenant_id, is_guid),
            ..Self::new(
                format!("https://login.microsoftonline.com/{tenant_id}/v2.0"),
                remote(format!("https://login.microsoftonline.com/{tenant_id}/discovery/v2.0/keys")),
                Profile::Compatible,
            )
        }
    }

    /// Keycloak, by its base URL and realm. Roles are those of the realm; for a client's own, see
    /// [`keycloak_client`](Self::keycloak_client).
    pub fn keycloak(base_url: &str, realm: &str) -> Self {
        let issuer = format!("{}/realms/{realm}", base_url.trim_end_matches('/'));
        let keys = remote(format!("{issuer}/protocol/openid-connect/certs"));
        Self {
            claims: ClaimMap::new().client_id(["azp", "client_id"]).roles(["/realm_access/roles"]),
            // Keycloak says `typ: JWT` in the header of every token, and what it is for in a claim of that name.
            token_use: Some(TokenUse { claim: "typ", value: Some("Bearer") }),
            misfit: misfit("keycloak realm", realm, |realm| !realm.is_empty() && !realm.contains('/')),
            client_marker: Some(ClientMarker::StartsWith("preferred_username", "service-account-")),
            ..Self::new(issuer, keys, Profile::Compatible)
        }
    }

    /// As [`keycloak`](Self::keycloak), with the roles that the tokens have for this client added to the realm's.
    pub fn keycloak_client(base_url: &str, realm: &str, client: &str) -> Self {
        let mut issuer = Self::keycloak(base_url, realm);
        let escaped = client.replace('~', "~0").replace('/', "~1");
        issuer.claims = issuer.claims.add_roles(&format!("/resource_access/{escaped}/roles"));
        issuer
    }

    /// Amazon Cognito, by region and user pool. Its access tokens have no `aud`: the audience to set is the app client's
    /// id, compared with `client_id`. Groups are roles.
    pub fn cognito(region: &str, user_pool_id: &str) -> Self {
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{user_pool_id}");
        let keys = remote(format!("{issuer}/.well-known/jwks.json"));
        Self {
            claims: ClaimMap::new().client_id(["client_id"]).roles(["cognito:groups"]),
            audience_claim: "client_id",
            token_use: Some(TokenUse { claim: "token_use", value: Some("access") }),
            // A client's token has an `auth_time`, too. Cognito gives users and clients their ids itself, never the same.
            client_marker: Some(ClientMarker::EqualsSubject("client_id")),
            misfit: misfit("cognito user pool id", user_pool_id, |id| {
                id.strip_prefix(region).is_some_and(|rest| rest.starts_with('_'))
            }),
            ..Self::new(issuer, keys, Profile::Compatible)
        }
    }

    /// Google, whose ID tokens serve as credentials; its access tokens are opaque. The audience to set is the client id
    /// the tokens were issued to.
    pub fn google() -> Self {
        Self {
            alias: Some("accounts.google.com"),
            ..Self::new(
                "https://accounts.google.com",
                remote("https://www.googleapis.com/oauth2/v3/certs".to_owned()),
                Profile::IdToken,
            )
        }
    }

    /// Takes the tokens for those of an app's own issuer, whose access tokens say `type: access` and whose claims are
    /// `roles`, `permissions` and `subscription_tier`: a refresh token of the same issuer is refused.
    pub fn own_tokens(mut self) -> Self {
        self.profile = Profile::Compatible;
        self.claims = self.claims.tier(["subscription_tier"]);
        self.token_use = Some(TokenUse { claim: "type", value: Some("access") });
        self
    }
}

/// A preset's constructor cannot fail: what is wrong with its argument is kept for `build()`.
fn misfit(argument: &'static str, value: &str, fits: impl Fn(&str) -> bool) -> Option<(&'static str, String)> {
    (!fits(value)).then(|| (argument, value.to_owned()))
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

fn remote(url: String) -> Source {
    Source::Remote(Location::Url(url))
}

/// Names the issuer, never its keys.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name).field("profile", &self.profile).finish_non_exhaustive()
    }
}
