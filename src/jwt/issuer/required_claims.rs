//! The setters of `Issuer` for claims that must have one of certain values.

use crate::jwt::issuer::Issuer;
use crate::jwt::issuer::claim_pin::ClaimPin;

/// # Required claims
impl Issuer {
    /// Requires that a claim is a string with one of these values (default: no claim is required).
    ///
    /// A token without the claim, or with another value or type, is rejected as
    /// [`ClaimMismatch`](crate::gate::TokenError::ClaimMismatch). The comparison is exact, byte for byte. `claim` is a
    /// name or a JSON Pointer, as in a [`ClaimMap`](crate::ClaimMap). Each call adds a requirement.
    ///
    /// Use it for an issuer that also issues tokens to others. For example, anyone can get a token of GitHub Actions
    /// with the audience of your API, so only the claims about the repository identify your own jobs.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::{JwtAuth, testing::TokenBuilder};
    /// # use tower::ServiceExt;
    /// use portcullis::Issuer;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = *b"a secret of at least 32 random bytes";
    /// # let iss = "https://ci.example.com";
    /// let issuer = Issuer::hs256(iss, secret)
    ///     .require_claim("project_id", ["1017"])
    ///     .require_claim("environment", ["staging", "production"]);
    /// # let auth = JwtAuth::builder().issuer(issuer).audience("api").build()?;
    /// # let app = Router::new().route("/", get(|| async {})).layer(auth);
    /// # let token = TokenBuilder::first_party(iss, secret, "job");
    /// # let token = token.audience("api").claim("environment", "production");
    ///
    /// for (project, status) in [("1017", 200), ("666", 401)] {
    ///     let token = token.clone().claim("project_id", project).sign();
    ///     let request = Request::get("/")
    ///         .header("authorization", format!("Bearer {token}"))
    ///         .body(Body::empty())?;
    ///     assert_eq!(app.clone().oneshot(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn require_claim(self, claim: &str, values: impl IntoIterator<Item: Into<String>>) -> Self {
        self.pin(ClaimPin::equals("require_claim", claim, values))
    }

    /// Requires that a claim is an array with at least one of these strings (default: no claim is required).
    ///
    /// It is like [`require_claim`](Self::require_claim), for a claim with several values. A token whose claim is a
    /// string, and not an array, is rejected.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::keycloak("https://sso.example.com", "shop")
    ///     .contains_claim("/realm_access/roles", ["staff", "admin"]);
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn contains_claim(self, claim: &str, values: impl IntoIterator<Item: Into<String>>) -> Self {
        self.pin(ClaimPin::contains("contains_claim", claim, values))
    }

    pub(super) fn pin(mut self, pin: ClaimPin) -> Self {
        self.conventions.pins.push(pin);
        self
    }
}
