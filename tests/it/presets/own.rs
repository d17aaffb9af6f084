//! An app's own issuer.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Principal, Roles, Tiers};
use serde_json::{Value, json};

use super::{permissions, roles, rs256, shaped, with};
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, now, signed};

fn access() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "42", "type": "access", "roles": ["editor"], "permissions": ["export:report"],
        "subscription_tier": "pro", "email": "ann@example.com", "jti": "j1", "iat": now(), "exp": now() + 900,
    })
}

fn tiers() -> Tiers {
    Tiers::ascending(["basic", "pro", "institutional"]).unwrap()
}

fn stack(issuer: Issuer) -> ProtectedApp {
    let table = Roles::builder().role("editor", ["read:valuation", "write:valuation"]).build().unwrap();
    let basic = tiers().get("basic").unwrap();
    let builder = JwtAuth::builder().issuer(issuer.first_party()).audience(AUDIENCE).roles(table).tiers(tiers());
    ProtectedApp::behind(builder.default_tier(basic).build().unwrap())
}

fn hs256(claims: &Value) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string())
}

#[tokio::test]
async fn an_access_token_of_ones_own_is_a_user_with_roles_permissions_and_a_tier() {
    let answer = stack(Issuer::hs256(ISSUER, SECRET)).ask(&hs256(&access())).await;
    let user = answer.user();
    assert_eq!((user.id(), user.email(), user.principal()), ("42", Some("ann@example.com"), Principal::User));
    assert_eq!(roles(user), ["editor"]);
    assert_eq!(permissions(user), ["export:report", "read:valuation", "write:valuation"]);
    assert_eq!(user.tier().unwrap().name(), "pro");
    assert!(user.is_at_least(&tiers().get("basic").unwrap()));
    assert!(!user.is_at_least(&tiers().get("institutional").unwrap()));
}

#[tokio::test]
async fn a_token_without_a_tier_has_the_default_one_and_an_unknown_tier_ranks_below_all() {
    let stack = stack(Issuer::hs256(ISSUER, SECRET));
    let without = stack.ask(&hs256(&with(&access(), json!({"subscription_tier": null})))).await;
    assert_eq!(without.user().tier_name(), Some("basic"));
    let unknown = stack.ask(&hs256(&with(&access(), json!({"subscription_tier": "platinum"})))).await;
    assert_eq!((unknown.user().tier().is_none(), unknown.user().tier_name()), (true, Some("platinum")));
    assert!(!unknown.user().is_at_least(&tiers().get("basic").unwrap()));
}

#[tokio::test]
async fn a_refresh_token_of_ones_own_is_refused() {
    let stack = stack(Issuer::hs256(ISSUER, SECRET));
    for claims in [
        with(&access(), json!({"type": "refresh"})),
        with(&access(), json!({"type": "Access"})),
        with(&access(), json!({"type": ["access"]})),
        with(&access(), json!({"type": null})),
    ] {
        stack.ask(&hs256(&claims)).await.refused_token(TokenError::Type);
    }
}

#[tokio::test]
async fn keys_of_ones_own_may_be_rs256_eddsa_or_a_pem() {
    let rsa = rs256().await;
    let eddsa = TestIssuer::start_with(Algorithm::EdDsa, Clock::system()).await.unwrap();
    let jwks: Value = serde_json::from_str(&eddsa.jwks()).unwrap();
    let key = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
    // RFC 8410 §4: algorithm 1.3.101.112, then the key's 32 bytes.
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], key.as_slice()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
    let jwt = || json!({"typ": "JWT"});
    for (signer, issuer) in [
        (&rsa, Issuer::jwks_document(ISSUER, rsa.jwks())),
        (&eddsa, Issuer::jwks_document(ISSUER, eddsa.jwks())),
        (&eddsa, Issuer::pem(ISSUER, Algorithm::EdDsa, pem)),
    ] {
        let stack = stack(issuer);
        let answer = stack.ask(&shaped(signer, jwt(), &access())).await;
        assert_eq!((answer.user().id(), answer.user().tier_name()), ("42", Some("pro")));
        let refresh = shaped(signer, jwt(), &with(&access(), json!({"type": "refresh"})));
        stack.ask(&refresh).await.refused_token(TokenError::Type);
    }
}

#[tokio::test]
async fn while_a_secret_is_changed_both_are_accepted_and_afterwards_the_new_one_alone() {
    let old = hs256(&access());
    let changing = Issuer::hs256(ISSUER, [8; 32]).add_secret(Algorithm::Hs256, SECRET);
    assert!(stack(changing).ask(&old).await.handled);
    stack(Issuer::hs256(ISSUER, [8; 32])).ask(&old).await.refused_token(TokenError::Signature);
}
