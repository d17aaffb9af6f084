//! The preset for authentik.

use crate::claims::claim_map::ClaimMap;
use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::token_use::TokenUse;

/// # authentik
impl Issuer {
    /// authentik, by its base URL and the slug of the application.
    ///
    /// The audience is the client id of the provider. Roles are the user's groups, from `groups`, which need the scope
    /// `profile`. The provider must have a signing key and the issuer mode "Each provider has a different issuer".
    ///
    /// An access token has the claims of an ID token, such as `nonce`. What distinguishes it is `scope`, which is
    /// required.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::authentik("https://sso.example.com", "orders")
    ///     .audience("x8zkBfQ5vHqUJXvTPOYc4xGnTv7J3T1nJ2xvJmM6");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    /// ```
    ///
    /// Source: [OAuth 2.0 provider](https://docs.goauthentik.io/add-secure-apps/providers/oauth2/).
    pub fn authentik(base_url: &str, slug: &str) -> Self {
        // The issuer's name ends with a slash.
        let issuer = format!("{base_url}/application/o/{slug}/");
        let jwks_url = format!("{issuer}jwks/");
        let preset = Self::preset("Issuer::authentik", issuer, jwks_url, |conventions| {
            conventions.claims = ClaimMap::new().client_id(["azp"]).roles(["groups"]);
            conventions.token_use = Some(TokenUse::presence("scope"));
        });
        let is_slug = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        preset
            .check_argument(!slug.is_empty() && slug.bytes().all(is_slug), "the slug of an application", slug)
            .check_base_url(base_url)
    }
}
