//! What a logout token revokes, and what it does not.

use portcullis::ApiKeyAuth;
use portcullis::api_key::{MemoryKeys, NewApiKey};

use super::*;
use crate::support::log_capture::LogCapture;

#[tokio::test]
async fn sid_revokes_the_tokens_and_sessions_of_that_session() {
    let app = Fixture::new().await;
    let (token, cookie) = (app.access_token("ann", "s1"), app.log_in("ann", "s1").await);
    let (other_token, other_cookie) = (app.access_token("ann", "s2"), app.log_in("ann", "s2").await);
    assert_eq!((app.api(&token).await, app.me(&cookie).await), (200, 200));
    // With or without `sub`.
    assert_eq!(app.log_out(&app.logout_token_of("ann").session_id("s1")).await.status, 200);
    assert_eq!((app.api(&token).await, app.me(&cookie).await), (401, 401));
    assert_eq!((app.api(&other_token).await, app.me(&other_cookie).await), (200, 200));
    assert_eq!(app.log_out(&app.logout_token().session_id("s2")).await.status, 200);
    assert_eq!((app.api(&other_token).await, app.me(&other_cookie).await), (401, 401));
    // A refresh continues the session.
    app.clock.advance(SECOND);
    assert_eq!(app.api(&app.access_token("ann", "s1")).await, 401);
}

#[tokio::test]
async fn sub_alone_revokes_what_was_issued_until_iat_and_not_until_its_arrival() {
    let app = Fixture::new().await;
    let (token, cookie) = (app.access_token("ann", "s1"), app.log_in("ann", "s1").await);
    let bob = (app.access_token("bob", "s1"), app.log_in("bob", "s1").await);
    let logout = app.logout_token_of("ann").claim("exp", NOW + 300);
    app.clock.advance(SECOND);
    // The user logs in again before the logout token arrives.
    let (later, later_cookie) = (app.access_token("ann", "s2"), app.log_in("ann", "s2").await);
    app.clock.advance(200 * SECOND);
    assert_eq!((app.api(&token).await, app.me(&cookie).await), (200, 200));
    assert_eq!(app.log_out(&logout).await.status, 200);
    assert_eq!((app.api(&token).await, app.me(&cookie).await), (401, 401));
    assert_eq!((app.api(&later).await, app.me(&later_cookie).await), (200, 200));
    assert_eq!((app.api(&bob.0).await, app.me(&bob.1).await), (200, 200));
}

#[tokio::test]
async fn a_replayed_token_is_200_and_revokes_nothing_that_began_since() {
    let app = Fixture::new().await;
    let logout = app.logout_token_of("ann").claim("exp", NOW + 300).sign();
    assert_eq!(app.post_token(&logout).await.status, 200);
    app.clock.advance(SECOND);
    let (token, cookie) = (app.access_token("ann", "s2"), app.log_in("ann", "s2").await);
    for _ in 0..3 {
        app.clock.advance(SECOND);
        assert_eq!(app.post_token(&logout).await.status, 200);
        assert_eq!((app.api(&token).await, app.me(&cookie).await), (200, 200));
    }
}

#[tokio::test]
async fn if_no_one_is_logged_in_the_response_is_200() {
    let app = Fixture::new().await;
    assert_eq!(app.log_out(&app.logout_token_of("eve")).await.status, 200);
    assert_eq!(app.log_out(&app.logout_token_of("eve").session_id("s9")).await.status, 200);
}

#[tokio::test]
async fn a_user_of_another_issuer_stays_logged_in() {
    let app = Fixture::new().await;
    let other = UserContext::new("ann").with_issuer("https://other.example.com").with_session_id("s1");
    let other = other.with_issued_at(UNIX_EPOCH + Duration::from_secs(NOW - 60));
    assert_eq!(app.log_out(&app.logout_token_of("ann")).await.status, 200);
    assert_eq!(app.log_out(&app.logout_token().session_id("s1")).await.status, 200);
    assert!(app.revocations.check(&other).is_ok());
    assert!(app.revocations.check(&other.with_issuer(app.issuer.url())).is_err());
}

#[tokio::test]
async fn sid_revokes_no_token_without_it_and_the_log_says_what_it_revokes() {
    let app = Fixture::new().await;
    let token = app.issuer.token("ann").audience(API).sign();
    let log = LogCapture::start();
    assert_eq!(app.log_out(&app.logout_token_of("ann").session_id("s1")).await.status, 200);
    assert_eq!(log.count("event=\"session_ended\" reason=\"back_channel_logout\""), 1, "{}", log.text());
    assert_eq!(app.api(&token).await, 200);
    assert_eq!(app.log_out(&app.logout_token_of("ann")).await.status, 200);
    assert_eq!(log.count("event=\"session_ended\" reason=\"back_channel_logout\" user=\"ann\""), 1, "{}", log.text());
    assert_eq!(app.api(&token).await, 401);
}

#[tokio::test]
async fn a_session_stays_ended_after_the_revocation_has_expired() {
    let app = Fixture::new().await;
    let cookies = [app.log_in("ann", "s1").await, app.log_in("ann", "s2").await, app.log_in("bob", "s3").await];
    assert_eq!(app.log_out(&app.logout_token().session_id("s1")).await.status, 200);
    assert_eq!(app.log_out(&app.logout_token_of("bob")).await.status, 200);
    // The default lifetime of an entry, which is longer than the idle timeout of a session.
    app.clock.advance(Duration::from_secs(25 * 3_600));
    for cookie in cookies {
        assert_eq!(app.me(&cookie).await, 401);
    }
}

#[tokio::test]
async fn sub_alone_revokes_the_api_keys_that_were_created_before_iat_for_ever() {
    let app = Fixture::new().await;
    let builder = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).clock(app.clock.clock());
    let keys = builder.revocations(&app.revocations).build().unwrap();
    let ann = UserContext::new("ann").with_issuer(app.issuer.url());
    let earlier = keys.create(NewApiKey::for_user(&ann)).await.unwrap();
    let logout = app.logout_token_of("ann").claim("exp", NOW + 300);
    app.clock.advance(SECOND);
    let later = keys.create(NewApiKey::for_user(&ann)).await.unwrap();
    // A logout of one session revokes none.
    assert_eq!(app.log_out(&logout.clone().session_id("s1")).await.status, 200);
    let is_revoked = async |id| keys.find(id).await.unwrap().unwrap().revoked_at().is_some();
    assert!(!is_revoked(earlier.id()).await);
    assert_eq!(app.log_out(&logout).await.status, 200);
    assert!(is_revoked(earlier.id()).await && !is_revoked(later.id()).await);
}
