//! Rejections: their format, and how an app renders them differently.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use axum::{Extension, Json, Router};
use portcullis::context::{AuthScheme, Realm, Visitor};
use portcullis::gate::{CredentialError, Denial, DenialKind, TokenError};
use portcullis::testing::{TestIssuer, as_anonymous, as_user};
use portcullis::{Issuer, JwtAuth, RequireScope, Scopes, Tiers, UserContext};
use serde_json::{Value, json};
use tower::ServiceBuilder;
use tower::util::MapResponseLayer;

use crate::support::response::TestResponse;

/// An app with one route that requires a token for the audience `api` and two scopes.
async fn app() -> (TestIssuer, Router) {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(keys).audience("api").build().unwrap();
    let scopes = RequireScope::all(["read", "write"]).unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(scopes).layer(auth);
    (issuer, app)
}

fn problem_details(response: &TestResponse) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

#[tokio::test]
async fn the_body_is_problem_details_with_error_code_and_required_scopes() {
    let (issuer, app) = app().await;
    let missing = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(
        problem_details(&missing),
        json!({
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "a bearer token is required",
            "code": "credentials_missing",
        })
    );
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").scope("read").sign());
    let insufficient = TestResponse::get(&app, "/", &[("authorization", &bearer)]).await;
    assert_eq!(
        problem_details(&insufficient),
        json!({
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "required scope: read write",
            "code": "insufficient_scope",
            "error": "insufficient_scope",
            "scope": "read write",
        })
    );
    let malformed = TestResponse::get(&app, "/", &[("authorization", "Bearer a b")]).await;
    assert_eq!(
        problem_details(&malformed),
        json!({
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "the credential is malformed",
            "code": "credential_malformed",
            "error": "invalid_request",
        })
    );
}

#[tokio::test]
async fn the_body_has_what_the_user_lacks() {
    let pro = Tiers::ascending(["basic", "pro"]).unwrap().get("pro").unwrap();
    for (kind, member, value) in [
        (DenialKind::insufficient_scope(Scopes::new(["a", "b"]).unwrap()), "scope", json!("a b")),
        (DenialKind::insufficient_role(["editor", "\"x\""]), "roles", json!(["editor", "\"x\""])),
        (DenialKind::insufficient_permission(["write:page"]), "permissions", json!(["write:page"])),
        (DenialKind::insufficient_tier(pro), "tier", json!("pro")),
    ] {
        let denial = Denial::new(kind, Realm::default());
        let handler = {
            let denial = denial.clone();
            || async { Err::<(), _>(denial) }
        };
        let response = TestResponse::get(&Router::new().route("/", get(handler)), "/", &[]).await;
        let body = problem_details(&response);
        assert_eq!((response.status.as_u16(), &body["code"]), (403, &json!(denial.code())));
        assert_eq!(body[member], value);
        // Besides the four members of RFC 9457, `code` and `error`: no member of another reason.
        assert_eq!(body.as_object().unwrap().len(), 7, "{body}");
    }
}

#[tokio::test]
async fn every_rejection_has_its_content_type_and_no_store() {
    let (issuer, app) = app().await;
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    for (credential, status) in [("Basic YTpi", 401), ("Bearer a b", 400), ("Bearer a.b.c", 401), (&bearer, 403)] {
        let response = TestResponse::get(&app, "/", &[("authorization", credential)]).await;
        assert_eq!(response.status, status, "{credential}");
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert_eq!(response.headers["cache-control"], "no-store");
        assert!(response.challenge().starts_with("Bearer realm=\"api\""), "{credential}");
    }
}

#[tokio::test]
async fn the_extensions_of_a_rejection_have_the_denial() {
    let (issuer, app) = app().await;
    let expired = format!("Bearer {}", issuer.token("ann").audience("api").expired().sign());
    for (credential, kind) in [
        ("", DenialKind::CredentialsMissing),
        ("Bearer a b", DenialKind::InvalidRequest(CredentialError::Malformed)),
        (&expired, DenialKind::InvalidToken(TokenError::Expired)),
    ] {
        let headers = [("authorization", credential)];
        let response = TestResponse::get(&app, "/", if credential.is_empty() { &[] } else { &headers }).await;
        assert_eq!(response.denial.unwrap().kind(), &kind);
    }
}

#[tokio::test]
async fn map_response_of_tower_renders_a_denial_differently() {
    let (_, app) = app().await;
    let as_text = |mut response: Response<Body>| {
        if let Some(denial) = response.extensions().get::<Denial>() {
            let (status, text) = (denial.status(), denial.detail().into_owned());
            *response.body_mut() = Body::from(format!("{}: {text}", status.as_u16()));
            response.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        }
        response
    };
    let app = app.layer(MapResponseLayer::new(as_text));
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(
        (response.status, response.body.as_str()),
        (StatusCode::UNAUTHORIZED, "401: a bearer token is required")
    );
    assert_eq!(response.headers["content-type"], "text/plain");
    assert_eq!(response.challenge(), "Bearer realm=\"api\"");
}

#[tokio::test]
async fn map_response_of_axum_renders_a_denial_differently_too() {
    let (_, app) = app().await;
    let app = app.layer(axum::middleware::map_response(|response: Response<Body>| async move {
        let status = response.extensions().get::<Denial>().map(|denial| denial.status().as_u16());
        (response.status(), Json(json!({ "rejected_with": status })))
    }));
    assert_eq!(problem_details(&TestResponse::get(&app, "/", &[]).await), json!({"rejected_with": 401}));
}

#[tokio::test]
async fn a_head_request_is_rejected_with_the_same_headers_and_no_body() {
    let (_, app) = app().await;
    let response = TestResponse::get(&app, "/", &[]).await;
    let head = TestResponse::send(&app, Request::head("/").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.challenge()), (response.status, response.challenge()));
    assert_eq!(head.headers["content-type"], "application/problem+json");
    assert_eq!(head.body, "");
}

#[tokio::test]
async fn a_500_names_its_cause_only_in_a_debug_build() {
    let app = Router::new().route("/", get(|| async {})).layer(RequireScope::new("read").unwrap());
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(response.status, 500);
    assert_eq!(response.challenge(), "");
    let detail = if cfg!(debug_assertions) {
        "RequireScope requires an authenticating layer; add JwtAuth or AnyOf around it"
    } else {
        "the server is misconfigured"
    };
    assert_eq!(
        problem_details(&response),
        json!({
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": detail,
            "code": "server_misconfigured",
        })
    );
}

#[tokio::test]
async fn an_outage_of_the_issuer_is_503_with_retry_after() {
    let issuer = TestIssuer::start().await.unwrap();
    issuer.respond_with(StatusCode::BAD_GATEWAY);
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let app = Router::new().route("/", get(|| async {})).layer(auth);
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    let response = TestResponse::get(&app, "/", &[("authorization", &bearer)]).await;
    assert_eq!(response.status, 503);
    assert!(response.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(response.challenge(), "");
    assert!(matches!(response.denial.unwrap().kind(), DenialKind::KeysUnavailable { .. }));
}

#[tokio::test]
async fn a_denial_of_a_handler_has_the_same_response_as_that_of_a_layer() {
    let anonymous = as_anonymous();
    let ann = as_user(UserContext::new("ann"));
    let by_layer = Router::new().route("/", get(|| async {})).layer(RequireScope::new("read").unwrap());
    let by_layer = TestResponse::get(&by_layer.layer(ann.clone()), "/", &[]).await;
    let handler = || async { UserContext::new("ann").require_scope("read") };
    let by_handler = Router::new().route("/", get(handler)).layer(ServiceBuilder::new().layer(anonymous).layer(ann));
    let by_handler = TestResponse::get(&by_handler, "/", &[]).await;
    assert_eq!(by_handler.status, 403);
    assert_eq!(
        (by_handler.body, by_handler.headers, by_handler.denial),
        (by_layer.body, by_layer.headers, by_layer.denial)
    );
}

#[tokio::test]
async fn a_realm_with_several_schemes_has_one_challenge_line_for_each() {
    let schemes = [
        AuthScheme::new("DPoP").unwrap().parameter("algs", "ES256").unwrap(),
        AuthScheme::bearer(),
        AuthScheme::new("Basic").unwrap().parameter("charset", "UTF-8").unwrap(),
    ];
    let realm = Realm::new("vault").with_schemes(schemes);
    let denials = [
        (DenialKind::CredentialsMissing, ""),
        (DenialKind::InvalidCredential, r#", error="invalid_token", error_description="the credential is invalid""#),
    ];
    for (kind, error) in denials {
        let denial = Denial::new(kind, realm.clone());
        let app = Router::new().route("/", get(|| async { Err::<(), _>(denial) }));
        let response = TestResponse::get(&app, "/", &[]).await;
        let lines = response.headers.get_all("www-authenticate").iter().map(|line| line.to_str().unwrap());
        let expected = [
            format!(r#"DPoP realm="vault", algs="ES256"{error}"#),
            format!(r#"Bearer realm="vault"{error}"#),
            r#"Basic realm="vault", charset="UTF-8""#.to_owned(),
        ];
        assert_eq!(
            (response.status.as_u16(), lines.collect::<Vec<_>>()),
            (401, expected.each_ref().map(|s| &**s).to_vec())
        );
    }
}

/// The schemes of a custom gate reach the rejections behind it.
#[tokio::test]
async fn no_rejection_behind_a_custom_gate_asks_for_a_bearer_token() {
    let realm = Realm::default().with_schemes([AuthScheme::new("ApiKey").unwrap()]);
    let app = |visitor: Visitor| {
        let scoped = get(|| async {}).layer(RequireScope::new("read").unwrap());
        let check = |user: UserContext| async move { user.require_role("editor") };
        Router::new().route("/layer", scoped).route("/handler", get(check)).layer(Extension(visitor))
    };
    for path in ["/layer", "/handler"] {
        let anonymous = TestResponse::get(&app(Visitor::anonymous(realm.clone())), path, &[]).await;
        assert_eq!((anonymous.status.as_u16(), anonymous.challenge()), (401, "ApiKey realm=\"api\""), "{path}");
        assert_eq!(problem_details(&anonymous)["detail"], "a credential is required: ApiKey");
        let user = UserContext::new("ann").with_realm(realm.clone());
        let user = TestResponse::get(&app(Visitor::authenticated(user)), path, &[]).await;
        assert_eq!((user.status.as_u16(), user.challenge()), (403, "ApiKey realm=\"api\""), "{path}");
    }
    let unchanged = Realm::new("vault").with_schemes([]);
    assert_eq!(unchanged, Realm::new("vault"));
    let denial = Denial::new(DenialKind::CredentialsMissing, unchanged);
    assert!(denial.challenges().eq(["Bearer realm=\"vault\""]));
    assert_eq!(denial.detail(), "a bearer token is required");
}
