//! Quotas by tier: which one a user has, and what a change of tier leaves.

use std::sync::Arc;

use axum::Router;
use portcullis::rate_limit::{Algorithm, Key};
use portcullis::testing::{FakeClock, as_anonymous, as_user};
use portcullis::{Quota, RateLimit, Tier, Tiers, TrustedProxies, UserContext};

use super::{ALGORITHMS, hands, per, routes, seconds};
use crate::support::response::TestResponse;

fn tier(name: &str) -> Tier {
    Tiers::ascending(["basic", "professional", "enterprise", "unlisted"]).unwrap().get(name).unwrap()
}

fn quotas(units: [u32; 3], window: u64, algorithm: Option<Algorithm>) -> [(Tier, Quota); 3] {
    let quota = |units| algorithm.map_or(per(units, window), |algorithm| per(units, window).algorithm(algorithm));
    let [basic, professional, enterprise] = units.map(quota);
    // In no order: it is the tiers that rank.
    [(tier("professional"), professional), (tier("enterprise"), enterprise), (tier("basic"), basic)]
}

/// One limit by tier, and routes behind it.
struct Plan {
    limit: RateLimit,
    hands: FakeClock,
    routes: Router,
}

impl Plan {
    fn new(quotas: [(Tier, Quota); 3]) -> Self {
        let hands = hands();
        let key = Key::user().or_ip(TrustedProxies::none());
        let limit = RateLimit::builder().by_tier(quotas).key(key).clock(hands.clock()).build().unwrap();
        Self { limit, hands, routes: routes(&Arc::default()) }
    }

    async fn ask(&self, tier: &str) -> (u16, String, String) {
        let user = UserContext::new("ann").with_tier(self::tier(tier));
        told(&self.routes.clone().layer(self.limit.clone()).layer(as_user(user))).await
    }

    async fn use_up(&self, tier: &str, times: usize) {
        for _ in 0..times {
            assert_eq!(self.ask(tier).await.0, 200);
        }
    }
}

/// The status, the limit, and what is left of it.
async fn told(app: &Router) -> (u16, String, String) {
    let answer = TestResponse::get(app, "/", &[]).await;
    let field = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    (answer.status.as_u16(), field("x-ratelimit-limit"), field("x-ratelimit-remaining"))
}

fn said(status: u16, limit: u32, remaining: u32) -> (u16, String, String) {
    (status, limit.to_string(), remaining.to_string())
}

#[tokio::test]
async fn a_user_has_the_quota_of_the_highest_tier_that_they_have() {
    for (name, limit) in [("basic", 100), ("professional", 500), ("enterprise", 2000), ("unlisted", 2000)] {
        let plan = Plan::new(quotas([100, 500, 2000], 3600, None));
        assert_eq!(plan.ask(name).await, said(200, limit, limit - 1), "{name}");
    }
}

#[tokio::test]
async fn who_has_none_of_the_tiers_and_who_is_anonymous_has_the_lowest_quota() {
    let plan = Plan::new(quotas([100, 500, 2000], 3600, None));
    let limited = plan.routes.clone().layer(plan.limit.clone());
    let without = limited.clone().layer(as_user(UserContext::new("bob")));
    assert_eq!(told(&without).await, said(200, 100, 99));
    let strange = Tiers::ascending(["platinum"]).unwrap().get("platinum").unwrap();
    let strange = limited.clone().layer(as_user(UserContext::new("eve").with_tier(strange)));
    assert_eq!(told(&strange).await, said(200, 100, 99));
    let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 4711));
    let anonymous = limited.layer(as_anonymous()).layer(axum::Extension(peer));
    assert_eq!(told(&anonymous).await, said(200, 100, 99));
}

#[tokio::test]
async fn each_tier_admits_its_units_in_an_hour() {
    for (name, units) in [("basic", 100), ("professional", 500), ("enterprise", 2000)] {
        let plan = Plan::new(quotas([100, 500, 2000], 3600, None));
        plan.use_up(name, units).await;
        assert_eq!(plan.ask(name).await.0, 429, "{name}");
        plan.hands.advance(seconds(3900));
        plan.use_up(name, units).await;
        assert_eq!(plan.ask(name).await.0, 429, "{name}");
    }
}

#[tokio::test]
async fn an_upgrade_is_no_lock_out_and_no_free_refill() {
    for algorithm in ALGORITHMS {
        let plan = Plan::new(quotas([4, 8, 20], 60, Some(algorithm)));
        plan.use_up("basic", 4).await;
        assert_eq!(plan.ask("basic").await, said(429, 4, 0), "{algorithm:?}");
        assert_eq!(plan.ask("professional").await, said(200, 8, 3), "{algorithm:?}");
        plan.use_up("professional", 3).await;
        assert_eq!(plan.ask("professional").await, said(429, 8, 0), "{algorithm:?}");
        assert_eq!(plan.ask("enterprise").await, said(200, 20, 11), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_downgrade_keeps_the_units_used() {
    for algorithm in ALGORITHMS {
        let plan = Plan::new(quotas([4, 8, 20], 60, Some(algorithm)));
        plan.use_up("enterprise", 3).await;
        assert_eq!(plan.ask("basic").await, said(200, 4, 0), "{algorithm:?}");
        plan.use_up("enterprise", 10).await;
        assert_eq!(plan.ask("basic").await, said(429, 4, 0), "{algorithm:?}");
        assert_eq!(plan.ask("professional").await, said(429, 8, 0), "{algorithm:?}");
        assert_eq!(plan.ask("enterprise").await, said(200, 20, 5), "{algorithm:?}");
    }
}

#[tokio::test]
async fn changing_tiers_to_and_fro_gains_nothing() {
    for algorithm in ALGORITHMS {
        let plan = Plan::new(quotas([4, 8, 20], 60, Some(algorithm)));
        let mut admitted = 0;
        for n in 0..60 {
            let name = ["basic", "enterprise", "professional"][n % 3];
            admitted += u32::from(plan.ask(name).await.0 == 200);
        }
        assert_eq!(admitted, 20, "{algorithm:?}");
    }
}

#[tokio::test]
async fn waiting_retry_after_succeeds_after_a_downgrade_too() {
    for algorithm in ALGORITHMS {
        let plan = Plan::new(quotas([4, 8, 20], 60, Some(algorithm)));
        plan.use_up("enterprise", 20).await;
        let user = UserContext::new("ann").with_tier(tier("basic"));
        let app = plan.routes.clone().layer(plan.limit.clone()).layer(as_user(user));
        let wait = TestResponse::get(&app, "/", &[]).await.headers["retry-after"].to_str().unwrap().parse().unwrap();
        plan.hands.advance(seconds(wait));
        assert_eq!(told(&app).await.0, 200, "{algorithm:?}");
    }
}
