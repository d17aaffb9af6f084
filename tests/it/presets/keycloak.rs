//! The preset for Keycloak.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with_changes};
use crate::support::log_capture::LogCapture;

const URL: &str = "https://sso.example.com/realms/shop/protocol/openid-connect/certs";

async fn preset() -> Preset {
    Preset::start(Issuer::keycloak("https://sso.example.com", "shop"), "valuations-api", URL).await
}

fn user_claims() -> Value {
    json!({
        "iss": "https://sso.example.com/realms/shop", "aud": ["valuations-api", "account"], "typ": "Bearer", "azp": "spa",
        "sub": "f2b1c1d0-7e1c-4c39-9d42-1f2f3f4f5f6f", "jti": "onrtac:1", "sid": "s1", "acr": "1",
        "auth_time": 1_700_000_000, "allowed-origins": ["https://app.example.com"],
        "realm_access": {"roles": ["offline_access", "editor"]},
        "resource_access": {"valuations-api": {"roles": ["valuer"]}, "account": {"roles": ["manage-account"]}},
        "scope": "openid email profile", "email_verified": true, "name": "Ann Archer", "preferred_username": "ann",
        "email": "ann@example.com",
    })
}

fn jwt_header() -> Value {
    json!({"typ": "JWT"})
}

#[tokio::test]
async fn keycloak_user_token_has_realm_roles() {
    let response = preset().await.send_token(jwt_header(), &user_claims()).await;
    let user = response.user();
    assert_eq!(user.id(), "f2b1c1d0-7e1c-4c39-9d42-1f2f3f4f5f6f");
    assert_eq!(
        (user.client_id(), user.email(), user.name()),
        (Some("spa"), Some("ann@example.com"), Some("Ann Archer"))
    );
    assert!(user.email_verified());
    assert_eq!(roles(user), ["offline_access", "editor"]);
    assert_eq!(scopes(user), ["openid", "email", "profile"]);
    assert_eq!(user.principal(), Principal::User);
}

#[tokio::test]
async fn keycloak_client_roles_are_added_for_the_named_client_only() {
    let issuer = Issuer::keycloak_client("https://sso.example.com", "shop", "valuations-api");
    let preset = Preset::start(issuer, "valuations-api", URL).await;
    let response = preset.send_token(jwt_header(), &user_claims()).await;
    assert_eq!(roles(response.user()), ["offline_access", "editor", "valuer"]);
    let without = with_changes(&user_claims(), json!({"resource_access": {"account": {"roles": ["manage-account"]}}}));
    assert_eq!(roles(preset.send_token(jwt_header(), &without).await.user()), ["offline_access", "editor"]);
}

#[tokio::test]
async fn keycloak_service_account_is_a_client() {
    let changes = json!({
        "azp": "worker", "client_id": "worker", "preferred_username": "service-account-worker", "clientHost": "10.0.0.1",
        "sid": null, "auth_time": null, "email": null, "name": null,
    });
    let response = preset().await.send_token(jwt_header(), &with_changes(&user_claims(), changes)).await;
    assert_eq!((response.user().client_id(), response.user().principal()), (Some("worker"), Principal::Client));
}

#[tokio::test]
async fn keycloak_id_refresh_and_logout_tokens_are_rejected() {
    let preset = preset().await;
    for typ in ["ID", "Refresh", "Offline", "Logout", "bearer"] {
        preset
            .send_token(jwt_header(), &with_changes(&user_claims(), json!({ "typ": typ })))
            .await
            .assert_invalid_token(TokenError::Type);
    }
    preset
        .send_token(jwt_header(), &with_changes(&user_claims(), json!({"typ": null})))
        .await
        .assert_invalid_token(TokenError::Type);
}

#[tokio::test]
async fn keycloak_access_token_may_have_a_nonce() {
    assert!(
        preset()
            .await
            .send_token(jwt_header(), &with_changes(&user_claims(), json!({"nonce": "n"})))
            .await
            .handler_called
    );
}

#[tokio::test]
async fn keycloak_token_without_roles_has_null_in_their_place() {
    let issuer = Issuer::keycloak_client("https://sso.example.com", "shop", "valuations-api");
    let preset = Preset::start(issuer, "valuations-api", URL).await;
    for (name, value) in [
        ("realm_access", json!({"roles": null})),
        ("realm_access", Value::Null),
        ("resource_access", Value::Null),
        ("resource_access", json!({"valuations-api": null})),
    ] {
        let mut claims = user_claims();
        claims["realm_access"] = Value::Null;
        claims["resource_access"] = Value::Null;
        claims[name] = value;
        assert_eq!(roles(preset.send_token(jwt_header(), &claims).await.user()), [""; 0], "{claims}");
    }
    let malformed = with_changes(&user_claims(), json!({"realm_access": 7}));
    let response = preset.send_token(jwt_header(), &malformed).await;
    response.assert_invalid_token(TokenError::claim_invalid("/realm_access/roles"));
}

// Keycloak 25 and later, if a client does not have the scope `basic`.
#[tokio::test]
async fn the_log_names_the_missing_subject_of_a_keycloak_token() {
    let preset = preset().await;
    let log = LogCapture::start();
    let response = preset.send_token(jwt_header(), &with_changes(&user_claims(), json!({"sub": null}))).await;
    response.assert_invalid_token(TokenError::claim_missing("sub"));
    let text = log.text();
    let warning = text.lines().find(|line| line.contains(" WARN ")).unwrap();
    assert!(warning.contains("required claim is missing: sub"), "{warning}");
}

#[tokio::test]
async fn keycloak_token_of_another_realm_is_rejected() {
    let changes = json!({"iss": "https://sso.example.com/realms/master"});
    preset()
        .await
        .send_token(jwt_header(), &with_changes(&user_claims(), changes))
        .await
        .assert_invalid_token(TokenError::Issuer);
}
