//! Issuers whose tokens belong to the app itself: `Issuer::first_party`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Principal, Profile, Roles, Tiers};
use serde_json::{Value, json};

use super::{permissions, roles, rs256_signer, token_of, with_changes};
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, now, token_with_header};

fn access_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "42", "type": "access", "roles": ["editor"], "permissions": ["export:report"],
        "subscription_tier": "pro", "email": "ann@example.com", "jti": "j1", "iat": now(), "exp": now() + 900,
    })
}

fn tiers() -> Tiers {
    Tiers::ascending(["basic", "pro", "institutional"]).unwrap()
}

fn app_trusting(issuer: Issuer) -> ProtectedApp {
    let roles = Roles::builder().role("editor", ["read:valuation", "write:valuation"]).build().unwrap();
    let basic = tiers().get("basic").unwrap();
    let builder = JwtAuth::builder().issuer(issuer.first_party()).audience(AUDIENCE).roles(roles).tiers(tiers());
    ProtectedApp::behind(builder.default_tier(basic).build().unwrap())
}

fn hs256_token(claims: &Value) -> String {
    token_with_header(r#"{"alg":"HS256","typ":"JWT"}"#, claims.to_string())
}

#[tokio::test]
async fn first_party_access_token_has_roles_permissions_and_a_tier() {
    let response = app_trusting(Issuer::hs256(ISSUER, SECRET)).send_token(&hs256_token(&access_claims())).await;
    let user = response.user();
    assert_eq!((user.id(), user.email(), user.principal()), ("42", Some("ann@example.com"), Principal::User));
    assert_eq!(roles(user), ["editor"]);
    assert_eq!(permissions(user), ["export:report", "read:valuation", "write:valuation"]);
    assert_eq!(user.tier().unwrap().name(), "pro");
    assert!(user.has_tier("basic"));
    assert!(!user.has_tier("institutional"));
}

#[tokio::test]
async fn missing_tier_is_the_default_and_an_unknown_tier_ranks_below_all() {
    let app = app_trusting(Issuer::hs256(ISSUER, SECRET));
    let without =
        app.send_token(&hs256_token(&with_changes(&access_claims(), json!({"subscription_tier": null})))).await;
    assert_eq!(without.user().tier_name(), Some("basic"));
    let unknown =
        app.send_token(&hs256_token(&with_changes(&access_claims(), json!({"subscription_tier": "platinum"})))).await;
    assert_eq!((unknown.user().tier().is_none(), unknown.user().tier_name()), (true, Some("platinum")));
    assert!(!unknown.user().has_tier("basic"));
}

#[tokio::test]
async fn first_party_refresh_token_is_rejected() {
    let app = app_trusting(Issuer::hs256(ISSUER, SECRET));
    for claims in [
        with_changes(&access_claims(), json!({"type": "refresh"})),
        with_changes(&access_claims(), json!({"type": "Access"})),
        with_changes(&access_claims(), json!({"type": ["access"]})),
        with_changes(&access_claims(), json!({"type": null})),
    ] {
        app.send_token(&hs256_token(&claims)).await.assert_invalid_token(TokenError::Type);
    }
}

#[tokio::test]
async fn first_party_keys_may_be_rs256_eddsa_or_a_pem() {
    let rsa = rs256_signer().await;
    let eddsa = TestIssuer::start_with(Algorithm::EdDsa, Clock::system()).await.unwrap();
    let jwks: Value = serde_json::from_str(&eddsa.jwks()).unwrap();
    let key = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().unwrap()).unwrap();
    // SubjectPublicKeyInfo (RFC 8410, section 4): algorithm 1.3.101.112, then the 32 bytes of the key.
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], key.as_slice()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki));
    let header = || json!({"typ": "JWT"});
    for (signer, issuer) in [
        (&rsa, Issuer::jwks_document(ISSUER, rsa.jwks())),
        (&eddsa, Issuer::jwks_document(ISSUER, eddsa.jwks())),
        (&eddsa, Issuer::pem(ISSUER, Algorithm::EdDsa, pem)),
    ] {
        let app = app_trusting(issuer);
        let response = app.send_token(&token_of(signer, header(), &access_claims())).await;
        assert_eq!((response.user().id(), response.user().tier_name()), ("42", Some("pro")));
        let refresh = token_of(signer, header(), &with_changes(&access_claims(), json!({"type": "refresh"})));
        app.send_token(&refresh).await.assert_invalid_token(TokenError::Type);
    }
}

#[tokio::test]
async fn both_secrets_are_accepted_during_a_rotation_and_only_the_new_one_afterwards() {
    let old_token = hs256_token(&access_claims());
    let rotating = Issuer::hs256(ISSUER, [8; 32]).add_secret(Algorithm::Hs256, SECRET);
    assert!(app_trusting(rotating).send_token(&old_token).await.handler_called);
    app_trusting(Issuer::hs256(ISSUER, [8; 32]))
        .send_token(&old_token)
        .await
        .assert_invalid_token(TokenError::Signature);
}

#[tokio::test]
async fn other_tokens_of_the_app_are_rejected_with_and_without_first_party() {
    let plain = ProtectedApp::behind(
        JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience(AUDIENCE).build().unwrap(),
    );
    let typed = |typ: &str, claims: &Value| {
        token_with_header(json!({"alg": "HS256", "typ": typ}).to_string(), claims.to_string())
    };
    for other in [
        json!({"type": "2fa_pending"}),
        json!({"type": "password_reset"}),
        json!({"type": "refresh"}),
        json!({"type": "a kind of our own"}),
        json!({"type": "access", "token_type": "refresh"}),
        json!({"type": "access", "mfa_required": true}),
    ] {
        let claims = with_changes(&access_claims(), other);
        for app in [&plain, &app_trusting(Issuer::hs256(ISSUER, SECRET))] {
            for typ in ["JWT", "at+jwt"] {
                app.send_token(&typed(typ, &claims)).await.assert_invalid_token(TokenError::Type);
            }
        }
    }
    for access in [
        json!({"type": null}),
        json!({"typ": "Bearer"}),
        json!({"typ": "JWT"}),
        json!({"token_use": "access"}),
        json!({"token_type": "Bearer"}),
        json!({"token_type": "access"}),
        json!({"mfa_required": false, "2fa_verified": true}),
    ] {
        let claims = with_changes(&access_claims(), access);
        assert!(plain.send_token(&hs256_token(&claims)).await.handler_called, "{claims}");
    }
}

#[tokio::test]
async fn claims_of_another_party_with_the_same_names_may_have_any_meaning() {
    let signer = rs256_signer().await;
    let issuer = Issuer::jwks_document(ISSUER, signer.jwks()).profile(Profile::Compatible);
    let app = ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap());
    // Cloudflare Access and Frontegg send these.
    for kind in ["app", "userToken"] {
        let claims = with_changes(&access_claims(), json!({"type": kind, "mfa_required": true}));
        assert!(app.send_token(&token_of(&signer, json!({"typ": "JWT"}), &claims)).await.handler_called, "{kind}");
    }
    for kind in ["Refresh", "2fa_pending", "password_reset", "id_token"] {
        let claims = with_changes(&access_claims(), json!({"type": kind}));
        app.send_token(&token_of(&signer, json!({"typ": "JWT"}), &claims)).await.assert_invalid_token(TokenError::Type);
    }
}
