//! Hints in the log about likely mistakes in the configuration.

use axum::http::StatusCode;
use portcullis::jwt::JwtAuthBuilder;
use portcullis::testing::TokenBuilder;
use portcullis::{Algorithm, Issuer, JwtAuth, Profile, Tiers};

use super::{Fixture, JwtApp};
use crate::support::log_capture::LogCapture;

/// Asserts that the log has one line at `warn`, with these texts.
#[track_caller]
fn assert_one_warning(log: &LogCapture, texts: &[&str]) {
    let text = log.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains(" WARN ")).collect();
    let [warning] = warnings.as_slice() else { panic!("{text}") };
    for expected in texts {
        assert!(warning.contains(expected), "{expected}: {warning}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_fit_the_configuration_is_logged_with_a_remedy() {
    let fixture = Fixture::new().await;
    let issuer = fixture.issuer.url();
    let token = || fixture.issuer.token("ann").audience("api").expires_in(super::seconds(3600.0));
    let app = JwtApp::new(fixture.builder(fixture.jwks_issuer().algorithms([Algorithm::Es256])));
    assert!(app.auth.prefetch_keys().await);
    for (token, texts) in [
        (
            token().claim("iss", format!("{issuer}/")),
            &["token_issuer_untrusted", "differs from this issuer by a trailing slash"][..],
        ),
        (token().claim("iss", "https://evil-value.example"), &["token_issuer_untrusted", "is not the exact name"]),
        (
            token().header("typ", "JWT"),
            &["token_type_mismatch", "if this issuer sends typ JWT, set Profile::Compatible"],
        ),
        (token().audience("evil-value"), &["token_audience_mismatch", r#"expected=["api"]"#, "another audience"]),
        (token().header("alg", "RS256"), &["token_algorithm_not_allowed", "RS256", r#"expected=["ES256"]"#]),
        (token().without_claim("jti"), &["token_claim_missing", "required claim is missing: jti"]),
        (token().claim("permissions", 7), &["token_claim_invalid", "permissions"]),
        (token().claim("cnf", "evil-value"), &["token_sender_constrained", "without the claim cnf"]),
        (token().header("kid", "evil-value"), &["token_key_unknown", "the URL that publishes them"]),
    ] {
        // One hint per minute and kind: two of these tokens have an invalid claim.
        fixture.advance(61.0);
        let log = LogCapture::start();
        assert_eq!(app.status_for(&token.sign()).await, StatusCode::UNAUTHORIZED);
        assert_one_warning(&log, texts);
        assert_one_warning(&log, &[issuer]);
        assert!(!log.text().contains("evil-value"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_flood_of_tokens_causes_one_hint_per_minute() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    let token = fixture.issuer.token("ann").audience("other").expires_in(super::seconds(600.0)).sign();
    let log = LogCapture::start();
    for _ in 0..5 {
        assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    }
    assert_one_warning(&log, &["suppressed=0"]);
    drop(log);
    fixture.advance(60.0);
    let log = LogCapture::start();
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    assert_one_warning(&log, &["suppressed=4"]);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_tier_are_hints() {
    let fixture = Fixture::new().await;
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let issuer = Issuer::hs256("me", [7; 32]).first_party();
    let app = JwtApp::new(fixture.builder(issuer).tiers(tiers));
    let token = |secret: [u8; 32]| TokenBuilder::first_party("me", secret, "ann").audience("api");
    let log = LogCapture::start();
    assert_eq!(app.status_for(&token([8; 32]).sign()).await, StatusCode::UNAUTHORIZED);
    assert_one_warning(&log, &["token_signature_invalid", "me", "secret"]);
    drop(log);
    let log = LogCapture::start();
    assert_eq!(app.status_for(&token([7; 32]).tier("gold\n2026 WARN forged").sign()).await, StatusCode::OK);
    assert_one_warning(&log, &["tier_unknown", r"gold\n2026"]);
    drop(log);
    let log = LogCapture::start();
    assert_eq!(app.status_for(&token([7; 32]).tier("pro").sign()).await, StatusCode::OK);
    assert_eq!(log.count(" WARN "), 0, "{}", log.text());
}

#[tokio::test]
async fn a_hint_about_an_unknown_issuer_names_eight_of_ten_thousand_issuers() {
    let fixture = Fixture::new().await;
    let builder = JwtAuth::builder().audience("api").clock(fixture.clock.clock());
    let add = |builder: JwtAuthBuilder, n| builder.add_issuer(Issuer::hs256(format!("issuer-{n}"), [7; 32]));
    let app = JwtApp::new((0..10_000).fold(builder, add));
    let log = LogCapture::start();
    assert_eq!(app.status_for(&fixture.valid_token()).await, StatusCode::UNAUTHORIZED);
    assert_one_warning(&log, &["token_issuer_untrusted", r#""issuer-7"]"#, "issuers=10000"]);
}

#[tokio::test]
async fn the_hint_about_the_kind_of_a_token_names_the_claim_that_marks_access_tokens() {
    let fixture = Fixture::new().await;
    let issuer = fixture.jwks_issuer().profile(Profile::Compatible).token_use("kind", "api");
    let app = JwtApp::new(fixture.builder(issuer));
    let log = LogCapture::start();
    let token = fixture.issuer.token("ann").audience("api").claim("kind", "evil-value");
    assert_eq!(app.status_for(&token.sign()).await, StatusCode::UNAUTHORIZED);
    assert_one_warning(&log, &["token_type_mismatch", r#"claim="kind""#, r#"expected=["api"]"#]);
    assert!(!log.text().contains("evil-value"), "{}", log.text());
}
