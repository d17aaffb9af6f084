//! npm's oidc-provider, a certified authorization server: tokens, key rotation and outages.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use portcullis::{Issuer, JwtAuth};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{TestApp, with_unknown_kid};
use crate::support::oidc_provider::OidcProvider;

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn client_token_is_accepted_in_every_algorithm() {
    let server = OidcProvider::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    for algorithm in ["rs256", "es256", "eddsa", "ed25519"] {
        let (status, body) = app.send_token(&server.token(algorithm).await).await;
        assert_eq!(status, StatusCode::OK, "{algorithm}: {body}");
        let id = &server.client_id;
        let user_ids = json!({ "id": id, "issuer": server.url, "client_id": id });
        let expected = json!({ "user": user_ids, "is_client": true, "scopes": [true, true] });
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected, "{algorithm}");
    }
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn token_for_another_audience_is_rejected() {
    let server = OidcProvider::start().await;
    let auth = JwtAuth::builder().issuer(Issuer::discover(&*server.url)).audience("https://other.example.com");
    let router = Router::new().route("/", get(async || ())).layer(auth.build().unwrap());
    let bearer = format!("Bearer {}", server.token("rs256").await);
    let request = Request::get("/").header("authorization", bearer).body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn rotated_key_is_accepted_on_its_first_use_and_the_old_key_stays_valid() {
    let mut server = OidcProvider::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    let old = server.token("es256").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.command("rotate").await;
    let new = server.token("es256").await;
    assert_eq!(app.status_for(&new).await, StatusCode::OK);
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn withdrawn_key_is_rejected_after_a_refresh() {
    let mut server = OidcProvider::start().await;
    let app = TestApp::trusting(Issuer::discover(&*server.url));
    let old = server.token("rs256").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK);
    server.command("rotate").await;
    server.command("withdraw").await;
    assert_eq!(app.status_for(&old).await, StatusCode::OK, "the cached keys are not stale yet");
    app.age_keys(661);
    // The request with the unknown kid waits for the refresh, which is due.
    assert_eq!(app.status_for(&with_unknown_kid(&old)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status_for(&server.token("rs256").await).await, StatusCode::OK);
    server.quit().await;
}

#[tokio::test]
#[ignore = "needs node: run tests/run"]
async fn running_app_survives_an_issuer_outage_and_a_new_app_recovers_after_it() {
    let folder = std::env::temp_dir().join(format!("portcullis-issuer-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("keys.json");
    let file = file.to_str().unwrap();
    let server = OidcProvider::start_at("0", Some(file)).await;
    let url = server.url.clone();
    let app = TestApp::trusting(Issuer::discover(&*url));
    let token = server.token("eddsa").await;
    assert_eq!(app.status_for(&token).await, StatusCode::OK);
    server.quit().await;

    assert_eq!(app.status_for(&token).await, StatusCode::OK, "with the cached keys");
    assert_eq!(app.status_for(&with_unknown_kid(&token)).await, StatusCode::SERVICE_UNAVAILABLE, "the key may exist");
    app.age_keys(661);
    assert_eq!(app.status_for(&token).await, StatusCode::OK, "with stale keys");

    let new_app = TestApp::trusting(Issuer::discover(&*url));
    assert_eq!(new_app.status_for(&token).await, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!new_app.auth.is_ready() && app.auth.is_ready());

    let server = OidcProvider::start_at(url.rsplit_once(':').unwrap().1, Some(file)).await;
    assert_eq!(server.url, url);
    new_app.age_keys(2);
    for token in [token, server.token("eddsa").await] {
        assert_eq!(new_app.status_for(&token).await, StatusCode::OK);
        assert_eq!(app.status_for(&token).await, StatusCode::OK);
    }
    server.quit().await;
    std::fs::remove_dir_all(folder).unwrap();
}
