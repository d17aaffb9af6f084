//! What a refusal looks like, and how an app gives it another look.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use portcullis::gate::{CredentialError, Denial, DenialKind, TokenError};
use portcullis::testing::{TestIssuer, as_anonymous, as_user};
use portcullis::{Issuer, JwtAuth, RequireScope, UserContext};
use serde_json::{Value, json};
use tower::ServiceBuilder;
use tower::util::MapResponseLayer;

use crate::support::response::TestResponse;

/// An app of one route that takes tokens for the audience `api` and asks for two scopes.
async fn app() -> (TestIssuer, Router) {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(keys).audience("api").build().unwrap();
    let scopes = RequireScope::all(["read", "write"]).unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(scopes).layer(auth);
    (issuer, app)
}

fn members(answer: &TestResponse) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn the_body_is_problem_details_with_the_error_code_and_the_scopes() {
    let (issuer, app) = app().await;
    let missing = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(
        members(&missing),
        json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "a bearer token is required"})
    );
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").scope("read").sign());
    let lacking = TestResponse::get(&app, "/", &[("authorization", &bearer)]).await;
    assert_eq!(
        members(&lacking),
        json!({
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "missing scope: read write",
            "error": "insufficient_scope",
            "scope": "read write",
        })
    );
    let malformed = TestResponse::get(&app, "/", &[("authorization", "Bearer a b")]).await;
    assert_eq!(
        members(&malformed),
        json!({
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "the credential is malformed",
            "error": "invalid_request",
        })
    );
}

#[tokio::test]
async fn every_refusal_says_its_type_and_is_not_to_be_stored() {
    let (issuer, app) = app().await;
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    for (credential, status) in [("Basic YTpi", 401), ("Bearer a b", 400), ("Bearer a.b.c", 401), (&bearer, 403)] {
        let answer = TestResponse::get(&app, "/", &[("authorization", credential)]).await;
        assert_eq!(answer.status, status, "{credential}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.challenge().starts_with("Bearer realm=\"api\""), "{credential}");
    }
}

#[tokio::test]
async fn a_denial_in_the_extensions_says_why() {
    let (issuer, app) = app().await;
    let expired = format!("Bearer {}", issuer.token("ann").audience("api").expired().sign());
    for (credential, kind) in [
        ("", DenialKind::CredentialsMissing),
        ("Bearer a b", DenialKind::InvalidRequest(CredentialError::Malformed)),
        (&expired, DenialKind::InvalidToken(TokenError::Expired)),
    ] {
        let fields = [("authorization", credential)];
        let answer = TestResponse::get(&app, "/", if credential.is_empty() { &[] } else { &fields }).await;
        assert_eq!(answer.denial.unwrap().kind(), &kind);
    }
}

#[tokio::test]
async fn a_denial_is_rendered_otherwise_by_an_ordinary_map_response() {
    let (_, app) = app().await;
    let own = |mut response: Response<Body>| {
        if let Some(denial) = response.extensions().get::<Denial>() {
            let (status, text) = (denial.status(), denial.detail().into_owned());
            *response.body_mut() = Body::from(format!("{}: {text}", status.as_u16()));
            response.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        }
        response
    };
    let app = app.layer(MapResponseLayer::new(own));
    let answer = TestResponse::get(&app, "/", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, "401: a bearer token is required"));
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(answer.challenge(), "Bearer realm=\"api\"");
}

#[tokio::test]
async fn axums_own_map_response_sees_the_denial_too() {
    let (_, app) = app().await;
    let app = app.layer(axum::middleware::map_response(|response: Response<Body>| async move {
        let error = response.extensions().get::<Denial>().map(Denial::status).map(|status| status.as_u16());
        (response.status(), Json(json!({ "refused_with": error })))
    }));
    assert_eq!(members(&TestResponse::get(&app, "/", &[]).await), json!({"refused_with": 401}));
}

#[tokio::test]
async fn a_head_request_is_refused_with_the_same_fields_and_no_body() {
    let (_, app) = app().await;
    let answer = TestResponse::get(&app, "/", &[]).await;
    let head = TestResponse::send(&app, Request::head("/").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.challenge()), (answer.status, answer.challenge()));
    assert_eq!(head.headers["content-type"], "application/problem+json");
    assert_eq!(head.body, "");
}

#[tokio::test]
async fn a_fault_of_the_app_tells_the_caller_nothing_of_its_set_up() {
    let app = Router::new().route("/", get(|| async {})).layer(RequireScope::all(["read"]).unwrap());
    let answer = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.challenge(), "");
    assert_eq!(
        members(&answer),
        json!({
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "the server is misconfigured",
        })
    );
}

#[tokio::test]
async fn an_outage_of_the_issuer_is_503_with_the_time_to_try_again() {
    let issuer = TestIssuer::start().await.unwrap();
    issuer.respond_with(StatusCode::BAD_GATEWAY);
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(auth);
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    let answer = TestResponse::get(&app, "/", &[("authorization", &bearer)]).await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(answer.challenge(), "");
    assert!(matches!(answer.denial.unwrap().kind(), DenialKind::KeysUnavailable { .. }));
}

#[tokio::test]
async fn a_denial_of_a_handler_is_rendered_as_one_of_a_layer() {
    let (nobody, ann) = (as_anonymous(), as_user(UserContext::new("ann")));
    let by_layer = Router::new().route("/", get(|| async {})).layer(RequireScope::all(["read"]).unwrap());
    let by_layer = TestResponse::get(&by_layer.layer(ann.clone()), "/", &[]).await;
    let handler = || async { UserContext::new("ann").require_scope("read") };
    let by_handler = Router::new().route("/", get(handler)).layer(ServiceBuilder::new().layer(nobody).layer(ann));
    let by_handler = TestResponse::get(&by_handler, "/", &[]).await;
    assert_eq!(by_handler.status, 403);
    assert_eq!(
        (by_handler.body, by_handler.headers, by_handler.denial),
        (by_layer.body, by_layer.headers, by_layer.denial)
    );
}
