//! The methods for operators: `peek`, `check`, `refund`, `reset` and `unblock`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderName;
use portcullis::rate_limit::{Key, Limit, LimitUsage, ResetFormat, Subject};
use portcullis::testing::as_user;
use portcullis::{RateLimit, Tiers, TrustedProxies, UserContext};

use super::{ALGORITHMS, TestApp, by_user_header, fake_clock, limit_by_header, per_seconds, routes, seconds};
use crate::support::response::TestResponse;

async fn peek(app: &TestApp, user: &str) -> LimitUsage {
    let mut usages = app.limit.peek(&Subject::custom(user)).await.unwrap();
    assert_eq!(usages.len(), 1);
    usages.remove(0)
}

#[tokio::test]
async fn peek_returns_the_usage_and_changes_nothing() {
    for algorithm in ALGORITHMS {
        let app =
            TestApp::new(limit_by_header(per_seconds(3, 60).algorithm(algorithm)).reset_format(ResetFormat::Delta));
        for used in 0..3 {
            let usage = peek(&app, "ann").await;
            assert_eq!((usage.name(), usage.used(), usage.blocked_for()), ("default", used, None), "{algorithm:?}");
            let reset = app.send_as("ann").await.numeric_header("x-ratelimit-reset").unwrap();
            assert_eq!(peek(&app, "ann").await.reset().as_micros().div_ceil(1_000_000), u128::from(reset));
        }
        assert_eq!(app.send_as("ann").await.status(), 429);
        assert_eq!(peek(&app, "bob").await.used(), 0);
        assert_eq!(peek(&app, "bob").await.reset(), seconds(0));
    }
}

#[tokio::test]
async fn a_refund_returns_the_units_charged_last() {
    for algorithm in ALGORITHMS {
        let app = TestApp::new(limit_by_header(per_seconds(5, 60).algorithm(algorithm)));
        app.expect_admitted("ann", 5).await;
        app.limit.refund(&Subject::custom("ann"), 2).await.unwrap();
        assert_eq!(peek(&app, "ann").await.used(), 3, "{algorithm:?}");
        assert_eq!(app.count_admitted("ann", 5).await, 2, "{algorithm:?}");
        app.limit.refund(&Subject::custom("ann"), u32::MAX).await.unwrap();
        assert_eq!(app.count_admitted("ann", 9).await, 5, "at most everything is refunded: {algorithm:?}");
        app.limit.refund(&Subject::custom("bob"), 3).await.unwrap();
        assert_eq!(app.count_admitted("bob", 9).await, 5, "nothing to refund: {algorithm:?}");
    }
}

#[tokio::test]
async fn after_a_refund_the_units_charged_first_expire_first() {
    let app = TestApp::new(limit_by_header(per_seconds(2, 60)));
    app.expect_admitted("ann", 1).await;
    app.advance_seconds(30);
    app.expect_admitted("ann", 1).await;
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(peek(&app, "ann").await.reset(), seconds(30));
}

#[tokio::test]
async fn reset_clears_the_usage_and_the_blocks() {
    for algorithm in ALGORITHMS {
        let limit =
            Limit::new("a", per_seconds(1, 60).algorithm(algorithm)).block_for(seconds(300)).escalate_to(seconds(600));
        let app = TestApp::new(RateLimit::builder().limit(limit).key(by_user_header()));
        for _ in 0..3 {
            app.expect_admitted("ann", 1).await;
            assert_eq!(app.send_as("ann").await.retry_after(), Some(300), "blocks did not escalate: {algorithm:?}");
            assert_eq!(peek(&app, "ann").await.blocked_for(), Some(seconds(300)));
            app.limit.reset(&Subject::custom("ann")).await.unwrap();
            let usage = peek(&app, "ann").await;
            assert_eq!((usage.used(), usage.blocked_for()), (0, None), "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn unblock_lifts_the_block_and_keeps_the_usage() {
    let limit = Limit::new("a", per_seconds(2, 600)).block_for(seconds(900)).escalate_to(seconds(3600));
    let app = TestApp::new(RateLimit::builder().limit(limit).key(by_user_header()));
    app.expect_admitted("ann", 2).await;
    assert_eq!(app.send_as("ann").await.retry_after(), Some(900));
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    let usage = peek(&app, "ann").await;
    assert_eq!((usage.used(), usage.blocked_for()), (2, None));
    assert_eq!(app.send_as("ann").await.retry_after(), Some(900), "still over the limit, and again the first block");
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    app.advance_seconds(600);
    app.expect_admitted("ann", 2).await;
}

#[tokio::test]
async fn reset_affects_only_its_subject() {
    let app = TestApp::new(limit_by_header(per_seconds(1, 60)));
    for user in ["ann", "bob"] {
        app.expect_admitted(user, 1).await;
    }
    app.limit.reset(&Subject::custom("ann")).await.unwrap();
    app.expect_admitted("ann", 1).await;
    assert_eq!(app.send_as("bob").await.status(), 429);
}

/// Each kind of subject, as a key reads it from a request and as an operator writes it.
#[tokio::test]
async fn each_kind_of_subject_matches_its_key() {
    let api_key_header = HeaderName::from_static("x-user");
    let address = |ip: &str| Subject::address(ip.parse::<IpAddr>().unwrap());
    for (key, subject) in [
        (Key::user(), Subject::user(Some("https://a.example"), "ann")),
        (Key::tenant(|user| user.name().map(str::to_owned)), Subject::tenant("acme")),
        (Key::api_key(api_key_header), Subject::api_key(b"me")),
        (by_user_header(), Subject::custom("me")),
        (Key::global(), Subject::global()),
        (Key::ip(), address("2001:db8::1")),
        (Key::ip(), address("2001:db8::ffff")),
        (Key::ip().ipv6_prefix(48), address("2001:db8:0:ffff::1")),
    ] {
        let name = format!("{subject:?}");
        let limit =
            RateLimit::builder().quota(per_seconds(1, 60)).key(key).clock(fake_clock().clock()).build().unwrap();
        let user = UserContext::new("ann").with_issuer("https://a.example").with_name("acme");
        let peer = axum::Extension(SocketAddr::new("2001:db8::1".parse().unwrap(), 4711));
        let app =
            routes(&Arc::default()).layer(limit.clone()).layer(as_user(user)).layer((peer, TrustedProxies::none()));
        for status in [200, 429] {
            assert_eq!(TestResponse::get(&app, "/", &[("x-user", "me")]).await.status, status, "{name}");
        }
        assert_eq!(limit.peek(&subject).await.unwrap()[0].used(), 1, "{name}");
        limit.reset(&subject).await.unwrap();
        assert_eq!(TestResponse::get(&app, "/", &[("x-user", "me")]).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_subject_of_a_limit_by_route_includes_the_route() {
    let app =
        TestApp::new(RateLimit::builder().limit(Limit::new("a", per_seconds(1, 60)).by_route()).key(by_user_header()));
    for path in ["/", "/reports/7"] {
        assert_eq!(app.get(path, &[("x-user", "ann")]).await.status(), 200);
    }
    let subject_on = |route| Subject::custom("ann").on_route(route);
    for (route, used) in [("/", 1), ("/reports/{id}", 1), ("/reports/7", 0), ("/health", 0)] {
        assert_eq!(app.limit.peek(&subject_on(route)).await.unwrap()[0].used(), used, "{route}");
    }
    app.limit.reset(&subject_on("/reports/{id}")).await.unwrap();
    assert_eq!(app.get("/reports/8", &[("x-user", "ann")]).await.status(), 200);
    assert_eq!(app.send_as("ann").await.status(), 429);
}

#[tokio::test]
async fn peek_and_refund_cover_every_limit_of_the_layer() {
    let other = Limit::new("other", per_seconds(4, 60));
    let app = TestApp::new(limit_by_header(per_seconds(3, 60)).add_limit(other));
    app.expect_admitted("ann", 3).await;
    let used = async || {
        let mut usages: Vec<_> = app.limit.peek(&Subject::custom("ann")).await.unwrap();
        usages.sort_by(|a, b| a.name().cmp(b.name()));
        usages.iter().map(|usage| (usage.name().to_owned(), usage.used())).collect::<Vec<_>>()
    };
    assert_eq!(used().await, [("default".to_owned(), 3), ("other".to_owned(), 3)]);
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(used().await, [("default".to_owned(), 2), ("other".to_owned(), 2)]);
}

/// Units refill at the rate of the tier that the user has, whatever `peek` assumes.
#[tokio::test]
async fn peek_does_not_slow_the_refill() {
    for algorithm in ALGORITHMS {
        let tiers = Tiers::ascending(["basic", "enterprise"]).unwrap();
        let [basic, enterprise] = ["basic", "enterprise"].map(|name| tiers.get(name).unwrap());
        let quota = |units| per_seconds(units, 60).algorithm(algorithm);
        let clock = fake_clock();
        let builder = RateLimit::builder().by_tier([(basic, quota(2)), (enterprise.clone(), quota(60))]);
        let limit = builder.key(Key::user()).clock(clock.clock()).build().unwrap();
        let user = UserContext::new("ann").with_tier(enterprise);
        let app = routes(&Arc::default()).layer(limit.clone()).layer(as_user(user));
        for _ in 0..60 {
            assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
        }
        let ann = Subject::user(None, "ann");
        for _ in 0..70 {
            clock.advance(seconds(1));
            limit.peek(&ann).await.unwrap();
        }
        assert_eq!(limit.peek(&ann).await.unwrap()[0].used(), 0, "{algorithm:?}");
    }
}

#[tokio::test]
async fn check_of_a_user_uses_their_tier_and_only_limits_by_user() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let [basic, pro] = ["basic", "pro"].map(|name| tiers.get(name).unwrap());
    let quotas = [(basic, per_seconds(1, 60)), (pro.clone(), per_seconds(3, 60))];
    let by_address = Limit::new("address", per_seconds(1, 60));
    let limit = RateLimit::builder()
        .by_tier(quotas)
        .add_limit(by_address.key(Key::ip()))
        .key(Key::user())
        .clock(fake_clock().clock())
        .build()
        .unwrap();
    let ann = UserContext::new("ann").with_tier(pro);
    for _ in 0..3 {
        assert!(limit.check(&Subject::of_user(&ann), 1).await.is_ok());
    }
    let usages = limit.peek(&Subject::of_user(&ann)).await.unwrap();
    let usages: Vec<_> = usages.iter().map(|usage| (usage.name(), usage.used(), usage.limit())).collect();
    assert_eq!(usages, [("default", 3, 3)]);
    assert_eq!(limit.check(&Subject::of_user(&ann), 1).await.unwrap_err().status(), 429);
}

#[tokio::test]
async fn check_of_a_subject_that_no_limit_counts_is_403() {
    let limit =
        RateLimit::builder().quota(per_seconds(1, 60)).key(Key::user()).clock(fake_clock().clock()).build().unwrap();
    assert_eq!(limit.check(&Subject::custom("ann"), 1).await.unwrap_err().status(), 403);
}
