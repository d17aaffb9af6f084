//! `Authenticator`: a validated `ClientAuth`, which adds the credentials of the app to a request.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use zeroize::Zeroizing;

use crate::introspection::client_auth::form::{self, Form};
use crate::introspection::client_auth::private_key::PrivateKey;

/// A client id, and what proves that the app is this client.
pub(crate) struct Authenticator {
    client_id: String,
    proof: Proof,
}

enum Proof {
    /// The value of the `Authorization` header.
    Basic(Zeroizing<String>),
    MutualTls,
    Post(Zeroizing<String>),
    PrivateKeyJwt {
        key: PrivateKey,
        audience: String,
    },
}

/// The operating system has no random numbers, or the key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AssertionError;

impl Authenticator {
    pub(super) fn basic(client_id: String, secret: &str) -> Self {
        // RFC 6749 §2.3.1: both are form-encoded first, so a colon in the id is not the one that separates them.
        let text = Zeroizing::new(format!("{}:{}", *form::encode(&client_id), *form::encode(secret)));
        let encoded = Zeroizing::new(STANDARD.encode(text.as_bytes()));
        Self { client_id, proof: Proof::Basic(Zeroizing::new(format!("Basic {}", *encoded))) }
    }

    pub(super) fn mutual_tls(client_id: String) -> Self {
        Self { client_id, proof: Proof::MutualTls }
    }

    pub(super) fn post(client_id: String, secret: Zeroizing<String>) -> Self {
        Self { client_id, proof: Proof::Post(secret) }
    }

    pub(super) fn private_key_jwt(client_id: String, key: PrivateKey, audience: String) -> Self {
        Self { client_id, proof: Proof::PrivateKeyJwt { key, audience } }
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Adds the credentials to a request. `now` is the time since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`AssertionError`] if a client assertion cannot be created.
    pub(crate) fn authenticate(
        &self,
        headers: &mut HeaderMap,
        form: &mut Form,
        now: Duration,
    ) -> Result<(), AssertionError> {
        match &self.proof {
            Proof::Basic(value) => {
                // Does not fail: base64 is visible ASCII.
                let mut value = HeaderValue::from_str(value).map_err(|_| AssertionError)?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Proof::MutualTls => form.add("client_id", &self.client_id),
            Proof::Post(secret) => {
                form.add("client_id", &self.client_id);
                form.add("client_secret", secret);
            }
            Proof::PrivateKeyJwt { key, audience } => {
                let assertion = self.assertion(key, audience, now)?;
                form.add("client_assertion_type", ASSERTION_TYPE);
                form.add("client_assertion", &assertion);
            }
        }
        Ok(())
    }

    /// Creates a JWT with which the client authenticates (RFC 7523 §3).
    fn assertion(&self, key: &PrivateKey, audience: &str, now: Duration) -> Result<Zeroizing<String>, AssertionError> {
        // A server accepts each `jti` once, so that one who reads an assertion cannot use it again.
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| AssertionError)?;
        let issued_at = now.as_secs();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": URL_SAFE_NO_PAD.encode(random),
            "iat": issued_at,
            "exp": issued_at.saturating_add(ASSERTION_LIFETIME),
        });
        key.sign_jwt(&claims).ok_or(AssertionError)
    }
}

/// Shows no secret.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

// In seconds. The server's clock may be ahead, and the request may take a while.
const ASSERTION_LIFETIME: u64 = 60;
