//! The shortest way through.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::testing::TestIssuer;
use portcullis::{Extractor, Issuer, JwtAuth, RequireScope, UserContext};
use tower::ServiceExt;

async fn me(Extractor(user): Extractor<UserContext>) -> String {
    user.id().to_owned()
}

#[tokio::test]
async fn a_token_of_a_discovered_issuer_becomes_a_user_in_the_handler() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let app = Router::new().route("/", get(me)).layer(RequireScope::all(["read"]).unwrap()).layer(auth);
    let ask = |token: String| {
        let request = Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        app.clone().oneshot(request)
    };
    let response = ask(issuer.token("ann").audience("api").scope("read").sign()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let response = ask(issuer.token("ann").audience("api").sign()).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        response.headers()["www-authenticate"],
        r#"Bearer realm="api", error="insufficient_scope", error_description="scope needed: read", scope="read""#
    );
    let response = ask(issuer.token("ann").audience("other").sign()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    issuer.rotate();
    let response = ask(issuer.token("ann").audience("api").scope("read").sign()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
