//! What requests cost the store, and what happens while it is down.

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::future::join_all;
use tower::ServiceExt;

use crate::support::log_capture::LogCapture;

use super::*;

fn request(browser: &Browser) -> Request<Body> {
    Request::get("/me").header("cookie", browser.cookie.as_ref().unwrap()).body(Body::empty()).unwrap()
}

/// The number of responses with each status to concurrent requests.
fn send_all(app: &Router, browsers: impl IntoIterator<Item = Browser>) -> impl Future<Output = BTreeMap<u16, usize>> {
    let send = |browser: Browser| tokio::spawn(app.clone().oneshot(request(&browser)));
    let responses: Vec<_> = browsers.into_iter().map(send).collect();
    async move {
        let mut statuses = BTreeMap::new();
        for response in join_all(responses).await {
            *statuses.entry(response.unwrap().unwrap().status().as_u16()).or_default() += 1;
        }
        statuses
    }
}

#[tokio::test]
async fn a_cached_session_costs_no_read_and_no_write() {
    for (ttl, expected) in [(None, 10 * SECOND), (Some(MINUTE), MINUTE)] {
        let fixture = Fixture::with(|builder| match ttl {
            Some(ttl) => builder.cache_ttl(ttl),
            None => builder,
        });
        let mut browser = fixture.log_in().await;
        let writes = fixture.store.writes();
        for _ in 0..100 {
            assert_eq!(browser.me(&fixture.app).await, 200);
        }
        fixture.clock.advance(expected - Duration::from_millis(1));
        assert_eq!(browser.me(&fixture.app).await, 200);
        assert_eq!((fixture.store.finds(), fixture.store.writes()), (0, writes));
        fixture.clock.advance(Duration::from_millis(1));
        for _ in 0..100 {
            assert_eq!(browser.me(&fixture.app).await, 200);
        }
        assert_eq!(fixture.store.finds(), 1);
    }
    let without = Fixture::with(|builder| builder.cache_ttl(Duration::ZERO));
    let mut browser = without.log_in().await;
    for _ in 0..3 {
        assert_eq!(browser.me(&without.app).await, 200);
    }
    assert_eq!(without.store.finds(), 3);
}

#[tokio::test]
async fn concurrent_requests_with_one_uncached_session_cause_one_read() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    fixture.clock.advance(10 * SECOND);
    let permits = fixture.store.hold();
    let responses = send_all(&fixture.app, (0..1_000).map(|_| browser.clone()));
    fixture.store.wait_for_finds(1).await;
    tokio::task::yield_now().await;
    permits.add_permits(1_000);
    assert_eq!(responses.await, BTreeMap::from([(200, 1_000)]));
    assert_eq!((fixture.store.finds(), fixture.handled()), (1, 1_000));
}

#[tokio::test]
async fn at_most_64_reads_run_at_once_and_the_rest_gets_503() {
    let fixture = Fixture::new();
    let permits = fixture.store.hold();
    let responses = send_all(&fixture.app, (0..1_000).map(invented));
    fixture.store.wait_for_finds(64).await;
    tokio::task::yield_now().await;
    permits.add_permits(1_000);
    assert_eq!(responses.await, BTreeMap::from([(401, 64), (503, 936)]));
    assert_eq!((fixture.store.0.most_running.load(SeqCst), fixture.store.finds(), fixture.handled()), (64, 64, 0));
    fixture.store.release();
    assert_eq!(invented(1_001).me(&fixture.app).await, 401);
}

#[tokio::test]
async fn a_flood_of_invented_cookies_does_not_keep_a_session_that_another_process_has_ended() {
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder);
    browser.clone().post(&other.app, "/logout").await;
    fixture.clock.advance(10 * SECOND);
    let finds = fixture.store.finds();
    let permits = fixture.store.hold();
    let flood = send_all(&fixture.app, (0..64).map(invented));
    fixture.store.wait_for_finds(finds + 64).await;
    let response = send_all(&fixture.app, [browser]);
    fixture.store.wait_for_finds(finds + 65).await;
    permits.add_permits(65);
    assert_eq!((flood.await, response.await), (BTreeMap::from([(401, 64)]), BTreeMap::from([(401, 1)])));
}

#[tokio::test]
async fn a_flood_of_invented_cookies_evicts_no_session() {
    let fixture = Fixture::with(|builder| builder.cache_capacity(8));
    let mut browsers = [fixture.log_in().await, fixture.log_in().await];
    for number in 0..1_000 {
        assert_eq!(invented(number).me(&fixture.app).await, 401);
    }
    for browser in &mut browsers {
        assert_eq!(browser.me(&fixture.app).await, 200);
    }
    assert_eq!(fixture.store.finds(), 1_000);
}

#[tokio::test]
async fn a_cached_session_is_accepted_for_stale_for_while_the_store_is_down() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    fixture.store.set_down(true);
    let logs = LogCapture::start();
    fixture.clock.advance(10 * SECOND);
    let finds = fixture.store.finds();
    for _ in 0..10 {
        assert_eq!(browser.me(&fixture.app).await, 200);
    }
    assert_eq!(fixture.store.finds(), finds + 1, "one attempt a second");
    assert_eq!(logs.count("cannot read sessions"), 1);
    let response = invented(1).get(&fixture.app, "/me").await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(response.denial.unwrap().code(), "session_store_unavailable");
    let response = Browser::default().post(&fixture.app, "/login?user=ann").await;
    assert_eq!(response.status, 503);
    fixture.clock.advance(MINUTE - SECOND);
    assert_eq!(browser.me(&fixture.app).await, 200);
    fixture.clock.advance(SECOND);
    assert_eq!(browser.me(&fixture.app).await, 503);
    assert!(browser.cookie.is_some(), "an outage logs no user out");
    fixture.store.set_down(false);
    assert_eq!(browser.me(&fixture.app).await, 200);
    assert_eq!((logs.count("cannot read sessions"), logs.count("sessions can be read again")), (1, 1));
}

#[tokio::test]
async fn no_session_is_accepted_after_its_timeouts_while_the_store_is_down() {
    let fixture = Fixture::with(|builder| builder.stale_for(HOUR).absolute_timeout(40 * MINUTE));
    let (mut idle, mut used) = (fixture.log_in().await, fixture.log_in().await);
    fixture.store.set_down(true);
    for _ in 0..3 {
        fixture.clock.advance(10 * MINUTE);
        assert_eq!(used.me(&fixture.app).await, 200);
    }
    // Another process may know of a later use.
    assert_eq!(idle.me(&fixture.app).await, 503);
    fixture.clock.advance(10 * MINUTE);
    assert_eq!((used.me(&fixture.app).await, used.cookie), (401, None));
}

#[tokio::test]
async fn an_unreadable_record_is_an_unknown_session_with_one_log_line() {
    let logs = LogCapture::start();
    let fixture = Fixture::new();
    let browser = fixture.log_in().await;
    fixture.clock.advance(10 * SECOND);
    fixture.store.0.is_unreadable.store(true, SeqCst);
    for _ in 0..3 {
        assert_eq!(browser.clone().me(&fixture.app).await, 401);
    }
    assert_eq!(logs.count("cannot be read"), 1);
}

#[tokio::test(start_paused = true)]
async fn store_that_hangs_is_503_after_the_timeout() {
    let fixture = Fixture::with(|builder| builder.store_timeout(3 * SECOND));
    let _permits = fixture.store.hold();
    let start = tokio::time::Instant::now();
    assert_eq!(invented(1).me(&fixture.app).await, 503);
    assert_eq!(start.elapsed(), 3 * SECOND);
}

#[test]
fn request_without_a_runtime_or_timers_is_503_and_does_not_panic() {
    let fixture = Fixture::new();
    let send = || futures_util::FutureExt::now_or_never(fixture.app.clone().oneshot(request(&invented(1))));
    assert_eq!(send().unwrap().unwrap().status(), 503);
    let without_timers = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let response = without_timers.block_on(fixture.app.clone().oneshot(request(&invented(1))));
    assert_eq!(response.unwrap().status(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_use_within_the_minute_is_stored_when_the_minute_ends_without_another_request() {
    let fixture = Fixture::new();
    let mut browser = fixture.log_in().await;
    fixture.clock.advance(5 * SECOND);
    assert_eq!(browser.me(&fixture.app).await, 200);
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(fixture.store.touches(), 0);
    fixture.clock.advance(MINUTE);
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(fixture.store.touches(), 1);
}
