//! The preset for Clerk.

use axum::http::header::COOKIE;
use axum::http::{HeaderName, StatusCode};
use portcullis::gate::TokenError;
use portcullis::{Issuer, JwtAuth, Principal};
use serde_json::{Value, json};

use super::{Preset, permissions, roles, with_changes};

const KEYS_URL: &str = "https://clerk.example.com/.well-known/jwks.json";
const APP: &str = "https://app.example.com";

fn clerk() -> Issuer {
    Issuer::clerk("https://clerk.example.com").authorized_parties([APP, "https://admin.example.com"])
}

async fn preset(issuer: Issuer) -> Preset {
    Preset::start_with(JwtAuth::builder().issuer(issuer), KEYS_URL).await
}

/// Made from documentation: version 2 session tokens.
fn claims_v2() -> Value {
    json!({
        "azp": APP, "fva": [7, -1], "iss": "https://clerk.example.com", "jti": "a1b2", "nbf": 1_713_158_000,
        "sid": "sess_123", "sub": "user_123", "v": 2, "pla": "o:pro", "fea": "o:dashboard,o:teams", "sts": "active",
        "o": {"id": "org_123", "rol": "admin", "slg": "acme", "per": "manage,read", "fpm": "3,2"},
    })
}

/// Made from documentation: version 1 session tokens.
fn claims_v1() -> Value {
    json!({
        "azp": APP, "fva": [7, -1], "iss": "https://clerk.example.com", "nbf": 1_713_158_000, "sid": "sess_123",
        "sub": "user_123", "org_id": "org_123", "org_role": "org:admin", "org_slug": "acme",
        "org_permissions": ["org:dashboard:read"],
    })
}

#[tokio::test]
async fn clerk_version_2_token_has_the_organization_as_tenant_with_its_role_and_permissions() {
    let response = preset(clerk()).await.send_token(json!({"typ": "JWT", "cat": "cl_B7d4"}), &claims_v2()).await;
    let user = response.user();
    assert_eq!((user.id(), user.tenant(), user.session_id()), ("user_123", Some("org_123"), Some("sess_123")));
    assert_eq!(roles(user), ["org:admin"]);
    assert_eq!(permissions(user), ["org:dashboard:manage", "org:dashboard:read", "org:teams:read"]);
    assert_eq!((user.client_id(), user.principal()), (None, Principal::User));
}

#[tokio::test]
async fn clerk_token_without_an_organization_has_no_tenant() {
    let claims = with_changes(&claims_v2(), json!({"o": null, "fea": "u:export"}));
    let response = preset(clerk()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    let user = response.user();
    assert_eq!((user.tenant(), roles(user), permissions(user)), (None, vec![], vec![]));
}

#[tokio::test]
async fn clerk_organization_without_a_role_or_permissions_is_only_a_tenant() {
    let preset = preset(clerk()).await;
    for organization in [json!({"id": "org_123"}), json!({"id": "org_123", "rol": null, "per": null, "fpm": null})] {
        let claims = with_changes(&claims_v2(), json!({"o": organization}));
        let response = preset.send_token(json!({"typ": "JWT"}), &claims).await;
        let user = response.user();
        assert_eq!((user.tenant(), roles(user), permissions(user)), (Some("org_123"), vec![], vec![]));
    }
}

#[tokio::test]
async fn clerk_permissions_with_inconsistent_lists_are_rejected() {
    let preset = preset(clerk()).await;
    for organization in [
        json!({"id": "org_123", "per": "manage,read", "fpm": "3"}),
        json!({"id": "org_123", "per": "manage,read", "fpm": "4,0"}),
        json!({"id": "org_123", "per": "manage", "fpm": 3}),
    ] {
        let claims = with_changes(&claims_v2(), json!({"o": organization}));
        let response = preset.send_token(json!({"typ": "JWT"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_invalid("/o/fpm"));
    }
    for (changes, claim) in [
        (json!({"o": "org_123"}), "/o/id"),
        (json!({"o": {"id": "org_123", "rol": 1}}), "/o/rol"),
        (json!({"fea": ["o:dashboard"]}), "fea"),
    ] {
        let response = preset.send_token(json!({"typ": "JWT"}), &with_changes(&claims_v2(), changes)).await;
        response.assert_invalid_token(TokenError::claim_invalid(claim));
    }
}

#[tokio::test]
async fn clerk_token_of_an_unlisted_or_missing_party_is_rejected() {
    let strict = preset(clerk()).await;
    let unlisted = with_changes(&claims_v2(), json!({"azp": "https://evil.example"}));
    strict.send_token(json!({"typ": "JWT"}), &unlisted).await.assert_invalid_token(TokenError::Audience);
    let missing = with_changes(&claims_v2(), json!({"azp": null}));
    let response = strict.send_token(json!({"typ": "JWT"}), &missing).await;
    response.assert_invalid_token(TokenError::claim_missing("azp"));

    let lenient = preset(clerk().allow_missing_azp()).await;
    assert_eq!(lenient.send_token(json!({"typ": "JWT"}), &missing).await.user().id(), "user_123");
    lenient.send_token(json!({"typ": "JWT"}), &unlisted).await.assert_invalid_token(TokenError::Audience);
    // A token of a machine, or of another app to which the user gave access.
    let of_no_session = with_changes(&missing, json!({"sid": null, "client_id": "other_app", "scope": "profile"}));
    let response = lenient.send_token(json!({"typ": "JWT"}), &of_no_session).await;
    response.assert_invalid_token(TokenError::claim_mismatch("sid"));
}

#[tokio::test]
async fn clerk_token_made_by_a_template_for_another_service_is_rejected() {
    let claims = with_changes(&claims_v2(), json!({"aud": "convex"}));
    let response = preset(clerk()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    response.assert_invalid_token(TokenError::claim_mismatch("aud"));
    for (audience, is_accepted) in [("convex", true), ("orders", false)] {
        let pinned = preset(clerk().require_claim("aud", [audience])).await;
        let response = pinned.send_token(json!({"typ": "JWT"}), &claims).await;
        assert_eq!(response.handler_called, is_accepted, "{audience}");
    }
}

#[tokio::test]
async fn clerk_role_in_the_organization_is_added_to_the_mapped_ones() {
    let mapped = clerk().map_claims(|claims| claims.roles(["groups"]).permissions(["extra"]));
    let claims = with_changes(&claims_v2(), json!({"groups": ["staff"], "extra": ["a:b"]}));
    let response = preset(mapped).await.send_token(json!({"typ": "JWT"}), &claims).await;
    assert_eq!(roles(response.user()), ["staff", "org:admin"]);
    assert_eq!(permissions(response.user()).first(), Some(&"a:b"));
}

#[tokio::test]
async fn clerk_session_with_pending_tasks_is_rejected() {
    let claims = with_changes(&claims_v2(), json!({"sts": "pending"}));
    let response = preset(clerk()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    response.assert_invalid_token(TokenError::claim_mismatch("sts"));
}

#[tokio::test]
async fn clerk_version_1_claims_are_read_only_by_a_setting() {
    let response = preset(clerk()).await.send_token(json!({"typ": "JWT"}), &claims_v1()).await;
    let user = response.user();
    assert_eq!((user.tenant(), roles(user), permissions(user)), (None, vec![], vec![]));

    // The organization of version 2 is not read in addition.
    let claims = with_changes(&claims_v1(), json!({"o": {"id": "org_456", "rol": "owner", "per": "read", "fpm": "1"}}));
    let response = preset(clerk().version_1()).await.send_token(json!({"typ": "JWT"}), &claims).await;
    let user = response.user();
    assert_eq!(user.tenant(), Some("org_123"));
    assert_eq!((roles(user), permissions(user)), (vec!["org:admin"], vec!["org:dashboard:read"]));
}

#[test]
fn clerk_needs_authorized_parties_even_if_the_layer_has_an_audience() {
    let issuer = Issuer::clerk("https://clerk.example.com");
    let error = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap_err();
    assert_eq!(error.issues()[0].setting(), "authorized_parties");
}

#[tokio::test]
async fn clerk_cookie_is_read_only_by_a_setting() {
    let token = super::token_of(&super::rs256_signer().await, json!({"typ": "JWT"}), &claims_v2());
    let cookie = format!("__session={token}");
    let headers: [(HeaderName, &[u8]); 1] = [(COOKIE, cookie.as_bytes())];
    let response = preset(clerk()).await.app.send_headers(&headers).await;
    assert_eq!(response.head.status, StatusCode::UNAUTHORIZED);
    let builder = JwtAuth::builder().issuer(clerk()).cookie("__session");
    let response = Preset::start_with(builder, KEYS_URL).await.app.send_headers(&headers).await;
    assert_eq!(response.user().id(), "user_123");
}
