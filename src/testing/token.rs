//! `TokenBuilder`: test tokens, valid by default, with any claim or header parameter changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::testing::keys::SigningKey;

/// A builder of test tokens, from [`TestIssuer::token`](crate::testing::TestIssuer::token) or
/// [`first_party`](Self::first_party).
///
/// It starts as a valid access token (RFC 9068) except for the audience, which the test has to set. The defaults are:
/// `typ` is `at+jwt`, `client_id` is `test-client`, `jti` is unique at the issuer, `iat` is the current time, and `exp` is
/// five minutes later. Every claim and every header parameter can be changed or removed.
///
/// ```
/// use portcullis::testing::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let issuer = TestIssuer::start().await?;
/// let token = issuer
///     .token("ann")
///     .audience("https://api.example.com")
///     .scope("read write")
///     .role("editor")
///     .sign();
/// assert_eq!(token.split('.').count(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct TokenBuilder {
    key: Arc<SigningKey>,
    clock: Clock,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    tier_claim: &'static str,
}

impl TokenBuilder {
    pub(super) fn new(key: Arc<SigningKey>, clock: Clock, issuer: &str, subject: &str, token_id: u64) -> Self {
        let now = clock.since_epoch().as_secs();
        let header = json!({"alg": key.algorithm.name(), "typ": "at+jwt", "kid": key.kid});
        let claims = json!({
            "iss": issuer,
            "sub": subject,
            "client_id": "test-client",
            "iat": now,
            "exp": now.saturating_add(LIFETIME.as_secs()),
            "jti": format!("token-{token_id}"),
        });
        Self { key, clock, header: object(header), claims: object(claims), tier_claim: "tier" }
    }

    /// Returns a builder for a token of a first-party issuer, signed with HS256 and this secret.
    ///
    /// The token has the form that [`Issuer::first_party`](crate::Issuer::first_party) expects: `typ` is `JWT`, and the
    /// claim `type` is `access`. Its times come from the system's clock.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    /// use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let iss = "https://app.example.com";
    /// let secret = *b"a secret of at least 32 random bytes";
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::hs256(iss, secret).first_party())
    ///     .audience("api")
    ///     .build()?;
    /// let app = Router::new().route("/", get(|| async {})).layer(auth);
    ///
    /// let token = TokenBuilder::first_party(iss, secret, "ann")
    ///     .audience("api")
    ///     .sign();
    /// let request = Request::get("/")
    ///     .header("authorization", format!("Bearer {token}"))
    ///     .body(Body::empty())?;
    /// assert_eq!(app.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    pub fn first_party(issuer: &str, secret: impl AsRef<[u8]>, subject: &str) -> Self {
        // Unique, so that a test that revokes one token does not revoke all others.
        static TOKENS: AtomicU64 = AtomicU64::new(0);
        let id = TOKENS.fetch_add(1, Ordering::Relaxed);
        let key = Arc::new(SigningKey::hs256(secret.as_ref()));
        let token = Self::new(key, Clock::system(), issuer, subject, id).header("typ", "JWT").claim("type", "access");
        Self { tier_claim: "subscription_tier", ..token }
    }

    /// Sets the audience (`aud`; default none).
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", Into::<String>::into(audience))
    }

    /// Sets the scopes, delimited by spaces (`scope`; default none).
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.claim("scope", Into::<String>::into(scope))
    }

    /// Adds a role (`roles`).
    pub fn role(self, role: impl Into<String>) -> Self {
        self.push("roles", role.into())
    }

    /// Adds a permission (`permissions`).
    pub fn permission(self, permission: impl Into<String>) -> Self {
        self.push("permissions", permission.into())
    }

    /// Sets the tier (`tier`; default none).
    ///
    /// In a [first-party](Self::first_party) token, the claim is `subscription_tier`.
    pub fn tier(self, tier: impl Into<String>) -> Self {
        let claim = self.tier_claim;
        self.claim(claim, Into::<String>::into(tier))
    }

    /// Sets the id of the login session (`sid`; default none).
    pub fn session_id(self, session_id: impl Into<String>) -> Self {
        self.claim("sid", Into::<String>::into(session_id))
    }

    /// Sets how long the token is valid from now on (`exp`; default five minutes).
    pub fn expires_in(self, time: Duration) -> Self {
        let exp = self.clock.since_epoch().saturating_add(time).as_secs();
        self.claim("exp", exp)
    }

    /// Sets `iat` to two hours ago and `exp` to one hour ago, which is beyond any leeway.
    pub fn expired(self) -> Self {
        let now = self.clock.since_epoch().as_secs();
        self.claim("iat", now.saturating_sub(7200)).claim("exp", now.saturating_sub(3600))
    }

    /// Sets a claim to any JSON value, even a malformed one.
    ///
    /// ```
    /// # use portcullis::testing::TokenBuilder;
    /// use serde_json::json;
    ///
    /// # let token = TokenBuilder::first_party("app", [7; 32], "ann");
    /// let token = token
    ///     .claim("realm_access", json!({ "roles": ["editor"] }))
    ///     .claim("email", "ann@example.com")
    ///     // `nbf` must be a number, so the token is rejected.
    ///     .claim("nbf", "tomorrow");
    /// # assert!(format!("{token:?}").contains("tomorrow"));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the value does not serialize to JSON.
    pub fn claim(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.claims.insert(name.into(), to_json(value));
        self
    }

    /// Removes a claim.
    ///
    /// ```
    /// # use portcullis::testing::TokenBuilder;
    /// # let token = TokenBuilder::first_party("app", [7; 32], "ann");
    /// // A token that never expires is rejected.
    /// let token = token.without_claim("exp");
    /// # assert!(!format!("{token:?}").contains("exp"));
    /// ```
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a header parameter to any JSON value.
    ///
    /// A changed `alg` or `kid` does not change the key and algorithm that the token is signed with, so this creates
    /// tokens whose header lies:
    ///
    /// ```
    /// # use portcullis::testing::TokenBuilder;
    /// # let token = TokenBuilder::first_party("app", [7; 32], "ann");
    /// let token = token.header("alg", "none").header("kid", "unknown");
    /// # assert!(format!("{token:?}").contains("unknown"));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the value does not serialize to JSON.
    pub fn header(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.header.insert(name.into(), to_json(value));
        self
    }

    /// Removes a header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Returns the signed token in the compact serialization (RFC 7515 §7.1).
    #[must_use]
    pub fn sign(self) -> String {
        let segment = |object: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
        let signing_input = format!("{}.{}", segment(self.header), segment(self.claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signing_input.as_bytes()));
        format!("{signing_input}.{signature}")
    }

    /// Appends an item to an array claim.
    fn push(mut self, name: &str, item: String) -> Self {
        let list = self.claims.entry(name).or_insert_with(|| json!([]));
        match list.as_array_mut() {
            Some(items) => items.push(item.into()),
            None => *list = json!([item]),
        }
        self
    }
}

impl std::fmt::Debug for TokenBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenBuilder")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

fn to_json(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("the value serializes to JSON")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

const LIFETIME: Duration = Duration::from_secs(300);
