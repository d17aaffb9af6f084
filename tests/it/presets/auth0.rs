//! The preset for Auth0.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, permissions, roles, scopes, with_changes};

async fn preset() -> Preset {
    let url = "https://tenant.eu.auth0.com/.well-known/jwks.json";
    Preset::start(Issuer::auth0("tenant.eu.auth0.com"), "https://api.example.com", url).await
}

fn user_claims() -> Value {
    json!({
        "iss": "https://tenant.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["https://api.example.com", "https://tenant.eu.auth0.com/userinfo"],
        "azp": "my_client_id", "scope": "openid profile read:valuations", "permissions": ["read:valuations", "write:report"],
        "https://api.example.com/roles": ["editor"],
    })
}

fn jwt_header() -> Value {
    json!({"typ": "JWT"})
}

#[tokio::test]
async fn auth0_user_token_has_scopes_and_permissions() {
    let preset = preset().await;
    for header in [jwt_header(), json!({"typ": "at+jwt"})] {
        let response = preset.send_token(header, &user_claims()).await;
        let user = response.user();
        assert_eq!(user.id(), "auth0|5f7c8ec7c33c6c004bbafe82");
        assert_eq!(user.issuer(), Some("https://tenant.eu.auth0.com/"));
        assert_eq!(user.client_id(), Some("my_client_id"));
        assert_eq!(scopes(user), ["openid", "profile", "read:valuations"]);
        assert_eq!(permissions(user), ["read:valuations", "write:report"]);
        assert_eq!(roles(user), [""; 0]);
        assert_eq!(user.principal(), Principal::User);
        assert!(user.has_permission("write:report") && !user.has_permission("write"));
    }
}

#[tokio::test]
async fn auth0_client_credentials_token_is_a_client() {
    let claims = json!({
        "iss": "https://tenant.eu.auth0.com/", "sub": "my_client_id@clients", "aud": "https://api.example.com",
        "azp": "my_client_id", "gty": "client-credentials", "scope": "read:valuations",
    });
    let response = preset().await.send_token(jwt_header(), &claims).await;
    let user = response.user();
    assert_eq!((user.id(), user.client_id()), ("my_client_id@clients", Some("my_client_id")));
    assert_eq!(user.principal(), Principal::Client);
}

#[tokio::test]
async fn auth0_issuer_ends_with_a_slash() {
    let claims = with_changes(&user_claims(), json!({"iss": "https://tenant.eu.auth0.com"}));
    preset().await.send_token(jwt_header(), &claims).await.assert_invalid_token(TokenError::Issuer);
}

#[tokio::test]
async fn auth0_id_token_is_rejected() {
    let preset = preset().await;
    let claims = json!({
        "iss": "https://tenant.eu.auth0.com/", "sub": "auth0|1", "aud": "my_client_id", "nonce": "n",
        "email": "ann@example.com", "name": "Ann",
    });
    preset.send_token(jwt_header(), &claims).await.assert_invalid_token(TokenError::Type);
    preset
        .send_token(jwt_header(), &with_changes(&claims, json!({"nonce": null})))
        .await
        .assert_invalid_token(TokenError::Audience);
}

#[tokio::test]
async fn auth0_organization_is_the_tenant() {
    let claims = with_changes(&user_claims(), json!({"org_id": "org_7"}));
    assert_eq!(preset().await.send_token(jwt_header(), &claims).await.user().tenant(), Some("org_7"));
}
