//! Tokens of other people's libraries, honest and hostile: npm's jose, PyJWT, and what they refuse to make.

use std::collections::HashMap;
use std::process::Command;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::{Algorithm, Issuer, JwtAuth, Profile};
use serde::Deserialize;
use serde_json::Value;

use crate::support::protected_app::{AppResponse, ProtectedApp};

#[derive(Deserialize)]
struct Document {
    issuer: String,
    audience: String,
    secrets: HashMap<String, String>,
    pem: HashMap<String, String>,
    tokens: Vec<Token>,
    /// The JWK Sets, by the name that a token's `keys` has.
    #[serde(flatten)]
    sets: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    keys: String,
    token: String,
    expect: Expect,
    attack: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Accepted,
    Refused,
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn valid_tokens_of_jose_are_accepted_and_invalid_ones_are_rejected() {
    let node = std::env::var_os("PORTCULLIS_NODE").unwrap_or_else(|| "node".into());
    let document = mint(Command::new(node).arg("tests/foreign/mint.mjs"));
    assert!(document.tokens.len() > 350, "{} tokens", document.tokens.len());
    judge(&document).await;
}

#[tokio::test]
#[ignore = "needs python: run tests/run"]
async fn valid_tokens_of_pyjwt_are_accepted_and_invalid_ones_are_rejected() {
    let python = std::env::var_os("PORTCULLIS_PYTHON").unwrap_or_else(|| "tests/foreign/.venv/bin/python".into());
    let document = mint(Command::new(python).arg("tests/foreign/mint.py"));
    assert!(document.tokens.len() > 40, "{} tokens", document.tokens.len());
    judge(&document).await;
}

fn mint(command: &mut Command) -> Document {
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the minting program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// Judges every token by both profiles, under the keys it names, and tells all that went wrong at once.
async fn judge(document: &Document) {
    let mut stacks: HashMap<(&str, bool), ProtectedApp> = HashMap::new();
    let mut wrong = Vec::new();
    for token in &document.tokens {
        for profile in [Profile::Rfc9068, Profile::Compatible] {
            let make = || ProtectedApp::behind(layer(document, &token.keys, profile).build().unwrap());
            let app = stacks.entry((&token.keys, profile == Profile::Rfc9068)).or_insert_with(make);
            let response = app.send_authorization(format!("Bearer {}", token.token).as_bytes()).await;
            let is_right =
                if is_expected(token, profile) { response.handler_called } else { is_refused(&response, &token.token) };
            if !is_right {
                let (attack, name, status) = (&token.attack, &token.name, response.head.status);
                wrong.push(format!("{attack} {name} by {profile:?}: {status} {}", response.body));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), document.tokens.len(), wrong.join("\n"));
}

/// Whether it is to be accepted: an honest token but for its type is what the compatible profile is there for.
fn is_expected(token: &Token, profile: Profile) -> bool {
    let is_untyped = ["typ \"JWT\"", "typ missing", "typ as PyJWT leaves it"].contains(&token.name.as_str());
    token.expect == Expect::Accepted || is_untyped && profile == Profile::Compatible
}

/// 401 `invalid_token`; or 400 where the `Authorization` line is no bearer credential at all.
fn is_refused(response: &AppResponse, token: &str) -> bool {
    let is_one_word = token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    let (status, error) = if is_one_word {
        (StatusCode::UNAUTHORIZED, r#"error="invalid_token""#)
    } else {
        (StatusCode::BAD_REQUEST, r#"error="invalid_request""#)
    };
    !response.handler_called
        && response.head.status == status
        && response.challenge().is_some_and(|challenge| challenge.contains(error))
        && response.head.headers["cache-control"] == "no-store"
}

fn layer(document: &Document, keys: &str, profile: Profile) -> JwtAuthBuilder {
    let name = document.issuer.as_str();
    let secret = |alg: &str| URL_SAFE_NO_PAD.decode(&document.secrets[alg]).unwrap();
    let issuer = match keys {
        "HS256" => Issuer::hs256(name, secret(keys)),
        "HS384" => Issuer::hs384(name, secret(keys)),
        "HS512" => Issuer::hs512(name, secret(keys)),
        "jwks" => Issuer::jwks_document(name, document.sets[keys].to_string()),
        "jwks:without-alg" => {
            Issuer::jwks_document(name, document.sets[keys].to_string()).algorithms([Algorithm::Rs256])
        }
        pem => {
            let alg = pem.strip_prefix("pem:").unwrap_or_else(|| panic!("keys {pem}"));
            Issuer::pem(name, algorithm(alg), &document.pem[alg])
        }
    };
    JwtAuth::builder().issuer(issuer.profile(profile)).audience(&document.audience)
}

fn algorithm(name: &str) -> Algorithm {
    match name {
        "RS256" => Algorithm::Rs256,
        "PS256" => Algorithm::Ps256,
        "ES256" => Algorithm::Es256,
        "ES384" => Algorithm::Es384,
        "EdDSA" => Algorithm::EdDsa,
        other => panic!("no PEM is for {other}"),
    }
}
