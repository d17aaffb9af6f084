//! A layer that cannot work in its place is a `ConfigError`.

use portcullis::rate_limit::Key;
use portcullis::testing::as_anonymous;
use portcullis::{IssueKind, Quota, RateLimit, Stack, Tiers, TrustedProxies, UserContext};

use super::{auth, global_limit, headers, per_user_limit};

fn limit_by(key: Key) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(9).unwrap()).key(key).build().unwrap()
}

#[test]
fn a_limit_by_user_before_authentication_is_a_config_error() {
    let tenant = Key::tenant(|user: &UserContext| Some(user.id().to_owned()));
    let tiers = Tiers::ascending(["basic", "professional"]).unwrap();
    let by_tier = RateLimit::builder()
        .by_tier(["basic", "professional"].map(|tier| (tiers.get(tier).unwrap(), Quota::per_hour(9).unwrap())))
        .key(Key::ip())
        .build()
        .unwrap();
    for limit in [limit_by(Key::user()), limit_by(Key::user().or_ip()), limit_by(tenant), by_tier] {
        let stack = Stack::builder().trusted_proxies(TrustedProxies::none()).limit_by_address(limit);
        let error = stack.authenticate(auth()).build().unwrap_err();
        assert_eq!(error.issues().len(), 1, "{error}");
        let issue = &error.issues()[0];
        assert_eq!((issue.setting(), issue.kind()), ("limit_by_address", IssueKind::Prohibited));
        assert!(issue.remedy().contains("limit_by_user"), "{issue}");
    }
    for limit in [limit_by(Key::ip()), global_limit(9)] {
        let stack = Stack::builder().trusted_proxies(TrustedProxies::none()).limit_by_address(limit);
        assert!(stack.authenticate(auth()).build().is_ok());
    }
}

#[test]
fn a_limit_by_address_without_trusted_proxies_is_a_config_error() {
    let by_ip = || limit_by(Key::ip());
    let by_user = || limit_by(Key::user().or_ip());
    for stack in [
        Stack::builder().authenticate(auth()).limit_by_address(by_ip()),
        Stack::builder().authenticate(auth()).limit_by_user(by_user()),
        Stack::builder().authenticate(auth()).limit_by_user(by_user()).limit_by_address(by_ip()),
    ] {
        let error = stack.clone().build().unwrap_err();
        assert_eq!(error.issues().len(), 1, "{error}");
        let issue = &error.issues()[0];
        assert_eq!((issue.setting(), issue.kind()), ("trusted_proxies", IssueKind::Missing));
        assert!(issue.remedy().contains("TrustedProxies::none()"), "{issue}");
        for proxies in [TrustedProxies::none(), TrustedProxies::hops(1).unwrap()] {
            assert!(stack.clone().trusted_proxies(proxies).build().is_ok());
        }
    }
    for key in [Key::user(), Key::global()] {
        assert!(Stack::builder().authenticate(auth()).limit_by_user(limit_by(key)).build().is_ok());
    }
}

#[test]
fn a_limit_by_user_without_authentication_is_a_config_error() {
    let error = Stack::builder().limit_by_user(per_user_limit(9)).build().unwrap_err();
    let issue = &error.issues()[0];
    assert_eq!((issue.setting(), issue.kind()), ("limit_by_user", IssueKind::Missing));
    assert!(issue.remedy().contains("authenticate"), "{issue}");
    assert!(Stack::builder().limit_by_user(global_limit(9)).build().is_ok());
    assert!(Stack::builder().limit_by_user(per_user_limit(9)).authenticate(as_anonymous()).build().is_ok());
}

#[test]
fn a_stack_without_layers_is_a_config_error() {
    let error = Stack::builder().build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("Stack::builder", IssueKind::Missing));
    assert!(Stack::builder().security_headers(headers()).build().is_ok());
}
