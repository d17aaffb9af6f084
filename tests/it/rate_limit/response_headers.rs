//! The rate-limit headers of admissions and rejections.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, Limit, RateLimitBuilder, ResetFormat};

use super::{LimitedResponse, START, TestApp, by_user_header, limit_by_header, per_seconds};

/// `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
fn legacy_headers(response: &LimitedResponse) -> [Option<u64>; 3] {
    ["limit", "remaining", "reset"].map(|name| response.numeric_header(&format!("x-ratelimit-{name}")))
}

fn header_values(response: &LimitedResponse, name: &str) -> Vec<String> {
    response.0.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn builder_with(limits: impl IntoIterator<Item = Limit>) -> RateLimitBuilder {
    limits.into_iter().fold(RateLimit::builder().key(by_user_header()), RateLimitBuilder::add_limit)
}

#[tokio::test]
async fn admissions_and_rejections_carry_limit_remaining_and_reset() {
    let app = TestApp::new(limit_by_header(per_seconds(3, 60)));
    let reset = START.as_secs() + 60;
    for remaining in [2, 1, 0] {
        assert_eq!(legacy_headers(&app.send_as("ann").await), [Some(3), Some(remaining), Some(reset)]);
    }
    let rejected = app.send_as("ann").await;
    assert_eq!((rejected.status(), legacy_headers(&rejected)), (429, [Some(3), Some(0), Some(reset)]));
    assert_eq!(rejected.retry_after(), Some(60));
    assert!(
        header_values(&rejected, "ratelimit").is_empty() && header_values(&rejected, "ratelimit-policy").is_empty()
    );
}

#[tokio::test]
async fn responses_of_any_status_carry_the_headers() {
    let app = TestApp::new(limit_by_header(per_seconds(9, 60)));
    for (status, remaining) in [("200", 8), ("304", 7), ("404", 6), ("500", 5)] {
        let response = app.get("/", &[("x-user", "ann"), ("x-status", status)]).await;
        assert_eq!(response.remaining(), Some(remaining), "{status}");
    }
    assert_eq!(app.get("/nowhere", &[("x-user", "ann")]).await.remaining(), Some(4));
}

#[tokio::test]
async fn only_a_rejection_has_retry_after() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)));
    assert_eq!(app.send_as("ann").await.retry_after(), None);
    assert_eq!(app.send_as("ann").await.retry_after(), Some(60));
}

#[tokio::test]
async fn the_reset_is_a_timestamp_or_seconds_and_is_rounded_up() {
    for (elapsed, delta, epoch) in
        [(0, 60, 60), (1, 60, 61), (999_999, 60, 61), (1_000_000, 59, 60), (59_999_999, 1, 61)]
    {
        for (reset, expected) in [(ResetFormat::Delta, delta), (ResetFormat::Epoch, START.as_secs() + epoch)] {
            let app = TestApp::new(limit_by_header(per_seconds(1, 60)).reset_format(reset));
            app.expect_admitted("ann", 1).await;
            app.clock.advance(Duration::from_micros(elapsed));
            assert_eq!(
                app.send_as("ann").await.numeric_header("x-ratelimit-reset"),
                Some(expected),
                "{reset:?} after {elapsed}"
            );
        }
    }
}

#[tokio::test]
async fn the_legacy_headers_are_those_of_the_limit_with_the_fewest_remaining_units() {
    let app = TestApp::new(
        builder_with([Limit::new("wide", per_seconds(10, 3600)), Limit::new("narrow", per_seconds(2, 60))])
            .reset_format(ResetFormat::Delta),
    );
    assert_eq!(legacy_headers(&app.send_as("ann").await), [Some(2), Some(1), Some(60)]);
    app.advance_seconds(60);
    app.expect_admitted("ann", 1).await;
    app.advance_seconds(60);
    for _ in 0..3 {
        app.expect_admitted("ann", 2).await;
        app.advance_seconds(60);
    }
    assert_eq!(
        legacy_headers(&app.send_as("ann").await),
        [Some(10), Some(1), Some(3600)],
        "now the wide limit has the fewest"
    );
}

#[tokio::test]
async fn the_epoch_reset_follows_a_wall_clock_that_was_set_and_the_limit_does_not() {
    for step in [-86_400_i64, -90, 90, 86_400] {
        let app = TestApp::new(limit_by_header(per_seconds(1, 60)).ietf_draft_headers());
        app.expect_admitted("ann", 1).await;
        app.advance_seconds(10);
        let wall = (START.as_secs() + 10).checked_add_signed(step).unwrap();
        app.clock.set_wall(UNIX_EPOCH + Duration::from_secs(wall));
        let rejected = app.send_as("ann").await;
        assert_eq!((rejected.status(), rejected.retry_after()), (429, Some(50)), "{step}");
        assert_eq!(rejected.numeric_header("x-ratelimit-reset"), Some(wall + 50), "{step}");
        app.advance_seconds(50);
        let admitted = app.send_as("ann").await;
        assert_eq!(
            (admitted.status(), admitted.numeric_header("x-ratelimit-reset")),
            (200, Some(wall + 110)),
            "{step}"
        );
    }
}

#[tokio::test]
async fn the_delta_reset_does_not_follow_a_wall_clock_that_was_set() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)).reset_format(ResetFormat::Delta));
    app.clock.set_wall(UNIX_EPOCH);
    assert_eq!(app.send_as("ann").await.numeric_header("x-ratelimit-reset"), Some(60));
}

#[tokio::test]
async fn of_two_limits_with_equal_remaining_units_the_later_reset_is_sent() {
    let [short, long] = [Limit::new("short", per_seconds(3, 60)), Limit::new("long", per_seconds(3, 600))];
    for limits in [[short.clone(), long.clone()], [long, short]] {
        let app = TestApp::new(builder_with(limits).reset_format(ResetFormat::Delta));
        assert_eq!(legacy_headers(&app.send_as("ann").await), [Some(3), Some(2), Some(600)]);
    }
}

#[tokio::test]
async fn the_draft_headers_list_every_limit_if_enabled() {
    let limits = [Limit::new("default", per_seconds(100, 60)), Limit::new("day", per_seconds(1_000, 86_400))];
    let app = TestApp::new(builder_with(limits).ietf_draft_headers());
    let response = app.send_as("ann").await;
    let mut policies = header_values(&response, "ratelimit-policy");
    policies.sort();
    assert_eq!(policies, ["\"day\";q=1000;w=86400", "\"default\";q=100;w=60"]);
    let mut limits = header_values(&response, "ratelimit");
    limits.sort();
    assert_eq!(limits, ["\"day\";r=999;t=86400", "\"default\";r=99;t=60"]);
    assert_eq!(response.remaining(), Some(99), "in addition to the legacy headers");
}

#[tokio::test]
async fn the_draft_headers_are_on_rejections_too() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)).ietf_draft_headers());
    app.expect_admitted("ann", 1).await;
    app.advance_seconds(10);
    let rejected = app.send_as("ann").await;
    assert_eq!(header_values(&rejected, "ratelimit"), ["\"default\";r=0;t=50"]);
    assert_eq!(header_values(&rejected, "ratelimit-policy"), ["\"default\";q=1;w=60"]);
}

#[tokio::test]
async fn names_are_escaped_and_a_window_below_a_second_is_omitted() {
    let limit = Limit::new("a \"b\" \\c;d", portcullis::Quota::per(5, Duration::from_millis(500)).unwrap());
    let app = TestApp::new(builder_with([limit]).ietf_draft_headers());
    let response = app.send_as("ann").await;
    assert_eq!(header_values(&response, "ratelimit-policy"), [r#""a \"b\" \\c;d";q=5"#]);
    assert_eq!(header_values(&response, "ratelimit"), [r#""a \"b\" \\c;d";r=4;t=1"#]);
}

#[tokio::test]
async fn the_quota_of_the_users_tier_is_sent_as_the_policy() {
    let tiers = portcullis::Tiers::ascending(["basic", "professional"]).unwrap();
    let tier = |name| tiers.get(name).unwrap();
    let quotas = [(tier("basic"), per_seconds(100, 3600)), (tier("professional"), per_seconds(500, 3600))];
    let limit = Limit::by_tier("plan", quotas).key(portcullis::rate_limit::Key::user());
    let user = portcullis::UserContext::new("ann").with_tier(tier("professional"));
    let as_user = portcullis::testing::as_user(user);
    let app = TestApp::with_outer_layers(RateLimit::builder().limit(limit).ietf_draft_headers(), |router| {
        router.layer(as_user)
    });
    let response = app.send_as("ann").await;
    assert_eq!(header_values(&response, "ratelimit-policy"), ["\"plan\";q=500;w=3600"]);
    assert_eq!(response.numeric_header("x-ratelimit-limit"), Some(500));
}

#[tokio::test]
async fn the_largest_numbers_are_sent_unchanged() {
    let quota = per_seconds(u32::MAX, 366 * 86_400).algorithm(Algorithm::FixedWindow);
    let app = TestApp::new(limit_by_header(quota).ietf_draft_headers());
    let response = app.send_as("ann").await;
    assert_eq!(response.numeric_header("x-ratelimit-remaining"), Some(u64::from(u32::MAX) - 1));
    assert_eq!(header_values(&response, "ratelimit-policy"), ["\"default\";q=4294967295;w=31622400"]);
}

#[tokio::test]
async fn without_legacy_headers_only_retry_after_and_the_draft_headers_are_sent() {
    for has_draft_headers in [false, true] {
        let builder = limit_by_header(per_seconds(1, 60)).without_legacy_headers();
        let app = TestApp::new(if has_draft_headers { builder.ietf_draft_headers() } else { builder });
        for retry_after in [None, Some(60)] {
            let response = app.send_as("ann").await;
            assert_eq!((legacy_headers(&response), response.retry_after()), ([None; 3], retry_after));
            assert_eq!(header_values(&response, "ratelimit").len(), usize::from(has_draft_headers));
        }
    }
}

#[tokio::test]
async fn a_request_that_no_limit_counted_gets_no_headers() {
    let app = TestApp::new(
        builder_with([Limit::new("a", per_seconds(1, 60)).on_routes(["/"])]).exempt(["/health"]).ietf_draft_headers(),
    );
    for path in ["/health", "/reports/1"] {
        let response = app.get(path, &[("x-user", "ann")]).await;
        assert!(response.0.headers.keys().all(|name| !name.as_str().contains("ratelimit")), "{path}");
    }
}
