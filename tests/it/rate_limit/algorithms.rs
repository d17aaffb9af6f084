//! How much each algorithm admits, and which one is the default.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit};
use portcullis::{Quota, RateLimit, Tiers};

use super::{TestApp, by_user_header, limit_by_header, per_seconds, seconds};

/// The maximum number of requests admitted in any rolling window. The caller is idle at first and then sends requests
/// continuously.
async fn max_in_rolling_window(quota: Quota, idle: Duration) -> usize {
    let app = TestApp::new(limit_by_header(quota));
    app.clock.advance(idle);
    let mut times = Vec::new();
    let mut now = Duration::ZERO;
    while now < quota.window() * 3 {
        while app.send_as("ann").await.status() == 200 {
            times.push(now);
        }
        let tick = Duration::from_millis(500);
        app.clock.advance(tick);
        now += tick;
    }
    let admitted_from =
        |from: &Duration| times.iter().filter(|time| (*from..*from + quota.window()).contains(*time)).count();
    times.iter().map(admitted_from).max().unwrap()
}

#[tokio::test]
async fn the_maximum_admitted_in_a_rolling_window_is_as_documented() {
    for (algorithm, expected) in [
        (Algorithm::SlidingLog, 100),
        (Algorithm::FixedWindow, 200),
        (Algorithm::SlidingWindow, 100),
        (Algorithm::TokenBucket, 199),
    ] {
        let mut max = 0;
        for idle in [0, 2_500, 59_500] {
            let quota = per_seconds(100, 60).algorithm(algorithm);
            max = max.max(max_in_rolling_window(quota, Duration::from_millis(idle)).await);
        }
        assert_eq!(max, expected, "{algorithm:?}");
    }
}

/// Returns the item of `RateLimit` for a second request, ten seconds after one at a full hour. The time until more
/// units are available differs between a sliding log and a sliding window.
async fn second_item(limit: Limit) -> String {
    let app = TestApp::new(RateLimit::builder().limit(limit.key(by_user_header())).ietf_draft_headers());
    app.send_as("ann").await;
    app.advance_seconds(10);
    app.send_as("ann").await.header("ratelimit").unwrap().to_owned()
}

#[tokio::test]
async fn the_default_is_a_sliding_log_up_to_128_units_and_a_sliding_window_above_and_by_tier() {
    let tier = |name| Tiers::ascending(["basic", "professional"]).unwrap().get(name).unwrap();
    let tiers = [(tier("basic"), per_seconds(5, 60)), (tier("professional"), per_seconds(6, 60))];
    let sliding_log = ";t=50";
    let sliding_window = ";t=55";
    for (limit, expected) in [
        (Limit::new("a", per_seconds(1, 60)), sliding_log),
        (Limit::new("b", per_seconds(128, 60)), sliding_log),
        (Limit::new("c", per_seconds(129, 60)), sliding_window),
        (Limit::new("d", per_seconds(5, 60).algorithm(Algorithm::SlidingWindow)), sliding_window),
        (Limit::by_tier("e", tiers), sliding_window),
    ] {
        let name = format!("{limit:?}");
        let item = second_item(limit).await;
        assert!(item.ends_with(expected), "{name}: {item}");
    }
}

#[tokio::test]
async fn fixed_windows_end_at_calendar_times_and_sliding_logs_after_their_first_charge() {
    for (algorithm, wait) in [(Algorithm::FixedWindow, 10), (Algorithm::SlidingLog, 60)] {
        let app = TestApp::new(limit_by_header(per_seconds(5, 60).algorithm(algorithm)));
        app.advance_seconds(50);
        app.expect_admitted("ann", 5).await;
        assert_eq!(app.send_as("ann").await.retry_after(), Some(wait), "{algorithm:?}");
    }
}

#[tokio::test]
async fn common_limits_admit_their_quota_and_admit_again_after_the_window() {
    let minute = 60;
    for (units, window) in [
        (100, 60 * minute),
        (500, 60 * minute),
        (2000, 60 * minute),
        (5, 5 * minute),
        (3, 60 * minute),
        (3, 30 * minute),
        (5, 15 * minute),
        (10, minute),
    ] {
        let app = TestApp::new(limit_by_header(per_seconds(units, window)));
        app.expect_admitted("ann", units as usize).await;
        let wait = app.send_as("ann").await.retry_after().unwrap();
        assert_eq!(wait, window, "{units} in {window}");
        app.clock.advance(seconds(wait));
        assert_eq!(app.send_as("ann").await.status(), 200, "{units} in {window}");
    }
}
