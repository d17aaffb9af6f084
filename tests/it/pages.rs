//! What attackers try on the layers that guard pages, and what a cache makes of their answers.

mod held;
mod policies;

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http_body_util::Full;
use portcullis::headers::{ClearSiteData, Csp, Directive, Hsts, Source};
use portcullis::testing::as_anonymous;
use portcullis::{Cors, CspNonce, Extractor, OriginSet, RequireUser, SecurityHeaders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{ServiceBuilder, ServiceExt};

use crate::support::response::TestResponse;

const PAGE: &str = "https://app.example.com";
const CSP: &str = "content-security-policy";

fn page() -> Router {
    Router::new().route("/", get(|Extractor(nonce): Extractor<CspNonce>| async move { nonce.to_string() }))
}

fn plain() -> Router {
    Router::new().route("/", any(|| async { "handled" }))
}

/// The least time of several tries: what else the machine does can only add to it.
fn least(work: impl Fn()) -> Duration {
    let tries = (0..7).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed()
    });
    tries.min().unwrap_or_default()
}

fn text(answer: &TestResponse, name: &str) -> String {
    let lines: Vec<_> = answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    lines.join(", ")
}

/// Fetch, "CORS protocol and HTTP caches": with a star, the field is on every answer, or the answer varies.
#[tokio::test]
async fn with_any_origin_an_answer_without_the_star_varies_by_origin_or_there_is_none() {
    let app = plain().layer(Cors::builder().any_origin().build().unwrap());
    let long = "a".repeat(400);
    for fields in [&[][..], &[("origin", PAGE), ("origin", PAGE)], &[("origin", long.as_str())]] {
        let answer = TestResponse::get(&app, "/", fields).await;
        let is_same = text(&answer, "access-control-allow-origin") == "*";
        let is_told = text(&answer, "vary").to_ascii_lowercase().contains("origin");
        assert!(is_same || is_told, "{} fields: {:?}", fields.len(), answer.headers);
    }
}

#[tokio::test]
async fn a_preflight_is_answered_with_no_more_lines_than_names_may_be_asked_for() {
    let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
    let app = plain().layer(cors);
    let mut request = Request::options("/").header("origin", PAGE).header("access-control-request-method", "GET");
    for _ in 0..20_000 {
        request = request.header("access-control-request-headers", "");
    }
    let answer = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    let lines = answer.headers.get_all("access-control-allow-headers").iter().count();
    assert!(lines <= 64, "{} with {lines} lines", answer.status);
}

#[tokio::test]
async fn a_route_that_trusts_fewer_origins_than_the_app_is_not_opened_by_the_layer_outside() {
    let inner = plain().layer(Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap());
    let app = inner.layer(Cors::builder().any_origin().build().unwrap());
    let answer = TestResponse::get(&app, "/", &[("origin", "https://evil.example")]).await;
    assert_eq!(text(&answer, "access-control-allow-origin"), "");
}

#[test]
fn exposed_names_are_judged_in_time_that_grows_with_their_number() {
    let time = |most: u32| {
        let names: Vec<_> = (0..most).map(|n| format!("x-a-long-enough-name-{n}")).collect();
        least(|| assert!(Cors::builder().any_origin().expose_headers(&names).build().is_ok()))
    };
    let (few, many) = (time(2_000), time(32_000));
    assert!(many < few * 80, "16 times the names: {few:?} and {many:?}");
}

#[test]
fn an_origin_is_looked_up_in_time_that_does_not_grow_with_the_ports_of_a_pattern() {
    let time = |ports: u16| {
        let set = OriginSet::new((0..ports).map(|n| format!("https://*.example.com:{}", 1000 + n))).unwrap();
        least(|| {
            for _ in 0..200 {
                assert!(!set.contains("https://a.example.com:1"));
            }
        })
    };
    let (few, many) = (time(1), time(60_000));
    assert!(many < few * 50 + Duration::from_millis(5), "{few:?} and {many:?}");
}

#[tokio::test]
async fn where_no_handler_asks_for_the_nonce_the_policy_is_not_looser_for_it() {
    let csp = Csp::new()
        .set(Directive::DefaultSrc, [Source::None])
        .set(Directive::ScriptSrc, [Source::SelfOrigin, Source::Nonce, Source::UnsafeInline]);
    let answer =
        TestResponse::get(&plain().layer(SecurityHeaders::builder().csp(csp).build().unwrap()), "/", &[]).await;
    assert!(!text(&answer, CSP).contains("'unsafe-inline'"), "{}", text(&answer, CSP));
}

#[tokio::test]
async fn of_nested_layers_an_outer_policy_that_is_enforced_lets_in_the_pages_nonce() {
    let inner = page().layer(SecurityHeaders::html().build().unwrap());
    let app = inner.layer(SecurityHeaders::html().override_handler([CSP]).build().unwrap());
    let answer = TestResponse::get(&app, "/", &[]).await;
    assert!(text(&answer, CSP).contains(&answer.body), "{} / {}", answer.body, text(&answer, CSP));
}

#[tokio::test]
async fn of_nested_layers_the_outer_report_only_policy_has_the_same_nonce() {
    let inner = page().layer(SecurityHeaders::html().build().unwrap());
    let trial = Csp::html().set(Directive::StyleSrc, [Source::Nonce]);
    let app = inner.layer(SecurityHeaders::html().csp_report_only(trial).build().unwrap());
    let answer = TestResponse::get(&app, "/", &[]).await;
    let reported = text(&answer, "content-security-policy-report-only");
    assert!(reported.contains(&answer.body), "{} / {reported}", answer.body);
}

/// RFC 9111 3.2 and 4.3.4: a cache puts the fields of a 304 in the place of those that it stored with the page.
#[tokio::test]
async fn a_304_does_not_take_the_nonce_out_of_the_stored_pages_policy() {
    let app = Router::new().route("/", get(|| async { (StatusCode::NOT_MODIFIED, [("etag", "\"1\"")]) }));
    let answer =
        TestResponse::get(&app.layer(SecurityHeaders::html().build().unwrap()), "/", &[("if-none-match", "\"1\"")])
            .await;
    assert_eq!(text(&answer, CSP), "");
}

#[tokio::test]
async fn a_page_that_bears_a_nonce_is_not_left_to_shared_caches() {
    let answer = TestResponse::get(&page().layer(SecurityHeaders::html().build().unwrap()), "/", &[]).await;
    let said = text(&answer, "cache-control");
    assert!(said.contains("private") || said.contains("no-store"), "{said:?}");
}

#[test]
fn vary_is_neither_removed_nor_written_over_for_all_answers() {
    assert!(SecurityHeaders::api().strip(["vary"]).build().is_err());
    assert!(SecurityHeaders::api().header("vary", "accept").override_handler(["vary"]).build().is_err());
}

#[test]
fn what_cors_writes_is_not_removed() {
    assert!(SecurityHeaders::api().strip(["access-control-allow-origin"]).build().is_err());
}

#[tokio::test]
async fn a_handlers_answer_full_of_fields_does_not_make_a_layer_panic() {
    for most in [24_570, 24_576] {
        let full = tower::service_fn(move |_: Request<()>| async move {
            let mut response = http::Response::new(Full::<Bytes>::default());
            for n in 0..most {
                let name = HeaderName::try_from(format!("x-{n}")).unwrap();
                response.headers_mut().insert(name, HeaderValue::from_static("1"));
            }
            Ok::<_, std::convert::Infallible>(response)
        });
        let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
        let layers = ServiceBuilder::new().layer(SecurityHeaders::html().build().unwrap()).layer(cors);
        let layers = layers.layer(ClearSiteData::all()).service(full);
        let answer = layers.oneshot(Request::get("/").header("origin", PAGE).body(()).unwrap()).await.unwrap();
        assert!((most..=24_576).contains(&answer.headers().len()));
    }
}

#[test]
fn an_hsts_age_below_a_second_does_not_make_browsers_forget_the_host() {
    let built = SecurityHeaders::builder().hsts(Hsts::new(Duration::from_millis(900))).build();
    assert!(built.is_err(), "sends max-age=0");
}

#[test]
fn more_than_64_own_fields_are_refused() {
    let of =
        |most: u32| (0..most).fold(SecurityHeaders::api(), |builder, n| builder.header(&format!("x-own-{n}"), "1"));
    assert!(of(64).build().is_ok() && of(65).build().is_err());
}

#[test]
fn endpoints_are_judged_in_time_that_grows_with_their_number() {
    let endpoints = |most: u32| {
        let named = |builder: portcullis::headers::SecurityHeadersBuilder, n| {
            builder.add_reporting_endpoint(format!("e-{n}"), "/")
        };
        least(|| assert!((0..most).fold(SecurityHeaders::api(), named).build().is_ok()))
    };
    let (few, many) = (endpoints(500), endpoints(8_000));
    assert!(many < few * 80, "16 times the endpoints: {few:?} and {many:?}");
}

#[test]
fn own_fields_are_visible_ascii_as_the_remedy_says() {
    assert!(SecurityHeaders::builder().header("x-own", "b\u{e4}r").build().is_err());
}

/// RFC 6797 7.2. The target's absolute form is the caller's to write (RFC 9112 3.2.2).
#[tokio::test]
async fn over_plain_http_1_hsts_is_not_sent_whatever_target_the_caller_writes() {
    let app = plain().layer(SecurityHeaders::api().build().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET https://a.example/ HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn localhost_is_localhost_in_any_case_of_letters_and_with_a_dot() {
    let csp = Csp::api().upgrade_insecure_requests();
    let app = plain().layer(SecurityHeaders::api().csp(csp).assume_https().build().unwrap());
    for host in ["localhost", "LOCALHOST:3000", "localhost.:3000", "localhost."] {
        let answer = TestResponse::get(&app, "/", &[("host", host)]).await;
        assert!(!text(&answer, CSP).contains("upgrade"), "{host}");
    }
}

#[tokio::test]
async fn a_refused_grpc_call_does_not_clear_what_the_browser_keeps() {
    let guarded = ServiceBuilder::new().layer(ClearSiteData::all()).layer(as_anonymous()).layer(RequireUser::new());
    let app = Router::new().route("/logout", post(|| async {})).layer(guarded);
    let request = Request::post("/logout").header("content-type", "application/grpc-web");
    let answer = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(&answer, "grpc-status"), "16");
    assert_eq!(text(&answer, "clear-site-data"), "");
}

#[tokio::test]
async fn a_page_can_read_why_its_grpc_call_was_refused() {
    let cors = Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap();
    let guarded = ServiceBuilder::new().layer(cors).layer(as_anonymous()).layer(RequireUser::new());
    let app = Router::new().route("/", post(|| async {})).layer(guarded);
    let request = Request::post("/").header("content-type", "application/grpc-web+proto").header("origin", PAGE);
    let answer = TestResponse::send(&app, request.body(Body::empty()).unwrap()).await;
    let exposed = text(&answer, "access-control-expose-headers");
    assert!(exposed.contains("grpc-status") && exposed.contains("grpc-message"), "{exposed}");
}
