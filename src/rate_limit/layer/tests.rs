//! A single limit, decided by a shortcut, behaves like one of several.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Request, Response};
use proptest::prelude::*;

use super::*;
use crate::clock::{Clock, TimeSource};
use crate::context::quota::Quota;
use crate::gate::Violation;
use crate::rate_limit::{Algorithm, Key, Limit, RateLimitBuilder, Subject};

/// A clock that shows so many microseconds after its start.
#[derive(Clone, Default)]
struct Micros(Arc<AtomicU64>);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Micros {
    fn advance(&self, micros: u64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl TimeSource for Micros {
    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn monotonic(&self) -> Instant {
        *START + Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A layer with this limit alone, and one that has a second limit, which never rejects and is not reported.
fn alone_and_accompanied(limit: &Limit, clock: &Micros) -> [RateLimit; 2] {
    let builder = || {
        let builder = RateLimit::builder().limit(limit.clone()).ietf_draft_headers().exempt(["/c"]);
        builder.clock(Clock::from_source(clock.clone()))
    };
    let companion = Limit::new("companion", Quota::per_minute(u32::MAX).unwrap()).shadow().key(Key::global());
    let build = |builder: RateLimitBuilder| builder.build().unwrap();
    [build(builder()), build(builder().add_limit(companion))]
}

const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket];

fn limit(algorithm: Algorithm) -> Limit {
    Limit::new("a", Quota::per_minute(7).unwrap().algorithm(algorithm)).key(Key::global())
}

fn describe(status: &RateLimitStatus) -> String {
    let limits = status.limits().map(|limit| (limit.name(), limit.limit(), limit.remaining(), limit.reset()));
    format!("{:?}", limits.collect::<Vec<_>>())
}

fn header_lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

/// Returns the status that a handler finds, `None` if it was not called, and the headers of the response.
fn outcome(limit: &RateLimit, head: &mut request::Parts) -> (Option<String>, Vec<String>) {
    match limit.enter(head) {
        Entry::Admit(pass) => {
            let mut response = Response::new(());
            limit.leave(pass, &mut response);
            (head.extensions.get::<RateLimitStatus>().map(describe), header_lines(response.headers()))
        }
        Entry::Refuse(mut reply) => (None, header_lines(reply.headers_mut())),
        Entry::Wait(_) => unreachable!("the store is in memory"),
    }
}

#[test]
fn a_single_limit_handles_requests_like_one_of_several() {
    for algorithm in ALGORITHMS {
        for cost in [0, 1, 3] {
            let clock = Micros::default();
            let limits = alone_and_accompanied(&limit(algorithm).cost(cost), &clock);
            let mut rejected = 0;
            for step in 0..60 {
                clock.advance(step * 100_000);
                let outcomes = limits.each_ref().map(|limit| outcome(limit, &mut Request::new(()).into_parts().0));
                assert_eq!(outcomes[0], outcomes[1], "{algorithm:?}, cost {cost}, request {step}");
                rejected += u32::from(outcomes[0].0.is_none());
            }
            assert_eq!(rejected > 0, cost > 0, "{algorithm:?}, cost {cost}");
        }
    }
}

/// A request: its caller, path and cost, and the microseconds since the one before.
fn request() -> impl Strategy<Value = (u16, usize, u32, u64)> {
    let cost = prop_oneof![0..4_u32, Just(7), Just(8), Just(u32::MAX)];
    (0..3_u16, 0..3_usize, cost, prop_oneof![Just(0), 0..40_000_000_u64])
}

proptest! {
    #[test]
    fn a_single_limit_handles_random_requests_like_one_of_several(
        requests in prop::collection::vec(request(), 1..40),
        algorithm in prop::sample::select(&ALGORITHMS[..]),
        by_route: bool,
        is_grpc: bool,
    ) {
        let clock = Micros::default();
        let caller = Key::custom(|head| head.headers.get("x-caller").map(|caller| format!("{caller:?}")));
        let limit = limit(algorithm).on_routes(["/a", "/b"]).key(caller);
        let limit = limit.cost_of(|head| head.extensions.get().copied().unwrap_or(1));
        let limit = if by_route { limit.by_route() } else { limit };
        let limits = alone_and_accompanied(&limit, &clock);
        for (caller, path, cost, later) in requests {
            clock.advance(later);
            let outcomes = limits.each_ref().map(|limit| {
                let request = Request::post(["/a", "/b", "/c"][path]);
                let request = if caller == 2 { request } else { request.header("x-caller", caller) };
                let request = if is_grpc { request.header("content-type", "application/grpc") } else { request };
                outcome(limit, &mut request.extension(cost).body(()).unwrap().into_parts().0)
            });
            prop_assert_eq!(&outcomes[0], &outcomes[1]);
        }
    }
}

#[tokio::test]
async fn a_single_limit_is_checked_like_one_of_several() {
    let clock = Micros::default();
    let limits = alone_and_accompanied(&limit(Algorithm::SlidingLog), &clock);
    let subject = Subject::global();
    for units in [0, 3, 5, 4, 1, 8] {
        let mut outcomes = Vec::new();
        for limit in &limits {
            outcomes.push(limit.check(&subject, units).await.map(|status| describe(&status)));
        }
        assert_eq!(outcomes[0], outcomes[1], "{units} units");
    }
    for limit in &limits {
        let denial = limit.check(&Subject::custom("a"), 1).await.unwrap_err();
        assert_eq!(denial.kind(), &DenialKind::RateLimitKeyMissing);
        let denial = limit.check(&subject, 1).await.unwrap_err();
        let violation = Violation::new(["a"], Some(Duration::from_secs(60)));
        assert_eq!(denial.kind(), &DenialKind::QuotaExceeded(violation));
    }
}

#[test]
fn a_request_that_no_limit_applies_to_is_not_counted() {
    let never = limit(Algorithm::SlidingLog).only_if(|_| false);
    let limit = RateLimit::builder().limit(never).build().unwrap();
    let outcome = || self::outcome(&limit, &mut Request::new(()).into_parts().0);
    assert_eq!([outcome(), outcome()], [(None, vec![]), (None, vec![])]);
}
