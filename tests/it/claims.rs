//! What an app makes of a token's claims: its own `ClaimMap`, `map_user`, and its own type.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use portcullis::extract::Claims;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::{ClaimMap, Extractor, Issuer, JwtAuth, Principal, Scopes, UserContext};
use serde::Deserialize;
use serde_json::json;

use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET, claims_with, strict, token};

fn stack(issuer: impl FnOnce(Issuer) -> Issuer) -> ProtectedApp {
    let issuer = issuer(Issuer::hs256(ISSUER, SECRET));
    ProtectedApp::behind(JwtAuth::builder().issuer(issuer).audience(AUDIENCE).build().unwrap())
}

#[tokio::test]
async fn a_claim_map_reads_names_urls_and_pointers() {
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
    let more = r#""appid":"spa","mail":"a@example.com","display":"Ann","https://example.com/roles":"editor","grants":["do:it"]"#;
    let claims = format!("{},{more}}}", claims.strip_suffix('}').unwrap());
    let answer = stack(|issuer| issuer.claims(map)).ask(&token(claims)).await;
    let user = answer.user();
    assert_eq!((user.id(), user.client_id()), ("u7", Some("spa")));
    assert_eq!((user.email(), user.name()), (Some("a@example.com"), Some("Ann")));
    assert_eq!(user.scopes().iter().collect::<Vec<_>>(), ["read"]);
    assert_eq!(user.roles().collect::<Vec<_>>(), ["editor", "owner"]);
    assert_eq!((user.permissions().collect::<Vec<_>>(), user.tier_name()), (vec!["do:it"], Some("pro")));
}

#[tokio::test]
async fn a_mapped_id_that_is_absent_or_no_string_is_refused() {
    let map = || ClaimMap::new().id("user_id");
    let stack = stack(|issuer| issuer.claims(map()));
    stack.ask(&token(claims_with("x", "1"))).await.refused_token(TokenError::ClaimMissing("id"));
    for text in ["7", "null", "\"\"", "[\"u\"]"] {
        stack.ask(&token(claims_with("user_id", text))).await.refused_token(TokenError::ClaimInvalid("id"));
    }
}

#[tokio::test]
async fn map_user_sees_the_claims_and_what_it_makes_is_what_the_handler_sees() {
    #[derive(Deserialize)]
    struct Own {
        groups: Vec<String>,
    }
    let stack = stack(|issuer| {
        issuer.map_user(|user| {
            let Ok(own) = user.claims::<Own>() else { return user };
            let scopes = Scopes::new(own.groups.iter().map(|group| format!("group:{group}"))).unwrap();
            user.with_scopes(scopes).with_principal(Principal::Client)
        })
    });
    let answer = stack.ask(&token(claims_with("groups", "[\"staff\"]"))).await;
    assert!(answer.user().has_scope("group:staff"));
    assert_eq!((answer.user().id(), answer.user().principal()), ("user-1", Principal::Client));
    let answer = stack.ask(&token(claims_with("groups", "7"))).await;
    assert_eq!((answer.user().scopes().is_empty(), answer.user().principal()), (true, Principal::User));
}

#[derive(Deserialize)]
struct Tenant {
    tenant: String,
}

async fn tenant(user: Extractor<UserContext>, Extractor(Claims(claims)): Extractor<Claims<Tenant>>) -> String {
    format!("{} of {}", user.0.id(), claims.tenant)
}

#[tokio::test]
async fn a_handler_takes_the_claims_as_a_type_of_its_own() {
    let auth = strict().build().unwrap();
    let stack = ProtectedApp::layered(|_| Router::new().route("/", get(tenant)).layer(auth));
    let answer = stack.ask(&token(claims_with("tenant", "\"acme\""))).await;
    assert_eq!((answer.head.status, answer.body.as_str()), (StatusCode::OK, "user-1 of acme"));
    let answer = stack.ask(&token(claims_with("tenant", "7"))).await;
    answer.refused(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((answer.denial(), answer.challenge()), (&DenialKind::ClaimsMismatch, None));
    stack.ask(&token(claims_with("exp", "1"))).await.refused_token(TokenError::Expired);
}

#[tokio::test]
async fn an_anonymous_request_has_no_claims() {
    let auth = strict().optional().build().unwrap();
    let stack = ProtectedApp::layered(|_| Router::new().route("/", get(tenant)).layer(auth));
    stack.fields(&[]).await.asked_for_a_credential();
}
