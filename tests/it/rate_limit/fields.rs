//! The fields that tell what is left, on successes as on refusals.

use std::time::Duration;

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, Limit, RateLimitBuilder, ResetFormat};

use super::{App, START, Told, limited, per, who};

fn x(told: &Told) -> [Option<u64>; 3] {
    ["limit", "remaining", "reset"].map(|name| told.number(&format!("x-ratelimit-{name}")))
}

fn all(told: &Told, name: &str) -> Vec<String> {
    told.0.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn with(limits: impl IntoIterator<Item = Limit>) -> RateLimitBuilder {
    limits.into_iter().fold(RateLimit::builder().key(who()), RateLimitBuilder::add_limit)
}

#[tokio::test]
async fn successes_and_refusals_tell_the_limit_what_is_left_and_when_all_is_back() {
    let app = App::of(limited(per(3, 60)));
    let reset = START.as_secs() + 60;
    for remaining in [2, 1, 0] {
        assert_eq!(x(&app.ask("ann").await), [Some(3), Some(remaining), Some(reset)]);
    }
    let refused = app.ask("ann").await;
    assert_eq!((refused.status(), x(&refused)), (429, [Some(3), Some(0), Some(reset)]));
    assert_eq!(refused.retry_after(), Some(60));
    assert!(all(&refused, "ratelimit").is_empty() && all(&refused, "ratelimit-policy").is_empty());
}

#[tokio::test]
async fn an_answer_of_any_status_tells_them() {
    let app = App::of(limited(per(9, 60)));
    for (status, remaining) in [("200", 8), ("304", 7), ("404", 6), ("500", 5)] {
        let told = app.get("/", &[("x-who", "ann"), ("x-status", status)]).await;
        assert_eq!(told.remaining(), Some(remaining), "{status}");
    }
    assert_eq!(app.get("/nowhere", &[("x-who", "ann")]).await.remaining(), Some(4));
}

#[tokio::test]
async fn only_a_refusal_says_when_to_come_again() {
    let app = App::of(limited(per(1, 60)));
    assert_eq!(app.ask("ann").await.retry_after(), None);
    assert_eq!(app.ask("ann").await.retry_after(), Some(60));
}

#[tokio::test]
async fn the_reset_is_the_time_or_the_seconds_until_then_and_never_too_early() {
    for (gone, delta, epoch) in [(0, 60, 60), (1, 60, 61), (999_999, 60, 61), (1_000_000, 59, 60), (59_999_999, 1, 61)]
    {
        for (reset, expected) in [(ResetFormat::Delta, delta), (ResetFormat::Epoch, START.as_secs() + epoch)] {
            let app = App::of(limited(per(1, 60)).reset_format(reset));
            app.use_up("ann", 1).await;
            app.hands.advance(Duration::from_micros(gone));
            assert_eq!(app.ask("ann").await.number("x-ratelimit-reset"), Some(expected), "{reset:?} after {gone}");
        }
    }
}

#[tokio::test]
async fn the_reset_of_several_limits_is_that_of_the_one_with_least_left() {
    let app = App::of(
        with([Limit::new("wide", per(10, 3600)), Limit::new("narrow", per(2, 60))]).reset_format(ResetFormat::Delta),
    );
    assert_eq!(x(&app.ask("ann").await), [Some(2), Some(1), Some(60)]);
    app.advance(60);
    app.use_up("ann", 1).await;
    app.advance(60);
    for _ in 0..3 {
        app.use_up("ann", 2).await;
        app.advance(60);
    }
    assert_eq!(x(&app.ask("ann").await), [Some(10), Some(1), Some(3600)], "now the wide one has least");
}

#[tokio::test]
async fn of_two_limits_with_as_much_left_the_one_that_takes_longer_is_told() {
    let [short, long] = [Limit::new("short", per(3, 60)), Limit::new("long", per(3, 600))];
    for limits in [[short.clone(), long.clone()], [long, short]] {
        let app = App::of(with(limits).reset_format(ResetFormat::Delta));
        assert_eq!(x(&app.ask("ann").await), [Some(3), Some(2), Some(600)]);
    }
}

#[tokio::test]
async fn the_standard_fields_tell_every_limit_where_they_are_switched_on() {
    let limits = [Limit::new("default", per(100, 60)), Limit::new("day", per(1_000, 86_400))];
    let app = App::of(with(limits).ietf_draft_headers());
    let told = app.ask("ann").await;
    let mut policies = all(&told, "ratelimit-policy");
    policies.sort();
    assert_eq!(policies, ["\"day\";q=1000;w=86400", "\"default\";q=100;w=60"]);
    let mut limits = all(&told, "ratelimit");
    limits.sort();
    assert_eq!(limits, ["\"day\";r=999;t=93600", "\"default\";r=99;t=60"]);
    assert_eq!(told.remaining(), Some(99), "beside the others");
}

#[tokio::test]
async fn the_standard_fields_are_on_refusals_too() {
    let app = App::of(limited(per(1, 60)).ietf_draft_headers());
    app.use_up("ann", 1).await;
    app.advance(10);
    let refused = app.ask("ann").await;
    assert_eq!(all(&refused, "ratelimit"), ["\"default\";r=0;t=50"]);
    assert_eq!(all(&refused, "ratelimit-policy"), ["\"default\";q=1;w=60"]);
}

#[tokio::test]
async fn names_are_escaped_and_a_window_below_a_second_is_left_out() {
    let odd = Limit::new("a \"b\" \\c;d", portcullis::Quota::per(5, Duration::from_millis(500)).unwrap());
    let app = App::of(with([odd]).ietf_draft_headers());
    let told = app.ask("ann").await;
    assert_eq!(all(&told, "ratelimit-policy"), [r#""a \"b\" \\c;d";q=5"#]);
    assert_eq!(all(&told, "ratelimit"), [r#""a \"b\" \\c;d";r=4;t=1"#]);
}

#[tokio::test]
async fn a_tiers_quota_is_the_policy_that_is_told() {
    let tiers = portcullis::Tiers::ascending(["basic", "professional"]).unwrap();
    let tier = |name| tiers.get(name).unwrap();
    let quotas = [(tier("basic"), per(100, 3600)), (tier("professional"), per(500, 3600))];
    let limit = Limit::by_tier("plan", quotas).key(portcullis::rate_limit::Key::user());
    let user = portcullis::UserContext::new("ann").with_tier(tier("professional"));
    let as_user = portcullis::testing::as_user(user);
    let app = App::within(RateLimit::builder().limit(limit).ietf_draft_headers(), |router| router.layer(as_user));
    let told = app.ask("ann").await;
    assert_eq!(all(&told, "ratelimit-policy"), ["\"plan\";q=500;w=3600"]);
    assert_eq!(told.number("x-ratelimit-limit"), Some(500));
}

#[tokio::test]
async fn the_largest_numbers_are_told_in_full() {
    let quota = per(u32::MAX, 366 * 86_400).algorithm(Algorithm::FixedWindow);
    let app = App::of(limited(quota).ietf_draft_headers());
    let told = app.ask("ann").await;
    assert_eq!(told.number("x-ratelimit-remaining"), Some(u64::from(u32::MAX) - 1));
    assert_eq!(all(&told, "ratelimit-policy"), ["\"default\";q=4294967295;w=31622400"]);
}

#[tokio::test]
async fn without_x_fields_there_are_none_and_retry_after_stays() {
    for has_standard in [false, true] {
        let builder = limited(per(1, 60)).without_legacy_headers();
        let app = App::of(if has_standard { builder.ietf_draft_headers() } else { builder });
        for retry_after in [None, Some(60)] {
            let told = app.ask("ann").await;
            assert_eq!((x(&told), told.retry_after()), ([None; 3], retry_after));
            assert_eq!(all(&told, "ratelimit").len(), usize::from(has_standard));
        }
    }
}

#[tokio::test]
async fn what_no_limit_counted_tells_nothing() {
    let app = App::of(with([Limit::new("a", per(1, 60)).on_routes(["/"])]).exempt(["/health"]).ietf_draft_headers());
    for path in ["/health", "/reports/1"] {
        let told = app.get(path, &[("x-who", "ann")]).await;
        assert!(told.0.headers.keys().all(|name| !name.as_str().contains("ratelimit")), "{path}");
    }
}
