//! `build()` reports all issues at once.

use portcullis::introspection::ClientAuth;
use portcullis::{ClaimMap, ConfigIssue, Issuer, JwtAuth, Tiers};

use super::*;

#[test]
fn build_reports_all_issues_at_once() {
    let free = Tiers::ascending(["free"]).unwrap().get("free").unwrap();
    let jwt = JwtAuth::builder().issuer(Issuer::hs256("https://other.example.com", [7; 32])).audience("a").build();
    let error = IntrospectionAuth::builder()
        .endpoint("http://auth.example.com/introspect")
        .client("", SECRET)
        .audience("")
        .any_audience()
        .issuer(" ")
        .keys_from(&jwt.unwrap())
        .timeout(Duration::ZERO)
        .cache_ttl(3_601 * SECOND)
        .cache_capacity(0)
        .leeway(301 * SECOND)
        .realm("\"")
        .claims(ClaimMap::new().id(""))
        .load_user_timeout(Duration::ZERO)
        .default_tier(free)
        .build()
        .unwrap_err();
    let settings: Vec<_> = error.issues().iter().map(ConfigIssue::setting).collect();
    assert_eq!(
        settings,
        [
            "endpoint",
            "client",
            "audience",
            "any_audience",
            "issuer",
            "keys_from",
            "timeout",
            "cache_ttl",
            "cache_capacity",
            "leeway",
            "realm",
            "claims",
            "load_user_timeout",
            "load_user_timeout",
            "default_tier",
        ]
    );
    assert!(!error.to_string().contains(SECRET));
}

#[test]
fn endpoint_credentials_and_audience_are_required() {
    let error = IntrospectionAuth::builder().build().unwrap_err();
    let settings: Vec<_> = error.issues().iter().map(ConfigIssue::setting).collect();
    assert_eq!(settings, ["endpoint", "client_auth", "audience"]);
}

#[test]
fn endpoint_is_https_or_on_loopback() {
    let build = |url: &str| IntrospectionAuth::builder().endpoint(url).client("api", SECRET).audience(API).build();
    for url in ["https://a.example/introspect?realm=1", "http://127.0.0.1:1/", "http://localhost/"] {
        assert!(build(url).is_ok(), "{url}");
    }
    for url in ["http://a.example/", "a.example", "", "https://user:marker@a.example/", "https://a.example/#a"] {
        let error = build(url).unwrap_err();
        assert_eq!(error.issues()[0].setting(), "endpoint", "{url}");
        assert!(!error.to_string().contains("marker"), "{error}");
    }
}

#[test]
fn keys_from_needs_the_issuer() {
    let jwt = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, [7; 32])).audience(API).build().unwrap();
    let builder = || {
        let auth = ClientAuth::post("api", SECRET);
        IntrospectionAuth::builder().endpoint("https://a.example/").client_auth(auth).audience(API).keys_from(&jwt)
    };
    assert_eq!(builder().build().unwrap_err().issues()[0].setting(), "keys_from");
    assert!(builder().issuer(ISSUER).build().is_ok());
}
