//! Fetches, searches and their outcomes, one step at a time.

use std::error::Error;
use std::time::SystemTime;

use http::{Request, Response};

use super::*;
use crate::clock::TimeSource;
use crate::http_client::client::HttpClient;
use crate::jwt::algorithm::PUBLIC_KEY_ALGORITHMS;

const MAX_STALE_KEYS: Duration = Duration::from_secs(600);
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

struct NeverResponds;

impl HttpClient for NeverResponds {
    async fn send(&self, _: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
        std::future::pending().await
    }
}

fn remote() -> Arc<RemoteKeys> {
    remote_with(Clock::system())
}

fn remote_with(clock: Clock) -> Arc<RemoteKeys> {
    let client = SharedHttpClient::new(NeverResponds);
    let location = JwksLocation::Url("https://a.example/k".to_owned());
    let filter = KeyFilter::new(PUBLIC_KEY_ALGORITHMS);
    Arc::new(RemoteKeys::new(
        "https://a.example".into(),
        location,
        filter,
        client,
        clock,
        MAX_STALE_KEYS,
        FETCH_TIMEOUT,
    ))
}

fn fetched(kids: &[&str]) -> Result<FetchedKeys, FetchError> {
    let keys: Vec<_> = kids
        .iter()
        .map(|kid| {
            format!(
                r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    let parsed = KeySet::parse(&text, &KeyFilter::new(PUBLIC_KEY_ALGORITHMS)).unwrap();
    Ok(FetchedKeys {
        uri: "https://a.example/k".to_owned(),
        keys: parsed.keys,
        document: text,
        skipped: vec![],
        max_age: None,
    })
}

#[test]
fn the_refresh_interval_is_ten_minutes_or_max_age_between_a_minute_and_a_day() {
    for (max_age, seconds) in [
        (None, 600),
        (Some(0), 60),
        (Some(59), 60),
        (Some(3600), 3600),
        (Some(86_400), 86_400),
        (Some(u64::MAX), 86_400),
    ] {
        assert_eq!(refresh_interval(max_age, 1.0).as_secs(), seconds, "{max_age:?}");
    }
    assert_eq!(refresh_interval(None, 0.9).as_secs(), 540);
    assert_eq!(refresh_interval(None, 1.1).as_secs(), 660);
}

#[test]
fn jitter_is_at_most_ten_percent() {
    let hasher = RandomState::new();
    let factors: Vec<f64> = (0..200).map(|_| jitter(&hasher)).collect();
    assert!(factors.iter().all(|factor| (0.9..=1.1).contains(factor)));
    assert!(factors.iter().any(|factor| *factor < 0.97) && factors.iter().any(|factor| *factor > 1.03));
}

#[tokio::test]
async fn a_search_with_an_outdated_set_count_returns_a_finished_fetch() {
    let remote = remote();
    remote.finish_fetch(remote.schedule(), fetched(&["old"]));
    let checked_sets = remote.fetched_sets();
    assert_eq!(remote.with_keys(|keys, _| keys.contains_kid("new")), Some(false));
    assert!(matches!(remote.search(Some("new"), checked_sets), KeySearch::Fetching(_)), "for another request");
    remote.finish_fetch(remote.schedule(), fetched(&["old", "new"]));
    let KeySearch::Fetching(pending) = remote.search(Some("new"), checked_sets) else { panic!("not found") };
    assert!(pending.finished.has_changed().unwrap(), "there is nothing to wait for");
}

#[tokio::test]
async fn a_search_during_the_back_off_does_not_start_the_cool_down() {
    let remote = remote();
    remote.finish_fetch(remote.schedule(), fetched(&["old"]));
    remote.finish_fetch(remote.schedule(), Err(FetchError::TimedOut));
    assert!(matches!(remote.search(Some("x"), remote.fetched_sets()), KeySearch::Unavailable { .. }));
    remote.schedule().retry_at = None;
    assert!(matches!(remote.search(Some("new"), remote.fetched_sets()), KeySearch::Fetching(_)));
}

#[tokio::test]
async fn a_missing_key_after_a_failed_fetch_is_an_outage() {
    let remote = remote();
    remote.finish_fetch(remote.schedule(), fetched(&["old"]));
    remote.finish_fetch(remote.schedule(), Err(FetchError::TimedOut));
    remote.schedule().retry_at = None;
    assert_eq!(remote.record_not_found(Some("new")), Some(FIRST_BACK_OFF));
}

#[tokio::test]
async fn the_outcome_of_a_lost_fetch_is_ignored() {
    let remote = remote();
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    let lost_at = remote.schedule().lost_at;
    let late = FetchGuard {
        remote: Arc::clone(&remote),
        lost_at: lost_at.map(|at| at - FIRST_BACK_OFF),
        outcome: fetched(&["old"]),
    };
    drop(late);
    assert!(remote.schedule().is_fetching(Instant::now()) && !remote.is_ready());
    drop(FetchGuard { remote: Arc::clone(&remote), lost_at, outcome: fetched(&["new"]) });
    assert_eq!(remote.with_keys(|keys, _| keys.contains_kid("new")), Some(true));
}

type OnRead = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// The system's clock, which calls a function when it is read next.
struct ObservedClock(OnRead);

impl TimeSource for ObservedClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        let on_read = self.0.lock().unwrap().take();
        if let Some(on_read) = on_read {
            on_read();
        }
        Instant::now()
    }
}

#[tokio::test]
async fn no_fetch_starts_while_a_lost_one_finishes() {
    let on_read = OnRead::default();
    let remote = remote_with(Clock::from_source(ObservedClock(Arc::clone(&on_read))));
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    let lost_at = Some(Instant::now());
    remote.schedule().lost_at = lost_at;
    let late = FetchGuard { remote: Arc::clone(&remote), lost_at, outcome: Err(FetchError::TimedOut) };

    // The guard reads the clock after it has seen that no later fetch has started.
    let other_request = Arc::clone(&remote);
    *on_read.lock().unwrap() = Some(Box::new(move || {
        let is_blocked = other_request.schedule.try_lock().is_err();
        assert!(is_blocked, "another request could start a fetch, whose `lost_at` the guard would clear");
    }));
    drop(late);
    assert!(on_read.lock().unwrap().is_none(), "the clock was read");
    assert_eq!(remote.schedule().lost_at, None);
}

#[tokio::test]
async fn a_lost_fetch_does_not_block_a_search() {
    let remote = remote();
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    remote.schedule().lost_at = Some(Instant::now());
    assert!(matches!(remote.search(None, 0), KeySearch::Fetching(_)));
    assert!(remote.schedule().lost_at.is_some_and(|at| at > Instant::now()), "a new one was started");
}

#[tokio::test]
async fn a_lost_fetch_does_not_block_a_refresh() {
    let remote = remote();
    remote.finish_fetch(remote.schedule(), fetched(&["old"]));
    remote.refresh(Instant::now());
    remote.schedule().lost_at = Some(Instant::now());
    remote.refresh(Instant::now());
    assert!(remote.schedule().lost_at.is_some_and(|at| at > Instant::now()), "a new one was started");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_fetch_counts_as_lost() {
    let (sender, finished) = watch::channel(());
    let start = tokio::time::Instant::now();
    remote().pending(finished, true).wait().await;
    assert_eq!(start.elapsed().as_secs(), (FETCH_TIMEOUT + LOST_MARGIN).as_secs());
    drop(sender);
}
