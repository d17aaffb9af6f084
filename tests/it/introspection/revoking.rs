//! `Revocations` are checked on each request, whatever the age of the response.

use portcullis::Revocations;
use portcullis::revocation::Revocation;

use super::*;

async fn fixture(revocations: &Revocations) -> Fixture {
    Fixture::with(|builder| builder.revocations(revocations)).await
}

/// Revocations at the time of the tokens.
fn revocations() -> Revocations {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(NOW));
    Revocations::builder().clock(clock.clock()).build().unwrap()
}

/// The user that a handler gets for this token.
async fn user(fixture: &Fixture, token: &str) -> UserContext {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |user: UserContext| async move { sender.send(user).unwrap() };
    let app = Router::new().route("/", any(handler)).layer(fixture.auth.clone());
    let response = TestResponse::get(&app, "/", &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(response.status, 200);
    receiver.recv().await.unwrap()
}

#[tokio::test]
async fn cached_token_is_rejected_at_once_after_its_jti_was_revoked() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("t", &json!({ "jti": "one" }));
    fixture.server.add("other", &json!({ "jti": "two" }));
    let ann = user(&fixture, "t").await;
    revocations.revoke(&ann).await.unwrap();
    assert_eq!(fixture.code("t").await, "token_revoked");
    assert_eq!(fixture.status("other").await, 200);
    assert_eq!(fixture.server.calls(), 2, "the response was cached");
    fixture.clock.advance(30 * SECOND);
    assert_eq!(fixture.code("t").await, "token_revoked");
    assert_eq!(fixture.server.calls(), 3, "a new response changes nothing");
}

#[tokio::test]
async fn jti_of_another_issuer_is_another_token() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    revocations.revoke_by(Revocation::token("https://other.example.com", "t-1")).await.unwrap();
    fixture.server.add("t", &json!({}));
    assert_eq!(fixture.status("t").await, 200);
}

#[tokio::test]
async fn token_of_a_revoked_session_is_rejected_also_if_it_was_issued_later() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("t", &json!({ "sid": "s-1", "jti": "one" }));
    let ann = user(&fixture, "t").await;
    revocations.revoke(&ann).await.unwrap();
    fixture.server.add("later", &json!({ "sid": "s-1", "jti": "two", "iat": NOW + 30 }));
    fixture.server.add("other", &json!({ "sid": "s-2", "jti": "three" }));
    assert_eq!((fixture.code("t").await, fixture.code("later").await), ("token_revoked", "token_revoked"));
    assert_eq!(fixture.status("other").await, 200);
}

#[tokio::test]
async fn revoke_all_rejects_tokens_issued_until_then_and_those_without_iat() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("t", &json!({}));
    let ann = user(&fixture, "t").await;
    revocations.revoke_all(&ann).await.unwrap();
    fixture.server.add("later", &json!({ "iat": NOW + 1, "jti": "later" }));
    fixture.server.add("undated", &json!({ "iat": null, "jti": "undated" }));
    fixture.server.add("bob", &json!({ "sub": "bob", "jti": "bob" }));
    assert_eq!((fixture.code("t").await, fixture.code("undated").await), ("token_revoked", "token_revoked"));
    assert_eq!((fixture.status("later").await, fixture.status("bob").await), (200, 200));
}

#[tokio::test]
async fn revoke_others_keeps_the_current_token() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("current", &json!({ "jti": "current" }));
    fixture.server.add("other", &json!({ "jti": "other" }));
    let ann = user(&fixture, "current").await;
    assert_eq!(fixture.status("other").await, 200);
    revocations.revoke_others(&ann).await.unwrap();
    assert_eq!(fixture.status("current").await, 200);
    assert_eq!(fixture.code("other").await, "token_revoked");
}

#[tokio::test]
async fn tokens_of_a_revoked_client_or_issuer_are_rejected() {
    for revocation in [Revocation::client(ISSUER, "web"), Revocation::issuer(ISSUER)] {
        let revocations = revocations();
        let fixture = fixture(&revocations).await;
        fixture.server.add("t", &json!({}));
        fixture.server.add("later", &json!({ "iat": NOW + 1 }));
        assert_eq!(fixture.status("t").await, 200);
        revocations.revoke_by(revocation).await.unwrap();
        assert_eq!(fixture.code("t").await, "token_revoked");
        assert_eq!(fixture.status("later").await, 200);
    }
}

#[tokio::test]
async fn token_without_jti_and_sid_is_revoked_by_its_text() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("t", &json!({ "jti": null }));
    fixture.server.add("other", &json!({ "jti": null }));
    let ann = user(&fixture, "t").await;
    revocations.revoke(&ann).await.unwrap();
    assert_eq!(fixture.code("t").await, "token_revoked");
    assert_eq!(fixture.status("other").await, 200);
}

#[tokio::test]
async fn token_that_outlives_its_revocation_gets_401() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("long", &json!({ "exp": NOW + 24 * 3_600 + 1 }));
    fixture.server.add("endless", &json!({ "exp": null }));
    fixture.server.add("day", &json!({ "exp": NOW + 24 * 3_600 }));
    for token in ["long", "endless"] {
        assert_eq!(fixture.code(token).await, "token_lifetime_too_long", "{token}");
    }
    assert_eq!(fixture.status("day").await, 200);
}

#[tokio::test]
async fn revoked_token_gets_401_behind_an_optional_layer_and_before_the_user_loader() {
    let revocations = revocations();
    let loaded = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&loaded);
    let fixture = Fixture::with(|builder| {
        let load = move |user: UserContext| {
            count.fetch_add(1, SeqCst);
            async move { Ok(user) }
        };
        builder.revocations(&revocations).optional().load_user(load)
    });
    let fixture = fixture.await;
    fixture.server.add("t", &json!({}));
    let ann = user(&fixture, "t").await;
    revocations.revoke(&ann).await.unwrap();
    assert_eq!(loaded.load(SeqCst), 1);
    assert_eq!(fixture.code("t").await, "token_revoked");
    assert_eq!(loaded.load(SeqCst), 1);
}

#[tokio::test]
async fn revocation_during_a_call_is_enforced_on_its_response() {
    let revocations = revocations();
    let fixture = fixture(&revocations).await;
    fixture.server.add("t", &json!({}));
    let permits = fixture.server.hold();
    let revoke = async {
        fixture.server.wait_for_calls(1).await;
        revocations.revoke_by(Revocation::token(ISSUER, "t-1")).await.unwrap();
        permits.add_permits(1);
    };
    assert_eq!(tokio::join!(fixture.code("t"), revoke).0, "token_revoked");
}
