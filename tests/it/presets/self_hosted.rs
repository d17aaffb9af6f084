//! The presets for Zitadel, authentik and Logto.

use portcullis::clock::Clock;
use portcullis::gate::TokenError;
use portcullis::testing::TestIssuer;
use portcullis::{Algorithm, Issuer, JwtAuth, Principal};
use serde_json::{Value, json};

use super::{Preset, roles, scopes, token_of, with_changes};
use crate::support::fake_http_client::FakeHttpClient;
use crate::support::protected_app::{AppResponse, ProtectedApp};

const ZITADEL_ROLES: &str = "urn:zitadel:iam:org:project:roles";
const ZITADEL_PROJECT_ROLES: &str = "urn:zitadel:iam:org:project:284512349071:roles";

async fn zitadel() -> Preset {
    let issuer = Issuer::zitadel("acme.zitadel.cloud", "284512349071");
    Preset::start_with(JwtAuth::builder().issuer(issuer), "https://acme.zitadel.cloud/oauth/v2/keys").await
}

/// Made from documentation: JWT access tokens and the claims of roles.
fn zitadel_claims() -> Value {
    json!({
        "aud": ["284512349999@orders", "284512349071"], "client_id": "284512349999@orders",
        "iss": "https://acme.zitadel.cloud", "jti": "V2_28", "nbf": 1_700_000_000, "sub": "163840776835432705",
        ZITADEL_ROLES: {"viewer": {"2873": "acme.example.com"}},
        ZITADEL_PROJECT_ROLES: {"editor": {"2873": "acme.example.com"}, "viewer": {"2874": "other.example.com"}},
    })
}

#[tokio::test]
async fn zitadel_roles_are_the_names_of_the_object_of_the_project() {
    let response = zitadel().await.send_token(json!({"typ": "JWT"}), &zitadel_claims()).await;
    let user = response.user();
    assert_eq!((user.id(), roles(user)), ("163840776835432705", vec!["editor", "viewer"]));
    let general = with_changes(&zitadel_claims(), json!({ZITADEL_PROJECT_ROLES: null}));
    let response = zitadel().await.send_token(json!({"typ": "JWT"}), &general).await;
    assert_eq!(roles(response.user()), ["viewer"]);
    let none = with_changes(&general, json!({ZITADEL_ROLES: null}));
    assert_eq!(roles(zitadel().await.send_token(json!({"typ": "JWT"}), &none).await.user()), [""; 0]);
}

/// Any client of the instance can request the audience of the project, also one in a project of its own.
#[tokio::test]
async fn zitadel_roles_in_the_project_of_the_client_are_none_in_another_project() {
    let roles_in_both = json!({"admin": {"666": "evil.example.com"}});
    let other = json!({
        ZITADEL_PROJECT_ROLES: null, ZITADEL_ROLES: roles_in_both,
        "urn:zitadel:iam:org:project:666:roles": roles_in_both,
    });
    let response = zitadel().await.send_token(json!({"typ": "JWT"}), &with_changes(&zitadel_claims(), other)).await;
    assert_eq!(roles(response.user()), [""; 0]);
}

#[tokio::test]
async fn zitadel_token_for_another_project_or_with_a_list_of_roles_is_rejected() {
    let preset = zitadel().await;
    for (changes, error) in [
        (json!({"aud": ["284512349999@orders"]}), TokenError::Audience),
        (json!({"iss": "https://other.zitadel.cloud"}), TokenError::Issuer),
        (json!({ZITADEL_PROJECT_ROLES: ["admin"]}), TokenError::claim_invalid(ZITADEL_PROJECT_ROLES)),
    ] {
        let response = preset.send_token(json!({"typ": "JWT"}), &with_changes(&zitadel_claims(), changes)).await;
        response.assert_invalid_token(error);
    }
}

async fn authentik() -> Preset {
    let issuer = Issuer::authentik("https://sso.example.com", "orders");
    Preset::start(issuer, "x8zkBfQ5vHqU", "https://sso.example.com/application/o/orders/jwks/").await
}

/// Made from documentation and the source of authentik: an access token has the claims of the ID token, and `scope`.
fn authentik_claims() -> Value {
    json!({
        "acr": "goauthentik.io/providers/oauth2/default", "amr": ["pwd"], "aud": "x8zkBfQ5vHqU",
        "auth_time": 1_700_000_000, "azp": "x8zkBfQ5vHqU", "email": "ann@example.com", "email_verified": true,
        "groups": ["editors", "authentik Admins"], "iss": "https://sso.example.com/application/o/orders/",
        "name": "Ann", "nonce": "n-0S6_WzA2Mj", "preferred_username": "ann", "scope": "openid email profile",
        "sid": "3f9c", "sub": "5f1b7a", "uid": "Zx81",
    })
}

#[tokio::test]
async fn authentik_access_token_is_accepted_with_its_nonce_and_groups_as_roles() {
    let response = authentik().await.send_token(json!({"typ": "JWT"}), &authentik_claims()).await;
    let user = response.user();
    assert_eq!((user.id(), user.client_id()), ("5f1b7a", Some("x8zkBfQ5vHqU")));
    assert_eq!((roles(user), scopes(user)), (vec!["editors", "authentik Admins"], vec!["openid", "email", "profile"]));
}

#[tokio::test]
async fn authentik_id_token_and_tokens_of_others_are_rejected() {
    let preset = authentik().await;
    for (changes, error) in [
        (json!({"scope": null, "azp": null, "uid": null}), TokenError::Type),
        (json!({"aud": "other"}), TokenError::Audience),
        (json!({"iss": "https://sso.example.com/application/o/orders"}), TokenError::Issuer),
        (json!({"iss": "https://sso.example.com/application/o/other/"}), TokenError::Issuer),
    ] {
        let response = preset.send_token(json!({"typ": "JWT"}), &with_changes(&authentik_claims(), changes)).await;
        response.assert_invalid_token(error);
    }
}

/// Made from documentation: access tokens for an API resource.
fn logto_claims() -> Value {
    json!({
        "aud": "https://api.example.com", "client_id": "m2k9", "iss": "https://acme.logto.app/oidc", "jti": "j1",
        "scope": "read:orders write:orders", "sub": "ann7",
    })
}

async fn send_logto(issuer: Issuer, header: Value, claims: &Value) -> AppResponse {
    let signer = TestIssuer::start_with(Algorithm::Es384, Clock::system()).await.unwrap();
    let fetch = FakeHttpClient::with_document("https://acme.logto.app/oidc/jwks", signer.jwks());
    let auth =
        JwtAuth::builder().issuer(issuer).audience("https://api.example.com").http_client(fetch).build().unwrap();
    ProtectedApp::behind(auth).send_token(&token_of(&signer, header, claims)).await
}

#[tokio::test]
async fn logto_access_token_is_accepted() {
    let response = send_logto(Issuer::logto("acme.logto.app"), json!({"typ": "at+jwt"}), &logto_claims()).await;
    let user = response.user();
    assert_eq!((user.id(), user.client_id(), user.tenant()), ("ann7", Some("m2k9"), None));
    assert_eq!((scopes(user), user.principal()), (vec!["read:orders", "write:orders"], Principal::User));

    // An API resource's token in an organization.
    let claims = with_changes(&logto_claims(), json!({"organization_id": "org7"}));
    let response = send_logto(Issuer::logto("acme.logto.app"), json!({"typ": "at+jwt"}), &claims).await;
    assert_eq!(response.user().tenant(), Some("org7"));
}

#[tokio::test]
async fn logto_organization_token_is_accepted_only_by_a_setting_and_has_a_tenant() {
    for audience in [json!("urn:logto:organization:org7"), json!(["urn:logto:organization:org7"])] {
        let claims = with_changes(&logto_claims(), json!({"aud": audience}));
        let strict = send_logto(Issuer::logto("acme.logto.app"), json!({"typ": "at+jwt"}), &claims).await;
        strict.assert_invalid_token(TokenError::Audience);
        let issuer = Issuer::logto("acme.logto.app").allow_organizations();
        let response = send_logto(issuer, json!({"typ": "at+jwt"}), &claims).await;
        assert_eq!(response.user().tenant(), Some("org7"));
    }
    let issuer = Issuer::logto("acme.logto.app").allow_organizations();
    let ambiguous = [
        json!({"aud": ["urn:logto:organization:org7", "urn:logto:organization:org8"]}),
        json!({"aud": "urn:logto:organization:org7", "organization_id": "org8"}),
        json!({"aud": format!("urn:logto:organization:{}", "o".repeat(257))}),
    ];
    for changes in ambiguous {
        let claims = with_changes(&logto_claims(), changes);
        let response = send_logto(issuer.clone(), json!({"typ": "at+jwt"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_invalid("aud"));
    }
    for audience in ["urn:logto:organization:", "urn:logto:role:org7", "x:urn:logto:organization:org7"] {
        let claims = with_changes(&logto_claims(), json!({"aud": audience}));
        let response = send_logto(issuer.clone(), json!({"typ": "at+jwt"}), &claims).await;
        response.assert_invalid_token(TokenError::Audience);
    }
}

#[tokio::test]
async fn logto_token_of_another_type_or_issuer_is_rejected() {
    let issuer = Issuer::logto("acme.logto.app");
    let id_token = send_logto(issuer.clone(), json!({"typ": "JWT"}), &logto_claims()).await;
    id_token.assert_invalid_token(TokenError::Type);
    let other = with_changes(&logto_claims(), json!({"iss": "https://other.logto.app/oidc"}));
    send_logto(issuer, json!({"typ": "at+jwt"}), &other).await.assert_invalid_token(TokenError::Issuer);
}
