//! Quotas by tier, snapshots and exempt routes.

use std::time::Duration;

use super::*;
use crate::context::quota::Quota;
use crate::context::tiers::Tiers;
use crate::rate_limit::key::Key;
use crate::rate_limit::{Limit, RateLimit};

fn tiers() -> Tiers {
    Tiers::ascending(["free", "basic", "professional", "enterprise"]).unwrap()
}

/// Three of four tiers have quotas, in no particular order.
fn tiered() -> RateLimit {
    let quota = |tier, units| (tiers().get(tier).unwrap(), Quota::per_hour(units).unwrap());
    let quotas = [quota("enterprise", 2000), quota("basic", 100), quota("professional", 500)];
    RateLimit::builder().by_tier(quotas).key(Key::user()).build().unwrap()
}

#[test]
fn the_quota_of_the_users_highest_tier_applies() {
    let limit = tiered();
    let of = |tier: Option<&str>| {
        let user = UserContext::new("ann");
        let user = match tier {
            Some(tier) => user.with_tier(tiers().get(tier).unwrap()),
            None => user,
        };
        limit.0.rules[0].quota_for(|| Some(&user))
    };
    assert_eq!(of(Some("basic")), (0, 100));
    assert_eq!(of(Some("professional")), (1, 500));
    assert_eq!(of(Some("enterprise")), (2, 2000));
    // Users with none of these tiers get the lowest quota.
    assert_eq!(of(Some("free")), (0, 100));
    assert_eq!(of(None), (0, 100));
    assert_eq!(limit.0.rules[0].quota_for(|| None), (0, 100));
}

#[test]
fn a_tier_of_other_tiers_does_not_count() {
    let other = Tiers::ascending(["basic", "professional", "enterprise", "royal"]).unwrap();
    let user = UserContext::new("ann").with_tier(other.get("royal").unwrap());
    assert_eq!(tiered().0.rules[0].quota_for(|| Some(&user)), (0, 100));
}

#[test]
fn snapshots_leave_out_shadow_limits_and_never_go_below_zero() {
    let quota = Quota::per_minute(10).unwrap();
    let limit = RateLimit::builder()
        .key(Key::global())
        .add_limit(Limit::new("a", quota))
        .add_limit(Limit::new("b", quota).shadow())
        .add_limit(Limit::new("c", quota))
        .build()
        .unwrap();
    let (head, ()) = http::Request::new(()).into_parts();
    let charges = limit.0.charges(&head).unwrap();
    let mut decision = Decision::admit(3);
    decision.set_usage(0, Usage { used: 4, more: 1, reset: 1_000_001 });
    decision.set_usage(1, Usage { used: 9, more: 1, reset: 1 });
    decision.set_usage(2, Usage { used: 11, more: 0, reset: u64::MAX });
    let status = limit.0.status(limit.0.snapshots(&charges, &decision));
    let visible: Vec<_> = status.limits().map(|limit| (limit.name(), limit.remaining(), limit.reset())).collect();
    let longest = Duration::from_secs(u64::from(u32::MAX));
    assert_eq!(visible, [("a", 6, Duration::from_secs(2)), ("c", 0, longest)]);
}

#[test]
fn only_exact_routes_are_exempt() {
    let quota = Quota::per_minute(10).unwrap();
    let limit = RateLimit::builder().quota(quota).key(Key::global()).exempt(["/health"]).build().unwrap();
    let is_exempt = |path: &str| {
        let (head, ()) = http::Request::get(path).body(()).unwrap().into_parts();
        limit.0.charges(&head).unwrap().is_empty()
    };
    assert!(is_exempt("/health") && is_exempt("/health?deep=1"));
    for path in ["//health", "/health/", "/Health", "/%68ealth", "/health/../admin", "/healthy", "/"] {
        assert!(!is_exempt(path), "{path}");
    }
}
