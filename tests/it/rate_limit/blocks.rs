//! Blocks: when they begin, what they say, how they grow, and when they are forgotten.

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, Limit, RateLimitBuilder, Subject};

use super::{App, per, seconds, who};

fn of(limit: Limit) -> RateLimitBuilder {
    RateLimit::builder().limit(limit).key(who())
}

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const ABNORMAL: &str = "https://iana.org/assignments/http-problem-types#abnormal-usage-detected";

/// The status, the type of the problem, and when to come again.
async fn refused(app: &App) -> (String, Option<u64>) {
    let told = app.ask("ann").await;
    assert_eq!(told.status(), 429);
    (told.problem()["type"].as_str().unwrap().to_owned(), told.retry_after())
}

fn said(kind: &str, wait: u64) -> (String, Option<u64>) {
    (kind.to_owned(), Some(wait))
}

#[tokio::test]
async fn a_block_is_written_with_the_denial_that_causes_it_and_has_its_own_reason() {
    let app = App::of(of(Limit::new("token", per(5, 900)).block_for(seconds(3600))));
    app.use_up("ann", 5).await;
    assert_eq!(refused(&app).await, said(QUOTA, 3600));
    assert_eq!(refused(&app).await, said(ABNORMAL, 3600));
    app.advance(1000);
    assert_eq!(refused(&app).await, said(ABNORMAL, 2600));
    app.advance(2600);
    app.use_up("ann", 5).await;
}

#[tokio::test]
async fn who_only_used_the_limit_up_is_not_blocked() {
    let app = App::of(of(Limit::new("general", per(10, 60)).block_for(seconds(300))));
    app.use_up("ann", 10).await;
    app.advance(60);
    app.use_up("ann", 10).await;
}

#[tokio::test]
async fn a_block_holds_when_the_units_are_back() {
    let app = App::of(of(Limit::new("general", per(10, 60)).block_for(seconds(300))));
    app.use_up("ann", 10).await;
    refused(&app).await;
    app.advance(299);
    assert_eq!(refused(&app).await, said(ABNORMAL, 1));
    app.advance(1);
    app.use_up("ann", 10).await;
}

#[tokio::test]
async fn asking_during_a_block_does_not_lengthen_it() {
    let app = App::of(of(Limit::new("general", per(1, 60)).block_for(seconds(300)).escalate_to(seconds(3600))));
    app.use_up("ann", 1).await;
    for gone in 0..30 {
        assert_eq!(refused(&app).await.1, Some(300 - 10 * gone));
        app.advance(10);
    }
    app.use_up("ann", 1).await;
}

#[tokio::test]
async fn waiting_retry_after_succeeds_where_the_block_is_shorter_than_the_window() {
    for algorithm in super::ALGORITHMS {
        let limit = Limit::new("reset", per(3, 1800).algorithm(algorithm)).block_for(seconds(60));
        let app = App::of(of(limit));
        app.use_up("ann", 3).await;
        refused(&app).await;
        app.advance(1);
        let wait = refused(&app).await.1.unwrap();
        app.advance(wait);
        assert_eq!(app.ask("ann").await.status(), 200, "{algorithm:?}: {wait}");
    }
}

#[tokio::test]
async fn waiting_retry_after_succeeds_where_another_limit_lasts_longer_than_the_block() {
    let short = Limit::new("short", per(2, 10)).block_for(seconds(30));
    let app = App::of(of(short).add_limit(Limit::new("long", per(2, 600))));
    app.use_up("ann", 2).await;
    refused(&app).await;
    app.advance(1);
    let wait = refused(&app).await.1.unwrap();
    app.advance(wait);
    assert_eq!(app.ask("ann").await.status(), 200, "{wait}");
}

/// The length of each of so many blocks, one straight after the other.
async fn lengths(app: &App, blocks: usize, pause: u64) -> Vec<u64> {
    let mut lengths = Vec::new();
    for _ in 0..blocks {
        app.use_up("ann", 1).await;
        let wait = refused(app).await.1.unwrap();
        lengths.push(wait);
        app.advance(wait + pause);
    }
    lengths
}

#[tokio::test]
async fn blocks_are_each_as_long_as_the_first_unless_they_escalate() {
    let limit = || Limit::new("a", per(1, 10)).block_for(seconds(60));
    assert_eq!(lengths(&App::of(of(limit())), 4, 0).await, [60, 60, 60, 60]);
    let escalating = App::of(of(limit().escalate_to(seconds(300))));
    assert_eq!(lengths(&escalating, 5, 0).await, [60, 120, 240, 300, 300]);
}

#[tokio::test]
async fn the_two_settings_of_a_block_may_come_in_either_order() {
    let limit = Limit::new("a", per(1, 10)).escalate_to(seconds(100)).block_for(seconds(60));
    assert_eq!(lengths(&App::of(of(limit)), 3, 0).await, [60, 100, 100]);
}

#[tokio::test]
async fn blocks_are_forgotten_once_the_subject_was_free_for_as_long_as_the_longest() {
    let limit = || Limit::new("a", per(1, 10)).block_for(seconds(60)).escalate_to(seconds(300));
    assert_eq!(lengths(&App::of(of(limit())), 3, 299).await, [60, 120, 240]);
    assert_eq!(lengths(&App::of(of(limit())), 3, 300).await, [60, 60, 60]);
}

#[tokio::test]
async fn a_block_by_one_limit_refuses_the_request_and_charges_none() {
    let block = Limit::new("narrow", per(1, 10)).block_for(seconds(300));
    let app = App::of(of(block).add_limit(Limit::new("wide", per(100, 3600))));
    app.use_up("ann", 1).await;
    for _ in 0..10 {
        refused(&app).await;
    }
    let told = app.ask("ann").await;
    assert_eq!(told.problem()["violated-policies"], serde_json::json!(["narrow"]));
    let usages = app.limit.peek(&Subject::custom("ann")).await.unwrap();
    let wide = usages.iter().find(|usage| usage.name() == "wide").unwrap();
    assert_eq!((wide.used(), wide.blocked_for()), (1, None));
}

#[tokio::test]
async fn a_block_is_its_subjects_alone() {
    let app = App::of(of(Limit::new("a", per(1, 10)).block_for(seconds(300))));
    app.use_up("ann", 1).await;
    refused(&app).await;
    app.use_up("bob", 1).await;
}

#[tokio::test]
async fn a_block_refuses_where_its_limit_applies_and_nowhere_else() {
    let limit = Limit::new("a", per(1, 10)).on_routes(["/"]).block_for(seconds(300));
    let app = App::of(of(limit));
    app.use_up("ann", 1).await;
    refused(&app).await;
    assert_eq!(app.get("/reports/1", &[("x-who", "ann")]).await.status(), 200);
    assert_eq!(app.ask("ann").await.status(), 429);
}

#[tokio::test]
async fn a_blocked_caller_is_told_that_nothing_is_left_until_the_block_ends() {
    let limit = Limit::new("a", per(5, 10).algorithm(Algorithm::SlidingWindow)).block_for(seconds(300));
    let app = App::of(of(limit).reset_format(portcullis::rate_limit::ResetFormat::Delta).ietf_draft_headers());
    app.use_up("ann", 5).await;
    refused(&app).await;
    app.advance(100);
    let told = app.ask("ann").await;
    assert_eq!((told.remaining(), told.number("x-ratelimit-reset")), (Some(0), Some(200)));
    assert_eq!(told.text("ratelimit"), Some("\"a\";r=0;t=200"));
}

#[tokio::test]
async fn what_another_limit_has_left_is_told_truly_during_a_block() {
    let block = Limit::new("narrow", per(1, 10)).block_for(seconds(300));
    let app = App::of(of(block).add_limit(Limit::new("wide", per(100, 3600))).ietf_draft_headers());
    app.use_up("ann", 1).await;
    refused(&app).await;
    let told = app.ask("ann").await;
    let fields: Vec<_> = told.0.headers.get_all("ratelimit").iter().collect();
    assert!(fields.iter().any(|field| *field == "\"wide\";r=99;t=3600"), "{fields:?}");
}

#[tokio::test]
async fn failures_alone_may_block() {
    let login = Limit::new("login", per(2, 900)).only_failures().block_for(seconds(3600));
    let app = App::of(of(login));
    for (status, expected) in [("200", 200), ("401", 401), ("200", 200), ("401", 401), ("200", 429), ("200", 429)] {
        let told = app.get("/", &[("x-who", "ann"), ("x-status", status)]).await;
        assert_eq!(told.status(), expected);
    }
    assert_eq!(refused(&app).await, said(ABNORMAL, 3600));
    assert_eq!(app.calls(), 4);
}
