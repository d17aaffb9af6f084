//! Beside tower-http's `CorsLayer`: actual requests of allowed origins are answered alike.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::routing::any;
use portcullis::Cors;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{PAGE, leave, line, of, request, varies};
use crate::support::response::TestResponse;

const ORIGINS: [&str; 4] = [PAGE, "https://b.example", "http://localhost:5173", "https://[2001:db8::1]:8443"];

fn app() -> Router {
    Router::new().route("/", any(|| async { ([("vary", "accept"), ("etag", "\"1\"")], "handled") }))
}

/// What ours says may be read, which is theirs to be told.
async fn exposed() -> Vec<HeaderName> {
    let app = app().layer(Cors::builder().any_origin().expose_headers(["etag"]).build().unwrap());
    let answer = TestResponse::get(&app, "/", &[("origin", PAGE)]).await;
    let names = line(&answer.headers, "access-control-expose-headers").unwrap();
    names.split(',').map(|name| name.parse().unwrap()).collect()
}

async fn answered_alike(ours: Cors, theirs: CorsLayer) {
    let [ours, theirs] = [app().layer(ours), app().layer(theirs)];
    for origin in ORIGINS {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let fields = [("origin", origin), ("content-type", "text/plain")];
            let [our, their] = [
                TestResponse::send(&ours, request(method.clone(), &fields)).await,
                TestResponse::send(&theirs, request(method.clone(), &fields)).await,
            ];
            assert_eq!((our.status, &our.body), (their.status, &their.body), "{method} {origin}");
            assert_eq!(leave(&our.headers), leave(&their.headers), "{method} {origin}");
            let theirs = varies(&their.headers);
            assert!(varies(&our.headers).iter().all(|name| theirs.contains(name)), "{method} {origin}: {theirs:?}");
        }
    }
}

#[tokio::test]
async fn named_origins_are_answered_as_tower_http_does() {
    let list = || AllowOrigin::list(ORIGINS.map(HeaderValue::from_static));
    let theirs = CorsLayer::new().allow_origin(list()).expose_headers(exposed().await);
    let ours = || Cors::builder().origins(of(ORIGINS)).expose_headers(["etag"]);
    answered_alike(ours().build().unwrap(), theirs.clone()).await;
    answered_alike(ours().allow_credentials().build().unwrap(), theirs.allow_credentials(true)).await;
}

#[tokio::test]
async fn any_origin_is_answered_as_tower_http_does() {
    let theirs = CorsLayer::new().allow_origin(tower_http::cors::Any).expose_headers(exposed().await);
    answered_alike(Cors::builder().any_origin().expose_headers(["etag"]).build().unwrap(), theirs).await;
}
