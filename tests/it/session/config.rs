//! Settings that are missing or invalid, all at once.

use portcullis::session::AssuranceLevel;
use portcullis::{Revocations, Tiers};

use super::*;

fn builder() -> SessionAuthBuilder {
    SessionAuth::builder().store(MemorySessions::new())
}

fn settings(builder: SessionAuthBuilder) -> Vec<&'static str> {
    match builder.build() {
        Ok(_) => Vec::new(),
        Err(error) => error.issues().iter().map(|issue| issue.setting()).collect(),
    }
}

#[test]
fn all_invalid_settings_are_reported_at_once() {
    let tier = Tiers::ascending(["free"]).unwrap().get("free").unwrap();
    let short = Revocations::builder().max_token_lifetime(20 * MINUTE).build().unwrap();
    for (builder, expected) in [
        (builder(), &[][..]),
        (SessionAuth::builder(), &["store"]),
        (builder().cookie_name("a b"), &["cookie_name"]),
        (builder().cookie_name("__Host-sid").domain("example.com"), &["cookie_name"]),
        (builder().cookie_name("__Host-sid").dangerously_over_http(), &["cookie_name"]),
        (builder().cookie_name("__secure-sid").dangerously_over_http(), &["cookie_name"]),
        (builder().cookie_name("__Secure-sid").domain("example.com"), &[]),
        (builder().cookie_name("sid"), &[]),
        (builder().domain("com"), &["domain"]),
        (builder().domain("example.com; Path=/a"), &["domain"]),
        (builder().remember_for(Duration::ZERO), &["remember_for"]),
        (builder().remember_for(401 * 24 * HOUR), &["remember_for"]),
        (builder().idle_timeout(Duration::ZERO), &["idle_timeout"]),
        (builder().absolute_timeout(Duration::ZERO).idle_timeout(MINUTE), &["absolute_timeout", "idle_timeout"]),
        (builder().idle_timeout(13 * HOUR), &["idle_timeout"]),
        (builder().absolute_timeout(10 * MINUTE), &[]),
        (builder().assurance(AssuranceLevel::Aal3).idle_timeout(16 * MINUTE), &["idle_timeout"]),
        (builder().assurance(AssuranceLevel::Aal2).absolute_timeout(25 * HOUR), &["absolute_timeout"]),
        (builder().revocations(&short), &["idle_timeout"]),
        (builder().max_sessions(0), &["max_sessions"]),
        (builder().reject_over_limit(), &["reject_over_limit"]),
        (builder().login_page("https://other.example"), &["login_page"]),
        (builder().login_page("//other.example"), &["login_page"]),
        (builder().login_page("login"), &["login_page"]),
        (builder().login_page("/login").secret(*b"short"), &["secret"]),
        (builder().secret([7; 32]), &["secret"]),
        (builder().realm("a\"b"), &["realm"]),
        (builder().store_timeout(Duration::ZERO), &["store_timeout"]),
        (builder().cache_capacity(0), &["cache_capacity"]),
        (builder().cache_ttl(MINUTE + SECOND), &["cache_ttl"]),
        (builder().stale_for(HOUR + SECOND), &["stale_for"]),
        (builder().load_user_timeout(SECOND), &["load_user_timeout"]),
        (builder().default_tier(tier), &["default_tier"]),
        (
            SessionAuth::builder().cookie_name("").idle_timeout(Duration::ZERO).max_sessions(0).realm(""),
            &["cookie_name", "idle_timeout", "max_sessions", "realm", "store"],
        ),
    ] {
        let debug = format!("{builder:?}");
        assert_eq!(settings(builder), expected, "{debug}");
    }
}

#[test]
fn settings_are_valid_up_to_their_limits() {
    let day = 24 * HOUR;
    let domain = |len: usize| format!("{}.com", "a".repeat(len - 4));
    for (valid, invalid, setting) in [
        (builder().remember_for(SECOND), builder().remember_for(SECOND - Duration::from_millis(1)), "remember_for"),
        (builder().remember_for(400 * day), builder().remember_for(400 * day + SECOND), "remember_for"),
        (builder().idle_timeout(MINUTE), builder().idle_timeout(MINUTE - SECOND), "idle_timeout"),
        (builder().idle_timeout(12 * HOUR), builder().idle_timeout(12 * HOUR + SECOND), "idle_timeout"),
        (builder().absolute_timeout(400 * day), builder().absolute_timeout(400 * day + SECOND), "absolute_timeout"),
        (builder().store_timeout(MINUTE), builder().store_timeout(MINUTE + SECOND), "store_timeout"),
        (builder().cache_ttl(MINUTE), builder().cache_ttl(MINUTE + SECOND), "cache_ttl"),
        (builder().stale_for(HOUR), builder().stale_for(HOUR + SECOND), "stale_for"),
        (builder().cache_capacity(1), builder().cache_capacity(0), "cache_capacity"),
        (builder().cache_capacity(1 << 20), builder().cache_capacity((1 << 20) + 1), "cache_capacity"),
        (builder().max_sessions(1), builder().max_sessions(0), "max_sessions"),
        (builder().domain(domain(253)), builder().domain(domain(254)), "domain"),
        (builder().login_page("/login?a=b"), builder().login_page("/login#a"), "login_page"),
        (builder().login_page("/login").secret([7; 32]), builder().login_page("/login").secret([7; 31]), "secret"),
    ] {
        assert_eq!((settings(valid), settings(invalid)), (vec![], vec![setting]), "{setting}");
    }
}

#[test]
fn no_secret_is_in_an_issue() {
    let error = builder().secret(*b"marker-4711").build().unwrap_err();
    assert!(!format!("{error:?}").contains("marker"), "{error:?}");
    assert!(!format!("{:?}", builder().secret(*b"marker-4711")).contains("marker"));
}
