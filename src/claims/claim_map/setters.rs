//! The setters of `ClaimMap`: the claims that a user is read from.

use crate::claims::claim_map::ClaimMap;
use crate::claims::claim_path::ClaimPath;

impl ClaimMap {
    /// Sets the claim with the user's id (default `sub`).
    ///
    /// The value must be unique at the issuer and must never be given to another user. An email address is neither.
    pub fn id(mut self, claim: &str) -> Self {
        self.id = path(claim);
        self
    }

    /// Sets the claim with the tenant of the user, such as the id of an organization (default: none).
    ///
    /// [`UserContext::tenant`](crate::UserContext::tenant) returns it. The claim may be absent. If it is present, it is
    /// a string of 1 to 256 bytes, or the token is rejected.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{ClaimMap, UserContext};
    ///
    /// async fn handler(user: UserContext) {
    ///     assert_eq!(user.tenant(), Some("org_7"));
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// let claims = ClaimMap::new().tenant("org_id");
    /// # let issuer = Issuer::hs256(iss, secret).claims(claims);
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// let app = Router::new().route("/", get(handler)).layer(auth);
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("api")
    ///     .claim("org_id", "org_7")
    ///     .sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tenant(mut self, claim: &str) -> Self {
        self.tenant = Some(path(claim));
        self
    }

    /// Sets the claims with the client's id, in order of preference (default `client_id`, `azp`).
    pub fn client_id(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.client_id = paths(claims);
        self
    }

    /// Sets the claims with the email address, in order of preference (default `email`).
    ///
    /// If one of them is not `email`, also set [`email_verified`](Self::email_verified).
    pub fn email(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.email = paths(claims);
        self
    }

    /// Sets the claim that says whether the email address is verified (default `email_verified`, as in OpenID Connect
    /// Core §5.1).
    ///
    /// It must be about the address in [`email`](Self::email), so there is no default if that is read from another
    /// claim than `email`. Do not name a claim that users can edit, such as one in Supabase's `user_metadata`.
    /// [`UserContext::email_verified`](crate::UserContext::email_verified) returns the value. The boolean `true` and the
    /// text `true` are read as true, and everything else as false.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{ClaimMap, UserContext};
    /// use serde_json::json;
    ///
    /// async fn handler(user: UserContext) {
    ///     assert_eq!(user.email(), Some("ann@example.com"));
    ///     assert!(user.email_verified());
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// let claims = ClaimMap::new()
    ///     .email(["/email/address"])
    ///     .email_verified("/email/is_verified");
    /// # let issuer = Issuer::hs256(iss, secret).claims(claims);
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// let app = Router::new().route("/", get(handler)).layer(auth);
    /// let email = json!({ "address": "ann@example.com", "is_verified": true });
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("api")
    ///     .claim("email", email)
    ///     .sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn email_verified(mut self, claim: &str) -> Self {
        self.email_verified = path(claim);
        self.maps_email_verified = true;
        self
    }

    /// Sets the claims with the display name, in order of preference (default `name`).
    pub fn name(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.name = paths(claims);
        self
    }

    /// Sets the claims with the scopes, in order of preference (default `scope`, `scp`).
    pub fn scopes(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.scopes = paths(claims);
        self
    }

    /// Sets the claims with roles, all of which are read (default `roles`).
    ///
    /// ```
    /// use portcullis::{ClaimMap, Issuer};
    ///
    /// let claims = ClaimMap::new().roles([
    ///     "groups",
    ///     "/realm_access/roles",
    ///     // A name that is a URL is not a pointer.
    ///     "https://example.com/roles",
    /// ]);
    /// # let issuer = Issuer::hs256("app", [7; 32]).claims(claims);
    /// # let builder = portcullis::JwtAuth::builder().issuer(issuer);
    /// # assert!(builder.audience("api").build().is_ok());
    /// ```
    pub fn roles(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.roles = paths(claims);
        self.uses_roles = true;
        self
    }

    /// Adds a claim with roles, in addition to those already read.
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::keycloak("https://sso.example.com", "shop")
    ///     .map_claims(|claims| claims.add_roles("groups"));
    /// # let builder = portcullis::JwtAuth::builder().issuer(issuer);
    /// # assert!(builder.audience("api").build().is_ok());
    /// ```
    pub fn add_roles(mut self, claim: &str) -> Self {
        self.roles.push(path(claim));
        self.uses_roles = true;
        self
    }

    /// Sets the claims with an object whose member names are roles, in order of preference (default: none).
    ///
    /// These roles are added to those of [`roles`](Self::roles). A member that is `null` or `false` is not a role;
    /// other values have no meaning. Zitadel sends its roles like this:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::{ClaimMap, UserContext};
    /// use serde_json::json;
    ///
    /// async fn handler(user: UserContext) {
    ///     assert!(user.roles().eq(["editor"]));
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://app.example.com";
    /// let claim = "urn:zitadel:iam:org:project:roles";
    /// let claims = ClaimMap::new().role_keys([claim]);
    /// # let issuer = Issuer::hs256(iss, secret).claims(claims);
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// let app = Router::new().route("/", get(handler)).layer(auth);
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("api")
    ///     .claim(claim, json!({ "editor": { "2873": "acme.example.com" } }))
    ///     .sign();
    /// # let request = Request::get("/");
    /// # let request = request.header("authorization", format!("Bearer {token}"));
    /// # let response = app.oneshot(request.body(Body::empty())?).await?;
    /// # assert_eq!(response.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn role_keys(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.role_keys = paths(claims);
        self.uses_roles = true;
        self
    }

    /// Sets the claims with permissions, all of which are read (default `permissions`).
    pub fn permissions(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.permissions = paths(claims);
        self
    }

    /// Sets the claims with the tier, in order of preference (default `tier`, `subscription_tier`).
    pub fn tier(mut self, claims: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.tier = paths(claims);
        self
    }

    /// Sets the claim with the id of the login session (default `sid`).
    ///
    /// [`UserContext::session_id`](crate::UserContext::session_id) returns it. A value that is not a nonempty string is
    /// read as absent.
    pub fn session_id(mut self, claim: &str) -> Self {
        self.session_id = path(claim);
        self
    }

    /// Sets the claim with the authentication context class of the login (default `acr`).
    ///
    /// [`UserContext::acr`](crate::UserContext::acr) returns it. A value that is not a nonempty string is read as absent.
    pub fn acr(mut self, claim: &str) -> Self {
        self.acr = path(claim);
        self
    }

    /// Sets the claim with the authentication methods of the login (default `amr`).
    ///
    /// It is an array of strings, or of objects with a string `method`. [`UserContext::amr`](crate::UserContext::amr)
    /// returns them. A value of another type is read as absent.
    pub fn amr(mut self, claim: &str) -> Self {
        self.amr = path(claim);
        self
    }
}

fn path(claim: impl AsRef<str>) -> ClaimPath {
    ClaimPath::new(claim.as_ref().to_owned())
}

fn paths(claims: impl IntoIterator<Item: AsRef<str>>) -> Vec<ClaimPath> {
    claims.into_iter().map(path).collect()
}
