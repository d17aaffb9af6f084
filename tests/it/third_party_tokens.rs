//! Valid and invalid tokens made by other libraries (npm's jose, PyJWT), and invalid ones that those refuse to make.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::clock::Clock;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::FakeClock;
use portcullis::{Algorithm, Issuer, JwtAuth, Profile};
use serde::Deserialize;
use serde_json::Value;

use crate::support::protected_app::{AppResponse, ProtectedApp};

#[derive(Deserialize)]
struct Document {
    /// The time at which the tokens were issued, in seconds since 1970.
    now: u64,
    issuer: String,
    audience: String,
    secrets: HashMap<String, String>,
    pem: HashMap<String, String>,
    tokens: Vec<Token>,
    /// Key sets by name, as in the member `keys` of a token.
    #[serde(flatten)]
    key_sets: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    keys: String,
    token: String,
    expect: Expect,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Accepted,
    Rejected,
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn valid_tokens_of_jose_are_accepted_and_invalid_ones_are_rejected() {
    let node = std::env::var_os("PORTCULLIS_NODE").unwrap_or_else(|| "node".into());
    let document = mint(Command::new(node).arg("tests/foreign/mint.mjs"));
    assert!(document.tokens.len() > 350, "{} tokens", document.tokens.len());
    check_all(&document).await;
}

#[tokio::test]
#[ignore = "needs python: run tests/run"]
async fn valid_tokens_of_pyjwt_are_accepted_and_invalid_ones_are_rejected() {
    let python = std::env::var_os("PORTCULLIS_PYTHON").unwrap_or_else(|| "tests/foreign/.venv/bin/python".into());
    let document = mint(Command::new(python).arg("tests/foreign/mint.py"));
    assert!(document.tokens.len() > 40, "{} tokens", document.tokens.len());
    check_all(&document).await;
}

/// Runs the program that makes the tokens.
fn mint(command: &mut Command) -> Document {
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the program prints one JSON document")
}

/// Sends every token to apps of both profiles that trust its keys, and reports all unexpected responses at once.
async fn check_all(document: &Document) {
    let mut apps: HashMap<(&str, bool), ProtectedApp> = HashMap::new();
    let mut failures = Vec::new();
    for token in &document.tokens {
        for profile in [Profile::Rfc9068, Profile::Compatible] {
            let new_app = || ProtectedApp::behind(layer(document, &token.keys, profile).build().unwrap());
            let app = apps.entry((&token.keys, profile == Profile::Rfc9068)).or_insert_with(new_app);
            let response = app.send_authorization(format!("Bearer {}", token.token).as_bytes()).await;
            let is_expected =
                if is_valid(token, profile) { response.handler_called } else { is_rejected(&response, &token.token) };
            if !is_expected {
                let (name, status) = (&token.name, response.head.status);
                failures.push(format!("{name}, {profile:?}: {status} {}", response.body));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), document.tokens.len(), failures.join("\n"));
}

/// Whether the profile must accept the token. The compatible profile also accepts a token that only lacks the right
/// `typ`.
fn is_valid(token: &Token, profile: Profile) -> bool {
    let lacks_typ = ["typ \"JWT\"", "typ missing", "typ as set by PyJWT"].contains(&token.name.as_str());
    token.expect == Expect::Accepted || lacks_typ && profile == Profile::Compatible
}

/// Whether the response is 401 `invalid_token`, or 400 if the header value is not a bearer credential.
fn is_rejected(response: &AppResponse, token: &str) -> bool {
    let is_single_credential = token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    let (status, error) = if is_single_credential {
        (StatusCode::UNAUTHORIZED, r#"error="invalid_token""#)
    } else {
        (StatusCode::BAD_REQUEST, r#"error="invalid_request""#)
    };
    !response.handler_called
        && response.head.status == status
        && response.challenge().is_some_and(|challenge| challenge.contains(error))
        && response.head.headers["cache-control"] == "no-store"
}

/// A clock that stands still at this time, so that no token expires however long the test takes.
fn clock_at(seconds: u64) -> Clock {
    let fake = FakeClock::new();
    fake.set_wall(UNIX_EPOCH + Duration::from_secs(seconds));
    fake.clock()
}

/// A layer that trusts these keys of the document.
fn layer(document: &Document, keys: &str, profile: Profile) -> JwtAuthBuilder {
    let issuer_url = document.issuer.as_str();
    let secret = |alg: &str| URL_SAFE_NO_PAD.decode(&document.secrets[alg]).unwrap();
    let issuer = match keys {
        "HS256" => Issuer::hs256(issuer_url, secret(keys)),
        "HS384" => Issuer::hs384(issuer_url, secret(keys)),
        "HS512" => Issuer::hs512(issuer_url, secret(keys)),
        "jwks" => Issuer::jwks_document(issuer_url, document.key_sets[keys].to_string()),
        "jwks:without-alg" => {
            Issuer::jwks_document(issuer_url, document.key_sets[keys].to_string()).algorithms([Algorithm::Rs256])
        }
        "jwks:opt-in" => Issuer::jwks_document(issuer_url, document.key_sets[keys].to_string()).algorithms(OPT_IN),
        pem => {
            let alg = pem.strip_prefix("pem:").unwrap_or_else(|| panic!("unknown keys: {pem}"));
            Issuer::pem(issuer_url, algorithm(alg), &document.pem[alg])
        }
    };
    JwtAuth::builder().issuer(issuer.profile(profile)).audience(&document.audience).clock(clock_at(document.now))
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "RS256" => Algorithm::Rs256,
        "PS256" => Algorithm::Ps256,
        "ES256" => Algorithm::Es256,
        "ES256K" => Algorithm::Es256k,
        "ES384" => Algorithm::Es384,
        "ES512" => Algorithm::Es512,
        "EdDSA" => Algorithm::EdDsa,
        "ML-DSA-44" => Algorithm::MlDsa44,
        "ML-DSA-65" => Algorithm::MlDsa65,
        "ML-DSA-87" => Algorithm::MlDsa87,
        other => panic!("no PEM for {other}"),
    }
}

/// The algorithms that must be enabled by name.
const OPT_IN: [Algorithm; 5] =
    [Algorithm::Es256k, Algorithm::Es512, Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];
