//! What is refunded: successes, even if the client has gone, and requests in which nothing was tried.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use portcullis::context::Realm;
use portcullis::gate::{Denial, DenialKind, Violation};
use portcullis::rate_limit::{Attempt, Key, Limit, MemoryStore, Subject};
use portcullis::{Quota, RateLimit};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use super::{LoginApp, account_limit, keys, request, seconds};
use crate::support::response::TestResponse;
use crate::support::test_store::TestStore;

#[tokio::test]
async fn a_success_refunds_only_its_own_charges() {
    a_success_refunds_its_own(&TestStore::memory()).await;
}

pub(crate) async fn a_success_refunds_its_own(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    for failures in 1..=4 {
        app.fail("ann", "", 1).await;
        app.cookie().await;
        store.advance(seconds(1));
        assert_eq!(app.used("ann").await, failures, "{}", store.name);
    }
}

#[tokio::test]
async fn statuses_and_reports_count_as_the_limit_defines() {
    for (password, used) in [("200", 0), ("302", 0), ("401", 1), ("422", 1), ("500", 0), ("503", 0), ("form", 1)] {
        let app = LoginApp::new(&TestStore::memory());
        app.send("/login", "ann", password, &[]).await;
        assert_eq!(app.used("ann").await, used, "{password}");
        let redirects = Limit::new("account", Quota::per_hour(9).unwrap());
        let redirects = redirects.only_failures_if(|status| matches!(status.as_u16(), 302 | 503));
        let app = LoginApp::with_limit(&TestStore::memory(), redirects);
        app.send("/login", "ann", password, &[]).await;
        let expected = u32::from(matches!(password, "302" | "503" | "form"));
        assert_eq!(app.used("ann").await, expected, "{password}");
    }
}

#[tokio::test]
async fn a_panic_counts_as_the_status_that_it_becomes_or_stays_charged() {
    let app = LoginApp::new(&TestStore::memory());
    // The panic passes through the limit, which never sees a response.
    let router = app.router.clone().layer(CatchPanicLayer::new());
    let response = TestResponse::send(&router, request("/login", "ann", "panic", &[])).await;
    assert_eq!((response.status.as_u16(), app.used("ann").await), (500, 1));
}

/// A handler that charges the account, and responds with this after a permit of the semaphore.
fn app_that_waits(
    respond: impl Fn(&Attempt) -> Response + Clone + Send + Sync + 'static,
) -> (Router, [RateLimit; 2], &'static Semaphore) {
    let store = MemoryStore::new();
    let by_account = RateLimit::builder().limit(account_limit()).key(Key::account(&keys()));
    let by_account = by_account.store(store.clone()).build().unwrap();
    let all = Limit::new("all", Quota::per_hour(100).unwrap()).only_failures_if(|status| status.as_u16() >= 400);
    let all = RateLimit::builder().limit(all).key(Key::global()).store(store).build().unwrap();
    let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(0)));
    let limit = by_account.clone();
    let handler = post(move |attempt: Attempt| async move {
        attempt.charge(&limit, Subject::account("ann")).await.unwrap();
        let response = respond(&attempt);
        semaphore.acquire().await.unwrap().forget();
        response
    });
    (Router::new().route("/login", handler).layer(all.clone()), [by_account, all], semaphore)
}

async fn used(limits: &[RateLimit; 2]) -> [u32; 2] {
    let [by_account, all] = limits;
    let account = by_account.peek(&Subject::account("ann")).await.unwrap();
    [account[0].used(), all.peek(&Subject::global()).await.unwrap()[0].used()]
}

#[tokio::test]
async fn a_reported_success_is_refunded_even_if_the_client_has_gone() {
    for (report, expected) in
        [(Attempt::succeeded as fn(&Attempt), [0, 0]), (Attempt::failed, [1, 1]), (|_| (), [1, 1])]
    {
        let (app, limits, _) = app_that_waits(move |attempt| {
            report(attempt);
            StatusCode::NO_CONTENT.into_response()
        });
        {
            let mut sent = pin!(app.oneshot(request("/login", "ann", "", &[])));
            assert!(sent.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert_eq!(used(&limits).await, [1, 1]);
        }
        assert_eq!(used(&limits).await, expected);
    }
}

#[tokio::test]
async fn a_rejection_because_of_an_outage_is_refunded_whatever_statuses_count() {
    let unavailable = || {
        let violation = Violation::new(["sessions"], Some(seconds(1)));
        Denial::new(DenialKind::ReducedCapacity(violation), Realm::default()).into_response()
    };
    let (app, limits, semaphore) = app_that_waits(move |_| unavailable());
    semaphore.add_permits(1);
    assert_eq!(app.oneshot(request("/login", "ann", "", &[])).await.unwrap().status(), 503);
    assert_eq!(used(&limits).await, [0, 0]);
    let (app, limits, semaphore) = app_that_waits(|_| StatusCode::SERVICE_UNAVAILABLE.into_response());
    semaphore.add_permits(1);
    assert_eq!(app.oneshot(request("/login", "ann", "", &[])).await.unwrap().status(), 503);
    assert_eq!(used(&limits).await, [0, 1], "a 503 of the app counts as each limit defines");
}

#[tokio::test]
async fn charges_are_refunded_on_routes_that_the_layer_does_not_count() {
    let by_account = RateLimit::builder().limit(account_limit()).key(Key::account(&keys())).build().unwrap();
    let all = Limit::new("all", Quota::per_hour(100).unwrap()).only_failures();
    let all = RateLimit::builder().limit(all).key(Key::global()).exempt(["/login"]).build().unwrap();
    let limit = by_account.clone();
    let handler = post(move |attempt: Attempt, headers: axum::http::HeaderMap| async move {
        attempt.charge(&limit, Subject::account("ann")).await.unwrap();
        StatusCode::from_bytes(headers["x-password"].as_bytes()).unwrap()
    });
    let app = Router::new().route("/login", handler).layer(all);
    for (status, used) in [("204", 0), ("401", 1), ("204", 1)] {
        app.clone().oneshot(request("/login", "ann", status, &[])).await.unwrap();
        assert_eq!(by_account.peek(&Subject::account("ann")).await.unwrap()[0].used(), used, "{status}");
    }
}

#[tokio::test]
async fn an_attempt_without_a_layer_that_counts_failures_is_500_and_logged_once() {
    let logs = crate::support::log_capture::LogCapture::start();
    let app = Router::new().route("/login", post(|_: Attempt| async {}));
    for _ in 0..3 {
        let response = TestResponse::send(&app, request("/login", "ann", "", &[])).await;
        assert_eq!(response.status, 500);
        assert!(matches!(response.denial.unwrap().kind(), DenialKind::RateLimitMissing { .. }));
    }
    assert!(logs.text().contains("Attempt"), "{}", logs.text());
}
