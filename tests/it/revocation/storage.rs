//! How long revocations are stored, and how many.

use std::time::{Duration, SystemTime};

use portcullis::gate::TokenError;
use portcullis::revocation::{Revocation, RevokeError};
use portcullis::testing::FakeClock;
use portcullis::{IssueKind, Issuer, JwtAuth, Revocations, UserContext};

use super::service::Service;
use crate::support::log_capture::LogCapture;
use crate::support::tokens::AUDIENCE;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn api_key(number: usize) -> Revocation {
    Revocation::api_key(&number.to_string())
}

#[tokio::test]
async fn entry_of_a_token_expires_with_the_token_and_its_leeway() {
    let service = Service::with(|revocations| revocations.max_entries(1), |auth| auth).await;
    let token = service.token("ann").expires_in(Duration::from_secs(60)).sign();
    let user = service.user(&token).await;
    service.revocations.revoke(&user).await.unwrap();
    service.clock.advance(Duration::from_secs(60 + 300));
    let result = service.revocations.revoke_by(api_key(1)).await;
    assert!(matches!(result, Err(RevokeError::Full)), "it may be valid in this second: {result:?}");
    service.clock.advance(Duration::from_secs(2));
    service.revocations.revoke_by(api_key(1)).await.unwrap();
}

#[tokio::test]
async fn entry_of_a_session_outlives_the_token_that_revoked_it() {
    let service = Service::start().await;
    let token = service.token("ann").session_id("s-1").expires_in(Duration::from_secs(60)).sign();
    let user = service.user(&token).await;
    service.revocations.revoke(&user).await.unwrap();
    service.clock.advance(Duration::from_secs(3600));
    // Each revocation removes what has expired from another part of the table.
    for number in 0..100 {
        service.revocations.revoke_by(api_key(number)).await.unwrap();
    }
    service.assert_revoked(&service.token("ann").session_id("s-1").sign()).await;
}

#[tokio::test]
async fn entry_of_unknown_expiry_expires_after_the_longest_lifetime() {
    let hour = Duration::from_secs(3600);
    let settings = [(Revocations::builder(), DAY), (Revocations::builder().max_token_lifetime(hour), hour)];
    for (builder, lifetime) in settings {
        let clock = FakeClock::new();
        let revocations = builder.clock(clock.clock()).max_entries(1).build().unwrap();
        revocations.revoke_by(Revocation::subject("https://auth.example.com", "ann")).await.unwrap();
        clock.advance(lifetime + Duration::from_secs(600));
        assert!(matches!(revocations.revoke_by(api_key(1)).await, Err(RevokeError::Full)));
        clock.advance(Duration::from_secs(3));
        assert!(revocations.revoke_by(api_key(1)).await.is_ok());
    }
}

#[tokio::test]
async fn token_that_is_valid_for_longer_than_entries_is_401_and_one_log_line_names_the_setting() {
    let service = Service::start().await;
    let now = service.now();
    let day = DAY.as_secs();
    let token = |iat: u64, exp: u64| service.token("ann").claim("iat", iat).claim("exp", exp).sign();
    service.user(&token(now, now + day)).await;
    // Without `iat`, the leeway of a minute is added.
    service.user(&service.token("ann").without_claim("iat").claim("exp", now + day + 60).sign()).await;
    let log = LogCapture::start();
    for token in [
        token(now, now + day + 1),
        token(now - 10, now + day - 9),
        service.token("ann").without_claim("iat").claim("exp", now + day + 61).sign(),
    ] {
        service.assert_rejected(&token, TokenError::Lifetime).await;
    }
    // One for each of the two layers.
    assert_eq!(log.count("max_token_lifetime"), 2, "{}", log.text());
    assert_eq!(log.count("WARN"), 2, "{}", log.text());
    drop(log);
    let service = Service::with(|revocations| revocations.max_token_lifetime(DAY * 2), |auth| auth).await;
    service.user(&service.token("ann").expires_in(DAY * 2).sign()).await;
}

#[tokio::test]
async fn full_table_returns_an_error_and_keeps_every_entry() {
    let service = Service::with(|revocations| revocations.max_entries(100), |auth| auth).await;
    let issuer = service.issuer.url().to_owned();
    let token = |number: usize| service.token("ann").claim("jti", number.to_string()).sign();
    let log = LogCapture::start();
    for number in 0..79 {
        service.revocations.revoke_by(Revocation::token(&issuer, &number.to_string())).await.unwrap();
    }
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
    for number in 79..100 {
        service.revocations.revoke_by(Revocation::token(&issuer, &number.to_string())).await.unwrap();
    }
    assert_eq!(log.count("WARN"), 1, "{}", log.text());
    assert_eq!(log.count("nearly full"), 1, "{}", log.text());
    service.clock.advance(Duration::from_secs(60));
    for number in 100..110 {
        let result = service.revocations.revoke_by(Revocation::token(&issuer, &number.to_string())).await;
        assert!(matches!(result, Err(RevokeError::Full)), "{result:?}");
    }
    assert_eq!(log.count("ERROR"), 1, "{}", log.text());
    assert!(log.text().contains("max_entries=100"), "{}", log.text());
    // A known entry needs no capacity.
    service.revocations.revoke_by(Revocation::token(&issuer, "7")).await.unwrap();
    for number in 0..100 {
        service.assert_revoked(&token(number)).await;
    }
    service.user(&token(100)).await;
}

#[tokio::test]
async fn repeated_revocations_use_one_entry() {
    let service = Service::with(|revocations| revocations.max_entries(3), |auth| auth).await;
    let token = service.token("ann").session_id("s-1").sign();
    let user = service.user(&token).await;
    for _ in 0..10 {
        service.revocations.revoke_others(&user).await.unwrap();
        service.revocations.revoke(&user).await.unwrap();
        service.revocations.revoke_all(&user).await.unwrap();
        service.clock.advance(Duration::from_secs(1));
    }
    assert!(matches!(service.revocations.revoke_by(api_key(1)).await, Err(RevokeError::Full)));
}

#[tokio::test]
async fn clock_that_stops_keeps_what_is_revoked() {
    for stops in ["wall", "monotonic"] {
        let clock = FakeClock::new();
        let start = clock.clock().since_epoch();
        let revocations = Revocations::builder().clock(clock.clock()).max_entries(1).build().unwrap();
        revocations.revoke_by(api_key(1)).await.unwrap();
        // Only one of the two clocks says that the entry has expired.
        let wall = SystemTime::UNIX_EPOCH + start;
        if stops == "wall" {
            clock.advance(DAY * 10);
            clock.set_wall(wall);
        } else {
            clock.set_wall(wall + DAY * 10);
        }
        assert!(matches!(revocations.revoke_by(api_key(2)).await, Err(RevokeError::Full)), "{stops}");
    }
}

#[tokio::test]
async fn clock_that_steps_back_makes_no_revoked_token_valid_again() {
    let service = Service::with(|revocations| revocations.max_entries(1), |auth| auth).await;
    let start = SystemTime::UNIX_EPOCH + service.clock.clock().since_epoch();
    let revoked = service.token("ann").sign();
    service.revocations.revoke(&service.user(&revoked).await).await.unwrap();
    service.clock.advance(Duration::from_secs(3600));
    service.assert_rejected(&revoked, TokenError::Expired).await;
    // The entry has expired, and is removed for another one.
    service.revocations.revoke_by(api_key(1)).await.unwrap();
    service.clock.set_wall(start + Duration::from_secs(1));
    service.assert_revoked(&revoked).await;
    service.user(&service.token("ann").claim("exp", service.now() + 3600).sign()).await;
}

#[tokio::test]
async fn clock_that_steps_back_before_a_revocation_includes_the_token_itself() {
    let service = Service::with(|revocations| revocations, |auth| auth.leeway(Duration::from_secs(300))).await;
    let token = service.token("ann").sign();
    let user = service.user(&token).await;
    let start = SystemTime::UNIX_EPOCH + service.clock.clock().since_epoch();
    service.clock.set_wall(start - Duration::from_secs(200));
    service.revocations.revoke_all(&user).await.unwrap();
    service.assert_revoked(&token).await;
}

#[tokio::test]
async fn first_revocation_without_a_layer_logs_one_warning() {
    let log = LogCapture::start();
    let revocations = Revocations::builder().build().unwrap();
    revocations.revoke_by(api_key(1)).await.unwrap();
    revocations.revoke_by(api_key(2)).await.unwrap();
    assert_eq!(log.count("no layer of this process checks revocations"), 1, "{}", log.text());
    drop(log);
    let service = Service::start().await;
    let log = LogCapture::start();
    service.revocations.revoke_by(api_key(1)).await.unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
    let revocations = Revocations::builder().build().unwrap();
    revocations.check(&portcullis::UserContext::new("ann")).unwrap();
    revocations.revoke_by(api_key(1)).await.unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
}

#[tokio::test]
async fn a_revocation_that_the_layer_of_the_user_does_not_check_logs_one_warning() {
    const TEXT: &str = "the layer that accepts it does not check these revocations";
    let service = Service::start().await;
    let checked = service.user(&service.token("ann").sign()).await;
    let trusted = Issuer::jwks_document(service.issuer.url(), service.issuer.jwks());
    let builder = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).clock(service.clock.clock());
    let other = Revocations::builder().clock(service.clock.clock()).build().unwrap();
    let log = LogCapture::start();
    service.revocations.revoke_all(&checked).await.unwrap();
    service
        .revocations
        .revoke(&UserContext::new("of a custom gate").with_issuer("app").with_token_id("1"))
        .await
        .unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
    // Without revocations, and with those of another handle.
    for auth in [builder.clone(), builder.revocations(&other)].map(|builder| builder.build().unwrap()) {
        let revocations = Revocations::builder().clock(service.clock.clock()).build().unwrap();
        let _layer =
            JwtAuth::builder().issuer(Issuer::hs256("app", [7; 32])).audience("api").revocations(&revocations).build();
        let user = auth.verify(&service.token("ann").sign()).await.unwrap();
        let log = LogCapture::start();
        revocations.revoke(&user).await.unwrap();
        revocations.revoke_all(&user).await.unwrap();
        assert_eq!((log.count(TEXT), log.count("WARN")), (1, 1), "{}", log.text());
        // A custom gate may check this handle for the users of any layer.
        let revocations = Revocations::builder().clock(service.clock.clock()).build().unwrap();
        assert!(revocations.check(&user).is_ok());
        let log = LogCapture::start();
        revocations.revoke_others(&user).await.unwrap();
        assert_eq!(log.count("WARN"), 0, "{}", log.text());
    }
}

#[tokio::test]
async fn without_a_stream_the_revocations_are_ready_at_once() {
    let revocations = Revocations::builder().build().unwrap();
    assert!(revocations.is_ready());
    revocations.wait_until_ready().await;
}

#[test]
fn settings_out_of_bounds_are_reported_together() {
    let error = Revocations::builder().max_token_lifetime(Duration::ZERO).max_entries(0).build().unwrap_err();
    let settings: Vec<_> = error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect();
    assert_eq!(settings, [("max_token_lifetime", IssueKind::Invalid), ("max_entries", IssueKind::Invalid)]);
    for builder in [
        Revocations::builder().max_token_lifetime(Duration::from_millis(999)),
        Revocations::builder().max_token_lifetime(Duration::MAX),
        Revocations::builder().max_entries(100_000_001),
    ] {
        assert_eq!(builder.build().unwrap_err().issues().len(), 1);
    }
    assert!(Revocations::builder().max_token_lifetime(DAY * 3660).max_entries(100_000_000).build().is_ok());
}
