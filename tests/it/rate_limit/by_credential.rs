//! Quotas of credentials: a limit that reads its quota from the record of an API key.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use portcullis::context::Credential;
use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, Store, Subject};
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{IssueKind, Quota, RateLimit, Stack, Tiers, TrustedProxies, UserContext};

use super::{fake_clock, per_seconds, routes};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

const HOUR: u64 = 3_600;

fn key_of_ann(id: &str) -> UserContext {
    UserContext::new("ann").with_credential(Credential::ApiKey).with_token_id(id)
}

/// Sends a request as this user. Returns its status, the limit, the remaining units, and the policy.
async fn send(router: &Router, user: &UserContext) -> (u16, String, String, String) {
    let response = TestResponse::get(&router.clone().layer(as_user(user.clone())), "/", &[]).await;
    let [limit, remaining, policy] = ["x-ratelimit-limit", "x-ratelimit-remaining", "ratelimit-policy"]
        .map(|name| response.headers[name].to_str().unwrap().to_owned());
    (response.status.as_u16(), limit, remaining, policy)
}

/// Runs the same requests against any store.
pub(crate) async fn a_credential_has_its_own_quota_and_others_that_of_the_tier_or_the_limit(store: impl Fn() -> Store) {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let pro = tiers.get("pro").unwrap();
    let by_tier = [(tiers.get("basic").unwrap(), per_seconds(1, HOUR)), (pro.clone(), per_seconds(2, HOUR))];
    for (name, limit, algorithm) in [
        ("tier", Limit::by_tier("tier", by_tier).by_credential(), None),
        ("single", Limit::new("single", per_seconds(2, HOUR)).by_credential(), None),
        (
            "bucket",
            Limit::new("bucket", per_seconds(2, HOUR).algorithm(Algorithm::TokenBucket)).by_credential(),
            Some(Algorithm::TokenBucket),
        ),
    ] {
        let builder = RateLimit::builder().limit(limit).key(Key::user()).store(store()).ietf_draft_headers();
        let limit = builder.clock(fake_clock().clock()).build().unwrap();
        let router = routes(&Arc::default()).layer(limit.clone());
        let policy = |units: u32| format!("\"{name}\";q={units};w=3600");
        let text =
            |status: u16, limit: u32, remaining: u32| (status, limit.to_string(), remaining.to_string(), policy(limit));

        // Two keys of one user, each with its own quota; the algorithm of the quota is not that of the limit.
        let (large, small) = (key_of_ann("k1"), key_of_ann("k2"));
        let large = large.with_quota(per_seconds(70_000, HOUR).algorithm(Algorithm::FixedWindow));
        let small = small.with_quota(per_seconds(3, HOUR));
        assert_eq!(send(&router, &large).await, text(200, 70_000, 69_999), "{algorithm:?}");
        for remaining in [2, 1, 0] {
            assert_eq!(send(&router, &small).await, text(200, 3, remaining));
        }
        assert_eq!(send(&router, &small).await, text(429, 3, 0));
        assert_eq!(send(&router, &large).await, text(200, 70_000, 69_998));
        // The quota may change from one request to the next, and the used units remain.
        assert_eq!(send(&router, &small.clone().with_quota(per_seconds(5, HOUR))).await, text(200, 5, 1));

        // A credential without a quota has that of the tier or the limit, counted by its user.
        let ann = key_of_ann("k3").with_tier(pro.clone());
        assert_eq!(send(&router, &ann).await, text(200, 2, 1));
        assert_eq!(send(&router, &key_of_ann("k4").with_tier(pro.clone())).await, text(200, 2, 0));
        assert_eq!(send(&router, &ann).await.0, 429);

        // Outside a request.
        let subject = Subject::of_user(&small);
        assert_eq!(limit.peek(&subject).await.unwrap()[0].used(), 4);
        limit.reset(&subject).await.unwrap();
        assert_eq!(limit.check(&subject, 2).await.unwrap().tightest().unwrap().remaining(), 1);
        assert_eq!(limit.check(&subject, 2).await.unwrap_err().status(), 429);
    }
}

#[tokio::test]
async fn a_credential_has_its_own_quota_in_memory() {
    let memory = || Store::from(MemoryStore::new());
    a_credential_has_its_own_quota_and_others_that_of_the_tier_or_the_limit(memory).await;
}

#[tokio::test]
async fn a_quota_with_another_window_does_not_apply_and_is_logged_once() {
    let minute = Limit::new("minute", per_seconds(2, 60)).by_credential();
    let hour = Limit::new("hour", per_seconds(4, HOUR)).by_credential();
    let limit = RateLimit::builder().add_limit(minute).add_limit(hour).key(Key::user()).ietf_draft_headers();
    let router = routes(&Arc::default()).layer(limit.clock(fake_clock().clock()).build().unwrap());
    let log = LogCapture::start();
    let user = key_of_ann("k1").with_quota(per_seconds(1, HOUR));
    assert_eq!(send(&router, &user).await.0, 200);
    let (status, limit, ..) = send(&router, &user).await;
    assert_eq!((status, &*limit), (429, "1"), "the limit of the hour");
    assert_eq!(log.count("has another window than this limit"), 1, "{}", log.text());
    assert_eq!(log.count("limit=\"minute\" quota=1/h"), 1, "{}", log.text());
}

#[tokio::test]
async fn a_limit_that_is_not_by_credential_ignores_the_quota_of_the_credential() {
    let limit = RateLimit::builder().limit(Limit::new("api", per_seconds(500, HOUR))).key(Key::user());
    let limit = limit.ietf_draft_headers().clock(fake_clock().clock()).build().unwrap();
    let router = routes(&Arc::default()).layer(limit.clone());
    let user = key_of_ann("k1").with_quota(per_seconds(1, HOUR));
    assert_eq!(send(&router, &user).await.1, "500");
    let status = limit.check(&Subject::of_user(&user), 1).await.unwrap();
    let status = status.tightest().unwrap();
    assert_eq!((status.limit(), status.remaining()), (500, 498), "the same counter as that of the request");
}

#[tokio::test]
async fn a_credential_without_an_id_is_counted_by_its_user_with_its_own_quota() {
    let limit = Limit::new("api", per_seconds(9, HOUR)).by_credential();
    let limit = RateLimit::builder().limit(limit).key(Key::user()).ietf_draft_headers();
    let router = routes(&Arc::default()).layer(limit.clock(fake_clock().clock()).build().unwrap());
    let user = UserContext::new("ann").with_quota(per_seconds(3, HOUR));
    assert_eq!(send(&router, &user).await.2, "2");
    assert_eq!(send(&router, &UserContext::new("ann")).await.2, "7", "the same counter");
}

#[tokio::test]
async fn a_new_token_or_session_does_not_reset_the_counter_of_its_quota() {
    for credential in [Credential::Token, Credential::Session] {
        let limit = Limit::new("api", per_seconds(9, HOUR)).by_credential();
        let limit = RateLimit::builder().limit(limit).key(Key::user()).ietf_draft_headers();
        let router = routes(&Arc::default()).layer(limit.clock(fake_clock().clock()).build().unwrap());
        let ann = UserContext::new("ann").with_credential(credential).with_quota(per_seconds(3, HOUR));
        for (id, status, remaining) in [("1", 200, "2"), ("2", 200, "1"), ("3", 200, "0"), ("4", 429, "0")] {
            let (actual, limit, left, _) = send(&router, &ann.clone().with_token_id(id)).await;
            assert_eq!((actual, &*limit, &*left), (status, "3", remaining), "{credential:?} {id}");
        }
    }
}

#[tokio::test]
async fn anonymous_callers_have_the_quota_of_the_limit() {
    let limit = Limit::new("api", per_seconds(9, HOUR)).by_credential();
    let limit = RateLimit::builder().limit(limit).key(Key::user().or_ip()).build().unwrap();
    let router = routes(&Arc::default()).layer(limit).layer(as_anonymous()).layer(TrustedProxies::none());
    let mut request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([203, 0, 113, 9], 4711)));
    let response = TestResponse::send(&router, request).await;
    assert_eq!((response.status.as_u16(), &response.headers["x-ratelimit-limit"]), (200, &9.into()));
}

#[test]
fn a_limit_by_credential_needs_a_user_and_another_algorithm_than_the_sliding_log() {
    let quota = Quota::per(5, Duration::from_secs(60)).unwrap();
    let limit = |quota| RateLimit::builder().limit(Limit::new("a", quota).by_credential()).key(Key::global());
    let error = limit(quota.algorithm(Algorithm::SlidingLog)).build().unwrap_err();
    let issue = &error.issues()[0];
    assert_eq!((issue.setting(), issue.kind(), error.issues().len()), ("by_credential", IssueKind::Invalid, 1));

    let limit = limit(quota).build().unwrap();
    assert!(Stack::builder().authenticate(as_anonymous()).limit_by_address(limit.clone()).build().is_err());
    assert!(Stack::builder().limit_by_user(limit.clone()).build().is_err());
    assert!(Stack::builder().authenticate(as_anonymous()).limit_by_user(limit).build().is_ok());
}

#[test]
fn limits_of_one_name_share_a_store_only_if_both_are_by_credential() {
    let store = MemoryStore::new();
    let layer = |limit| RateLimit::builder().limit(limit).key(Key::user()).store(store.clone()).build();
    let limit = || Limit::new("a", per_seconds(500, HOUR));
    let first = layer(limit().by_credential()).unwrap();
    assert_eq!(layer(limit()).unwrap_err().issues()[0].setting(), "store");
    assert!(layer(limit().by_credential()).is_ok());
    drop(first);
}
