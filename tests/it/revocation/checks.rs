//! Which tokens each revocation rejects.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use portcullis::context::Credential;
use portcullis::gate::TokenError;
use portcullis::revocation::Revocation;
use portcullis::testing::{TestIssuer, TokenBuilder};
use portcullis::{Issuer, JwtAuth, Revocations, UserContext};

use super::service::Service;
use crate::support::jwt_app::JwtApp;
use crate::support::protected_app::ProtectedApp;
use crate::support::tokens::AUDIENCE;

#[tokio::test]
async fn revoked_token_is_401_and_the_same_jti_of_another_issuer_is_200() {
    let [one, other] = [TestIssuer::start().await.unwrap(), TestIssuer::start().await.unwrap()];
    let revocations = Revocations::builder().build().unwrap();
    let auth = JwtAuth::builder().audience(AUDIENCE).revocations(&revocations);
    let auth = [&one, &other]
        .into_iter()
        .fold(auth, |auth, issuer| auth.add_issuer(Issuer::jwks_document(issuer.url(), issuer.jwks())));
    let app = ProtectedApp::behind(auth.build().unwrap());
    let [revoked, valid, later] = [(&one, "id"), (&other, "id"), (&one, "other")]
        .map(|(issuer, id)| issuer.token("ann").audience(AUDIENCE).claim("jti", id).sign());
    let user = app.send_token(&revoked).await.user().clone();
    app.send_token(&valid).await.user();
    revocations.revoke(&user).await.unwrap();
    app.send_token(&revoked).await.assert_invalid_token(TokenError::Revoked);
    app.send_token(&valid).await.user();
    app.send_token(&later).await.user();
}

#[tokio::test]
async fn revoked_test_token_of_a_first_party_issuer_leaves_those_of_other_users_valid() {
    let (issuer, secret) = ("https://app.example.com", [7; 32]);
    let revocations = Revocations::builder().build().unwrap();
    let trusted = Issuer::hs256(issuer, secret).first_party();
    let auth = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).revocations(&revocations).build().unwrap();
    let app = ProtectedApp::behind(auth);
    let [ann, bob] =
        ["ann", "bob"].map(|user| TokenBuilder::first_party(issuer, secret, user).audience(AUDIENCE).sign());
    let user = app.send_token(&ann).await.user().clone();
    revocations.revoke(&user).await.unwrap();
    app.send_token(&ann).await.assert_invalid_token(TokenError::Revoked);
    app.send_token(&bob).await.user();
}

#[tokio::test]
async fn cached_token_is_401_at_the_next_request_and_before_the_user_loader() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&loads);
    let load = move |user: UserContext| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { Ok(user) }
    };
    let service = Service::with(|revocations| revocations, |auth| auth.load_user(load.clone())).await;
    let token = service.token("ann").sign();
    service.user(&token).await;
    let user = service.user(&token).await;
    // Each of two requests to two apps, after which the token is verified outside a request.
    assert_eq!(loads.load(Ordering::SeqCst), 8);
    service.clock.advance(Duration::from_millis(1));
    service.revocations.revoke(&user).await.unwrap();
    service.assert_revoked(&token).await;
    service.assert_revoked(&token).await;
    assert_eq!(loads.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn revocation_takes_effect_at_the_call_even_if_its_future_is_dropped() {
    let service = Service::start().await;
    let token = service.token("ann").sign();
    let user = service.user(&token).await;
    drop(service.revocations.revoke(&user));
    service.assert_revoked(&token).await;
}

#[tokio::test]
async fn revoked_session_ends_its_earlier_and_later_tokens() {
    let service = Service::start().await;
    let of_session = |id: &str| service.token("ann").session_id(id).sign();
    let [one, same, other] = [of_session("s-1"), of_session("s-1"), of_session("s-2")];
    let user = service.user(&one).await;
    service.revocations.revoke(&user).await.unwrap();
    for token in [&one, &same] {
        service.assert_revoked(token).await;
    }
    service.user(&other).await;
    service.user(&service.token("ann").sign()).await;
    service.clock.advance(Duration::from_secs(3600));
    service.assert_revoked(&of_session("s-1")).await;
    service.user(&of_session("s-2")).await;
}

#[tokio::test]
async fn revoked_subject_ends_what_was_issued_until_that_second() {
    let service = Service::start().await;
    let now = service.now();
    let issued_at = |time: u64| service.token("ann").claim("iat", time).sign();
    let [before, same_second, next_second] = [now - 10, now, now + 1].map(issued_at);
    let without_iat = service.token("ann").without_claim("iat").sign();
    let of_bob = service.token("bob").sign();
    let user = service.user(&before).await;
    for token in [&same_second, &next_second, &without_iat] {
        service.user(token).await;
    }
    service.revocations.revoke_all(&user).await.unwrap();
    for token in [&before, &same_second, &without_iat] {
        service.assert_revoked(token).await;
    }
    service.user(&next_second).await;
    service.user(&of_bob).await;
    // An issuer whose clock is ahead: the token itself is included.
    service.revocations.revoke_all(&service.user(&next_second).await).await.unwrap();
    service.assert_revoked(&next_second).await;
}

#[tokio::test]
async fn fractions_of_a_second_are_not_compared() {
    let service = Service::start().await;
    let token = service.token("ann").claim("iat", service.now() as f64 + 0.75).sign();
    let user = service.user(&token).await;
    service.revocations.revoke_by(Revocation::subject(service.issuer.url(), user.id())).await.unwrap();
    service.assert_revoked(&token).await;
}

#[tokio::test]
async fn revoke_others_keeps_the_session_or_else_the_token() {
    let service = Service::start().await;
    let token = |session: Option<&str>, id: &str| {
        let token = service.token("ann").claim("jti", id);
        session.map_or(token.clone(), |session| token.session_id(session)).sign()
    };
    let own = token(Some("s-1"), "id-1");
    let refreshed = token(Some("s-1"), "id-2");
    let other_session = token(Some("s-2"), "id-1");
    let without_session = token(None, "id-1");
    service.revocations.revoke_others(&service.user(&own).await).await.unwrap();
    service.user(&own).await;
    service.user(&refreshed).await;
    service.assert_revoked(&other_session).await;
    service.assert_revoked(&without_session).await;

    let service = Service::start().await;
    let token = |id: &str| service.token("ann").claim("jti", id).sign();
    let [own, other] = [token("id-1"), token("id-2")];
    let without_iat = service.token("ann").without_claim("iat").sign();
    service.revocations.revoke_others(&service.user(&own).await).await.unwrap();
    service.user(&own).await;
    service.assert_revoked(&other).await;
    service.assert_revoked(&without_iat).await;
    service.user(&service.token("bob").sign()).await;
    // A token without `jti` and `iat` can be kept too.
    let service = Service::start().await;
    let token = |claim: &str| service.token("ann").without_claim("jti").without_claim("iat").claim("a", claim).sign();
    let [own, other] = [token("1"), token("2")];
    service.revocations.revoke_others(&service.user(&own).await).await.unwrap();
    service.user(&own).await;
    service.assert_revoked(&other).await;
}

#[tokio::test]
async fn revoke_others_makes_nothing_valid_that_was_revoked_before() {
    let service = Service::start().await;
    let old = service.token("ann").session_id("s-1").sign();
    let user = service.user(&old).await;
    service.revocations.revoke_all(&user).await.unwrap();
    service.revocations.revoke_others(&user).await.unwrap();
    service.assert_revoked(&old).await;
    service.clock.advance(Duration::from_secs(1));
    let new = service.token("ann").session_id("s-1").sign();
    service.user(&new).await;
}

#[tokio::test]
async fn revoked_client_and_issuer_end_what_they_issued_until_then() {
    let service = Service::start().await;
    let issuer = service.issuer.url().to_owned();
    let of_client = service.token("ann").claim("client_id", "web").sign();
    let with_azp = service.token("ann").without_claim("client_id").claim("azp", "web").sign();
    let of_other = service.token("ann").sign();
    for token in [&of_client, &with_azp, &of_other] {
        service.user(token).await;
    }
    service.revocations.revoke_by(Revocation::client(&issuer, "web")).await.unwrap();
    service.assert_revoked(&of_client).await;
    service.assert_revoked(&with_azp).await;
    service.user(&of_other).await;
    service.revocations.revoke_by(Revocation::issuer("https://other.example.com")).await.unwrap();
    service.user(&of_other).await;
    service.revocations.revoke_by(Revocation::issuer(&issuer)).await.unwrap();
    service.assert_revoked(&of_other).await;
    service.clock.advance(Duration::from_secs(1));
    service.user(&service.token("ann").claim("client_id", "web").sign()).await;
}

#[tokio::test]
async fn tokens_and_sessions_are_revoked_by_value() {
    let service = Service::start().await;
    let issuer = service.issuer.url().to_owned();
    let token = service.token("ann").claim("jti", "id-1").sign();
    let of_session = service.token("ann").claim("jti", "id-2").session_id("s-1").sign();
    service.user(&token).await;
    service.user(&of_session).await;
    service.revocations.revoke_by(Revocation::token(&issuer, "id-1")).await.unwrap();
    service.assert_revoked(&token).await;
    service.user(&of_session).await;
    service.revocations.revoke_by(Revocation::session(&issuer, "s-1")).await.unwrap();
    service.assert_revoked(&of_session).await;
}

#[tokio::test]
async fn behind_an_optional_layer_a_revoked_token_is_401_and_not_anonymous() {
    let service = Service::with(|revocations| revocations, |auth| auth.optional()).await;
    let token = service.token("ann").sign();
    service.revocations.revoke(&service.user(&token).await).await.unwrap();
    service.assert_revoked(&token).await;
}

#[tokio::test]
async fn the_response_does_not_say_what_was_revoked() {
    let service = Service::start().await;
    let issuer = service.issuer.url().to_owned();
    for revocation in [
        Revocation::session(&issuer, "s-1"),
        Revocation::subject(&issuer, "bob"),
        Revocation::client(&issuer, "web"),
        Revocation::issuer(&issuer),
    ] {
        service.revocations.revoke_by(revocation).await.unwrap();
    }
    let app = ProtectedApp::behind(
        JwtAuth::builder()
            .issuer(Issuer::jwks_document(issuer, service.issuer.jwks()))
            .audience(AUDIENCE)
            .clock(service.clock.clock())
            .revocations(&service.revocations)
            .build()
            .unwrap(),
    );
    let bodies = [
        app.send_token(&service.token("ann").session_id("s-1").sign()).await.body,
        app.send_token(&service.token("bob").sign()).await.body,
        app.send_token(&service.token("ann").claim("client_id", "web").sign()).await.body,
        app.send_token(&service.token("ann").sign()).await.body,
    ];
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert!(bodies[0].contains("the token has been revoked") && bodies[0].contains("token_revoked"), "{}", bodies[0]);
}

#[tokio::test]
async fn a_user_that_the_app_replaces_keeps_its_credential() {
    let replace = |_: UserContext| async { Ok(UserContext::new("replaced")) };
    let service = Service::with(|revocations| revocations, |auth| auth.load_user(replace)).await;
    let token = service.token("ann").sign();
    let user = service.user(&token).await;
    assert_eq!((user.id(), user.credential()), ("replaced", Credential::Token));
    service.revocations.revoke(&user).await.unwrap();
    service.assert_revoked(&token).await;

    let issuer = TestIssuer::start().await.unwrap();
    let revocations = Revocations::builder().build().unwrap();
    let trusted = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let trusted = trusted.map_user(|_| UserContext::new("replaced").with_issuer("other"));
    let auth = JwtAuth::builder().issuer(trusted).audience(AUDIENCE).revocations(&revocations).build().unwrap();
    let app = ProtectedApp::behind(auth);
    let token = issuer.token("ann").audience(AUDIENCE).sign();
    let user = app.send_token(&token).await.user().clone();
    assert_eq!((user.id(), user.credential()), ("replaced", Credential::Token));
    revocations.revoke_all(&user).await.unwrap();
    app.send_token(&token).await.assert_invalid_token(TokenError::Revoked);
}

#[tokio::test]
async fn a_token_that_waits_for_its_key_is_checked_after_the_wait() {
    let issuer = TestIssuer::start().await.unwrap();
    let revocations = Revocations::builder().build().unwrap();
    let auth = || {
        let trusted = Issuer::jwks(issuer.url(), issuer.jwks_url());
        JwtApp::new(JwtAuth::builder().issuer(trusted).audience(AUDIENCE).revocations(&revocations))
    };
    let token = issuer.token("ann").audience(AUDIENCE).claim("jti", "id-1").sign();
    assert_eq!(auth().status_for(&token).await, StatusCode::OK);
    revocations.revoke_by(Revocation::token(issuer.url(), "id-1")).await.unwrap();
    let app = auth();
    assert_eq!(app.status_for(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(issuer.fetch_count(), 2, "it waited for the keys");
    assert_eq!(app.handler_calls(), 0);
}
