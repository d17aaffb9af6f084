//! The preset for Firebase Authentication.

use portcullis::gate::TokenError;
use portcullis::{Issuer, JwtAuth, Principal};
use serde_json::{Value, json};

use super::{Preset, with_changes};
use crate::support::tokens::now;

async fn preset(issuer: Issuer) -> Preset {
    let url = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
    Preset::start_with(JwtAuth::builder().issuer(issuer), url).await
}

/// Made from documentation: verifying ID tokens with a third-party library.
fn user_claims() -> Value {
    json!({
        "aud": "my-project", "auth_time": 1_700_000_000, "email": "ann@example.com", "email_verified": true,
        "firebase": {"identities": {"email": ["ann@example.com"]}, "sign_in_provider": "password", "tenant": "acme-x7"},
        "iss": "https://securetoken.google.com/my-project", "name": "Ann", "sub": "u1", "user_id": "u1",
    })
}

#[tokio::test]
async fn firebase_token_is_accepted_with_its_tenant() {
    let response = preset(Issuer::firebase("my-project")).await.send_token(json!({"typ": "JWT"}), &user_claims()).await;
    let user = response.user();
    assert_eq!((user.id(), user.tenant(), user.name()), ("u1", Some("acme-x7"), Some("Ann")));
    assert_eq!((user.principal(), user.client_id()), (Principal::User, None));
    assert!(user.email_verified());
}

#[tokio::test]
async fn firebase_token_of_another_tenant_is_rejected_if_one_is_required() {
    let preset = preset(Issuer::firebase("my-project").tenant("acme-x7")).await;
    assert_eq!(preset.send_token(json!({"typ": "JWT"}), &user_claims()).await.user().tenant(), Some("acme-x7"));
    for firebase in [json!({"tenant": "other-y8"}), json!({}), Value::Null] {
        let claims = with_changes(&user_claims(), json!({"firebase": firebase}));
        let response = preset.send_token(json!({"typ": "JWT"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_mismatch("/firebase/tenant"));
    }
}

#[tokio::test]
async fn firebase_token_that_violates_a_documented_check_is_rejected() {
    let preset = preset(Issuer::firebase("my-project")).await;
    let longest = with_changes(&user_claims(), json!({"sub": "u".repeat(128)}));
    assert_eq!(preset.send_token(json!({"typ": "JWT"}), &longest).await.user().id().len(), 128);
    for (changes, error) in [
        (json!({"sub": "u".repeat(129)}), TokenError::claim_mismatch("sub")),
        (json!({"sub": ""}), TokenError::claim_invalid("sub")),
        (json!({"auth_time": now() + 3600}), TokenError::claim_mismatch("auth_time")),
        (json!({"auth_time": null}), TokenError::claim_mismatch("auth_time")),
        (json!({"aud": "other-project"}), TokenError::Audience),
        (json!({"iss": "https://securetoken.google.com/other-project"}), TokenError::Issuer),
    ] {
        let response = preset.send_token(json!({"typ": "JWT"}), &with_changes(&user_claims(), changes)).await;
        response.assert_invalid_token(error);
    }
}
