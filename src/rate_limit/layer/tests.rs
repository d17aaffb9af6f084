//! What one limit answers by its own way is what it answers by the way of several.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Request, Response};
use proptest::prelude::*;

use super::*;
use crate::clock::{Clock, TimeSource};
use crate::gate::Gate;
use crate::rate_limit::{Algorithm, Key, Limit, Quota, RateLimitBuilder, Subject};

/// Microseconds after a start, and the wall clock at it.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicU64>);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl TimeSource for Hands {
    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn monotonic(&self) -> Instant {
        *START + Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

fn built(limit: Limit, hands: &Hands) -> RateLimit {
    let builder = RateLimit::builder().limit(limit.key(Key::global())).ietf_draft_headers();
    builder.clock(Clock::from_source(hands.clone())).build().unwrap()
}

/// The same limit, by its own way and by that of several.
fn both(limit: &Limit, hands: &Hands) -> [RateLimit; 2] {
    let [own, mut other] = [built(limit.clone(), hands), built(limit.clone(), hands)];
    Arc::get_mut(&mut other.0).unwrap().is_plain = false;
    assert!(own.plain().is_some() && other.plain().is_none());
    [own, other]
}

fn shown(left: &RateLimitStatus) -> String {
    let limits = left.limits().map(|limit| (limit.name(), limit.limit(), limit.remaining(), limit.reset()));
    format!("{:?}", limits.collect::<Vec<_>>())
}

fn written(headers: &HeaderMap) -> Vec<String> {
    let mut all: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    all.sort();
    all
}

/// What a handler sees, and what the caller does.
fn asked(limit: &RateLimit) -> (Option<String>, Vec<String>) {
    answer(limit, &mut Request::new(()).into_parts().0)
}

fn answer(limit: &RateLimit, head: &mut request::Parts) -> (Option<String>, Vec<String>) {
    match limit.enter(head) {
        Entry::Admit(pass) => {
            let mut response = Response::new(());
            limit.leave(pass, &mut response);
            (head.extensions.get::<RateLimitStatus>().map(shown), written(response.headers()))
        }
        Entry::Refuse(mut reply) => (None, written(reply.headers_mut())),
        Entry::Wait(_) => unreachable!("nothing lies beyond a network"),
    }
}

#[test]
fn one_limit_answers_requests_as_one_of_several_would() {
    for algorithm in [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket] {
        for cost in [0, 1, 3] {
            let hands = Hands::default();
            let limit = Limit::new("a", Quota::per_minute(7).unwrap().algorithm(algorithm)).cost(cost);
            let limits = both(&limit, &hands);
            let mut refused = 0;
            for step in 0..60 {
                hands.0.fetch_add(step * 100_000, Ordering::Relaxed);
                let [own, other] = limits.each_ref().map(asked);
                assert_eq!(own, other, "{algorithm:?}, cost {cost}, request {step}");
                refused += u32::from(own.0.is_none());
            }
            assert_eq!(refused > 0, cost > 0, "{algorithm:?}, cost {cost}");
        }
    }
}

/// Each request: where from, which path, a cost, and how much later.
fn request() -> impl Strategy<Value = (u16, usize, u32, u64)> {
    let cost = prop_oneof![0..4_u32, Just(7), Just(8), Just(u32::MAX)];
    (0..3_u16, 0..3_usize, cost, prop_oneof![Just(0), 0..40_000_000_u64])
}

proptest! {
    #[test]
    fn one_limit_answers_any_requests_as_one_of_several_would(
        requests in prop::collection::vec(request(), 1..40),
        algorithm in prop::sample::select(
            &[Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket][..],
        ),
        by_route: bool,
        is_grpc: bool,
    ) {
        let hands = Hands::default();
        let key = Key::custom(|head| head.headers.get("x-who").map(|who| format!("{who:?}")));
        let limit = Limit::new("a", Quota::per_minute(7).unwrap().algorithm(algorithm)).on_routes(["/a", "/b"]);
        let limit = limit.cost_of(|head| head.extensions.get().copied().unwrap_or(1)).key(key);
        let limit = if by_route { limit.by_route() } else { limit };
        let made = || {
            let builder = RateLimit::builder().limit(limit.clone()).ietf_draft_headers().exempt(["/c"]);
            builder.clock(Clock::from_source(hands.clone())).build().unwrap()
        };
        let [own, mut other] = [made(), made()];
        prop_assert!(own.0.is_plain);
        Arc::get_mut(&mut other.0).unwrap().is_plain = false;
        for (who, path, cost, later) in requests {
            hands.0.fetch_add(later, Ordering::Relaxed);
            let answers = [&own, &other].map(|limit| {
                let request = Request::post(["/a", "/b", "/c"][path]);
                let request = if who == 2 { request } else { request.header("x-who", who) };
                let request = if is_grpc { request.header("content-type", "application/grpc") } else { request };
                let (mut head, ()) = request.extension(cost).body(()).unwrap().into_parts();
                answer(limit, &mut head)
            });
            prop_assert_eq!(&answers[0], &answers[1]);
        }
    }
}

#[tokio::test]
async fn one_limit_answers_a_check_as_one_of_several_would() {
    let hands = Hands::default();
    let limits = both(&Limit::new("a", Quota::per_minute(7).unwrap()), &hands);
    let everybody = Subject::global();
    for units in [0, 3, 5, 4, 1, 8] {
        let mut answers = Vec::new();
        for limit in &limits {
            answers.push(limit.check(&everybody, units).await.map(|left| shown(&left)));
        }
        assert_eq!(answers[0], answers[1], "{units} units");
    }
    for limit in &limits {
        let denial = limit.check(&Subject::custom("a"), 1).await.unwrap_err();
        assert_eq!(denial.kind(), &DenialKind::RateLimitKeyMissing);
        let denial = limit.check(&everybody, 1).await.unwrap_err();
        let violation = Violation::new(["a"], Some(Duration::from_secs(60)));
        assert_eq!(denial.kind(), &DenialKind::QuotaExceeded(violation));
    }
}

#[test]
fn a_request_that_the_limit_does_not_apply_to_is_neither_counted_nor_told_of() {
    let limits = both(&Limit::new("a", Quota::per_minute(1).unwrap()).only_if(|_| false), &Hands::default());
    for limit in &limits {
        assert_eq!([asked(limit), asked(limit)], [(None, vec![]), (None, vec![])]);
    }
}

#[test]
fn one_limit_that_only_counts_and_refuses_is_plain_and_no_other_is() {
    let limit = || Limit::new("a", Quota::per_minute(7).unwrap()).key(Key::global());
    let is_plain = |builder: RateLimitBuilder| builder.build().unwrap().0.is_plain;
    let one = |limit: Limit| is_plain(RateLimit::builder().limit(limit));
    assert!(one(limit()) && one(limit().cost(2)) && one(limit().by_route()));
    assert!(!one(limit().only_failures()));
    assert!(!one(limit().shadow()));
    assert!(!one(limit().block_for(Duration::from_secs(60))));
    let other = Limit::new("b", Quota::per_hour(9).unwrap()).key(Key::global());
    assert!(!is_plain(RateLimit::builder().limit(limit()).add_limit(other)));
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_limit_in_a_store_beyond_this_process_is_not_plain() {
    let store = crate::rate_limit::RedisStore::connect("redis://127.0.0.1:1").unwrap();
    let limit = RateLimit::builder().quota(Quota::per_minute(7).unwrap()).key(Key::global()).store(store);
    assert!(!limit.build().unwrap().0.is_plain);
}
