//! Comparison with tower-http's `CorsLayer`: actual requests of allowed origins get the same headers.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::routing::any;
use portcullis::Cors;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{PAGE, cors_headers, header, origins, request, vary};
use crate::support::response::TestResponse;

const ORIGINS: [&str; 4] = [PAGE, "https://b.example", "http://localhost:5173", "https://[2001:db8::1]:8443"];

fn app() -> Router {
    Router::new().route("/", any(|| async { ([("vary", "accept"), ("etag", "\"1\"")], "handled") }))
}

/// Returns the headers that `Cors` exposes, so that `CorsLayer` can expose the same.
async fn exposed() -> Vec<HeaderName> {
    let app = app().layer(Cors::builder().any_origin().expose_headers(["etag"]).build().unwrap());
    let response = TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    let names = header(&response.headers, "access-control-expose-headers").unwrap();
    names.split(',').map(|name| name.parse().unwrap()).collect()
}

async fn assert_same_responses(ours: Cors, theirs: CorsLayer) {
    let [ours, theirs] = [app().layer(ours), app().layer(theirs)];
    for origin in ORIGINS {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let headers = [("origin", origin), ("content-type", "text/plain")];
            let [our, their] = [
                TestResponse::send(&ours, request(method.clone(), &headers)).await,
                TestResponse::send(&theirs, request(method.clone(), &headers)).await,
            ];
            assert_eq!((our.status, &our.body), (their.status, &their.body), "{method} {origin}");
            assert_eq!(cors_headers(&our.headers), cors_headers(&their.headers), "{method} {origin}");
            let theirs = vary(&their.headers);
            assert!(vary(&our.headers).iter().all(|name| theirs.contains(name)), "{method} {origin}: {theirs:?}");
        }
    }
}

#[tokio::test]
async fn listed_origins_get_the_headers_of_tower_http() {
    let list = || AllowOrigin::list(ORIGINS.map(HeaderValue::from_static));
    let theirs = CorsLayer::new().allow_origin(list()).expose_headers(exposed().await);
    let ours = || Cors::builder().origins(origins(ORIGINS)).expose_headers(["etag"]);
    assert_same_responses(ours().build().unwrap(), theirs.clone()).await;
    assert_same_responses(ours().allow_credentials().build().unwrap(), theirs.allow_credentials(true)).await;
}

#[tokio::test]
async fn any_origin_gets_the_headers_of_tower_http() {
    let theirs = CorsLayer::new().allow_origin(tower_http::cors::Any).expose_headers(exposed().await);
    assert_same_responses(Cors::builder().any_origin().expose_headers(["etag"]).build().unwrap(), theirs).await;
}
