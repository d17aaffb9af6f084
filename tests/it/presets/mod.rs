//! Issuer presets: each accepts tokens of its issuer's form, and fetches keys from that issuer's URL.

mod auth0;
mod clerk;
mod cognito;
mod entra;
mod entra_tenants;
mod firebase;
mod first_party;
mod google;
mod keycloak;
mod okta;
mod other_providers;
mod self_hosted;
mod settings;
mod supabase;
mod workloads;

use portcullis::clock::Clock;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, UserContext};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::support::fake_http_client::FakeHttpClient;
use crate::support::protected_app::{AppResponse, ProtectedApp};
use crate::support::tokens::now;

/// An app with a preset, and a signer that takes the place of the preset's issuer.
struct Preset {
    signer: TestIssuer,
    fetch: FakeHttpClient,
    url: &'static str,
    app: ProtectedApp,
}

impl Preset {
    /// An app whose issuer signs with RS256 and publishes its keys at this URL.
    async fn start(issuer: Issuer, audience: &str, url: &'static str) -> Self {
        Self::start_with(JwtAuth::builder().issuer(issuer).audience(audience), url).await
    }

    async fn start_with(builder: JwtAuthBuilder, url: &'static str) -> Self {
        let signer = rs256_signer().await;
        let fetch = FakeHttpClient::with_document(url, signer.jwks());
        let auth = builder.http_client(fetch.clone()).build().unwrap();
        Self { signer, fetch, url, app: ProtectedApp::behind(auth) }
    }

    /// Publishes keys without `alg`, with `x5t` and `x5c`, like Entra.
    fn without_alg(self) -> Self {
        let mut keys: Value = serde_json::from_str(&self.signer.jwks()).unwrap();
        let key = keys["keys"][0].as_object_mut().unwrap();
        key.remove("alg");
        key.insert("x5t".to_owned(), key["kid"].clone());
        key.insert("x5c".to_owned(), json!(["MIIC"]));
        self.fetch.publish(self.url, keys.to_string());
        self
    }

    /// Sends a token of this header and these claims; `iat` and `exp` are set. Checks that no other URL is fetched.
    async fn send_token(&self, header: Value, claims: &Value) -> AppResponse {
        let response = self.app.send_token(&token_of(&self.signer, header, claims)).await;
        assert!(self.fetch.requested_urls().iter().all(|url| url == self.url), "{:?}", self.fetch.requested_urls());
        response
    }
}

/// One signer for all tests, because generating an RSA key is slow. Its server receives no requests.
async fn rs256_signer() -> TestIssuer {
    static SIGNER: OnceCell<TestIssuer> = OnceCell::const_new();
    let start = async || TestIssuer::start_with(Algorithm::Rs256, Clock::system()).await.unwrap();
    SIGNER.get_or_init(start).await.clone()
}

/// A token with this header and these claims. `iat` and `exp` are set if they are missing.
fn token_of(signer: &TestIssuer, header: Value, claims: &Value) -> String {
    let mut token =
        signer.token("").without_header("typ").without_claim("client_id").without_claim("jti").without_claim("sub");
    for (name, value) in members(header) {
        token = token.header(name, value);
    }
    token = token.claim("iat", now()).claim("exp", now() + 3600);
    for (name, value) in members(claims.clone()) {
        token = token.claim(name, value);
    }
    token.sign()
}

/// These claims, with changes: a value adds or replaces a claim, null removes it.
fn with_changes(claims: &Value, changes: Value) -> Value {
    let mut claims = members(claims.clone());
    for (name, value) in members(changes) {
        match value {
            Value::Null => claims.remove(&name),
            value => claims.insert(name, value),
        };
    }
    Value::Object(claims)
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

fn scopes(user: &UserContext) -> Vec<&str> {
    user.scopes().iter().collect()
}

fn roles(user: &UserContext) -> Vec<&str> {
    user.roles().collect()
}

fn permissions(user: &UserContext) -> Vec<&str> {
    user.permissions().collect()
}
