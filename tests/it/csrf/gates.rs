//! The check in `JwtAuth::cookie`: it applies only if the cookie is the credential of the request.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::routing::any;
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::TokenBuilder;
use portcullis::{AnyOf, ApiKeyAuth, Csrf, Issuer, JwtAuth, OriginSet, UserContext};

use super::{CROSS_SITE, TRUSTED};
use crate::support::response::TestResponse;

const ISSUER: &str = "https://issuer.example";
const SECRET: [u8; 32] = [7; 32];

fn tokens() -> JwtAuthBuilder {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api").cookie("token")
}

fn app(auth: JwtAuth) -> Router {
    let name = async |user: Option<UserContext>| user.map_or("anonymous".to_owned(), |user| user.id().to_owned());
    Router::new().route("/", any(name)).layer(auth)
}

fn token() -> String {
    TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").sign()
}

async fn send(app: &Router, method: Method, headers: &[(&str, &str)]) -> (u16, String) {
    let request = Request::builder().method(method).uri("/").header("host", "app.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = TestResponse::send(app, request.body(Body::empty()).unwrap()).await;
    (response.status.as_u16(), response.body)
}

#[tokio::test]
async fn a_post_of_another_site_with_the_token_in_the_cookie_gets_403() {
    let app = app(tokens().build().unwrap());
    let cookie = format!("token={}", token());
    let cookie = ("cookie", &*cookie);
    for (status, headers) in [
        (200, &[cookie, ("sec-fetch-site", "same-origin")][..]),
        (200, &[cookie, ("origin", "https://app.example")]),
        (403, &[cookie, CROSS_SITE]),
        (403, &[cookie, CROSS_SITE, ("origin", TRUSTED)]),
        (403, &[cookie, ("origin", "https://other.example")]),
        (403, &[cookie]),
    ] {
        // The second time, the token is cached.
        for _ in 0..2 {
            assert_eq!(send(&app, Method::POST, headers).await.0, status, "{headers:?}");
        }
        assert_eq!(send(&app, Method::GET, headers).await.0, 200, "{headers:?}");
    }
    let websocket = [cookie, CROSS_SITE, ("upgrade", "websocket"), ("connection", "upgrade")];
    assert_eq!(send(&app, Method::GET, &websocket).await.0, 403);
}

#[tokio::test]
async fn authorization_from_another_origin_is_left_to_cors_and_a_request_without_a_cookie_is_not_checked() {
    let app = app(tokens().optional().build().unwrap());
    let bearer = format!("Bearer {}", token());
    let headers = [("authorization", &*bearer), CROSS_SITE, ("origin", "https://other.example")];
    assert_eq!(send(&app, Method::POST, &headers).await, (200, "ann".to_owned()));
    assert_eq!(send(&app, Method::POST, &[CROSS_SITE]).await, (200, "anonymous".to_owned()));
    // Another cookie, or an empty one, is no credential.
    for cookie in ["theme=dark", "token="] {
        assert_eq!(send(&app, Method::POST, &[("cookie", cookie), CROSS_SITE]).await.0, 200, "{cookie}");
    }
}

#[tokio::test]
async fn in_any_of_the_check_applies_only_if_the_cookie_decides() {
    let keys = ApiKeyAuth::builder().prefix("acme").store(MemoryKeys::new()).build().unwrap();
    let key = keys.create(NewApiKey::for_user(&UserContext::new("robot")).name("ci")).await.unwrap();
    let auth = AnyOf::new((tokens().build().unwrap(), keys)).unwrap();
    let app = Router::new().route("/", any(async |user: UserContext| user.id().to_owned())).layer(auth);
    let cookie = format!("token={}", token());
    let key = format!("ApiKey {}", key.secret());
    let both = [("cookie", &*cookie), ("authorization", &*key), CROSS_SITE];
    assert_eq!(send(&app, Method::POST, &both).await, (200, "robot".to_owned()));
    assert_eq!(send(&app, Method::POST, &both[..1]).await.0, 403);
}

#[tokio::test]
async fn the_rejection_comes_before_the_token_is_verified_also_for_optional_gates() {
    for auth in [tokens().build().unwrap(), tokens().optional().build().unwrap()] {
        let app = app(auth);
        let forged = ("cookie", "token=e30.e30.e30");
        assert_eq!(send(&app, Method::POST, &[forged, CROSS_SITE]).await.0, 403);
        assert_eq!(send(&app, Method::POST, &[forged, ("sec-fetch-site", "none")]).await.0, 401);
    }
}

#[tokio::test]
async fn csrf_trusts_the_origins_that_it_is_given() {
    let csrf = Csrf::builder().origins(OriginSet::new([TRUSTED]).unwrap()).build().unwrap();
    let app = app(tokens().csrf(csrf).build().unwrap());
    let cookie = format!("token={}", token());
    for (origin, status) in [(TRUSTED, 200), ("https://other.example", 403)] {
        let headers = [("cookie", &*cookie), CROSS_SITE, ("origin", origin)];
        assert_eq!(send(&app, Method::POST, &headers).await.0, status, "{origin}");
    }
}
