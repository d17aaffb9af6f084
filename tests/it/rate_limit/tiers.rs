//! Quotas by tier: which quota a user has, and changes of tier.

use std::sync::Arc;

use axum::Router;
use portcullis::rate_limit::{Algorithm, Key};
use portcullis::testing::{FakeClock, as_anonymous, as_user};
use portcullis::{Quota, RateLimit, Tier, Tiers, TrustedProxies, UserContext};

use super::{ALGORITHMS, fake_clock, per_seconds, routes, seconds};
use crate::support::response::TestResponse;

fn tier(name: &str) -> Tier {
    Tiers::ascending(["basic", "professional", "enterprise", "unlisted"]).unwrap().get(name).unwrap()
}

fn quotas(units: [u32; 3], window: u64, algorithm: Option<Algorithm>) -> [(Tier, Quota); 3] {
    let quota = |units| {
        algorithm.map_or(per_seconds(units, window), |algorithm| per_seconds(units, window).algorithm(algorithm))
    };
    let [basic, professional, enterprise] = units.map(quota);
    // Not in ascending order: `Tiers` defines the order.
    [(tier("professional"), professional), (tier("enterprise"), enterprise), (tier("basic"), basic)]
}

/// Routes behind one limit by tier.
struct TieredApp {
    router: Router,
    clock: FakeClock,
}

impl TieredApp {
    fn new(quotas: [(Tier, Quota); 3]) -> Self {
        let clock = fake_clock();
        let key = Key::user().or_ip();
        let limit = RateLimit::builder().by_tier(quotas).key(key).clock(clock.clock()).build().unwrap();
        Self { router: routes(&Arc::default()).layer(limit), clock }
    }

    async fn send_with_tier(&self, tier: &str) -> (u16, u32, u32) {
        let user = UserContext::new("ann").with_tier(self::tier(tier));
        send(&self.router.clone().layer(as_user(user))).await
    }

    async fn expect_admitted(&self, tier: &str, count: usize) {
        for _ in 0..count {
            assert_eq!(self.send_with_tier(tier).await.0, 200);
        }
    }
}

/// Sends a request. Returns its status, the limit and the remaining units.
async fn send(router: &Router) -> (u16, u32, u32) {
    let response = TestResponse::get(router, "/", &[]).await;
    let header = |name: &str| response.headers[name].to_str().unwrap().parse().unwrap();
    (response.status.as_u16(), header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
}

#[tokio::test]
async fn a_user_has_the_quota_of_their_highest_listed_tier() {
    for (name, limit) in [("basic", 100), ("professional", 500), ("enterprise", 2000), ("unlisted", 2000)] {
        let app = TieredApp::new(quotas([100, 500, 2000], 3600, None));
        assert_eq!(app.send_with_tier(name).await, (200, limit, limit - 1), "{name}");
    }
}

#[tokio::test]
async fn users_without_a_listed_tier_and_anonymous_callers_have_the_lowest_quota() {
    let app = TieredApp::new(quotas([100, 500, 2000], 3600, None));
    let without_tier = app.router.clone().layer(as_user(UserContext::new("bob")));
    assert_eq!(send(&without_tier).await, (200, 100, 99));
    let foreign_tier = Tiers::ascending(["platinum"]).unwrap().get("platinum").unwrap();
    let with_foreign_tier = app.router.clone().layer(as_user(UserContext::new("eve").with_tier(foreign_tier)));
    assert_eq!(send(&with_foreign_tier).await, (200, 100, 99));
    let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 4711));
    let anonymous = app.router.layer(as_anonymous()).layer((axum::Extension(peer), TrustedProxies::none()));
    assert_eq!(send(&anonymous).await, (200, 100, 99));
}

#[tokio::test]
async fn each_tier_admits_its_quota_in_each_window() {
    for (name, units) in [("basic", 100), ("professional", 500), ("enterprise", 2000)] {
        let app = TieredApp::new(quotas([100, 500, 2000], 3600, None));
        app.expect_admitted(name, units).await;
        assert_eq!(app.send_with_tier(name).await.0, 429, "{name}");
        app.clock.advance(seconds(3900));
        app.expect_admitted(name, units).await;
        assert_eq!(app.send_with_tier(name).await.0, 429, "{name}");
    }
}

#[tokio::test]
async fn an_upgrade_admits_more_and_refills_nothing() {
    for algorithm in ALGORITHMS {
        let app = TieredApp::new(quotas([4, 8, 20], 60, Some(algorithm)));
        app.expect_admitted("basic", 4).await;
        assert_eq!(app.send_with_tier("basic").await, (429, 4, 0), "{algorithm:?}");
        assert_eq!(app.send_with_tier("professional").await, (200, 8, 3), "{algorithm:?}");
        app.expect_admitted("professional", 3).await;
        assert_eq!(app.send_with_tier("professional").await, (429, 8, 0), "{algorithm:?}");
        assert_eq!(app.send_with_tier("enterprise").await, (200, 20, 11), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_downgrade_keeps_the_used_units() {
    for algorithm in ALGORITHMS {
        let app = TieredApp::new(quotas([4, 8, 20], 60, Some(algorithm)));
        app.expect_admitted("enterprise", 3).await;
        assert_eq!(app.send_with_tier("basic").await, (200, 4, 0), "{algorithm:?}");
        app.expect_admitted("enterprise", 10).await;
        assert_eq!(app.send_with_tier("basic").await, (429, 4, 0), "{algorithm:?}");
        assert_eq!(app.send_with_tier("professional").await, (429, 8, 0), "{algorithm:?}");
        assert_eq!(app.send_with_tier("enterprise").await, (200, 20, 5), "{algorithm:?}");
    }
}

#[tokio::test]
async fn switching_between_tiers_gains_nothing() {
    for algorithm in ALGORITHMS {
        let app = TieredApp::new(quotas([4, 8, 20], 60, Some(algorithm)));
        let mut admitted = 0;
        for n in 0..60 {
            let name = ["basic", "enterprise", "professional"][n % 3];
            admitted += u32::from(app.send_with_tier(name).await.0 == 200);
        }
        assert_eq!(admitted, 20, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_request_after_the_retry_after_is_admitted_after_a_downgrade_too() {
    for algorithm in ALGORITHMS {
        let app = TieredApp::new(quotas([4, 8, 20], 60, Some(algorithm)));
        app.expect_admitted("enterprise", 20).await;
        let user = UserContext::new("ann").with_tier(tier("basic"));
        let router = app.router.clone().layer(as_user(user));
        let denied = TestResponse::get(&router, "/", &[]).await;
        let wait = denied.headers["retry-after"].to_str().unwrap().parse().unwrap();
        app.clock.advance(seconds(wait));
        assert_eq!(send(&router).await.0, 200, "{algorithm:?}");
    }
}
