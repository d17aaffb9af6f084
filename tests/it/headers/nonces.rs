//! A nonce is generated if the handler extracts it, and both policies of the response have it.

use std::collections::HashSet;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use portcullis::gate::DenialKind;
use portcullis::headers::{Csp, Directive, SecurityHeadersBuilder, Source};
use portcullis::{CspNonce, Extractor, SecurityHeaders};

use super::{app_with, get_root, header, layered};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const CSP: &str = "content-security-policy";

fn page_with_nonce() -> Router {
    Router::new().route("/", get(|Extractor(nonce): Extractor<CspNonce>| async move { nonce.to_string() }))
}

#[tokio::test]
async fn the_policy_has_the_nonce_that_the_handler_extracted() {
    let app = layered(SecurityHeaders::html(), page_with_nonce());
    let mut nonces = HashSet::new();
    for _ in 0..8 {
        let response = get_root(&app, &[]).await;
        let nonce = &response.body;
        assert_eq!(nonce.len(), 32, "{nonce}");
        let policy = header(&response.headers, CSP);
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}' 'strict-dynamic'")), "{policy}");
        assert!(policy.ends_with(&format!("style-src 'self' 'nonce-{nonce}'")), "{policy}");
        assert!(nonces.insert(nonce.clone()), "each response has a new nonce");
    }
}

#[tokio::test]
async fn without_an_extractor_the_policy_has_no_nonce() {
    let response = get_root(&app_with(SecurityHeaders::html()), &[]).await;
    assert!(!header(&response.headers, CSP).contains("nonce"));
}

#[tokio::test]
async fn the_report_only_policy_has_the_same_nonce() {
    let strict = Csp::html().set(Directive::StyleSrc, [Source::Nonce]).report_uri("/reports");
    let app = layered(SecurityHeaders::html().csp_report_only(strict), page_with_nonce());
    let response = get_root(&app, &[]).await;
    let source = format!("'nonce-{}'", response.body);
    let reported = header(&response.headers, "content-security-policy-report-only");
    assert!(header(&response.headers, CSP).contains(&source));
    assert!(reported.contains(&source) && reported.ends_with("report-uri /reports"), "{reported}");
}

#[tokio::test]
async fn a_nonce_of_only_the_report_only_policy_can_be_extracted() {
    let trial = Csp::api().set(Directive::ScriptSrc, [Source::Nonce]);
    let response = get_root(&layered(SecurityHeaders::api().csp_report_only(trial), page_with_nonce()), &[]).await;
    assert_eq!(response.status, 200);
    assert!(header(&response.headers, "content-security-policy-report-only").contains(&response.body));
    assert!(!header(&response.headers, CSP).contains("nonce"));
}

#[tokio::test]
async fn a_handler_can_take_the_nonce_from_the_extensions() {
    let handler = |request: axum::extract::Request| async move {
        request.extensions().get::<CspNonce>().map(|nonce| nonce.as_str().to_owned()).unwrap_or_default()
    };
    let response = get_root(&layered(SecurityHeaders::html(), Router::new().route("/", get(handler))), &[]).await;
    assert!(header(&response.headers, CSP).contains(&format!("'nonce-{}'", response.body)));
}

#[tokio::test]
async fn extracting_a_nonce_without_a_policy_for_it_is_500_and_is_logged() {
    for app in [page_with_nonce(), layered(SecurityHeaders::api(), page_with_nonce())] {
        let log = LogCapture::start();
        let response = get_root(&app, &[]).await;
        assert_eq!(response.status, 500);
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::NonceMissing);
        assert_eq!(log.count("CspNonce requires a SecurityHeaders layer"), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn an_optional_extractor_is_none_without_a_policy_for_it() {
    let handler = |nonce: Option<Extractor<CspNonce>>| async move { nonce.is_some().to_string() };
    let app = || Router::new().route("/", get(handler));
    assert_eq!(TestResponse::get(&app(), "/", &[]).await.body, "false");
    assert_eq!(get_root(&layered(SecurityHeaders::html(), app()), &[]).await.body, "true");
}

#[tokio::test]
async fn nested_layers_share_one_nonce() {
    let app = layered(SecurityHeaders::html(), layered(SecurityHeaders::html(), page_with_nonce()));
    let response = get_root(&app, &[]).await;
    assert!(header(&response.headers, CSP).contains(&format!("'nonce-{}'", response.body)));
}

/// Returns an app that responds to `GET /` with this, and to `GET /nonce` with its nonce.
fn app_of<R: IntoResponse>(
    headers: SecurityHeadersBuilder,
    page: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> Router {
    let with_nonce = get(|nonce: CspNonce| async move { nonce.to_string() });
    layered(headers, Router::new().route("/", get(|| async move { page() })).route("/nonce", with_nonce))
}

async fn send(app: &Router, count: usize) {
    for _ in 0..count {
        get_root(app, &[]).await;
    }
}

const NEVER_READ: &str = "no handler read the CspNonce";

#[tokio::test]
async fn twenty_pages_without_a_nonce_are_logged_once() {
    let app = app_of(SecurityHeaders::html(), || Html("<script>1</script>"));
    let log = LogCapture::start();
    send(&app, 19).await;
    assert_eq!(log.text(), "");
    send(&app, 1).await;
    assert_eq!((log.count(NEVER_READ), log.count("WARN")), (1, 1), "{}", log.text());
    send(&app, 100).await;
    assert_eq!(log.count(NEVER_READ), 1, "{}", log.text());
}

#[tokio::test]
async fn one_page_with_a_nonce_shows_that_the_app_uses_it() {
    for before in [0, 19] {
        let app = app_of(SecurityHeaders::html(), || Html("<p>hello"));
        let log = LogCapture::start();
        send(&app, before).await;
        assert_eq!(TestResponse::get(&app, "/nonce", &[]).await.status, 200);
        send(&app, 100).await;
        assert_eq!(log.text(), "");
    }
}

#[tokio::test]
async fn responses_whose_scripts_the_policy_does_not_block_are_not_counted() {
    let own = || ([("content-security-policy", "default-src 'self'")], Html(""));
    let trial = SecurityHeaders::api().csp_report_only(Csp::api().set(Directive::ScriptSrc, [Source::Nonce]));
    let log = LogCapture::start();
    for app in [
        app_of(SecurityHeaders::html(), || "text"),
        app_of(SecurityHeaders::html(), || (StatusCode::NOT_FOUND, Html(""))),
        app_of(SecurityHeaders::html(), own),
        app_of(SecurityHeaders::api(), || Html("")),
        app_of(trial, || Html("")),
    ] {
        send(&app, 100).await;
    }
    assert_eq!(log.text(), "");
}
