//! The limit of an account: names, waits, and equal responses for known and unknown ones.

use portcullis::rate_limit::{Key, Limit, Subject};
use portcullis::{Quota, RateLimit};

use super::{LoginApp, account_limit, keys, seconds};
use crate::support::test_store::TestStore;

#[tokio::test]
async fn over_the_limit_the_response_is_429_with_retry_after_before_any_hash() {
    over_the_limit_no_hash_runs(&TestStore::memory()).await;
}

pub(crate) async fn over_the_limit_no_hash_runs(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    app.fail("ann", "", 10).await;
    assert_eq!(app.try_as("ann", "right").await, (429, Some(30)));
    assert_eq!(app.hashes(), 10);
}

#[tokio::test]
async fn waits_grow_from_30_seconds_to_an_hour_and_retry_after_reports_them() {
    waits_grow(&TestStore::memory()).await;
}

pub(crate) async fn waits_grow(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    app.fail("ann", "", 10).await;
    for wait in [30, 60, 120, 240, 480, 960] {
        assert_eq!(app.try_as("ann", "wrong").await, (429, Some(wait)), "{}", store.name);
        store.advance(seconds(wait - 1));
        assert_eq!(app.try_as("ann", "right").await, (429, Some(1)), "{}", store.name);
        store.advance(seconds(1));
        app.fail("ann", "", 1).await;
    }
    assert_eq!(app.try_as("ann", "wrong").await, (429, Some(1920)), "{}", store.name);
    store.advance(seconds(1920));
    // The failures of the first minutes have left the window.
    assert_eq!(app.try_as("ann", "right").await.0, 204, "{}", store.name);
}

#[tokio::test]
async fn the_longest_wait_is_an_hour() {
    the_longest_wait(&TestStore::memory()).await;
}

pub(crate) async fn the_longest_wait(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        while app.try_as("ann", "wrong").await.0 == 401 {}
        assert_eq!(app.try_as("ann", "wrong").await, (429, Some(wait)), "{}", store.name);
        store.advance(seconds(wait));
    }
}

#[tokio::test]
async fn responses_for_known_and_unknown_accounts_are_equal_byte_for_byte_at_every_count() {
    responses_are_equal(&TestStore::memory()).await;
}

pub(crate) async fn responses_are_equal(store: &TestStore<'_>) {
    let app = LoginApp::new(store);
    for step in 0..16 {
        let mut responses = Vec::new();
        // The spellings of one account are its attempts, too.
        for account in [["ann", "ANN"], ["bob", "BOB"]] {
            let response = app.send("/login", account[step % 2], "wrong", &[("x-client", account[0])]).await;
            assert_eq!(response.status, if matches!(step, 10 | 11 | 13) { 429 } else { 401 }, "{step}: {}", store.name);
            // As sent: with the order of the headers.
            let headers: Vec<_> = response.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            responses.push((response.status, headers, response.body));
        }
        assert_eq!(responses[0], responses[1], "{step}: {}", store.name);
        if step == 11 {
            store.advance(seconds(30));
        }
        if step == 13 {
            store.advance(seconds(3600));
        }
    }
}

#[tokio::test]
async fn one_account_has_one_counter_in_all_spellings() {
    let app = LoginApp::new(&TestStore::memory());
    let spellings = [
        "ann",
        "ANN",
        " ann ",
        "\u{200b}ann",
        "\u{ff41}\u{ff4e}\u{ff4e}",
        "an\u{ad}n",
        "ann\u{3000}",
        "Ann\0",
        "ANN\u{feff}",
    ];
    for (index, name) in spellings.iter().enumerate() {
        app.send("/login", name, "wrong", &[]).await;
        assert_eq!(app.used("ann").await, index as u32 + 1, "{name:?}");
    }
    app.send("/login", "an", "wrong", &[]).await;
    assert_eq!((app.used("ann").await, app.used("an").await), (9, 1));
}

#[tokio::test]
async fn the_app_can_reset_an_account() {
    let app = LoginApp::new(&TestStore::memory());
    app.fail("ann", "", 10).await;
    assert_eq!(app.try_as("ann", "right").await.0, 429);
    app.by_account.reset(&Subject::account("ANN")).await.unwrap();
    assert_eq!(app.used("ann").await, 0);
    assert_eq!(app.try_as("ann", "right").await.0, 204);
}

#[tokio::test]
async fn failures_in_a_row_are_counted_up_to_100_and_a_success_ends_the_row() {
    failures_in_a_row(&TestStore::memory()).await;
}

pub(crate) async fn failures_in_a_row(store: &TestStore<'_>) {
    let app = LoginApp::with_limit(store, Limit::new("account", Quota::per_hour(120).unwrap()).only_failures());
    app.fail("ann", "", 3).await;
    let cookie = app.cookie().await;
    assert_eq!(app.failures_in_a_row("ann").await, 0, "{}", store.name);
    app.fail("ann", "", 3).await;
    // The device has a counter of its own, and its success is one of the account.
    app.fail("ann", &cookie, 1).await;
    assert_eq!(app.failures_in_a_row("ann").await, 3, "{}", store.name);
    assert_eq!(app.try_with("ann", "right", &cookie).await.0, 204);
    assert_eq!(app.failures_in_a_row("ann").await, 0, "{}", store.name);
    assert_eq!(app.try_as("ann", "500").await.0, 500);
    for count in [99, 100, 100] {
        app.fail("ann", "", if count == 99 { 99 } else { 1 }).await;
        assert_eq!(app.failures_in_a_row("ann").await, count, "{}", store.name);
    }
    app.cookie().await;
    assert_eq!(app.failures_in_a_row("ann").await, 0, "{}", store.name);
}

#[tokio::test]
async fn the_100th_failure_in_a_row_is_reported_once() {
    let logs = crate::support::log_capture::LogCapture::start();
    let limit = Limit::new("account", Quota::per_hour(120).unwrap()).only_failures();
    let app = LoginApp::with_limit(&TestStore::memory(), limit);
    let reports = || logs.text().matches("account_failure_limit").count();
    app.fail("ann", "", 99).await;
    assert_eq!(reports(), 0);
    app.fail("ann", "", 10).await;
    assert_eq!(reports(), 1);
    assert!(!logs.text().contains("ann\""), "{}", logs.text());
}

#[tokio::test]
async fn a_known_device_fails_10_times_whatever_the_quota_of_the_account() {
    let usages = RateLimit::builder().limit(account_limit()).key(Key::account(&keys())).build().unwrap();
    let names: Vec<_> =
        usages.peek(&Subject::account("ann")).await.unwrap().iter().map(|usage| usage.name().to_owned()).collect();
    assert_eq!(names, ["account", "account, failures in a row"]);
}

#[tokio::test]
async fn a_limit_by_account_as_a_layer_rejects_every_request() {
    let limit = RateLimit::builder().limit(account_limit()).key(Key::account(&keys())).build().unwrap();
    let app = axum::Router::new().route("/", axum::routing::get(|| async {})).layer(limit);
    let response = crate::support::response::TestResponse::get(&app, "/", &[]).await;
    assert_eq!(response.status, 403);
}
