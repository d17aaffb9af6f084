//! Tokens of Keycloak's shape.

use portcullis::gate::TokenError;
use portcullis::{Issuer, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, with};

const URL: &str = "https://sso.example.com/realms/shop/protocol/openid-connect/certs";

async fn preset() -> Preset {
    Preset::start(Issuer::keycloak("https://sso.example.com/", "shop"), "valuations-api", URL).await
}

fn of_a_user() -> Value {
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

fn jwt() -> Value {
    json!({"typ": "JWT"})
}

#[tokio::test]
async fn a_token_of_keycloak_is_a_user_with_the_realms_roles() {
    let answer = preset().await.ask(jwt(), &of_a_user()).await;
    let user = answer.user();
    assert_eq!(user.id(), "f2b1c1d0-7e1c-4c39-9d42-1f2f3f4f5f6f");
    assert_eq!(
        (user.client_id(), user.email(), user.name()),
        (Some("spa"), Some("ann@example.com"), Some("Ann Archer"))
    );
    assert_eq!(roles(user), ["offline_access", "editor"]);
    assert_eq!(scopes(user), ["openid", "email", "profile"]);
    assert_eq!(user.principal(), Principal::User);
}

#[tokio::test]
async fn a_clients_roles_of_keycloak_are_added_for_the_client_named_alone() {
    let issuer = Issuer::keycloak_client("https://sso.example.com", "shop", "valuations-api");
    let preset = Preset::start(issuer, "valuations-api", URL).await;
    let answer = preset.ask(jwt(), &of_a_user()).await;
    assert_eq!(roles(answer.user()), ["offline_access", "editor", "valuer"]);
    let without = with(&of_a_user(), json!({"resource_access": {"account": {"roles": ["manage-account"]}}}));
    assert_eq!(roles(preset.ask(jwt(), &without).await.user()), ["offline_access", "editor"]);
}

#[tokio::test]
async fn a_service_account_of_keycloak_is_a_client() {
    let changes = json!({
        "azp": "worker", "client_id": "worker", "preferred_username": "service-account-worker", "clientHost": "10.0.0.1",
        "sid": null, "auth_time": null, "email": null, "name": null,
    });
    let answer = preset().await.ask(jwt(), &with(&of_a_user(), changes)).await;
    assert_eq!((answer.user().client_id(), answer.user().principal()), (Some("worker"), Principal::Client));
}

#[tokio::test]
async fn an_id_refresh_or_logout_token_of_keycloak_is_refused_by_its_claim() {
    let preset = preset().await;
    for typ in ["ID", "Refresh", "Offline", "Logout", "bearer"] {
        preset.ask(jwt(), &with(&of_a_user(), json!({ "typ": typ }))).await.refused_token(TokenError::Type);
    }
    preset.ask(jwt(), &with(&of_a_user(), json!({"typ": null}))).await.refused_token(TokenError::Type);
}

#[tokio::test]
async fn an_access_token_of_keycloak_may_carry_a_nonce() {
    assert!(preset().await.ask(jwt(), &with(&of_a_user(), json!({"nonce": "n"}))).await.handled);
}

#[tokio::test]
async fn a_token_of_another_realm_is_refused() {
    let changes = json!({"iss": "https://sso.example.com/realms/master"});
    preset().await.ask(jwt(), &with(&of_a_user(), changes)).await.refused_token(TokenError::Issuer);
}
