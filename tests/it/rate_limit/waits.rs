//! The waits in responses, for every algorithm: `Retry-After`, and `t` in `RateLimit`.

use portcullis::RateLimit;
use portcullis::rate_limit::{Algorithm, Limit};
use proptest::prelude::*;

use super::{ALGORITHMS, TestApp, by_user_header, header, per_seconds};
use crate::support::response::TestResponse;

const WINDOWS: [u64; 5] = [1, 7, 60, 3600, 86_400];

/// A pause in milliseconds, and the cost of the request after it.
type Request = (u64, u32);

/// What a response says.
#[derive(Debug)]
struct Waits {
    status: u16,
    retry_after: Option<u64>,
    remaining: u64,
    more: u64,
}

impl Waits {
    fn of(response: &TestResponse) -> Self {
        let text = |name: &str| Some(response.headers.get(name)?.to_str().unwrap().to_owned());
        let draft = text("ratelimit").unwrap();
        let numbers = draft.split_once(";r=").and_then(|(_, rest)| rest.split_once(";t=")).unwrap();
        Self {
            status: response.status.as_u16(),
            retry_after: text("retry-after").map(|value| value.parse().unwrap()),
            remaining: numbers.0.parse().unwrap(),
            more: numbers.1.parse().unwrap(),
        }
    }
}

/// Sends the requests to a new app. Returns the last response.
async fn last_response(algorithm: Algorithm, units: u32, window: u64, requests: &[Request]) -> Waits {
    let limit = Limit::new("a", per_seconds(units, window).algorithm(algorithm))
        .cost_of(|head| header(head, "x-cost").unwrap().parse().unwrap());
    let app = TestApp::new(RateLimit::builder().limit(limit).key(by_user_header()).ietf_draft_headers());
    let mut last = None;
    for (pause, cost) in requests {
        app.clock.advance(std::time::Duration::from_millis(*pause));
        last = Some(Waits::of(&app.get("/", &[("x-user", "ann"), ("x-cost", &cost.to_string())]).await.0));
    }
    last.unwrap()
}

fn histories() -> impl Strategy<Value = (Algorithm, u32, u64, Vec<Request>)> {
    let quota = (prop::sample::select(&ALGORITHMS[..]), 1..=6_u32, prop::sample::select(&WINDOWS[..]));
    quota.prop_flat_map(|(algorithm, units, window)| {
        let pause = prop_oneof![Just(0), 0..=window * 100, 0..=window * 1_500];
        let requests = prop::collection::vec((pause, 1..=units), 1..16);
        (Just(algorithm), Just(units), Just(window), requests)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn waits_are_sufficient_and_within_the_window((algorithm, units, window, requests) in histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // Sends one more request after the others, this many seconds later.
        let then = |seconds: u64, cost: u32| {
            let requests = [&requests[..], &[(seconds * 1_000, cost)]].concat();
            runtime.block_on(last_response(algorithm, units, window, &requests))
        };
        let last = runtime.block_on(last_response(algorithm, units, window, &requests));
        prop_assert!(last.more <= window, "{:?}", last);
        // With a cost of zero, the response reports what remains.
        if last.remaining < units.into() {
            prop_assert!(then(last.more, 0).remaining > last.remaining, "{:?}", last);
        } else {
            prop_assert_eq!(last.more, 0);
        }
        // A bucket refills fractions of a unit, so its wait is rounded up by up to a second more.
        if let Some(early) = last.more.checked_sub(if algorithm == Algorithm::TokenBucket { 2 } else { 1 }) {
            prop_assert_eq!(then(early, 0).remaining, last.remaining, "{:?}", last);
        }
        if last.status == 429 {
            let (_, cost) = *requests.last().unwrap();
            let retry_after = last.retry_after.unwrap();
            prop_assert!(retry_after >= last.more.max(1), "{:?}", last);
            prop_assert!(retry_after <= window, "{:?}", last);
            prop_assert_eq!(then(retry_after, cost).status, 200, "{:?}", last);
        }
    }
}

#[tokio::test]
async fn retry_after_of_two_per_hour_is_at_most_an_hour() {
    for algorithm in ALGORITHMS {
        for offset in [0, 3, 299, 1_800, 3_599] {
            let requests = [(offset * 1_000, 1), (0, 1), (0, 1)];
            let denied = last_response(algorithm, 2, 3_600, &requests).await;
            assert!(denied.retry_after.unwrap() <= 3_600, "{algorithm:?} {offset}: {denied:?}");
        }
    }
}

#[tokio::test]
async fn t_is_when_the_first_unit_is_free_and_not_the_last() {
    let requests = [(0, 1), (5_000, 1), (0, 1)];
    let denied = last_response(Algorithm::SlidingLog, 2, 10, &requests).await;
    assert_eq!((denied.retry_after, denied.remaining, denied.more), (Some(5), 0, 5));
}
