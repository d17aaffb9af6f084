//! `TokenBuilder`: a token as an issuer would mint it, or as no honest one would.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::testing::keys::SigningKey;

/// A token to be signed. It starts as an honest access token of RFC 9068 that lives five minutes; every claim and every
/// header can be set to something else, or taken out.
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
    pub(super) fn new(key: Arc<SigningKey>, clock: Clock, issuer: &str, subject: &str, serial: u64) -> Self {
        let now = clock.since_epoch().as_secs();
        let header = json!({"alg": key.algorithm.name(), "typ": "at+jwt", "kid": key.kid});
        let claims = json!({
            "iss": issuer,
            "sub": subject,
            "client_id": "test-client",
            "iat": now,
            "exp": now.saturating_add(LIFETIME.as_secs()),
            "jti": format!("token-{serial}"),
        });
        Self { key, clock, header: object(header), claims: object(claims), tier_claim: "tier" }
    }

    /// A token of an app's own issuer, signed with HS256 and this secret, as
    /// [`first_party`](crate::Issuer::first_party) takes it: `typ: JWT`, and a claim `type: access`.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, testing::TokenBuilder};
    ///
    /// let secret = *b"a secret of at least 32 random bytes";
    /// let token = TokenBuilder::first_party("https://app.example.com", secret, "ann").audience("api").sign();
    /// let auth = JwtAuth::builder()
    ///     .issuer(Issuer::hs256("https://app.example.com", secret).first_party())
    ///     .audience("api")
    ///     .build();
    /// # assert!(auth.is_ok() && token.split('.').count() == 3);
    /// ```
    pub fn first_party(issuer: &str, secret: impl AsRef<[u8]>, subject: &str) -> Self {
        let key = Arc::new(SigningKey::hs256(secret.as_ref()));
        let token = Self::new(key, Clock::system(), issuer, subject, 0).header("typ", "JWT").claim("type", "access");
        Self { tier_claim: "subscription_tier", ..token }
    }

    /// Sets the audience (`aud`).
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", audience.into())
    }

    /// Sets the scopes, with spaces between them (`scope`).
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.claim("scope", scope.into())
    }

    /// Adds a role (`roles`).
    pub fn role(self, role: impl Into<String>) -> Self {
        self.push("roles", role.into())
    }

    /// Adds a permission (`permissions`).
    pub fn permission(self, permission: impl Into<String>) -> Self {
        self.push("permissions", permission.into())
    }

    /// Sets the tier (`tier`, or `subscription_tier` of an [own](Self::own) token).
    pub fn tier(self, tier: impl Into<String>) -> Self {
        let claim = self.tier_claim;
        self.claim(claim, tier.into())
    }

    /// Sets how long the token lives from now on (`exp`).
    pub fn expires_in(self, time: Duration) -> Self {
        let exp = self.clock.since_epoch().saturating_add(time).as_secs();
        self.claim("exp", exp)
    }

    /// Lets the token have expired an hour ago.
    pub fn expired(self) -> Self {
        let now = self.clock.since_epoch().as_secs();
        self.claim("iat", now.saturating_sub(7200)).claim("exp", now.saturating_sub(3600))
    }

    /// Sets any claim.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Takes a claim out.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets any member of the header, `alg` too: the signature is made with the issuer's key all the same.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Takes a member of the header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The token in compact serialisation (RFC 7515 §7.1).
    #[must_use]
    pub fn sign(self) -> String {
        let segment = |object: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
        let signed = format!("{}.{}", segment(self.header), segment(self.claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

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

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

const LIFETIME: Duration = Duration::from_secs(300);
