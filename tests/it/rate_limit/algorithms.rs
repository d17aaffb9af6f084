//! Which algorithm admits how much, and which one counts where none was asked for.

use std::time::Duration;

use portcullis::rate_limit::{Algorithm, Limit, ResetFormat};
use portcullis::{Quota, RateLimit, Tiers};

use super::{App, limited, per, seconds, who};

/// The most units admitted in any rolling window to a caller who was idle and then asks all the time.
async fn worst(quota: Quota, idle: Duration) -> usize {
    let app = App::of(limited(quota));
    app.hands.advance(idle);
    let (mut times, mut now) = (Vec::new(), Duration::ZERO);
    while now < quota.window() * 3 {
        while app.ask("ann").await.status() == 200 {
            times.push(now);
        }
        let tick = Duration::from_millis(500);
        app.hands.advance(tick);
        now += tick;
    }
    let within = |from: &Duration| times.iter().filter(|time| (*from..*from + quota.window()).contains(*time)).count();
    times.iter().map(within).max().unwrap()
}

#[tokio::test]
async fn the_worst_rolling_window_of_a_greedy_caller_is_that_of_the_algorithm() {
    for (algorithm, expected) in [
        (Algorithm::SlidingLog, 100),
        (Algorithm::FixedWindow, 200),
        (Algorithm::SlidingWindow, 100),
        (Algorithm::TokenBucket, 199),
    ] {
        let mut most = 0;
        for idle in [0, 2_500, 59_500] {
            most = most.max(worst(per(100, 60).algorithm(algorithm), Duration::from_millis(idle)).await);
        }
        assert_eq!(most, expected, "{algorithm:?}");
    }
}

/// When all is back after one request at the start of a calendar window: by this, a log is told from sub-windows.
async fn reset_of(limit: Limit) -> u64 {
    let app = App::of(RateLimit::builder().limit(limit.key(who())).reset_format(ResetFormat::Delta));
    app.ask("ann").await.number("x-ratelimit-reset").unwrap()
}

#[tokio::test]
async fn a_log_counts_up_to_128_and_sub_windows_count_above_and_by_tier() {
    let tier = |name| Tiers::ascending(["basic", "professional"]).unwrap().get(name).unwrap();
    let tiers = [(tier("basic"), per(5, 60)), (tier("professional"), per(6, 60))];
    let (log, sub_windows) = (60, 65);
    for (limit, expected) in [
        (Limit::new("a", per(1, 60)), log),
        (Limit::new("b", per(128, 60)), log),
        (Limit::new("c", per(129, 60)), sub_windows),
        (Limit::new("d", per(5, 60).algorithm(Algorithm::SlidingWindow)), sub_windows),
        (Limit::by_tier("e", tiers), sub_windows),
    ] {
        let name = format!("{limit:?}");
        assert_eq!(reset_of(limit).await, expected, "{name}");
    }
}

#[tokio::test]
async fn windows_of_the_calendar_end_together_and_others_when_they_were_filled() {
    for (algorithm, wait) in [(Algorithm::FixedWindow, 10), (Algorithm::SlidingLog, 60)] {
        let app = App::of(limited(per(5, 60).algorithm(algorithm)));
        app.advance(50);
        app.use_up("ann", 5).await;
        assert_eq!(app.ask("ann").await.retry_after(), Some(wait), "{algorithm:?}");
    }
}

#[tokio::test]
async fn each_of_the_usual_limits_admits_its_units_and_again_after_its_window() {
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
        let app = App::of(limited(per(units, window)));
        app.use_up("ann", units as usize).await;
        let wait = app.ask("ann").await.retry_after().unwrap();
        assert!((window..=window + window / 12).contains(&wait), "{units} in {window}: {wait}");
        app.hands.advance(seconds(wait));
        assert_eq!(app.ask("ann").await.status(), 200, "{units} in {window}");
    }
}
