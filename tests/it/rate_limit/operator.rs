//! What an operator sees of a subject, and what giving back, forgetting and unblocking do.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::HeaderName;
use portcullis::rate_limit::{Key, Limit, ResetFormat, Subject, Usage};
use portcullis::testing::as_user;
use portcullis::{RateLimit, Tiers, TrustedProxies, UserContext};

use super::{ALGORITHMS, App, hands, limited, per, routes, seconds, who};
use crate::support::response::TestResponse;

async fn peek(app: &App, who: &str) -> Usage {
    let mut usages = app.limit.peek(&Subject::custom(who)).await.unwrap();
    assert_eq!(usages.len(), 1);
    usages.remove(0)
}

#[tokio::test]
async fn a_peek_tells_what_is_used_and_changes_nothing() {
    for algorithm in ALGORITHMS {
        let app = App::of(limited(per(3, 60).algorithm(algorithm)).reset_format(ResetFormat::Delta));
        for used in 0..3 {
            let usage = peek(&app, "ann").await;
            assert_eq!((usage.name(), usage.used(), usage.blocked_for()), ("default", used, None), "{algorithm:?}");
            let reset = app.ask("ann").await.number("x-ratelimit-reset").unwrap();
            assert_eq!(peek(&app, "ann").await.reset().as_micros().div_ceil(1_000_000), u128::from(reset));
        }
        assert_eq!(app.ask("ann").await.status(), 429);
        assert_eq!(peek(&app, "bob").await.used(), 0);
        assert_eq!(peek(&app, "bob").await.reset(), seconds(0));
    }
}

#[tokio::test]
async fn a_refund_gives_back_the_units_charged_last() {
    for algorithm in ALGORITHMS {
        let app = App::of(limited(per(5, 60).algorithm(algorithm)));
        app.use_up("ann", 5).await;
        app.limit.refund(&Subject::custom("ann"), 2).await.unwrap();
        assert_eq!(peek(&app, "ann").await.used(), 3, "{algorithm:?}");
        assert_eq!(app.admitted("ann", 5).await, 2, "{algorithm:?}");
        app.limit.refund(&Subject::custom("ann"), u32::MAX).await.unwrap();
        assert_eq!(app.admitted("ann", 9).await, 5, "no more than all: {algorithm:?}");
        app.limit.refund(&Subject::custom("bob"), 3).await.unwrap();
        assert_eq!(app.admitted("bob", 9).await, 5, "nothing to give back: {algorithm:?}");
    }
}

#[tokio::test]
async fn the_units_charged_first_are_the_first_to_come_back_after_a_refund() {
    let app = App::of(limited(per(2, 60)));
    app.use_up("ann", 1).await;
    app.advance(30);
    app.use_up("ann", 1).await;
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(peek(&app, "ann").await.reset(), seconds(30));
}

#[tokio::test]
async fn a_reset_forgets_what_was_used_and_the_blocks() {
    for algorithm in ALGORITHMS {
        let limit = Limit::new("a", per(1, 60).algorithm(algorithm)).block_for(seconds(300)).escalate_to(seconds(600));
        let app = App::of(RateLimit::builder().limit(limit).key(who()));
        for _ in 0..3 {
            app.use_up("ann", 1).await;
            assert_eq!(app.ask("ann").await.retry_after(), Some(300), "blocks did not escalate: {algorithm:?}");
            assert_eq!(peek(&app, "ann").await.blocked_for(), Some(seconds(300)));
            app.limit.reset(&Subject::custom("ann")).await.unwrap();
            let usage = peek(&app, "ann").await;
            assert_eq!((usage.used(), usage.blocked_for()), (0, None), "{algorithm:?}");
        }
    }
}

#[tokio::test]
async fn unblocking_lifts_the_block_and_what_was_used_stays_used() {
    let limit = Limit::new("a", per(2, 600)).block_for(seconds(900)).escalate_to(seconds(3600));
    let app = App::of(RateLimit::builder().limit(limit).key(who()));
    app.use_up("ann", 2).await;
    assert_eq!(app.ask("ann").await.retry_after(), Some(900));
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    let usage = peek(&app, "ann").await;
    assert_eq!((usage.used(), usage.blocked_for()), (2, None));
    assert_eq!(app.ask("ann").await.retry_after(), Some(900), "over the limit still, and the first block again");
    app.limit.unblock(&Subject::custom("ann")).await.unwrap();
    app.advance(600);
    app.use_up("ann", 2).await;
}

#[tokio::test]
async fn only_the_subject_that_is_named_is_dealt_with() {
    let app = App::of(limited(per(1, 60)));
    for who in ["ann", "bob"] {
        app.use_up(who, 1).await;
    }
    app.limit.reset(&Subject::custom("ann")).await.unwrap();
    app.use_up("ann", 1).await;
    assert_eq!(app.ask("bob").await.status(), 429);
}

/// Each kind of subject as a request has it, and as an operator names it.
#[tokio::test]
async fn a_subject_is_named_as_its_key_counts_it() {
    let field = HeaderName::from_static("x-who");
    let address = |ip: &str| Subject::address(ip.parse::<IpAddr>().unwrap());
    for (key, subject) in [
        (Key::user(), Subject::user(Some("https://a.example"), "ann")),
        (Key::tenant(|user| user.name().map(str::to_owned)), Subject::tenant("acme")),
        (Key::api_key(field), Subject::api_key(b"me")),
        (who(), Subject::custom("me")),
        (Key::global(), Subject::global()),
        (Key::ip(TrustedProxies::none()), address("2001:db8::1")),
        (Key::ip(TrustedProxies::none()), address("2001:db8::ffff")),
        (Key::ip(TrustedProxies::none()).ipv6_prefix(48), address("2001:db8:0:ffff::1")),
    ] {
        let name = format!("{subject:?}");
        let limit = RateLimit::builder().quota(per(1, 60)).key(key).build().unwrap();
        let user = UserContext::new("ann").with_issuer("https://a.example").with_name("acme");
        let peer = axum::Extension(SocketAddr::new("2001:db8::1".parse().unwrap(), 4711));
        let app = routes(&Arc::default()).layer(limit.clone()).layer(as_user(user)).layer(peer);
        for status in [200, 429] {
            assert_eq!(TestResponse::get(&app, "/", &[("x-who", "me")]).await.status, status, "{name}");
        }
        assert_eq!(limit.peek(&subject).await.unwrap()[0].used(), 1, "{name}");
        limit.reset(&subject).await.unwrap();
        assert_eq!(TestResponse::get(&app, "/", &[("x-who", "me")]).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_subject_of_a_limit_by_route_is_named_with_the_route() {
    let app = App::of(RateLimit::builder().limit(Limit::new("a", per(1, 60)).by_route()).key(who()));
    for path in ["/", "/reports/7"] {
        assert_eq!(app.get(path, &[("x-who", "ann")]).await.status(), 200);
    }
    let on = |route| Subject::custom("ann").on_route(route);
    for (route, used) in [("/", 1), ("/reports/{id}", 1), ("/reports/7", 0), ("/health", 0)] {
        assert_eq!(app.limit.peek(&on(route)).await.unwrap()[0].used(), used, "{route}");
    }
    app.limit.reset(&on("/reports/{id}")).await.unwrap();
    assert_eq!(app.get("/reports/8", &[("x-who", "ann")]).await.status(), 200);
    assert_eq!(app.ask("ann").await.status(), 429);
}

#[tokio::test]
async fn every_limit_of_the_layer_is_told_and_dealt_with() {
    let other = Limit::new("other", per(4, 60));
    let app = App::of(limited(per(3, 60)).add_limit(other));
    app.use_up("ann", 3).await;
    let used = async || {
        let mut usages: Vec<_> = app.limit.peek(&Subject::custom("ann")).await.unwrap();
        usages.sort_by(|a, b| a.name().cmp(b.name()));
        usages.iter().map(|usage| (usage.name().to_owned(), usage.used())).collect::<Vec<_>>()
    };
    assert_eq!(used().await, [("default".to_owned(), 3), ("other".to_owned(), 3)]);
    app.limit.refund(&Subject::custom("ann"), 1).await.unwrap();
    assert_eq!(used().await, [("default".to_owned(), 2), ("other".to_owned(), 2)]);
}

/// What comes back to a user of a high tier comes back at that tier's rate, whoever looks meanwhile.
#[tokio::test]
async fn a_peek_slows_no_ones_refill() {
    for algorithm in ALGORITHMS {
        let tiers = Tiers::ascending(["basic", "enterprise"]).unwrap();
        let [basic, enterprise] = ["basic", "enterprise"].map(|name| tiers.get(name).unwrap());
        let quota = |units| per(units, 60).algorithm(algorithm);
        let hands = hands();
        let builder = RateLimit::builder().by_tier([(basic, quota(2)), (enterprise.clone(), quota(60))]);
        let limit = builder.key(Key::user()).clock(hands.clock()).build().unwrap();
        let user = UserContext::new("ann").with_tier(enterprise);
        let app = routes(&Arc::default()).layer(limit.clone()).layer(as_user(user));
        for _ in 0..60 {
            assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
        }
        let ann = Subject::user(None, "ann");
        for _ in 0..70 {
            hands.advance(seconds(1));
            limit.peek(&ann).await.unwrap();
        }
        assert_eq!(limit.peek(&ann).await.unwrap()[0].used(), 0, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_known_user_is_judged_by_their_tier_and_only_by_limits_that_count_users() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let of = |name: &str| tiers.get(name).unwrap();
    let quotas = [(of("basic"), per(1, 60)), (of("pro"), per(3, 60))];
    let by_address = Limit::new("address", per(1, 60));
    let limit = RateLimit::builder()
        .by_tier(quotas)
        .add_limit(by_address.key(Key::ip(TrustedProxies::none())))
        .key(Key::user())
        .build()
        .unwrap();
    let ann = UserContext::new("ann").with_tier(of("pro"));
    for _ in 0..3 {
        assert!(limit.check(&Subject::of_user(&ann), 1).await.is_ok());
    }
    let usage = limit.peek(&Subject::of_user(&ann)).await.unwrap();
    let told: Vec<_> = usage.iter().map(|usage| (usage.name(), usage.used(), usage.limit())).collect();
    assert_eq!(told, [("default", 3, 3)]);
    assert_eq!(limit.check(&Subject::of_user(&ann), 1).await.unwrap_err().status(), 429);
}

#[tokio::test]
async fn a_subject_of_a_kind_that_no_limit_counts_is_not_let_through() {
    let limit = RateLimit::builder().quota(per(1, 60)).key(Key::user()).build().unwrap();
    assert_eq!(limit.check(&Subject::custom("ann"), 1).await.unwrap_err().status(), 403);
}
