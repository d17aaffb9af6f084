//! `ClientAuth`: how the app authenticates at the authorization server.

pub(super) mod authenticator;
pub(super) mod form;
mod private_key;
mod rsa_der;

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::introspection::client_auth::authenticator::Authenticator;
use crate::introspection::client_auth::private_key::PrivateKey;

/// How the app authenticates at the authorization server, as a client that is registered there.
///
/// For mutual TLS (RFC 8705), provide an [`HttpClient`](crate::http_client::HttpClient) that presents the certificate,
/// and use [`mutual_tls`](Self::mutual_tls).
///
/// Its `Debug` output shows no secret, and memory that held one is overwritten when it is dropped.
#[derive(Clone)]
#[must_use]
pub struct ClientAuth {
    client_id: String,
    method: Method,
}

#[derive(Clone)]
enum Method {
    Basic(Zeroizing<String>),
    MutualTls,
    Post(Zeroizing<String>),
    PrivateKeyJwt { key: Zeroizing<String>, audience: String },
}

impl ClientAuth {
    /// Authenticates by HTTP Basic with the client id and secret (`client_secret_basic`, RFC 6749 §2.3.1).
    ///
    /// This is what authorization servers expect by default. The id and the secret may contain any characters: they
    /// are form-encoded before they are put into the header, as the RFC requires.
    ///
    /// ```
    /// use portcullis::introspection::ClientAuth;
    ///
    /// let auth = ClientAuth::basic("api", "secret: 100%");
    /// assert!(!format!("{auth:?}").contains("100%"));
    /// ```
    pub fn basic(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), method: Method::Basic(Zeroizing::new(secret.into())) }
    }

    /// Sends the client id in the form, for a client that authenticates by its TLS certificate (RFC 8705 §2).
    ///
    /// The [HTTP client](crate::http_client::HttpClient) must present the certificate. The built-in one has none.
    ///
    /// ```
    /// use portcullis::introspection::ClientAuth;
    ///
    /// let auth = ClientAuth::mutual_tls("api");
    /// assert!(format!("{auth:?}").contains("api"));
    /// ```
    pub fn mutual_tls(client_id: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), method: Method::MutualTls }
    }

    /// Sends the client id and secret in the form (`client_secret_post`, RFC 6749 §2.3.1).
    ///
    /// Use it only if the authorization server does not support [`basic`](Self::basic).
    ///
    /// ```
    /// use portcullis::introspection::ClientAuth;
    ///
    /// let auth = ClientAuth::post("api", "7Fjfp0ZBr1KtDRbnfVdmIw");
    /// assert!(!format!("{auth:?}").contains("7Fjfp0ZBr1KtDRbnfVdmIw"));
    /// ```
    pub fn post(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), method: Method::Post(Zeroizing::new(secret.into())) }
    }

    /// Authenticates by a JWT that is signed with a private key (`private_key_jwt`, RFC 7523 §2.2).
    ///
    /// The server knows only the public key, so no secret can be stolen there. Each request has a fresh JWT, which is
    /// valid for a minute.
    ///
    /// `private_key` is a JWK, or a PEM: `PRIVATE KEY` (PKCS #8), `RSA PRIVATE KEY` or `EC PRIVATE KEY`. The algorithm
    /// is RS256 for an RSA key, ES256 for a key on P-256, and EdDSA for an Ed25519 key. The `kid` of a JWK is sent in the
    /// header; an RSA key whose `alg` is `PS256` is used for PS256.
    ///
    /// `audience` is the issuer's name, which the draft rfc7523bis requires. Some servers still expect the URL of their
    /// token or introspection endpoint; an audience that another server accepts too would let that server impersonate
    /// the app.
    ///
    /// ```
    /// use portcullis::introspection::ClientAuth;
    ///
    /// # let pem = "-----BEGIN PRIVATE KEY-----
    /// # MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
    /// # -----END PRIVATE KEY-----
    /// # ";
    /// let issuer = "https://auth.example.com";
    /// let auth = ClientAuth::private_key_jwt("api", pem, issuer);
    /// assert!(!format!("{auth:?}").contains("PRIVATE"));
    /// ```
    pub fn private_key_jwt(
        client_id: impl Into<String>,
        private_key: impl Into<String>,
        audience: impl Into<String>,
    ) -> Self {
        let key = Zeroizing::new(private_key.into());
        Self { client_id: client_id.into(), method: Method::PrivateKeyJwt { key, audience: audience.into() } }
    }

    /// Validates the settings, and parses the key. `setting` is the setter that was called.
    ///
    /// Returns `None` and adds issues if a value is empty or the key is unusable.
    pub(super) fn authenticator(&self, setting: &'static str, issues: &mut ConfigIssues) -> Option<Authenticator> {
        let mut check = |value: &str, reason: &'static str, remedy: &'static str| {
            if value.is_empty() {
                issues.add(ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy));
            }
            !value.is_empty()
        };
        let has_id = check(&self.client_id, "the client id is empty", "set the id of a registered client");
        let remedy = "set the secret of the client";
        let client_id = self.client_id.clone();
        match &self.method {
            Method::Basic(secret) => {
                let is_valid = check(secret, "the client secret is empty", remedy) && has_id;
                is_valid.then(|| Authenticator::basic(client_id, secret))
            }
            Method::MutualTls => has_id.then(|| Authenticator::mutual_tls(client_id)),
            Method::Post(secret) => {
                let is_valid = check(secret, "the client secret is empty", remedy) && has_id;
                is_valid.then(|| Authenticator::post(client_id, secret.clone()))
            }
            Method::PrivateKeyJwt { key, audience } => {
                let remedy = "set the name of the issuer";
                let is_valid = check(audience, "the audience of client assertions is empty", remedy) && has_id;
                let add_issue = |error| {
                    let remedy = "use a JWK or PEM with an RSA key of at least 2048 bits, a P-256 or an Ed25519 key";
                    issues.add(ConfigIssue::new(
                        setting,
                        IssueKind::Invalid,
                        format!("the private key {error}"),
                        remedy,
                    ));
                };
                let key = PrivateKey::parse(key).map_err(add_issue).ok()?;
                is_valid.then(|| Authenticator::private_key_jwt(client_id, key, audience.clone()))
            }
        }
    }
}

/// Shows no secret.
impl fmt::Debug for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match self.method {
            Method::Basic(_) => "client_secret_basic",
            Method::MutualTls => "tls_client_auth",
            Method::Post(_) => "client_secret_post",
            Method::PrivateKeyJwt { .. } => "private_key_jwt",
        };
        let mut output = f.debug_struct("ClientAuth");
        output.field("client_id", &self.client_id).field("method", &method).finish_non_exhaustive()
    }
}
