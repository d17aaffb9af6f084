//! The quota of a key: 1,000 requests in 3,600 seconds for this key, and for no other.

use portcullis::api_key::ApiKeyChange;
use portcullis::rate_limit::{Key, Limit};
use portcullis::{Quota, RateLimit, Stack, Tiers};

use super::*;

/// An app with 3 requests an hour for the tier `basic` and 5 for `pro`, unless a key has its own quota.
fn app(fixture: &Fixture, tiers: &Tiers) -> Router {
    let of = |tier, units| (tiers.get(tier).unwrap(), Quota::per_hour(units).unwrap());
    let limit = Limit::by_tier("api", [of("basic", 3), of("pro", 5)]).by_credential();
    let limit = RateLimit::builder().limit(limit).key(Key::user()).ietf_draft_headers();
    let limit = limit.clock(fixture.clock.clock()).build().unwrap();
    let stack = Stack::builder().authenticate(fixture.keys.clone()).limit_by_user(limit).build().unwrap();
    Router::new().route("/", any(async || {})).layer(stack)
}

/// The status of a request, its policy, and the remaining units.
async fn send(app: &Router, key: &ApiKey) -> (u16, String, String) {
    let authorization = format!("ApiKey {}", key.secret());
    let response = TestResponse::get(app, "/", &[("authorization", &authorization)]).await;
    let [policy, remaining] = ["ratelimit-policy", "x-ratelimit-remaining"]
        .map(|name| response.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned());
    (response.status.as_u16(), policy, remaining)
}

fn response(status: u16, limit: u32, remaining: u32) -> (u16, String, String) {
    (status, format!("\"api\";q={limit};w=3600"), remaining.to_string())
}

fn fixture(tiers: &Tiers) -> Fixture {
    Fixture::with(|builder| builder.tiers(tiers.clone()).cache_ttl(60 * MINUTE))
}

#[tokio::test]
async fn key_may_be_used_1_000_times_in_3_600_seconds_and_another_key_of_its_owner_has_its_own_quota() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let fixture = fixture(&tiers);
    let app = app(&fixture, &tiers);
    let owner = ann().with_tier(tiers.get("basic").unwrap());
    let quota = Quota::per(1_000, 3_600 * SECOND).unwrap();
    let key = fixture.keys.create(NewApiKey::for_user(&owner).quota(quota)).await.unwrap();
    let small = NewApiKey::for_user(&owner).quota(Quota::per_hour(2).unwrap());
    let small = fixture.keys.create(small).await.unwrap();

    for remaining in (0..1_000).rev() {
        assert_eq!(send(&app, &key).await, response(200, 1_000, remaining));
    }
    assert_eq!(send(&app, &key).await, response(429, 1_000, 0));
    assert_eq!(send(&app, &small).await, response(200, 2, 1));
    assert_eq!(send(&app, &small).await, response(200, 2, 0));
    assert_eq!(send(&app, &small).await, response(429, 2, 0));
    // A rejected credential is not counted.
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 401);
    assert_eq!(TestResponse::get(&app, "/", &[("authorization", "ApiKey acme_live_wrong")]).await.status, 401);

    fixture.clock.advance(2 * 3_600 * SECOND);
    assert_eq!(send(&app, &key).await, response(200, 1_000, 999));
}

#[tokio::test]
async fn keys_without_a_quota_share_that_of_their_tier() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let fixture = fixture(&tiers);
    let app = app(&fixture, &tiers);
    let owner = ann().with_tier(tiers.get("pro").unwrap());
    let new = || NewApiKey::for_user(&owner);
    let [first, second] = [fixture.keys.create(new()).await.unwrap(), fixture.keys.create(new()).await.unwrap()];
    let own = fixture.keys.create(new().quota(Quota::per_hour(9).unwrap())).await.unwrap();
    assert_eq!(send(&app, &first).await, response(200, 5, 4));
    assert_eq!(send(&app, &second).await, response(200, 5, 3));
    assert_eq!(send(&app, &own).await, response(200, 9, 8));
    // The tier of a key decides the limit, and its owner the counter.
    let basic = fixture.keys.create(new().tier("basic")).await.unwrap();
    assert_eq!(send(&app, &basic).await, response(200, 3, 0));
    assert_eq!(send(&app, &basic).await, response(429, 3, 0));
}

#[tokio::test]
async fn changed_quota_applies_at_the_next_request_and_none_means_that_of_the_tier() {
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let fixture = fixture(&tiers);
    let app = app(&fixture, &tiers);
    let owner = ann().with_tier(tiers.get("basic").unwrap());
    let new = NewApiKey::for_user(&owner).quota(Quota::per_hour(9).unwrap());
    let key = fixture.keys.create(new).await.unwrap();
    assert_eq!(send(&app, &key).await, response(200, 9, 8));
    let change = ApiKeyChange::for_user(&owner).quota(Quota::per_hour(4).unwrap());
    let record = fixture.keys.update(key.id(), change).await.unwrap().unwrap();
    assert_eq!(record.quota(), Some(Quota::per_hour(4).unwrap()));
    assert_eq!(send(&app, &key).await, response(200, 4, 2));
    let change = ApiKeyChange::for_user(&owner).name("another change keeps it");
    let record = fixture.keys.update(key.id(), change).await.unwrap().unwrap();
    assert_eq!(record.quota(), Some(Quota::per_hour(4).unwrap()));
    let change = ApiKeyChange::for_user(&owner).quota(None);
    let record = fixture.keys.update(key.id(), change).await.unwrap().unwrap();
    assert_eq!(record.quota(), None);
    assert_eq!(send(&app, &key).await, response(200, 3, 2));
}
