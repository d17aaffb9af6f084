//! Which tokens are accepted, and the codes of RFC 8935 for those that are not.

use axum::http::StatusCode;
use portcullis::BackChannelLogout;

use super::*;

/// Asserts that a token gets a 400 with this `err`, and revokes nothing.
async fn assert_no_event(app: &Fixture, token: &TokenBuilder, err: &str) {
    let access = app.access_token("ann", "s1");
    let response = app.send(token).await;
    let body: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!((response.status.as_u16(), &body["err"]), (400, &json!(err)), "{body} {token:?}");
    assert_eq!(app.api(&access).await, 200, "{body}");
}

#[tokio::test]
async fn typ_is_secevent_jwt() {
    let app = Fixture::new().await;
    for typ in ["secevent+jwt", "SECEVENT+JWT", "application/secevent+jwt"] {
        assert_eq!(
            app.send(&app.session_revoked().claim("sub_id", app.user("eve")).header("typ", typ)).await.status,
            202
        );
    }
    for typ in ["JWT", "at+jwt", "logout+jwt", "text/secevent+jwt", ""] {
        assert_no_event(&app, &app.session_revoked().header("typ", typ), "invalid_request").await;
    }
    assert_no_event(&app, &app.session_revoked().without_header("typ"), "invalid_request").await;
}

#[tokio::test]
async fn iss_is_the_transmitter() {
    let app = Fixture::new().await;
    for iss in ["https://other.example.com".to_owned(), format!("{}/", app.issuer.url())] {
        assert_no_event(&app, &app.session_revoked().claim("iss", iss), "invalid_issuer").await;
    }
    assert_no_event(&app, &app.session_revoked().without_claim("iss"), "invalid_request").await;
}

#[tokio::test]
async fn aud_is_a_string_or_an_array_that_contains_the_audience() {
    let app = Fixture::new().await;
    for aud in [json!(API), json!([API]), json!(["https://other.example.com", API])] {
        assert_eq!(
            app.send(&app.session_revoked().claim("sub_id", app.user("eve")).claim("aud", aud)).await.status,
            202
        );
    }
    for aud in [json!("https://other.example.com"), json!(["a", "b"]), json!(API.to_uppercase())] {
        assert_no_event(&app, &app.session_revoked().claim("aud", aud), "invalid_audience").await;
    }
    for aud in [json!([]), json!(null), json!([API, 7])] {
        assert_no_event(&app, &app.session_revoked().claim("aud", aud), "invalid_request").await;
    }
    assert_no_event(&app, &app.session_revoked().without_claim("aud"), "invalid_request").await;
}

#[tokio::test]
async fn another_signature_key_or_algorithm_is_invalid_key() {
    let app = Fixture::new().await;
    assert_eq!(app.send(&app.session_revoked().claim("sub_id", app.user("eve"))).await.status, 202);
    let other = TestIssuer::start_with(Algorithm::Rs256, app.clock.clock()).await.unwrap();
    let of_other_key = event_token(&other, json!({ SESSION_REVOKED: {} })).claim("iss", app.issuer.url());
    let of_other_key = of_other_key.claim("sub_id", app.user("ann"));
    for token in [
        of_other_key,
        app.session_revoked().header("alg", "none"),
        app.session_revoked().header("alg", "HS256"),
        app.session_revoked().header("kid", "unknown"),
    ] {
        assert_no_event(&app, &token, "invalid_key").await;
    }
    let token = app.session_revoked().sign();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let response = app.post(format!("{signed}.")).await;
    assert_rejected(&response, "invalid_key", "the token's signature is invalid");
}

#[tokio::test]
async fn sub_or_exp_in_the_token_is_invalid_request() {
    let app = Fixture::new().await;
    for (name, value) in [("sub", json!("ann")), ("sub", json!(null)), ("exp", json!(NOW + 60)), ("exp", json!(null))] {
        assert_no_event(&app, &app.session_revoked().claim(name, value), "invalid_request").await;
    }
    for name in ["jti", "iat", "events"] {
        assert_no_event(&app, &app.session_revoked().without_claim(name), "invalid_request").await;
    }
    for events in [json!({}), json!([]), json!(SESSION_REVOKED), json!({ SESSION_REVOKED: null })] {
        assert_no_event(&app, &app.event_token(events), "invalid_request").await;
    }
}

#[tokio::test]
async fn unknown_claims_and_unknown_events_are_ignored_with_202() {
    let app = Fixture::new().await;
    let access = app.access_token("ann", "s1");
    let unknown = json!({ "https://example.com/event": { "a": 1 }, "urn:other": {} });
    assert_eq!(app.send(&app.event_token(unknown.clone()).claim("unknown", json!({ "a": [1] }))).await.status, 202);
    assert_eq!(app.send(&app.event_token(unknown).without_claim("sub_id")).await.status, 202);
    assert_eq!(app.api(&access).await, 200);
    let with_known = app.event_token(json!({ "urn:other": {}, SESSION_REVOKED: { "unknown": 1 } }));
    assert_eq!(app.send(&with_known.claim("txn", "t1")).await.status, 202);
    assert_eq!(app.api(&access).await, 401);
}

#[tokio::test]
async fn an_event_dated_more_than_five_minutes_in_the_future_is_400() {
    let app = Fixture::new().await;
    let at = |time: u64| app.event_token(json!({ SESSION_REVOKED: { "event_timestamp": time } }));
    for token in
        [app.session_revoked().claim("iat", NOW + 301), app.session_revoked().claim("toe", NOW + 301), at(NOW + 301)]
    {
        assert_no_event(&app, &token, "invalid_request").await;
    }
    for token in
        [app.session_revoked().claim("iat", NOW + 300), app.session_revoked().claim("toe", NOW + 300), at(NOW + 300)]
    {
        assert_eq!(app.send(&token.claim("sub_id", app.user("eve"))).await.status, 202);
    }
}

#[tokio::test]
async fn an_old_event_is_applied_as_of_its_own_time() {
    let app = Fixture::new().await;
    let day_ago = NOW - 86_400;
    let issued_at = |time: u64| app.issuer.token("ann").audience(API).claim("iat", time).claim("exp", NOW + 600);
    let revocable = |time: u64| issued_at(time).claim("exp", time + 86_400 - 1);
    assert_eq!(app.send(&app.session_revoked().claim("iat", day_ago + 10)).await.status, 202);
    // A token that began a moment later stays valid.
    assert_eq!(app.api(&revocable(day_ago + 10).sign()).await, 401);
    assert_eq!(app.api(&issued_at(day_ago + 601).sign()).await, 200);
    assert_eq!(app.api(&issued_at(NOW).sign()).await, 200);
}

#[tokio::test]
async fn other_tokens_of_the_issuer_are_rejected_as_event_tokens() {
    let app = Fixture::new().await;
    let access = app.issuer.token("ann").audience(API);
    let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let logout = access.clone().header("typ", "logout+jwt").claim("events", events);
    for token in [&access, &logout, &access.clone().header("typ", "JWT").claim("nonce", "n")] {
        assert_no_event(&app, token, "invalid_request").await;
        // Also if the type does not distinguish them.
        assert_no_event(&app, &token.clone().header("typ", "secevent+jwt"), "invalid_request").await;
    }
}

#[tokio::test]
async fn an_event_token_is_neither_a_bearer_token_nor_a_logout_token() {
    let app = Fixture::new().await;
    let token = app.session_revoked();
    let complete = token.clone().claim("sub", "ann").claim("exp", NOW + 300).claim("client_id", "web");
    for token in [&token, &complete, &complete.clone().without_header("typ"), &complete.clone().header("typ", "at+jwt")]
    {
        assert_eq!(app.api(&token.clone().sign()).await, 401);
    }
    let keys = JwtAuth::builder().issuer(Issuer::discover(app.issuer.url())).audience(API).clock(app.clock.clock());
    let logout = BackChannelLogout::builder().keys_from(&keys.build().unwrap()).client_id(API).allow_missing_typ();
    let logout = logout.revocations(&app.revocations).clock(app.clock.clock()).build().unwrap();
    let endpoint = Router::new().route_service("/logout", logout);
    for token in [token, complete.clone(), complete.without_header("typ")] {
        let request = Request::post("/logout").header("content-type", "application/x-www-form-urlencoded");
        let form = format!("logout_token={}", token.sign());
        assert_eq!(TestResponse::send(&endpoint, request.body(Body::from(form)).unwrap()).await.status, 400);
    }
    assert_eq!(app.api(&app.access_token("ann", "s1")).await, 200);
}

#[tokio::test]
async fn if_the_keys_are_unavailable_the_response_is_503() {
    let app = Fixture::new().await;
    app.issuer.respond_with(StatusCode::INTERNAL_SERVER_ERROR);
    let response = app.send(&app.session_revoked()).await;
    assert_eq!(response.status, 503, "{}", response.body);
    assert_eq!(response.headers["cache-control"], "no-store");
    let wait: u64 = response.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    assert!(response.body.starts_with(r#"{"err":"temporarily_unavailable","description":""#));
    app.issuer.respond_with(StatusCode::OK);
    app.clock.advance(Duration::from_secs(wait));
    assert_eq!(app.send(&app.session_revoked()).await.status, 202);
}

#[tokio::test]
async fn garbage_causes_no_fetch_and_unknown_keys_cause_few() {
    let app = Fixture::new().await;
    for number in 0..50 {
        assert_eq!(app.post(["a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.AA", "%00"][number % 3]).await.status, 400);
        let other = app.session_revoked().audience("other").header("kid", format!("k{number}"));
        assert_eq!(app.send(&other).await.status, 400);
    }
    assert_eq!(app.issuer.fetch_count(), 0);
    for number in 0..50 {
        let unknown = app.session_revoked().header("kid", format!("k{number}"));
        assert!([400, 503].contains(&app.send(&unknown).await.status.as_u16()));
    }
    assert!(app.issuer.fetch_count() <= 4, "{}", app.issuer.fetch_count());
}
