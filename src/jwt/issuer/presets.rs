//! Presets of `Issuer` for well-known identity providers.

mod authentik;
mod clerk;
pub(crate) mod entra;
mod firebase;
mod logto;
mod settings;
mod supabase;
pub(crate) mod workloads;
mod zitadel;

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;
use crate::jwt::issuer::conventions::{ClientMarker, IssuerConventions};
use crate::jwt::issuer::presets::settings::{is_domain, is_segment};
use crate::jwt::issuer::profile::Profile;
use crate::jwt::issuer::token_use::TokenUse;
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::remote::discovery::JwksLocation;

/// # Presets
///
/// A preset knows the URL of a provider's keys and the claims of its access tokens. Tokens have the profile
/// [`Compatible`](Profile::Compatible), unless noted otherwise. Some settings belong to certain presets;
/// [`build`](crate::jwt::JwtAuthBuilder::build) rejects them on any other issuer.
impl Issuer {
    /// Auth0, by its domain: `tenant.eu.auth0.com` or a custom one.
    ///
    /// The audience is the identifier of the API. Permissions are read from `permissions`, which Auth0 sends if RBAC is
    /// enabled for the API. Roles need an Auth0 action that adds them under a namespaced name:
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::auth0("tenant.eu.auth0.com")
    ///     .audience("https://api.example.com")
    ///     .map_claims(|claims| claims.roles(["https://example.com/roles"]));
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    ///
    /// let issuer = Issuer::auth0("https://tenant.eu.auth0.com").audience("api");
    /// let error = JwtAuth::builder().issuer(issuer).build().unwrap_err();
    /// assert_eq!(error.issues()[0].reason(), "is not a domain");
    /// ```
    pub fn auth0(domain: &str) -> Self {
        // The issuer's name ends with a slash.
        let issuer = format!("https://{domain}/");
        let jwks_url = format!("https://{domain}/.well-known/jwks.json");
        let preset = Self::preset("Issuer::auth0", issuer, jwks_url, |conventions| {
            // The grant type, which has this value if no user took part.
            conventions.client_marker = Some(ClientMarker::Equals("gty", "client-credentials"));
            conventions.claims = ClaimMap::new().tenant("org_id");
        });
        preset.check_argument(is_domain(domain), "a domain", domain)
    }

    /// Okta, by its domain and the id of its custom authorization server, such as `default`.
    ///
    /// The audience is that of the authorization server. Scopes are read from the array `scp`, roles from `roles` and
    /// `groups`. Only Okta can verify tokens of the org authorization server, which has no id.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::okta("dev-1.okta.com", "default")
    ///     .audience("api://default");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn okta(domain: &str, authorization_server: &str) -> Self {
        let issuer = format!("https://{domain}/oauth2/{authorization_server}");
        let jwks_url = format!("{issuer}/v1/keys");
        let preset = Self::preset("Issuer::okta", issuer, jwks_url, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["cid"]).scopes(["scp"]).roles(["roles", "groups"]);
        });
        preset.check_argument(is_domain(domain), "a domain", domain).check_argument(
            is_segment(authorization_server),
            "the id of an authorization server",
            authorization_server,
        )
    }

    /// Keycloak, by its base URL and realm.
    ///
    /// The audience is the value of an audience mapper, without which tokens have the audience `account`. Roles are
    /// those of the realm; [`keycloak_client`](Self::keycloak_client) adds those of a client. The base URL of a
    /// Keycloak before version 17 ends with `/auth`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::keycloak("https://sso.example.com", "shop")
    ///     .audience("orders-api");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn keycloak(base_url: &str, realm: &str) -> Self {
        Self::keycloak_realm("Issuer::keycloak", base_url, realm)
    }

    /// Like [`keycloak`](Self::keycloak), and adds the user's roles for this client to those of the realm.
    ///
    /// The client's roles are read from `/resource_access/<client>/roles`. A role of the client and a role of the realm
    /// with the same name are not distinguished.
    pub fn keycloak_client(base_url: &str, realm: &str, client: &str) -> Self {
        // The client id as part of a JSON Pointer (RFC 6901 §3).
        let escaped = client.replace('~', "~0").replace('/', "~1");
        let roles = format!("/resource_access/{escaped}/roles");
        Self::keycloak_realm("Issuer::keycloak_client", base_url, realm).map_claims(|claims| claims.add_roles(&roles))
    }

    fn keycloak_realm(constructor: &'static str, base_url: &str, realm: &str) -> Self {
        let issuer = format!("{base_url}/realms/{realm}");
        let jwks_url = format!("{issuer}/protocol/openid-connect/certs");
        let preset = Self::preset(constructor, issuer, jwks_url, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["azp", "client_id"]).roles(["/realm_access/roles"]);
            // Keycloak sends the header `typ: JWT` with every token, and the token's use in a claim of the same name.
            conventions.token_use = Some(TokenUse::value("typ", "Bearer"));
            conventions.client_marker = Some(ClientMarker::StartsWith("preferred_username", "service-account-"));
        });
        preset.check_argument(is_segment(realm), "a realm", realm).check_base_url(base_url)
    }

    /// Amazon Cognito, by its region and the id of the user pool.
    ///
    /// Its access tokens have no `aud`: set the id of the app client as the audience, which is compared with
    /// `client_id`. Roles are the user's groups, from `cognito:groups`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::cognito("eu-west-1", "eu-west-1_AbCdEf123")
    ///     .audience("7ub1cs3q6jd3rtjhkd6bqdrq6v");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    #[doc(alias = "aws")]
    pub fn cognito(region: &str, user_pool_id: &str) -> Self {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com{suffix}/{user_pool_id}");
        let jwks_url = format!("{issuer}/.well-known/jwks.json");
        let preset = Self::preset("Issuer::cognito", issuer, jwks_url, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["client_id"]).roles(["cognito:groups"]);
            conventions.audience_claim = ClaimPath::new("client_id");
            conventions.token_use = Some(TokenUse::value("token_use", "access"));
            // A client's token has `auth_time` as well, so the usual rule does not apply. Comparing the ids is safe,
            // because Cognito assigns them and gives no user the id of a client.
            conventions.client_marker = Some(ClientMarker::EqualsSubject("client_id"));
        });
        let is_alphanumeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_region = region.split('-').all(is_alphanumeric);
        let id = user_pool_id.strip_prefix(region).and_then(|rest| rest.strip_prefix('_'));
        preset.check_argument(is_region, "a region", region).check_argument(
            id.is_some_and(is_alphanumeric),
            "a user pool id of the region",
            user_pool_id,
        )
    }

    /// Google, with ID tokens as credentials, since its access tokens are opaque.
    ///
    /// Set the client id that the tokens were issued to as the audience. Tokens have the profile
    /// [`IdToken`](Profile::IdToken). They carry no scopes, roles or permissions. The tenant is `hd`, the domain of a
    /// Google Workspace; [`tenant`](Self::tenant) accepts only its users. Without it, anyone with a Google account can
    /// get a token, and so can any service account, for which no one logs in.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::google()
    ///     .audience("1234567890-abc.apps.googleusercontent.com");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    pub fn google() -> Self {
        let jwks_url = "https://www.googleapis.com/oauth2/v3/certs".to_owned();
        Self::preset("Issuer::google", "https://accounts.google.com".to_owned(), jwks_url, |conventions| {
            // Google documents both forms of `iss`, with and without the scheme.
            conventions.alias = Some("accounts.google.com");
            conventions.profile = Profile::IdToken;
            // The domain of the organization; personal accounts have none.
            conventions.claims = ClaimMap::new().tenant("hd");
        })
    }

    fn preset(
        constructor: &'static str,
        issuer: String,
        jwks_url: String,
        configure: impl FnOnce(&mut IssuerConventions),
    ) -> Self {
        let mut issuer =
            Self::new(constructor, issuer, KeySource::Remote(JwksLocation::Url(jwks_url)), Profile::Compatible);
        configure(&mut issuer.conventions);
        issuer
    }
}
