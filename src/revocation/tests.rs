//! Layers while the table may not be used. Only a stream can cause that, so these tests set it themselves.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
#[cfg(all(feature = "redis", feature = "session"))]
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::*;
use crate::gate::{Denial, DenialKind};
use crate::revocation::handle::Revocations;
use crate::revocation::shared::Unavailable;
use crate::testing::TokenBuilder;
use crate::{Issuer, JwtAuth, UserContext};

const ISSUER: &str = "https://app.example.com";
const SECRET: [u8; 32] = [7; 32];

fn app(revocations: &Revocations, cached_tokens: usize) -> Router {
    let issuer = Issuer::hs256(ISSUER, SECRET).first_party();
    let auth = JwtAuth::builder().issuer(issuer).audience("api").revocations(revocations).optional();
    let auth = auth.token_cache_capacity(cached_tokens).build().unwrap();
    Router::new().route("/", get(async |user: Option<UserContext>| user.map_or(0, |_| 1).to_string())).layer(auth)
}

async fn send(app: &Router, token: Option<&str>) -> Response<Body> {
    let request = Request::get("/");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn credentials_are_503_while_the_table_may_lack_entries_and_anonymous_requests_pass() {
    let revocations = Revocations::builder().build().unwrap();
    let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").sign();
    let apps = [app(&revocations, 4_096), app(&revocations, 0)];
    let reasons = [Unavailable::Unread, Unavailable::Stale, Unavailable::Full];
    for reason in reasons {
        for app in &apps {
            // Also if the token was checked before.
            assert_eq!(send(app, Some(&token)).await.status(), 200, "{reason:?}");
            revocations.0.set_unavailable(reason);
            let response = send(app, Some(&token)).await;
            assert_eq!(response.status(), 503, "{reason:?}");
            assert_eq!(response.headers()["retry-after"], "1");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let denial = response.extensions().get::<Denial>().unwrap();
            assert!(matches!(denial.kind(), DenialKind::RevocationsUnavailable { .. }));
            assert_eq!(denial.code(), "revocations_unavailable");
            assert_eq!(send(app, None).await.status(), 200, "{reason:?}");
            assert_eq!(revocations.check(&UserContext::new("ann")).unwrap_err().status(), 503);
            revocations.0.set_available(reason);
            assert_eq!(send(app, Some(&token)).await.status(), 200, "{reason:?}");
        }
    }
}

#[tokio::test]
async fn a_revocation_takes_effect_while_the_table_may_not_be_used() {
    let revocations = Revocations::builder().build().unwrap();
    let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").claim("jti", "id-1").sign();
    let app = app(&revocations, 4_096);
    assert_eq!(send(&app, Some(&token)).await.status(), 200);
    revocations.0.set_unavailable(Unavailable::Stale);
    revocations.revoke_by(Revocation::token(ISSUER, "id-1")).await.unwrap();
    assert_eq!(send(&app, Some(&token)).await.status(), 503);
    revocations.0.set_available(Unavailable::Stale);
    assert_eq!(send(&app, Some(&token)).await.status(), 401);
}

#[test]
fn the_table_may_be_used_again_when_no_reason_remains() {
    let revocations = Revocations::builder().build().unwrap();
    revocations.0.set_unavailable(Unavailable::Unread);
    revocations.0.set_unavailable(Unavailable::Full);
    revocations.0.set_unavailable(Unavailable::Full);
    let mut ready = pin!(revocations.wait_until_ready());
    let mut context = Context::from_waker(Waker::noop());
    for reason in [Unavailable::Full, Unavailable::Full, Unavailable::Stale] {
        revocations.0.set_available(reason);
        assert!(!revocations.is_ready());
        assert_eq!(ready.as_mut().poll(&mut context), Poll::Pending);
    }
    revocations.0.set_available(Unavailable::Unread);
    assert!(revocations.is_ready());
    assert_eq!(ready.as_mut().poll(&mut context), Poll::Ready(()));
}

#[tokio::test]
async fn a_check_by_one_handle_is_no_check_by_another() {
    let [one, other] = [(); 2].map(|()| Revocations::builder().build().unwrap());
    let ids = UserContext::new("ann").with_issuer(ISSUER).with_token_id("id-1").new_revocation_ids();
    // Both tables have changed once.
    one.revoke_by(Revocation::token(ISSUER, "id-2")).await.unwrap();
    assert_eq!(one.0.check(&ids), Ok(()));
    other.revoke_by(Revocation::token(ISSUER, "id-1")).await.unwrap();
    assert_eq!(other.0.check(&ids), Err(shared::Refused::Revoked));
    assert_eq!(one.0.check(&ids), Ok(()));
    assert_eq!(other.0.check(&ids), Err(shared::Refused::Revoked));
}

#[tokio::test]
async fn the_lookup_of_a_watch_admits_nothing_that_a_check_refuses() {
    let revocations = Revocations::builder().build().unwrap();
    let ids = || UserContext::new("ann").with_issuer(ISSUER).with_token_id("id-1").new_revocation_ids();
    let checked = ids();
    assert!(!revocations.0.is_revoked(&checked));
    assert_ne!(checked.checked_generation.into_inner(), 0, "the next check needs no lookup");
    revocations.0.set_unavailable(Unavailable::Stale);
    let ids = ids();
    assert!(!revocations.0.is_revoked(&ids));
    assert_eq!(revocations.0.check(&ids), Err(shared::Refused::Unavailable));
    revocations.revoke_by(Revocation::token(ISSUER, "id-1")).await.unwrap();
    assert!(revocations.0.is_revoked(&ids));
    revocations.0.set_available(Unavailable::Stale);
    assert!(revocations.0.is_revoked(&ids));
    assert_eq!(revocations.0.check(&ids), Err(shared::Refused::Revoked));
}

/// A confirmation extends a session, whose cookie would otherwise be valid again.
#[cfg(all(feature = "redis", feature = "session"))]
#[tokio::test]
async fn the_end_of_a_session_is_kept_for_longer_than_the_session_would_last() {
    let revocations = Revocations::builder().build().unwrap();
    let now = revocations.0.now();
    let expires_at = UNIX_EPOCH + Duration::from_secs(u64::from(now) + 60);
    let user = UserContext::new("ann").with_token_id("id-1").with_expires_at(expires_at);
    let session = user.clone().with_credential(crate::context::Credential::Session);
    revocations.revoke(&session).await.unwrap();
    let later = now + 3_600;
    let expiries: Vec<_> = revocations.0.records().iter().map(|record| record.expires_at()).collect();
    assert!(expiries.len() == 1 && expiries[0] > later, "{expiries:?}");
    // A token is not extended.
    revocations.revoke(&user.with_issuer(ISSUER)).await.unwrap();
    let expiries = revocations.0.records().into_iter().map(|record| record.expires_at());
    assert_eq!(expiries.filter(|expires_at| *expires_at < later).count(), 1);
}

#[tokio::test]
async fn an_empty_id_is_no_id() {
    let revocations = Revocations::builder().build().unwrap();
    for user in ["ann", "bob"].map(|name| UserContext::new(name).with_issuer(ISSUER)) {
        for user in [user.clone().with_token_id(""), user.with_session_id("")] {
            assert!(matches!(revocations.revoke(&user).await, Err(RevokeError::IdMissing)));
            assert!(revocations.check(&user).is_ok());
        }
    }
}
