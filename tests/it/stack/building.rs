//! Gates that stand where they cannot do their work are found at start-up.

use portcullis::rate_limit::Key;
use portcullis::testing::as_anonymous;
use portcullis::{IssueKind, Quota, RateLimit, Stack, Tiers, TrustedProxies, UserContext};

use super::{auth, each_user, everybody, headers};

fn keyed(key: Key) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(9).unwrap()).key(key).build().unwrap()
}

#[test]
fn a_limit_by_user_outside_of_what_authenticates_is_refused() {
    let tenant = Key::tenant(|user: &UserContext| Some(user.id().to_owned()));
    let tiers = Tiers::ascending(["basic", "professional"]).unwrap();
    let by_tier = RateLimit::builder()
        .by_tier(["basic", "professional"].map(|tier| (tiers.get(tier).unwrap(), Quota::per_hour(9).unwrap())))
        .key(Key::ip(TrustedProxies::none()))
        .build()
        .unwrap();
    for limit in [keyed(Key::user()), keyed(Key::user().or_ip(TrustedProxies::none())), keyed(tenant), by_tier] {
        let error = Stack::builder().limit_by_address(limit).authenticate(auth()).build().unwrap_err();
        assert_eq!(error.issues().len(), 1, "{error}");
        let problem = &error.issues()[0];
        assert_eq!((problem.setting(), problem.kind()), ("limit_by_address", IssueKind::Prohibited));
        assert!(problem.remedy().contains("limit_by_user"), "{problem}");
    }
    for limit in [keyed(Key::ip(TrustedProxies::none())), everybody(9)] {
        assert!(Stack::builder().limit_by_address(limit).authenticate(auth()).build().is_ok());
    }
}

#[test]
fn a_limit_by_user_where_nothing_authenticates_is_refused() {
    let error = Stack::builder().limit_by_user(each_user(9)).build().unwrap_err();
    let problem = &error.issues()[0];
    assert_eq!((problem.setting(), problem.kind()), ("limit_by_user", IssueKind::Missing));
    assert!(problem.remedy().contains("authenticate"), "{problem}");
    assert!(Stack::builder().limit_by_user(everybody(9)).build().is_ok());
    assert!(Stack::builder().limit_by_user(each_user(9)).authenticate(as_anonymous()).build().is_ok());
}

#[test]
fn a_stack_of_nothing_is_refused() {
    let error = Stack::builder().build().unwrap_err();
    assert_eq!((error.issues()[0].setting(), error.issues()[0].kind()), ("stack", IssueKind::Missing));
    assert!(Stack::builder().security_headers(headers()).build().is_ok());
}
