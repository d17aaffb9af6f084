//! Attempts to use a revoked credential, or to harm others by a revocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis::context::Credential;
use portcullis::gate::LoadError;
use portcullis::revocation::Revocation;
use portcullis::testing::FakeClock;
use portcullis::{Revocations, UserContext};

use super::service::Service;

const ISSUER: &str = "https://auth.example.com";
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn credential_of_a_custom_gate_that_outlives_tokens_stays_revoked_until_it_expires() {
    let clock = FakeClock::new();
    let expires_at = UNIX_EPOCH + clock.clock().since_epoch() + 30 * DAY;
    let user = |id: &str| UserContext::new(id).with_issuer(ISSUER).with_expires_at(expires_at);
    let session = user("ann").with_credential(Credential::Session).with_session_id("s-1");
    let key = user("bob").with_credential(Credential::ApiKey).with_token_id("k-1");
    let locked = user("eve").with_credential(Credential::ApiKey).with_token_id("k-2");
    let [laptop, phone] = ["s-2", "s-3"].map(|id| user("kim").with_credential(Credential::Session).with_session_id(id));
    let revocations = Revocations::builder().clock(clock.clock()).build().unwrap();
    revocations.revoke_others(&laptop).await.unwrap();
    revocations.revoke(&session).await.unwrap();
    revocations.revoke(&key).await.unwrap();
    revocations.revoke_all(&locked).await.unwrap();
    for _ in 0..30 {
        assert!(revocations.check(&laptop).is_ok());
        for user in [&session, &key, &locked, &phone] {
            assert!(revocations.check(user).is_err(), "{user:?}");
        }
        clock.advance(DAY);
        // So that all shards of the table are swept.
        for number in 0..100 {
            revocations.revoke_by(Revocation::api_key(&number.to_string())).await.unwrap();
        }
    }
}

/// A layer that logs its settings must not write the whole table.
#[tokio::test]
async fn debug_of_a_handle_is_short_and_shows_how_full_the_table_is() {
    let revocations = Revocations::builder().build().unwrap();
    for number in 0..1_000 {
        revocations.revoke_by(Revocation::api_key(&number.to_string())).await.unwrap();
    }
    let text = format!("{revocations:?}");
    assert!(text.len() < 200 && text.contains("entries: 1000"), "{text}");
}

/// What a token is revoked by is read from the token. A function of the app cannot take that away.
#[tokio::test]
async fn user_loader_that_returns_another_user_does_not_change_what_is_revoked() {
    let service = Service::with(
        |revocations| revocations,
        |auth| {
            auth.load_user(async |_| {
                let stranger = UserContext::new("local-7").with_issuer("https://other.example.com");
                Ok::<_, LoadError>(stranger.with_session_id("other").with_token_id("other"))
            })
        },
    )
    .await;
    let [one, other] = ["s-1", "s-2"].map(|session| service.token("ann").session_id(session).sign());
    let user = service.user(&one).await;
    service.revocations.revoke_by(Revocation::session("https://other.example.com", "other")).await.unwrap();
    service.user(&one).await;
    service.revocations.revoke(&user).await.unwrap();
    service.assert_revoked(&one).await;
    let user = service.user(&other).await;
    service.revocations.revoke_all(&user).await.unwrap();
    service.assert_revoked(&other).await;
}

/// The first half of the id of a login is compared. A record that was written back has no more of it.
#[tokio::test]
async fn others_are_revoked_whatever_order_the_excepted_logins_have() {
    let service = Service::start().await;
    let login = |session: &str| service.token("ann").session_id(session).sign();
    let (laptop, phone, tablet) = (login("s-1"), login("s-2"), login("s-3"));
    let (on_laptop, on_phone) = (service.user(&laptop).await, service.user(&phone).await);
    service.revocations.revoke_others(&on_laptop).await.unwrap();
    service.user(&laptop).await;
    for token in [&phone, &tablet] {
        service.assert_revoked(token).await;
    }
    // By a request of the phone that was admitted before.
    service.revocations.revoke_others(&on_phone).await.unwrap();
    for token in [&laptop, &phone, &tablet] {
        service.assert_revoked(token).await;
    }
    // A later exception makes nothing valid again.
    service.clock.advance(Duration::from_secs(5));
    service.revocations.revoke_others(&on_laptop).await.unwrap();
    for token in [&laptop, &phone, &tablet] {
        service.assert_revoked(token).await;
    }
    service.user(&service.token("bob").session_id("s-1").sign()).await;
}

#[tokio::test]
async fn empty_and_malformed_ids_do_not_make_one_revocation_reject_two_users() {
    let service = Service::start().await;
    for value in [serde_json::json!(""), serde_json::json!(7), serde_json::Value::Null, serde_json::json!(["a"])] {
        let token =
            |subject: &str| service.token(subject).claim("jti", value.clone()).claim("sid", value.clone()).sign();
        let (ann, bob) = (token("ann"), token("bob"));
        service.revocations.revoke(&service.user(&ann).await).await.unwrap();
        service.assert_revoked(&ann).await;
        service.user(&bob).await;
        let by_value = [Revocation::session(service.issuer.url(), ""), Revocation::token(service.issuer.url(), "")];
        for revocation in by_value {
            service.revocations.revoke_by(revocation).await.unwrap();
        }
        service.user(&bob).await;
    }
}

#[tokio::test]
async fn times_at_the_limits_are_neither_valid_again_nor_valid_for_others() {
    let revocations = Revocations::builder().build().unwrap();
    let ann = UserContext::new("ann").with_issuer(ISSUER).with_token_id("t-1");
    let year = Duration::from_secs(365 * 24 * 3600);
    let times = [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + 137 * year, SystemTime::UNIX_EPOCH + 1_000 * year];
    for time in times {
        let user = ann.clone().with_issued_at(time).with_expires_at(time);
        revocations.revoke_all(&user).await.unwrap();
        assert!(revocations.check(&user).is_err(), "{time:?}");
        let bob = UserContext::new("bob").with_issuer(ISSUER).with_token_id("t-1").with_issued_at(time);
        assert!(revocations.check(&bob).is_ok(), "{time:?}");
    }
}
