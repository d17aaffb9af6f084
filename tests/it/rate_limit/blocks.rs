//! Blocks: when they start, the responses during them, how they escalate and when they are forgotten.

use portcullis::rate_limit::{Algorithm, Limit, Subject};

use super::{TestApp, builder_with, per_seconds, seconds};

const ABNORMAL: &str = "https://iana.org/assignments/http-problem-types#abnormal-usage-detected";

/// Sends a request that is rejected. Returns the problem type and `Retry-After`.
async fn send_rejected(app: &TestApp) -> (String, Option<u64>) {
    let response = app.send_as("ann").await;
    assert_eq!(response.status(), 429);
    (response.problem_details()["type"].as_str().unwrap().to_owned(), response.retry_after())
}

#[tokio::test]
async fn the_first_rejection_starts_the_block_and_has_its_reason_as_later_ones_do() {
    let app = TestApp::new(builder_with(Limit::new("token", per_seconds(5, 900)).block_for(seconds(3600))));
    app.expect_admitted("ann", 5).await;
    assert_eq!(send_rejected(&app).await, (ABNORMAL.to_owned(), Some(3600)));
    assert_eq!(send_rejected(&app).await, (ABNORMAL.to_owned(), Some(3600)));
    app.advance_seconds(1000);
    assert_eq!(send_rejected(&app).await, (ABNORMAL.to_owned(), Some(2600)));
    app.advance_seconds(2600);
    app.expect_admitted("ann", 5).await;
}

#[tokio::test]
async fn using_the_whole_quota_starts_no_block() {
    let app = TestApp::new(builder_with(Limit::new("general", per_seconds(10, 60)).block_for(seconds(300))));
    app.expect_admitted("ann", 10).await;
    app.advance_seconds(60);
    app.expect_admitted("ann", 10).await;
}

#[tokio::test]
async fn a_block_outlasts_the_window() {
    let app = TestApp::new(builder_with(Limit::new("general", per_seconds(10, 60)).block_for(seconds(300))));
    app.expect_admitted("ann", 10).await;
    send_rejected(&app).await;
    app.advance_seconds(299);
    assert_eq!(send_rejected(&app).await, (ABNORMAL.to_owned(), Some(1)));
    app.advance_seconds(1);
    app.expect_admitted("ann", 10).await;
}

#[tokio::test]
async fn requests_during_a_block_do_not_extend_it() {
    let limit = Limit::new("general", per_seconds(1, 60)).block_for(seconds(300)).escalate_to(seconds(3600));
    let app = TestApp::new(builder_with(limit));
    app.expect_admitted("ann", 1).await;
    for step in 0..30 {
        assert_eq!(send_rejected(&app).await.1, Some(300 - 10 * step));
        app.advance_seconds(10);
    }
    app.expect_admitted("ann", 1).await;
}

#[tokio::test]
async fn retry_after_is_sufficient_if_the_block_is_shorter_than_the_window() {
    for algorithm in super::ALGORITHMS {
        let limit = Limit::new("reset", per_seconds(3, 1800).algorithm(algorithm)).block_for(seconds(60));
        let app = TestApp::new(builder_with(limit));
        app.expect_admitted("ann", 3).await;
        send_rejected(&app).await;
        app.advance_seconds(1);
        let wait = send_rejected(&app).await.1.unwrap();
        app.advance_seconds(wait);
        assert_eq!(app.send_as("ann").await.status(), 200, "{algorithm:?}: {wait}");
    }
}

#[tokio::test]
async fn retry_after_is_sufficient_if_another_limit_outlasts_the_block() {
    let short = Limit::new("short", per_seconds(2, 10)).block_for(seconds(30));
    let app = TestApp::new(builder_with(short).add_limit(Limit::new("long", per_seconds(2, 600))));
    app.expect_admitted("ann", 2).await;
    send_rejected(&app).await;
    app.advance_seconds(1);
    let wait = send_rejected(&app).await.1.unwrap();
    app.advance_seconds(wait);
    assert_eq!(app.send_as("ann").await.status(), 200, "{wait}");
}

/// Starts this many blocks, each one this pause after the end of the previous one, and returns their lengths.
async fn block_lengths(app: &TestApp, blocks: usize, pause: u64) -> Vec<u64> {
    let mut lengths = Vec::new();
    for _ in 0..blocks {
        app.expect_admitted("ann", 1).await;
        let wait = send_rejected(app).await.1.unwrap();
        lengths.push(wait);
        app.advance_seconds(wait + pause);
    }
    lengths
}

#[tokio::test]
async fn blocks_have_one_length_unless_they_escalate() {
    let limit = || Limit::new("a", per_seconds(1, 10)).block_for(seconds(60));
    assert_eq!(block_lengths(&TestApp::new(builder_with(limit())), 4, 0).await, [60, 60, 60, 60]);
    let escalating = TestApp::new(builder_with(limit().escalate_to(seconds(300))));
    assert_eq!(block_lengths(&escalating, 5, 0).await, [60, 120, 240, 300, 300]);
}

#[tokio::test]
async fn block_for_and_escalate_to_may_be_set_in_either_order() {
    let limit = Limit::new("a", per_seconds(1, 10)).escalate_to(seconds(100)).block_for(seconds(60));
    assert_eq!(block_lengths(&TestApp::new(builder_with(limit)), 3, 0).await, [60, 100, 100]);
}

#[tokio::test]
async fn earlier_blocks_are_forgotten_after_the_longest_block_without_a_new_one() {
    let limit = || Limit::new("a", per_seconds(1, 10)).block_for(seconds(60)).escalate_to(seconds(300));
    assert_eq!(block_lengths(&TestApp::new(builder_with(limit())), 3, 299).await, [60, 120, 240]);
    assert_eq!(block_lengths(&TestApp::new(builder_with(limit())), 3, 300).await, [60, 60, 60]);
}

#[tokio::test]
async fn a_block_rejects_the_request_and_no_limit_is_charged() {
    let block = Limit::new("narrow", per_seconds(1, 10)).block_for(seconds(300));
    let app = TestApp::new(builder_with(block).add_limit(Limit::new("wide", per_seconds(100, 3600))));
    app.expect_admitted("ann", 1).await;
    for _ in 0..10 {
        send_rejected(&app).await;
    }
    let response = app.send_as("ann").await;
    assert_eq!(response.problem_details()["violated-policies"], serde_json::json!(["narrow"]));
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    let wide = usages.iter().find(|usage| usage.name() == "wide").unwrap();
    assert_eq!((wide.used(), wide.blocked_for()), (1, None));
}

#[tokio::test]
async fn a_block_affects_only_its_subject() {
    let app = TestApp::new(builder_with(Limit::new("a", per_seconds(1, 10)).block_for(seconds(300))));
    app.expect_admitted("ann", 1).await;
    send_rejected(&app).await;
    app.expect_admitted("bob", 1).await;
}

#[tokio::test]
async fn a_block_rejects_only_where_its_limit_applies() {
    let limit = Limit::new("a", per_seconds(1, 10)).on_routes(["/"]).block_for(seconds(300));
    let app = TestApp::new(builder_with(limit));
    app.expect_admitted("ann", 1).await;
    send_rejected(&app).await;
    assert_eq!(app.get("/reports/1", &[("x-user", "ann")]).await.status(), 200);
    assert_eq!(app.send_as("ann").await.status(), 429);
}

#[tokio::test]
async fn during_a_block_nothing_remains_until_its_end() {
    let limit = Limit::new("a", per_seconds(5, 10).algorithm(Algorithm::SlidingWindow)).block_for(seconds(300));
    let app =
        TestApp::new(builder_with(limit).reset_format(portcullis::rate_limit::ResetFormat::Delta).ietf_draft_headers());
    app.expect_admitted("ann", 5).await;
    send_rejected(&app).await;
    app.advance_seconds(100);
    let response = app.send_as("ann").await;
    assert_eq!((response.remaining(), response.numeric_header("x-ratelimit-reset")), (Some(0), Some(200)));
    assert_eq!(response.header("ratelimit"), Some("\"a\";r=0;t=200"));
}

#[tokio::test]
async fn during_a_block_the_remaining_units_of_other_limits_are_reported() {
    let block = Limit::new("narrow", per_seconds(1, 10)).block_for(seconds(300));
    let app =
        TestApp::new(builder_with(block).add_limit(Limit::new("wide", per_seconds(100, 3600))).ietf_draft_headers());
    app.expect_admitted("ann", 1).await;
    send_rejected(&app).await;
    let response = app.send_as("ann").await;
    let headers: Vec<_> = response.0.headers.get_all("ratelimit").iter().collect();
    assert!(headers.iter().any(|value| *value == "\"wide\";r=99;t=3600"), "{headers:?}");
}

#[tokio::test]
async fn a_limit_of_failures_may_block() {
    let login = Limit::new("login", per_seconds(2, 900)).only_failures().block_for(seconds(3600));
    let app = TestApp::new(builder_with(login));
    for (status, expected) in [("200", 200), ("401", 401), ("200", 200), ("401", 401), ("200", 429), ("200", 429)] {
        let response = app.get("/", &[("x-user", "ann"), ("x-status", status)]).await;
        assert_eq!(response.status(), expected);
    }
    assert_eq!(send_rejected(&app).await, (ABNORMAL.to_owned(), Some(3600)));
    assert_eq!(app.handler_calls(), 4);
}

/// Ten failures an hour, then blocks that grow from 30 seconds to an hour.
fn growing_waits(algorithm: Algorithm) -> Limit {
    let limit = Limit::new("account", per_seconds(10, 3600).algorithm(algorithm)).only_failures();
    limit.block_for(seconds(30)).escalate_to(seconds(3600))
}

#[tokio::test]
async fn waits_that_grow_admit_one_request_after_each_block() {
    for algorithm in [Algorithm::SlidingLog, Algorithm::SlidingWindow] {
        let app = TestApp::new(builder_with(growing_waits(algorithm)));
        let attempt = async |status| app.get("/", &[("x-user", "ann"), ("x-status", status)]).await;
        for _ in 0..10 {
            assert_eq!(attempt("401").await.status(), 401);
        }
        for wait in [30, 60, 120, 240, 480, 960] {
            assert_eq!(attempt("401").await.retry_after(), Some(wait), "{algorithm:?}");
            app.advance_seconds(wait - 1);
            assert_eq!(attempt("401").await.retry_after(), Some(1), "{algorithm:?}");
            app.advance_seconds(1);
            assert_eq!(attempt("401").await.status(), 401, "{algorithm:?}: {wait}");
        }
        let blocked = attempt("200").await;
        assert_eq!((blocked.status(), blocked.retry_after()), (429, Some(1920)));
        app.advance_seconds(1920);
        for _ in 0..3 {
            assert_eq!(attempt("200").await.status(), 200, "a success uses nothing up");
        }
    }
}

#[tokio::test]
async fn of_many_requests_at_the_end_of_a_block_one_is_admitted() {
    let app = TestApp::new(builder_with(growing_waits(Algorithm::SlidingLog)));
    app.expect_failed("ann", 10).await;
    send_rejected(&app).await;
    app.advance_seconds(30);
    app.expect_failed("ann", 1).await;
    for _ in 0..20 {
        assert_eq!(send_rejected(&app).await.1, Some(60));
    }
}

#[tokio::test]
async fn the_longest_wait_is_an_hour_and_waits_are_forgotten_an_hour_after_it() {
    let app = TestApp::new(builder_with(growing_waits(Algorithm::SlidingLog)));
    for expected in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        while app.get("/", &[("x-user", "ann"), ("x-status", "401")]).await.status() == 401 {}
        assert_eq!(send_rejected(&app).await.1, Some(expected));
        app.advance_seconds(expected);
    }
    app.advance_seconds(3600);
    app.expect_failed("ann", 10).await;
    assert_eq!(send_rejected(&app).await.1, Some(30));
}

#[tokio::test]
async fn a_request_that_comes_later_than_the_end_of_a_block_gets_no_additional_unit() {
    let app = TestApp::new(builder_with(growing_waits(Algorithm::SlidingLog)));
    app.expect_failed("ann", 10).await;
    send_rejected(&app).await;
    // All units have left the window, so the owed request needs none of them.
    app.advance_seconds(3600);
    app.expect_failed("ann", 10).await;
    assert_eq!(send_rejected(&app).await.1, Some(60));
}

#[tokio::test]
async fn blocks_that_are_shorter_than_the_window_and_do_not_grow_admit_nothing_at_their_end() {
    for limit in [
        Limit::new("a", per_seconds(2, 3600)).block_for(seconds(30)),
        Limit::new("a", per_seconds(2, 3600)).block_for(seconds(30)).escalate_to(seconds(30)),
        Limit::new("a", per_seconds(2, 3600)).block_for(seconds(30)).escalate_to(seconds(3599)),
    ] {
        let app = TestApp::new(builder_with(limit));
        app.expect_admitted("ann", 2).await;
        assert_eq!(send_rejected(&app).await.1, Some(3600));
        app.advance_seconds(30);
        assert_eq!(send_rejected(&app).await.1, Some(3570));
    }
}
