//! Optional authentication: routes that admit anonymous requests beside routes that do not.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::testing::{TestIssuer, TokenBuilder, as_anonymous, as_user};
use portcullis::{Extractor, Issuer, JwtAuth, RequireUser, UserContext};
use tower::ServiceExt;

use crate::support::response::TestResponse;

const SECRET: [u8; 32] = [7; 32];

async fn status(app: &Router, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn to_optional_shares_the_keys_and_admits_anonymous_requests() {
    let issuer = TestIssuer::start().await.unwrap();
    let auth =
        JwtAuth::builder().issuer(Issuer::jwks(issuer.url(), issuer.jwks_url())).audience("api").build().unwrap();
    let open_routes = Router::new().route("/open", get(|| async {})).layer(auth.to_optional());
    let app = Router::new().route("/closed", get(|| async {})).layer(auth).merge(open_routes);
    let token = issuer.token("ann").audience("api").sign();
    assert_eq!(status(&app, "/open", None).await, StatusCode::OK);
    assert_eq!(status(&app, "/closed", None).await, StatusCode::UNAUTHORIZED);
    for path in ["/open", "/closed"] {
        assert_eq!(status(&app, path, Some(&token)).await, StatusCode::OK);
        assert_eq!(status(&app, path, Some("no.token.atall")).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(issuer.fetch_count(), 1);
}

#[tokio::test]
async fn require_user_admits_any_user_and_rejects_anonymous_requests() {
    let app = || Router::new().route("/", get(|| async {})).layer(RequireUser::new());
    assert_eq!(status(&app().layer(as_user(UserContext::new("ann"))), "/", None).await, StatusCode::OK);
    assert_eq!(status(&app().layer(as_anonymous()), "/", None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&app(), "/", None).await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn first_party_keeps_earlier_claim_mappings() {
    let issuer =
        Issuer::hs256("https://issuer.example", SECRET).map_claims(|claims| claims.roles(["groups"])).first_party();
    let auth = JwtAuth::builder().issuer(issuer).audience("api").build().unwrap();
    let handler = |Extractor(user): Extractor<UserContext>| async move {
        assert_eq!((user.id(), user.tier_name()), ("ann", Some("gold")));
        assert!(user.has_role("editor"));
    };
    let app = Router::new().route("/", get(handler)).layer(auth);
    let token = TokenBuilder::first_party("https://issuer.example", SECRET, "ann").audience("api").tier("gold");
    let token = token.claim("groups", vec!["editor"]);
    assert_eq!(status(&app, "/", Some(&token.clone().sign())).await, StatusCode::OK);
    let refresh = token.clone().claim("type", "refresh").sign();
    assert_eq!(status(&app, "/", Some(&refresh)).await, StatusCode::UNAUTHORIZED);
    let forged = TokenBuilder::first_party("https://issuer.example", [8; 32], "ann").audience("api").sign();
    assert_eq!(status(&app, "/", Some(&forged)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_empty_cookie_is_no_token() {
    let auth = |optional: bool| {
        let issuer = Issuer::hs256("https://issuer.example", SECRET).first_party();
        let auth = JwtAuth::builder().issuer(issuer).audience("api").cookie("token").build().unwrap();
        let auth = if optional { auth.to_optional() } else { auth };
        Router::new().route("/", get(async |user: Option<UserContext>| user.map_or(0, |_| 1).to_string())).layer(auth)
    };
    let token = TokenBuilder::first_party("https://issuer.example", SECRET, "ann").audience("api").sign();
    let bearer = format!("Bearer {token}");
    for cookie in ["token=", "a=b; token=; c=d", "token=\"\""] {
        let response = TestResponse::get(&auth(true), "/", &[("cookie", cookie)]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "0"), "{cookie}");
        let response = TestResponse::get(&auth(false), "/", &[("cookie", cookie)]).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (401, r#"Bearer realm="api""#), "{cookie}");
        let response = TestResponse::get(&auth(false), "/", &[("cookie", cookie), ("authorization", &bearer)]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "1"), "{cookie}");
    }
    // A value that is no token is not an absent one.
    for cookie in ["token=a b", "token=?", "token= ; token="] {
        let response = TestResponse::get(&auth(true), "/", &[("cookie", cookie)]).await;
        assert!(response.status.is_client_error(), "{cookie}");
    }
}
