//! The state of an issuer's keys, step by step.

use std::error::Error;

use http::Response;

use super::*;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;
use crate::jwt::remote::fetch::Fetch;

struct NoFetch;

impl Fetch for NoFetch {
    async fn get(&self, _: &str) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        std::future::pending().await
    }
}

fn remote() -> Arc<RemoteKeys> {
    let client = HttpClient::new(NoFetch);
    let location = JwksLocation::Url("https://a.example/k".to_owned());
    let allowed = PUBLIC_KEY_ALGORITHMS.to_vec();
    Arc::new(RemoteKeys::new("https://a.example".into(), location, allowed, client, Clock::system(), SOFT_AGE))
}

fn set(kids: &[&str]) -> Result<FetchedKeys, FetchError> {
    let keys: Vec<_> = kids
        .iter()
        .map(|kid| {
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let parsed = KeySet::parse(&text, &PUBLIC_KEY_ALGORITHMS).unwrap();
    Ok(FetchedKeys { uri: "https://a.example/k".to_owned(), keys: parsed.keys, text, skipped: vec![], max_age: None })
}

#[test]
fn the_soft_age_is_ten_minutes_or_the_issuers_within_a_minute_and_a_day() {
    for (max_age, seconds) in [
        (None, 600),
        (Some(0), 60),
        (Some(59), 60),
        (Some(3600), 3600),
        (Some(86_400), 86_400),
        (Some(u64::MAX), 86_400),
    ] {
        assert_eq!(soft_age(max_age, 1.0).as_secs(), seconds, "{max_age:?}");
    }
    assert_eq!(soft_age(None, 0.9).as_secs(), 540);
    assert_eq!(soft_age(None, 1.1).as_secs(), 660);
}

#[test]
fn jitter_is_a_tenth_at_most() {
    let hasher = RandomState::new();
    let dice: Vec<f64> = (0..200).map(|_| jitter(&hasher)).collect();
    assert!(dice.iter().all(|die| (0.9..=1.1).contains(die)));
    assert!(dice.iter().any(|die| *die < 0.97) && dice.iter().any(|die| *die > 1.03));
}

#[tokio::test]
async fn a_token_judged_before_a_set_came_and_searched_after_it_is_judged_again() {
    let remote = remote();
    remote.finish(set(&["old"]));
    let seen = remote.sets();
    assert_eq!(remote.with_keys(|keys, _| keys.knows("new")), Some(false));
    assert!(matches!(remote.search(Some("new"), seen), KeySearch::Fetching(_)), "another request's");
    remote.finish(set(&["old", "new"]));
    let KeySearch::Fetching(pending) = remote.search(Some("new"), seen) else { panic!("refused") };
    assert!(pending.answer.has_changed().unwrap(), "there is nothing to wait for");
}

#[tokio::test]
async fn a_search_that_may_not_start_does_not_use_up_the_period() {
    let remote = remote();
    remote.finish(set(&["old"]));
    remote.finish(Err(FetchError::TimedOut));
    assert!(matches!(remote.search(Some("x"), remote.sets()), KeySearch::Unavailable(_)));
    remote.control().retry_at = None;
    assert!(matches!(remote.search(Some("new"), remote.sets()), KeySearch::Fetching(_)));
}

#[tokio::test]
async fn a_failed_fetch_is_an_outage_however_late_it_is_noticed() {
    let remote = remote();
    remote.finish(set(&["old"]));
    remote.finish(Err(FetchError::TimedOut));
    remote.control().retry_at = None;
    assert_eq!(remote.not_found(Some("new")), Some(FIRST_RETRY));
}

#[tokio::test]
async fn a_lost_fetch_that_ends_after_all_is_not_heard() {
    let remote = remote();
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    let lost_at = remote.control().lost_at;
    let late =
        FetchGuard { remote: Arc::clone(&remote), lost_at: lost_at.map(|at| at - FIRST_RETRY), outcome: set(&["old"]) };
    drop(late);
    assert!(remote.control().is_fetching(Instant::now()) && !remote.is_ready());
    drop(FetchGuard { remote: Arc::clone(&remote), lost_at, outcome: set(&["new"]) });
    assert_eq!(remote.with_keys(|keys, _| keys.knows("new")), Some(true));
}

#[tokio::test]
async fn a_fetch_that_is_lost_gives_way_to_another() {
    let remote = remote();
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    remote.control().lost_at = Some(Instant::now());
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    assert!(remote.control().lost_at.is_some_and(|at| at > Instant::now()), "a new one was started");
}

#[tokio::test]
async fn a_lost_fetch_keeps_no_stale_set_from_its_refresh() {
    let remote = remote();
    remote.finish(set(&["old"]));
    remote.refresh(Instant::now());
    remote.control().lost_at = Some(Instant::now());
    remote.refresh(Instant::now());
    assert!(remote.control().lost_at.is_some_and(|at| at > Instant::now()), "a new one was started");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_fetch_than_until_it_counts_as_lost() {
    let (sender, answer) = watch::channel(());
    let start = tokio::time::Instant::now();
    PendingFetch { answer, is_earlier: true }.answered().await;
    assert_eq!(start.elapsed().as_secs(), LOST_AFTER.as_secs());
    drop(sender);
}
