//! Settings that are missing or invalid.

use portcullis::{ConfigIssue, Revocations, Tiers};

use super::*;

#[test]
fn all_issues_are_reported_at_once() {
    let basic = Tiers::ascending(["basic"]).unwrap().get("basic").unwrap();
    let error = ApiKeyAuth::builder()
        .prefix("")
        .header(axum::http::header::AUTHORIZATION)
        .realm("a\"b")
        .pepper(*b"short")
        .store_timeout(Duration::ZERO)
        .cache_capacity(0)
        .cache_ttl(2 * 60 * MINUTE)
        .stale_for(25 * 60 * MINUTE)
        .load_user_timeout(Duration::ZERO)
        .default_tier(basic)
        .build()
        .unwrap_err();
    let settings: Vec<_> = error.issues().iter().map(ConfigIssue::setting).collect();
    let expected = [
        "prefix",
        "header",
        "realm",
        "pepper",
        "store",
        "store_timeout",
        "cache_capacity",
        "cache_ttl",
        "stale_for",
        "load_user_timeout",
        "load_user_timeout",
        "default_tier",
    ];
    assert_eq!(settings, expected);
    assert!(!error.to_string().contains("short\""), "{error}");
}

#[test]
fn prefix_and_store_are_required() {
    let error = ApiKeyAuth::builder().build().unwrap_err();
    assert_eq!(error.issues().iter().map(ConfigIssue::setting).collect::<Vec<_>>(), ["prefix", "store"]);
}

#[test]
fn record_is_not_used_for_longer_than_a_revocation_is_kept() {
    let handle = Revocations::builder().max_token_lifetime(10 * MINUTE).build().unwrap();
    let build = |stale_for| {
        let builder = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).cache_ttl(MINUTE);
        builder.stale_for(stale_for).revocations(&handle).build()
    };
    assert!(build(9 * MINUTE).is_ok());
    assert_eq!(build(10 * MINUTE).unwrap_err().issues()[0].setting(), "stale_for");
}
