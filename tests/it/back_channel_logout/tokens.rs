//! Which tokens are logout tokens.

use axum::http::StatusCode;
use portcullis::testing::TestIssuer;

use super::*;
use crate::support::log_capture::LogCapture;

const MISSING: &str = "a required claim is missing";
const INVALID: &str = "a claim of the token is invalid";
const TYPE: &str = "the token is not a logout token";

/// Asserts that a token gets a 400 with this description, and logs no one out.
async fn assert_no_logout(app: &Fixture, token: &TokenBuilder, description: &str) {
    let access = app.access_token("ann", "s1");
    assert_rejected(&app.log_out(token).await, description);
    assert_eq!(app.api(&access).await, 200, "{description}");
}

#[tokio::test]
async fn the_signature_algorithm_issuer_and_audience_are_verified() {
    let app = Fixture::new().await;
    let valid = || app.logout_token().session_id("s1");
    let of_other_key = TestIssuer::start().await.unwrap().token("ann");
    let of_other_key = of_other_key.header("typ", "logout+jwt").audience(CLIENT).claim("iss", app.issuer.url());
    for (token, description) in [
        (valid().claim("iss", "https://other.example.com"), "the token's issuer is not trusted"),
        (valid().claim("iss", format!("{}/", app.issuer.url())), "the token's issuer is not trusted"),
        (valid().without_claim("iss"), MISSING),
        (valid().audience("other"), "the token is for another audience"),
        (valid().audience(API), "the token is for another audience"),
        (valid().claim("aud", json!([])), INVALID),
        (valid().without_claim("aud"), MISSING),
        (valid().header("alg", "none"), "the token's algorithm is not allowed"),
        (valid().header("alg", "HS256"), "the token's algorithm is not allowed"),
        (of_other_key, "the token's signature is invalid"),
        (valid().header("kid", "unknown"), "the token's signing key is unknown"),
    ] {
        assert_no_logout(&app, &token, description).await;
    }
    let token = valid().sign();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    for forged in [format!("{signed}."), format!("{signed}.{first}{}", &signature[1..])] {
        assert_eq!(app.post_token(&forged).await.status, 400);
    }
    assert_rejected(&app.post_token("").await, "the token does not have three segments");
    assert_rejected(&app.post_token(&format!("{token}.a.b")).await, "encrypted tokens are not supported");
    assert_eq!(app.log_out(&valid().claim("aud", json!(["other", CLIENT]))).await.status, 200);
}

#[tokio::test]
async fn iat_is_within_five_minutes() {
    let app = Fixture::new().await;
    let valid = |iat: u64| app.logout_token().session_id("s2").claim("iat", iat).claim("exp", NOW + 600);
    for iat in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(app.log_out(&valid(iat)).await.status, 200, "{iat}");
    }
    for (token, description) in [
        (valid(NOW - 301), "the token has expired"),
        (valid(NOW + 301), "the token was issued in the future"),
        (valid(NOW).claim("iat", NOW.to_string()), INVALID),
        (valid(NOW).claim("iat", json!(null)), INVALID),
        (valid(NOW).without_claim("iat"), MISSING),
    ] {
        assert_no_logout(&app, &token, description).await;
    }
}

#[tokio::test]
async fn exp_and_jti_are_required_and_exp_is_in_the_future() {
    let app = Fixture::new().await;
    let valid = || app.logout_token().session_id("s2");
    assert_eq!(app.log_out(&valid().claim("exp", NOW + 1)).await.status, 200);
    for (token, description) in [
        (valid().claim("exp", NOW), "the token has expired"),
        (valid().claim("exp", "never"), INVALID),
        (valid().without_claim("exp"), MISSING),
        (valid().without_claim("jti"), MISSING),
        (valid().claim("jti", ""), INVALID),
        (valid().claim("jti", 7), INVALID),
    ] {
        assert_no_logout(&app, &token, description).await;
    }
}

#[tokio::test]
async fn typ_is_logout_jwt_unless_a_missing_one_is_allowed() {
    let app = Fixture::new().await;
    let lenient = Fixture::with(BackChannelLogoutBuilder::allow_missing_typ).await;
    for app in [&app, &lenient] {
        let valid = || app.logout_token().session_id("s2");
        for typ in ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt"] {
            assert_eq!(app.log_out(&valid().header("typ", typ)).await.status, 200, "{typ}");
        }
        for typ in ["JWT", "at+jwt", "secevent+jwt", "text/logout+jwt", "logout", ""] {
            assert_no_logout(app, &valid().header("typ", typ), TYPE).await;
        }
    }
    assert_no_logout(&app, &app.logout_token().session_id("s1").without_header("typ"), TYPE).await;
    let without = lenient.logout_token().session_id("s1").without_header("typ");
    assert_eq!(lenient.log_out(&without).await.status, 200);
}

#[tokio::test]
async fn events_has_the_logout_event_with_an_object() {
    let app = Fixture::new().await;
    let valid = || app.logout_token().session_id("s2");
    for events in [json!({ EVENT: {} }), json!({ EVENT: { "a": 1 } }), json!({ "other": 1, EVENT: {} })] {
        assert_eq!(app.log_out(&valid().claim("events", &events)).await.status, 200, "{events}");
    }
    for events in [
        json!({}),
        json!(null),
        json!([EVENT]),
        json!(EVENT),
        json!({ EVENT: null }),
        json!({ EVENT: true }),
        json!({ EVENT: [] }),
        json!({ EVENT: "" }),
        json!({ "https://schemas.openid.net/event/backchannel-logout": {} }),
    ] {
        assert_no_logout(&app, &valid().claim("events", &events), INVALID).await;
    }
    assert_no_logout(&app, &valid().without_claim("events"), MISSING).await;
}

#[tokio::test]
async fn a_token_with_nonce_or_without_sub_and_sid_is_400() {
    let app = Fixture::new().await;
    for nonce in [json!("n-0S6_WzA2Mj"), json!(null), json!("")] {
        assert_no_logout(&app, &app.logout_token().session_id("s1").claim("nonce", nonce), INVALID).await;
    }
    assert_no_logout(&app, &app.logout_token(), MISSING).await;
    // A malformed `sid` must not turn the logout of a session into one of the user.
    for sid in [json!(null), json!(""), json!(7), json!(["s1"])] {
        assert_no_logout(&app, &app.logout_token_of("ann").claim("sid", sid), INVALID).await;
    }
    assert_no_logout(&app, &app.logout_token().claim("sub", json!(null)), INVALID).await;
}

#[tokio::test]
async fn other_tokens_of_the_issuer_are_no_logout_tokens() {
    // Even if the type does not distinguish them.
    for app in [Fixture::new().await, Fixture::with(BackChannelLogoutBuilder::allow_missing_typ).await] {
        let other = |typ: &str| app.issuer.token("ann").header("typ", typ).audience(CLIENT).session_id("s1");
        let access = other("at+jwt");
        let id = other("JWT").claim("auth_time", NOW);
        let event = other("secevent+jwt").claim("events", json!({ EVENT: {} }));
        for token in [&access, &id, &event] {
            assert_no_logout(&app, token, TYPE).await;
        }
        for token in [access, id.claim("nonce", "n")] {
            assert_eq!(app.log_out(&token.without_header("typ")).await.status, 400);
        }
        assert_eq!(app.api(&app.access_token("ann", "s1")).await, 200);
    }
}

#[tokio::test]
async fn a_logout_token_as_a_bearer_token_is_401() {
    let app = Fixture::new().await;
    let token = app.logout_token_of("ann").claim("client_id", CLIENT);
    // Even if the type does not distinguish it.
    for token in [&token, &token.clone().without_header("typ"), &token.clone().header("typ", "at+jwt")] {
        let for_api = token.clone().audience(API);
        for token in [token.clone(), for_api.clone(), for_api.session_id("s1")] {
            assert_eq!(app.api(&token.sign()).await, 401);
        }
    }
    // An access token differs only by `events`.
    let access = token.header("typ", "at+jwt").audience(API).without_claim("events");
    assert_eq!(app.api(&access.sign()).await, 200);
}

#[tokio::test]
async fn if_the_keys_are_unavailable_the_response_is_503() {
    let app = Fixture::new().await;
    app.issuer.respond_with(StatusCode::INTERNAL_SERVER_ERROR);
    let response = app.log_out(&app.logout_token().session_id("s1")).await;
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    let wait: u64 = response.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    assert!(response.body.starts_with(r#"{"error":"temporarily_unavailable","error_description":""#));
    app.issuer.respond_with(StatusCode::OK);
    app.clock.advance(Duration::from_secs(wait));
    assert_eq!(app.log_out(&app.logout_token().session_id("s1")).await.status, 200);
}

#[tokio::test]
async fn garbage_causes_no_fetch_and_unknown_keys_cause_few() {
    let app = Fixture::new().await;
    for number in 0..100 {
        let garbage = ["a.b.c", "eyJhbGciOiJFUzI1NiJ9.e30.AA", "%00"][number % 3];
        assert_eq!(app.post_token(garbage).await.status, 400);
        let other = app.logout_token().session_id("s1").audience("other").header("kid", format!("k{number}"));
        assert_eq!(app.log_out(&other).await.status, 400);
    }
    assert_eq!(app.issuer.fetch_count(), 0);
    assert_eq!(app.log_out(&app.logout_token().session_id("s2")).await.status, 200);
    let fetched = app.issuer.fetch_count();
    for number in 0..100 {
        let unknown = app.logout_token().session_id("s1").header("kid", format!("k{number}"));
        assert!([400, 503].contains(&app.log_out(&unknown).await.status.as_u16()));
    }
    assert!(app.issuer.fetch_count() <= fetched + 2, "{}", app.issuer.fetch_count());
    assert_eq!(app.api(&app.access_token("ann", "s1")).await, 200);
}

#[tokio::test]
async fn a_likely_mistake_in_the_settings_is_logged_once_a_minute_without_values() {
    let app = Fixture::new().await;
    let log = LogCapture::start();
    let token = app.logout_token().claim("sid", "marker-sid").claim("jti", "marker-jti").audience("marker-aud").sign();
    for _ in 0..3 {
        assert_eq!(app.post_token(&token).await.status, 400);
    }
    let text = log.text();
    assert_eq!(text.matches("its `aud` is not the id in .client_id(..)").count(), 1, "{text}");
    assert!(!text.contains("marker-") && !text.contains(&token), "{text}");
}
