//! What the response about an active token must say.

use super::*;
use crate::support::log_capture::LogCapture;

/// The status and code of a token with these members besides those of `active`, and whether the user was admitted.
async fn check(fixture: &Fixture, members: Value) -> (u16, &'static str) {
    // A new token each time, since responses are cached.
    let token = format!("token-{}", fixture.server.calls());
    fixture.server.add(&token, &members);
    let response = fixture.send(&token).await;
    (response.status.as_u16(), response.denial.map_or("", |denial| denial.code()))
}

#[tokio::test]
async fn active_token_of_the_audience_is_accepted() {
    let fixture = Fixture::new().await;
    for members in [
        json!({}),
        json!({ "aud": [API, "https://other.example.com"] }),
        json!({ "token_type": "bearer" }),
        json!({ "token_type": null, "nbf": null, "cnf": null }),
        json!({ "nbf": NOW + 60, "iat": NOW + 60, "exp": NOW - 59 }),
        json!({ "typ": "Bearer", "token_use": "access_token" }),
    ] {
        assert_eq!(check(&fixture, members.clone()).await, (200, ""), "{members}");
    }
}

#[tokio::test]
async fn token_that_is_active_but_not_for_this_app_or_time_gets_401() {
    let fixture = Fixture::with(|builder| builder.issuer(ISSUER)).await;
    for (members, code) in [
        (json!({ "exp": NOW - 60 }), "token_expired"),
        (json!({ "nbf": NOW + 61 }), "token_not_yet_valid"),
        (json!({ "iat": NOW + 61 }), "token_issued_in_future"),
        (json!({ "iss": "https://auth.example.com/" }), "token_issuer_untrusted"),
        (json!({ "aud": "https://other.example.com" }), "token_audience_mismatch"),
        (json!({ "aud": ["https://api.example.com/"] }), "token_audience_mismatch"),
        (json!({ "aud": null }), "token_claim_missing"),
        (json!({ "sub": "" }), "token_claim_invalid"),
        (json!({ "authorization_details": [{}] }), "token_claim_invalid"),
    ] {
        assert_eq!(check(&fixture, members.clone()).await, (401, code), "{members}");
    }
    assert_eq!(fixture.handled.load(SeqCst), 0);
}

#[tokio::test]
async fn token_that_only_the_holder_of_a_key_may_use_gets_401() {
    let fixture = Fixture::new().await;
    for members in [
        json!({ "token_type": "DPoP" }),
        json!({ "token_type": "dpop" }),
        json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
        json!({ "cnf": { "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" } }),
        json!({ "cnf": {} }),
    ] {
        assert_eq!(check(&fixture, members.clone()).await, (401, "token_sender_constrained"), "{members}");
    }
}

#[tokio::test]
async fn token_of_another_kind_gets_401() {
    let fixture = Fixture::with(any_audience).await;
    for members in [
        json!({ "token_type": "refresh_token" }),
        json!({ "token_type": "N_A" }),
        json!({ "token_use": "refresh_token" }),
        json!({ "typ": "Refresh" }),
        json!({ "typ": "ID" }),
        json!({ "typ": 7 }),
    ] {
        assert_eq!(check(&fixture, members.clone()).await, (401, "token_type_mismatch"), "{members}");
    }
}

fn any_audience(builder: IntrospectionAuthBuilder) -> IntrospectionAuthBuilder {
    builder.audiences([""; 0]).any_audience()
}

#[tokio::test]
async fn any_audience_accepts_tokens_for_others_and_without_an_audience() {
    let fixture = Fixture::with(any_audience).await;
    for members in [json!({ "aud": null }), json!({ "aud": "https://other.example.com" }), json!({})] {
        assert_eq!(check(&fixture, members.clone()).await, (200, ""), "{members}");
    }
}

#[tokio::test]
async fn response_without_iss_needs_the_name_of_the_server() {
    let members = || json!({ "iss": null });
    let with_name = Fixture::with(|builder| builder.issuer(ISSUER)).await;
    assert_eq!(check(&with_name, members()).await, (200, ""));
    let logs = LogCapture::start();
    let without = Fixture::new().await;
    assert_eq!(check(&without, members()).await, (401, "token_claim_missing"));
    assert_eq!(check(&without, json!({ "iss": "" })).await, (401, "token_claim_missing"));
    assert_eq!(logs.count("set .issuer(..) to the name of the server"), 1);
}

#[tokio::test]
async fn likely_mistake_in_the_settings_is_logged_once_a_minute() {
    let logs = LogCapture::start();
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        assert_eq!(check(&fixture, json!({ "aud": "https://other.example.com" })).await.0, 401);
    }
    let line = "if the server uses another name for this app, set .audience(..)";
    assert_eq!(logs.count(line), 1);
    fixture.clock.advance(60 * SECOND);
    assert_eq!(check(&fixture, json!({ "aud": "https://other.example.com" })).await.0, 401);
    assert_eq!(logs.count(line), 2);
}

#[tokio::test]
async fn after_exp_the_server_decides_within_the_leeway() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({ "exp": NOW + 1 }));
    fixture.clock.advance(30 * SECOND);
    for calls in 1..3 {
        assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, calls), "not cached");
    }
    fixture.clock.advance(31 * SECOND);
    assert_eq!(fixture.code("t").await, "token_expired");
}
