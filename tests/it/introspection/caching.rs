//! For how long a response is used, and what is checked on each request.

use super::*;

#[tokio::test]
async fn response_is_used_until_the_cache_ttl_and_then_the_server_is_asked_again() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    for (advance, calls) in [(0, 1), (29, 1), (1, 2), (29, 2)] {
        fixture.clock.advance(advance * SECOND);
        assert_eq!(fixture.status("t").await, 200);
        assert_eq!(fixture.server.calls(), calls, "after {advance} s more");
    }
}

#[tokio::test]
async fn token_revoked_at_the_server_gets_401_within_the_cache_ttl() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
    fixture.server.revoke("t");
    fixture.clock.advance(30 * SECOND - Duration::from_millis(1));
    assert_eq!(fixture.status("t").await, 200);
    fixture.clock.advance(Duration::from_millis(1));
    let response = fixture.send("t").await;
    assert_eq!(response.status, 401);
    assert!(response.challenge().contains(r#"error="invalid_token""#), "{}", response.challenge());
    assert_eq!(response.denial.unwrap().code(), "token_inactive");
}

#[tokio::test]
async fn cached_response_never_outlives_exp() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({ "exp": NOW + 10 }));
    assert_eq!(fixture.status("t").await, 200);
    fixture.server.revoke("t");
    fixture.clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(fixture.status("t").await, 200);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (401, 2));
}

#[tokio::test]
async fn cached_response_expires_by_the_wall_clock_too() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({ "exp": NOW + 10 }));
    assert_eq!(fixture.status("t").await, 200);
    fixture.server.revoke("t");
    // The wall clock is set forward, and the monotonic clock is not.
    fixture.clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW + 10));
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (401, 2));
}

#[tokio::test]
async fn cached_response_expires_by_the_monotonic_clock_too() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({ "exp": NOW + 10 }));
    assert_eq!(fixture.status("t").await, 200);
    fixture.server.revoke("t");
    fixture.clock.advance(10 * SECOND);
    fixture.clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (401, 2));
}

#[tokio::test]
async fn wall_clock_that_is_set_back_does_not_extend_the_cache_ttl() {
    let fixture = Fixture::new().await;
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
    fixture.server.revoke("t");
    fixture.clock.advance(30 * SECOND);
    fixture.clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
    assert_eq!(fixture.status("t").await, 401);
}

#[tokio::test]
async fn response_without_exp_is_used_for_at_most_30_seconds() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(3_600 * SECOND)).await;
    let mut response = active();
    response.as_object_mut().unwrap().remove("exp");
    fixture.server.respond("t", response);
    for (advance, calls) in [(0, 1), (29, 1), (1, 2)] {
        fixture.clock.advance(advance * SECOND);
        assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, calls), "after {advance} s more");
    }
}

#[tokio::test]
async fn cache_ttl_of_zero_disables_the_cache() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(Duration::ZERO)).await;
    fixture.server.add("t", &json!({}));
    for calls in 1..4 {
        assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, calls));
    }
    fixture.server.revoke("t");
    assert_eq!((fixture.status("t").await, fixture.status("t").await), (401, 401));
    assert_eq!(fixture.server.calls(), 5, "an inactive token is not cached either");
}

#[tokio::test]
async fn inactive_token_is_remembered_for_five_seconds() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.code("t").await, "token_inactive");
    fixture.server.add("t", &json!({}));
    fixture.clock.advance(5 * SECOND - Duration::from_millis(1));
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (401, 1));
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, 2));
}

#[tokio::test]
async fn flood_of_inactive_tokens_evicts_no_active_one() {
    let fixture = Fixture::with(|builder| builder.cache_capacity(8)).await;
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
    for number in 0..500 {
        assert_eq!(fixture.status(&format!("invented-{number}")).await, 401);
    }
    let calls = fixture.server.calls();
    assert_eq!((fixture.status("t").await, fixture.server.calls()), (200, calls));
}

#[tokio::test]
async fn cached_response_is_reused_on_a_route_that_needs_another_scope_403() {
    let fixture = Fixture::new().await;
    fixture.server.add("reader", &json!({ "scope": "read" }));
    fixture.server.add("writer", &json!({ "scope": "read write" }));
    assert_eq!((fixture.status("reader").await, fixture.status("writer").await), (200, 200));
    let handled = fixture.handled.load(SeqCst);
    let response = fixture.send_to("/write", "reader").await;
    assert_eq!((response.status.as_u16(), fixture.handled.load(SeqCst)), (403, handled));
    assert!(response.challenge().contains(r#"error="insufficient_scope""#), "{}", response.challenge());
    assert_eq!(fixture.send_to("/write", "writer").await.status, 200);
    assert_eq!(fixture.server.calls(), 2, "both responses were cached");
}

#[tokio::test]
async fn nbf_and_audience_are_checked_after_the_cache() {
    let fixture = Fixture::new().await;
    fixture.server.add("early", &json!({ "nbf": NOW + 70 }));
    fixture.server.add("other", &json!({ "aud": "https://other.example.com" }));
    for _ in 0..2 {
        assert_eq!(fixture.code("early").await, "token_not_yet_valid");
        assert_eq!(fixture.code("other").await, "token_audience_mismatch");
    }
    assert_eq!(fixture.server.calls(), 2, "the responses were cached");
    // 60 s of leeway.
    fixture.clock.advance(10 * SECOND);
    assert_eq!((fixture.status("early").await, fixture.server.calls()), (200, 2));
}

#[tokio::test]
async fn tokens_are_distinguished_by_all_of_their_bytes() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(64);
    for (number, token) in [format!("a{long}"), format!("b{long}"), format!("{long}a"), long].iter().enumerate() {
        fixture.server.add(token, &json!({ "sub": format!("user-{number}") }));
        for _ in 0..2 {
            assert_eq!(fixture.send(token).await.body, format!("user-{number}"));
        }
    }
    assert_eq!(fixture.server.calls(), 4);
}

#[tokio::test]
async fn layer_of_another_provider_has_a_cache_of_its_own() {
    let [one, other] = [Fixture::new().await, Fixture::new().await];
    one.server.add("t", &json!({}));
    assert_eq!(one.status("t").await, 200);
    assert_eq!((other.status("t").await, other.server.calls()), (401, 1));
    assert_eq!(one.status("t").await, 200);
}
