//! A nonce is made where a handler asks for it, and stands in both policies of its answer.

use std::collections::HashSet;

use axum::Router;
use axum::routing::get;
use portcullis::gate::DenialKind;
use portcullis::headers::{Csp, Directive, Source};
use portcullis::{CspNonce, Extractor, SecurityHeaders};

use super::{around, behind, field, get_root};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const CSP: &str = "content-security-policy";

fn page() -> Router {
    Router::new().route("/", get(|Extractor(nonce): Extractor<CspNonce>| async move { nonce.to_string() }))
}

#[tokio::test]
async fn the_policy_of_an_answer_lets_in_the_nonce_that_its_handler_wrote() {
    let app = around(SecurityHeaders::html(), page());
    let mut seen = HashSet::new();
    for _ in 0..8 {
        let answer = get_root(&app, &[]).await;
        let nonce = &answer.body;
        assert_eq!(nonce.len(), 32, "{nonce}");
        let policy = field(&answer.headers, CSP);
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}' 'strict-dynamic'")), "{policy}");
        assert!(policy.ends_with(&format!("style-src 'self' 'nonce-{nonce}'")), "{policy}");
        assert!(seen.insert(nonce.clone()), "new for each answer");
    }
}

#[tokio::test]
async fn no_handler_asks_and_none_is_let_in() {
    let answer = get_root(&behind(SecurityHeaders::html()), &[]).await;
    assert!(!field(&answer.headers, CSP).contains("nonce"));
}

#[tokio::test]
async fn the_report_only_policy_has_the_same() {
    let strict = Csp::html().set(Directive::StyleSrc, [Source::Nonce]).report_uri("/reports");
    let app = around(SecurityHeaders::html().csp_report_only(strict), page());
    let answer = get_root(&app, &[]).await;
    let bears = format!("'nonce-{}'", answer.body);
    let reported = field(&answer.headers, "content-security-policy-report-only");
    assert!(field(&answer.headers, CSP).contains(&bears));
    assert!(reported.contains(&bears) && reported.ends_with("report-uri /reports"), "{reported}");
}

#[tokio::test]
async fn a_nonce_of_the_report_only_policy_alone_is_given() {
    let trial = Csp::api().set(Directive::ScriptSrc, [Source::Nonce]);
    let answer = get_root(&around(SecurityHeaders::api().csp_report_only(trial), page()), &[]).await;
    assert_eq!(answer.status, 200);
    assert!(field(&answer.headers, "content-security-policy-report-only").contains(&answer.body));
    assert!(!field(&answer.headers, CSP).contains("nonce"));
}

#[tokio::test]
async fn a_handler_without_an_extractor_draws_it_from_the_extensions() {
    let handler = |request: axum::extract::Request| async move {
        request.extensions().get::<CspNonce>().map(|nonce| nonce.as_str().to_owned()).unwrap_or_default()
    };
    let answer = get_root(&around(SecurityHeaders::html(), Router::new().route("/", get(handler))), &[]).await;
    assert!(field(&answer.headers, CSP).contains(&format!("'nonce-{}'", answer.body)));
}

#[tokio::test]
async fn where_no_policy_has_one_the_answer_is_500_and_the_log_says_why() {
    for app in [page(), around(SecurityHeaders::api(), page())] {
        let log = LogCapture::start();
        let answer = get_root(&app, &[]).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::NonceMissing);
        assert_eq!(log.count("Extractor<CspNonce> requires a SecurityHeaders outside of it"), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn a_handler_that_takes_an_option_is_told_none() {
    let handler = |nonce: Option<Extractor<CspNonce>>| async move { nonce.is_some().to_string() };
    let app = || Router::new().route("/", get(handler));
    assert_eq!(TestResponse::get(&app(), "/", &[]).await.body, "false");
    assert_eq!(get_root(&around(SecurityHeaders::html(), app()), &[]).await.body, "true");
}

#[tokio::test]
async fn of_nested_layers_the_inner_ones_nonce_is_the_one_that_counts() {
    let app = around(SecurityHeaders::html(), around(SecurityHeaders::html(), page()));
    let answer = get_root(&app, &[]).await;
    assert!(field(&answer.headers, CSP).contains(&format!("'nonce-{}'", answer.body)));
}
