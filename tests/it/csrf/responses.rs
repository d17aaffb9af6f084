//! The `Csrf` layer: its responses, and the mode in which it only reports.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post;
use portcullis::{Cors, Csrf, OriginSet};
use serde_json::{Value, json};

use super::{CROSS_SITE, TRUSTED, csrf};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

fn app(csrf: Csrf) -> Router {
    Router::new().route("/login", post(|| async {})).layer(csrf)
}

async fn post_login(app: &Router, headers: &[(&str, &str)]) -> TestResponse {
    let request = headers.iter().fold(Request::post("/login"), |request, (name, value)| request.header(*name, *value));
    TestResponse::send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_layer_checks_every_unsafe_request_with_or_without_a_cookie() {
    let app = app(csrf().build().unwrap());
    for cookie in [&[][..], &[("cookie", "session=1")]] {
        let foreign = [&[CROSS_SITE, ("origin", "https://other.example")], cookie].concat();
        assert_eq!(post_login(&app, &foreign).await.status, 403);
        let own = [&[("sec-fetch-site", "same-origin")], cookie].concat();
        assert_eq!(post_login(&app, &own).await.status, 200);
    }
}

#[tokio::test]
async fn the_403_is_a_problem_that_no_cache_stores_and_names_no_origin() {
    let response = post_login(&app(csrf().build().unwrap()), &[CROSS_SITE, ("origin", "https://other.example")]).await;
    let body: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!((response.status.as_u16(), &body["code"], &body["status"]), (403, &json!("cross_site"), &json!(403)));
    assert!(!response.body.contains("other.example"));
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.challenge(), "", "no credential helps");
}

#[tokio::test]
async fn the_403_has_vary_and_cors_headers_for_a_trusted_origin_only() {
    // Without `same-site` in the request of a trusted origin, the check would admit it.
    let csrf = Csrf::builder().build().unwrap();
    let cors = Cors::builder().origins(OriginSet::new([TRUSTED]).unwrap()).allow_credentials().build().unwrap();
    let app = app(csrf).layer(cors);
    for (origin, is_trusted) in [(TRUSTED, true), ("https://other.example", false)] {
        let response = post_login(&app, &[CROSS_SITE, ("origin", origin)]).await;
        assert_eq!(response.status, 403);
        let vary: Vec<_> = response.headers.get_all("vary").iter().map(|line| line.to_str().unwrap()).collect();
        let vary = vary.join(", ").to_ascii_lowercase();
        assert!(vary.contains("sec-fetch-site") && vary.contains("origin"), "{vary}");
        assert_eq!(response.headers.contains_key("access-control-allow-origin"), is_trusted);
    }
}

#[tokio::test]
async fn report_only_admits_counts_and_logs_what_would_be_rejected_and_says_at_start_that_it_is_on() {
    let log = LogCapture::start();
    let csrf = csrf().report_only().build().unwrap();
    assert_eq!(log.count("cross-site requests are reported, and not rejected"), 1);
    let app = app(csrf.clone());
    for headers in [&[CROSS_SITE, ("origin", "https://other.example")][..], &[]] {
        assert_eq!(post_login(&app, headers).await.status, 200);
    }
    assert_eq!(post_login(&app, &[("sec-fetch-site", "same-origin")]).await.status, 200);
    assert_eq!(csrf.reported(), 2);
    assert_eq!(log.count("the check only reports it"), 2);
    assert_eq!(log.count("https://other.example"), 1);

    let enforced = Csrf::builder().build().unwrap();
    assert_eq!((log.count("reported, and not rejected"), enforced.reported()), (1, 0));
}
