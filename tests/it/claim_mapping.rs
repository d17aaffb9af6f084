//! Claims in the app: `ClaimMap`, `map_user`, and the `Claims` extractor.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::extract::Claims;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::{ClaimMap, Extractor, Issuer, Principal, Scopes, UserContext};
use serde::Deserialize;
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{ISSUER, SECRET, app_trusting, claims_with, strict_auth, token};

/// An app whose issuer is configured by this function.
fn app_with(configure: impl FnOnce(Issuer) -> Issuer) -> ProtectedApp {
    let issuer = configure(Issuer::hs256(ISSUER, SECRET));
    app_trusting(issuer)
}

#[tokio::test]
async fn claim_map_reads_names_urls_and_json_pointers() {
    let map = ClaimMap::new()
        .id("/app/user~1id")
        .client_id(["appid"])
        .email(["mail"])
        .name(["display"])
        .scopes(["/app/scopes"])
        .roles(["https://example.com/roles"])
        .add_roles("/app/roles")
        .permissions(["grants"])
        .tier(["/app/plan"]);
    let app = json!({"user/id": "u7", "scopes": ["read"], "roles": ["owner"], "plan": "pro"}).to_string();
    let claims = claims_with("app", &app);
    let other_claims = r#""appid":"spa","mail":"a@example.com","display":"Ann","https://example.com/roles":"editor","grants":["do:it"]"#;
    let claims = format!("{},{other_claims}}}", claims.strip_suffix('}').unwrap());
    let response = app_with(|issuer| issuer.claims(map)).send_token(&token(claims)).await;
    let user = response.user();
    assert_eq!((user.id(), user.client_id()), ("u7", Some("spa")));
    assert_eq!((user.email(), user.name()), (Some("a@example.com"), Some("Ann")));
    assert_eq!(user.scopes().iter().collect::<Vec<_>>(), ["read"]);
    assert_eq!(user.roles().collect::<Vec<_>>(), ["editor", "owner"]);
    assert_eq!((user.permissions().collect::<Vec<_>>(), user.tier_name()), (vec!["do:it"], Some("pro")));
}

#[tokio::test]
async fn missing_or_malformed_mapped_id_is_rejected() {
    let map = || ClaimMap::new().id("user_id");
    let app = app_with(|issuer| issuer.claims(map()));
    app.send_token(&token(claims_with("x", "1"))).await.assert_invalid_token(TokenError::claim_missing("user_id"));
    for text in ["7", "null", "\"\"", "[\"u\"]"] {
        app.send_token(&token(claims_with("user_id", text)))
            .await
            .assert_invalid_token(TokenError::claim_invalid("user_id"));
    }
}

#[tokio::test]
async fn map_user_reads_the_claims_and_its_result_reaches_the_handler() {
    #[derive(Deserialize)]
    struct GroupClaims {
        groups: Vec<String>,
    }
    let app = app_with(|issuer| {
        issuer.map_user(|user| {
            let Ok(claims) = user.claims::<GroupClaims>() else { return user };
            let scopes = Scopes::new(claims.groups.iter().map(|group| format!("group:{group}"))).unwrap();
            user.with_scopes(scopes).with_principal(Principal::Client)
        })
    });
    let response = app.send_token(&token(claims_with("groups", "[\"staff\"]"))).await;
    assert!(response.user().has_scope("group:staff"));
    assert_eq!((response.user().id(), response.user().principal()), ("user-1", Principal::Client));
    let response = app.send_token(&token(claims_with("groups", "7"))).await;
    assert_eq!((response.user().scopes().is_empty(), response.user().principal()), (true, Principal::User));
}

#[derive(Deserialize)]
struct TenantClaims {
    tenant: String,
}

/// A handler that uses a custom claim.
async fn tenant_handler(
    user: Extractor<UserContext>,
    Extractor(Claims(claims)): Extractor<Claims<TenantClaims>>,
) -> String {
    format!("{} of {}", user.0.id(), claims.tenant)
}

#[tokio::test]
async fn handler_extracts_claims_as_a_custom_type() {
    let auth = strict_auth().build().unwrap();
    let app = ProtectedApp::with_layers(|_| Router::new().route("/", get(tenant_handler)).layer(auth));
    let response = app.send_token(&token(claims_with("tenant", "\"acme\""))).await;
    assert_eq!((response.head.status, response.body.as_str()), (StatusCode::OK, "user-1 of acme"));
    let response = app.send_token(&token(claims_with("tenant", "7"))).await;
    response.assert_rejected(StatusCode::FORBIDDEN);
    assert_eq!(response.denial(), &DenialKind::InsufficientClaims);
    assert_eq!(response.challenge(), Some(r#"Bearer realm="api""#));
    app.send_token(&token(claims_with("exp", "1"))).await.assert_invalid_token(TokenError::Expired);
}

#[tokio::test]
async fn claims_extractor_rejects_an_anonymous_request() {
    let auth = strict_auth().optional().build().unwrap();
    let app = ProtectedApp::with_layers(|_| Router::new().route("/", get(tenant_handler)).layer(auth));
    app.send_headers(&[]).await.assert_credentials_missing();
}
