//! Attacks on the layers for browsers, and how caches and browsers treat their responses.

mod attacks;
mod policies;

use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use http_body_util::Full;
use portcullis::gate::GrpcRejections;
use portcullis::headers::{ClearSiteData, Csp, Directive, Hsts, Source};
use portcullis::testing::as_anonymous;
use portcullis::{Cors, CspNonce, Extractor, OriginSet, RequireUser, SecurityHeaders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{ServiceBuilder, ServiceExt};

use crate::support::response::TestResponse;

const PAGE: &str = "https://app.example.com";
const CSP: &str = "content-security-policy";

fn page_with_nonce() -> Router {
    Router::new().route("/", get(|Extractor(nonce): Extractor<CspNonce>| async move { nonce.to_string() }))
}

fn plain_app() -> Router {
    Router::new().route("/", any(|| async { "handled" }))
}

/// Returns the lines of a header, joined with commas.
fn header(response: &TestResponse, name: &str) -> String {
    let lines: Vec<_> = response.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    lines.join(", ")
}

/// Fetch, "CORS protocol and HTTP caches": a star must be on every response, or the responses need `Vary`.
#[tokio::test]
async fn with_any_origin_every_response_has_a_star_or_vary() {
    let app = plain_app().layer(Cors::builder().any_origin().build().unwrap());
    let long = "a".repeat(400);
    for headers in [&[][..], &[("origin", PAGE), ("origin", PAGE)], &[("origin", long.as_str())]] {
        let response = TestResponse::get(&app, "/", headers).await;
        let has_star = header(&response, "access-control-allow-origin") == "*";
        let has_vary = header(&response, "vary").to_ascii_lowercase().contains("origin");
        assert!(has_star || has_vary, "{} headers: {:?}", headers.len(), response.headers);
    }
}

#[tokio::test]
async fn a_preflight_with_20_000_header_lines_gets_at_most_64_back() {
    let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
    let app = plain_app().layer(cors);
    let mut request = Request::options("/").header("origin", PAGE).header("access-control-request-method", "GET");
    for _ in 0..20_000 {
        request = request.header("access-control-request-headers", "");
    }
    let response = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    let lines = response.headers.get_all("access-control-allow-headers").iter().count();
    assert!(lines <= 64, "{} with {lines} lines", response.status);
}

#[tokio::test]
async fn an_outer_cors_does_not_open_a_route_that_trusts_fewer_origins() {
    let inner = plain_app().layer(Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap());
    let app = inner.layer(Cors::builder().any_origin().build().unwrap());
    let response = TestResponse::get(&app, "/", &[("origin", "https://evil.example")]).await;
    assert_eq!(header(&response, "access-control-allow-origin"), "");
}

#[test]
fn exposed_headers_are_validated_in_linear_memory() {
    // A unit test of `cors` counts the comparisons.
    let allocated = |count: u32| {
        let names: Vec<_> = (0..count).map(|n| format!("x-a-long-enough-name-{n}")).collect();
        measure(|| assert!(Cors::builder().any_origin().expose_headers(&names).build().is_ok())).bytes_total
    };
    let few = allocated(2_000);
    let many = allocated(32_000);
    assert!(many < few * 32, "16 times the names: {few} and {many} bytes");
}

#[test]
fn an_origin_is_looked_up_among_60_000_ports_without_an_allocation() {
    let set = OriginSet::new((0..60_000).map(|n| format!("https://*.example.com:{}", 1000 + n))).unwrap();
    let allocated = measure(|| {
        assert!(set.contains("https://a.example.com:1000") && set.contains("https://a.example.com:60999"));
        assert!(!set.contains("https://a.example.com:999") && !set.contains("https://a.example.com:61000"));
    });
    assert_eq!(allocated.count_total, 0);
}

#[tokio::test]
async fn a_policy_without_its_nonce_does_not_allow_unsafe_inline() {
    let csp = Csp::new()
        .set(Directive::DefaultSrc, [Source::None])
        .set(Directive::ScriptSrc, [Source::SelfOrigin, Source::Nonce, Source::UnsafeInline]);
    let response =
        TestResponse::get(&plain_app().layer(SecurityHeaders::builder().csp(csp).build().unwrap()), "/", &[]).await;
    assert!(!header(&response, CSP).contains("'unsafe-inline'"), "{}", header(&response, CSP));
}

#[tokio::test]
async fn an_overriding_outer_policy_allows_the_nonce_of_the_page() {
    let inner = page_with_nonce().layer(SecurityHeaders::html().build().unwrap());
    let app = inner.layer(SecurityHeaders::html().override_handler([CSP]).build().unwrap());
    let response = TestResponse::get(&app, "/", &[]).await;
    assert!(header(&response, CSP).contains(&response.body), "{} / {}", response.body, header(&response, CSP));
}

#[tokio::test]
async fn an_outer_report_only_policy_has_the_same_nonce() {
    let inner = page_with_nonce().layer(SecurityHeaders::html().build().unwrap());
    let trial = Csp::html().set(Directive::StyleSrc, [Source::Nonce]);
    let app = inner.layer(SecurityHeaders::html().csp_report_only(trial).build().unwrap());
    let response = TestResponse::get(&app, "/", &[]).await;
    let reported = header(&response, "content-security-policy-report-only");
    assert!(reported.contains(&response.body), "{} / {reported}", response.body);
}

/// RFC 9111, sections 3.2 and 4.3.4: a cache replaces the headers of a stored page with those of a 304.
#[tokio::test]
async fn a_304_does_not_remove_the_nonce_from_the_policy_of_a_stored_page() {
    let app = Router::new().route("/", get(|| async { (StatusCode::NOT_MODIFIED, [("etag", "\"1\"")]) }));
    let response =
        TestResponse::get(&app.layer(SecurityHeaders::html().build().unwrap()), "/", &[("if-none-match", "\"1\"")])
            .await;
    assert_eq!(header(&response, CSP), "");
}

#[tokio::test]
async fn a_page_with_a_nonce_is_not_stored_by_shared_caches() {
    let response =
        TestResponse::get(&page_with_nonce().layer(SecurityHeaders::html().build().unwrap()), "/", &[]).await;
    let cache_control = header(&response, "cache-control");
    assert!(cache_control.contains("private") || cache_control.contains("no-store"), "{cache_control:?}");
}

#[test]
fn vary_can_be_neither_stripped_nor_set_for_all_responses() {
    assert!(SecurityHeaders::api().strip(["vary"]).build().is_err());
    assert!(SecurityHeaders::api().header("vary", "accept").override_handler(["vary"]).build().is_err());
}

#[test]
fn cors_headers_cannot_be_stripped() {
    assert!(SecurityHeaders::api().strip(["access-control-allow-origin"]).build().is_err());
}

#[tokio::test]
async fn a_response_with_the_maximum_number_of_headers_causes_no_panic() {
    for count in [24_570, 24_576] {
        let full = tower::service_fn(move |_: Request<()>| async move {
            let mut response = http::Response::new(Full::<Bytes>::default());
            for n in 0..count {
                let name = HeaderName::try_from(format!("x-{n}")).unwrap();
                response.headers_mut().insert(name, HeaderValue::from_static("1"));
            }
            Ok::<_, std::convert::Infallible>(response)
        });
        let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
        let layers = ServiceBuilder::new().layer(SecurityHeaders::html().build().unwrap()).layer(cors);
        let layers = layers.layer(ClearSiteData::all()).service(full);
        let response = layers.oneshot(Request::get("/").header("origin", PAGE).body(()).unwrap()).await.unwrap();
        assert!((count..=24_576).contains(&response.headers().len()));
    }
}

#[test]
fn an_hsts_max_age_below_a_second_is_rejected() {
    let built = SecurityHeaders::builder().hsts(Hsts::new(Duration::from_millis(900))).build();
    assert!(built.is_err(), "max-age=0 would delete the policy");
}

#[test]
fn more_than_64_custom_headers_are_rejected() {
    let with_headers = |count: u32| {
        (0..count).fold(SecurityHeaders::api(), |builder, n| builder.header(&format!("x-custom-{n}"), "1"))
    };
    assert!(with_headers(64).build().is_ok() && with_headers(65).build().is_err());
}

#[test]
fn reporting_endpoints_are_validated_in_linear_memory() {
    // A unit test of `headers` counts the comparisons.
    let allocated = |count: u32| {
        let builder =
            (0..count).fold(SecurityHeaders::api(), |builder, n| builder.add_reporting_endpoint(format!("e-{n}"), "/"));
        measure(|| assert!(builder.clone().build().is_ok())).bytes_total
    };
    let few = allocated(500);
    let many = allocated(8_000);
    assert!(many < few * 32, "16 times the endpoints: {few} and {many} bytes");
}

#[test]
fn custom_header_values_are_visible_ascii() {
    assert!(SecurityHeaders::builder().header("x-custom", "b\u{e4}r").build().is_err());
}

/// RFC 6797, section 7.2. The caller writes the scheme of an absolute request target (RFC 9112, section 3.2.2).
#[tokio::test]
async fn hsts_is_not_sent_over_http_1_with_an_https_target() {
    let app = plain_app().layer(SecurityHeaders::api().build().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET https://a.example/ HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    server.abort();
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(!response.contains("strict-transport-security"), "{response}");
}

#[tokio::test]
async fn localhost_is_recognized_in_any_case_and_with_a_trailing_dot() {
    let csp = Csp::api().upgrade_insecure_requests();
    let app = plain_app().layer(SecurityHeaders::api().csp(csp).assume_https().build().unwrap());
    for host in ["localhost", "LOCALHOST:3000", "localhost.:3000", "localhost."] {
        let response = TestResponse::get(&app, "/", &[("host", host)]).await;
        assert!(!header(&response, CSP).contains("upgrade"), "{host}");
    }
}

#[tokio::test]
async fn a_rejected_grpc_call_does_not_clear_site_data() {
    let guarded = ServiceBuilder::new().layer(ClearSiteData::all()).layer(as_anonymous()).layer(RequireUser::new());
    let app = Router::new().route("/logout", post(|| async {})).layer(guarded).layer(Extension(GrpcRejections));
    let request = Request::post("/logout").header("content-type", "application/grpc-web");
    let response = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(header(&response, "grpc-status"), "16");
    assert_eq!(header(&response, "clear-site-data"), "");
}

#[tokio::test]
async fn a_page_can_read_why_its_grpc_call_was_rejected() {
    let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
    let guarded = ServiceBuilder::new().layer(cors).layer(as_anonymous()).layer(RequireUser::new());
    let app = Router::new().route("/", post(|| async {})).layer(guarded).layer(Extension(GrpcRejections));
    let request = Request::post("/").header("content-type", "application/grpc-web+proto").header("origin", PAGE);
    let response = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    let exposed = header(&response, "access-control-expose-headers");
    for name in ["grpc-status", "grpc-message", "error-code"] {
        assert!(response.headers.contains_key(name) && exposed.contains(name), "{exposed}");
    }
}
