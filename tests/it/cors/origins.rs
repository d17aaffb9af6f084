//! Which origins are let in: byte for byte, and patterns at a label's boundary.

use super::{App, is_denied, is_unreadable, line, of};
use portcullis::Cors;

/// Asserts that an app which lets these in answers so, for actual requests and for preflights.
async fn lets_in<const N: usize>(set: [&str; N], allowed: &[&str], foreign: &[&str]) {
    let app = App::of(Cors::builder().origins(of(set)));
    let asked = ("access-control-request-method", "GET");
    for origin in allowed {
        let answer = app.get(origin).await;
        assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(*origin), "{set:?}");
        assert_eq!(app.options(&[("origin", origin), asked]).await.status, 204, "{origin}, {set:?}");
    }
    for origin in foreign {
        is_unreadable(&app.get(origin).await);
        is_denied(&app.options(&[("origin", origin), asked]).await);
    }
}

#[tokio::test]
async fn an_origin_is_matched_on_its_bytes() {
    let foreign = [
        "https://barfoo.com",
        "https://foo.com.evil.example",
        "https://foo.comx",
        "https://foo.co",
        "https://a.foo.com",
        "http://foo.com",
        "https://foo.com:443",
        "https://foo.com:8443",
        "https://foo.com/",
        "https://foo.com.",
        "https://FOO.com",
        "HTTPS://foo.com",
        "https://foo.com ",
        "https://foo.com,https://foo.com",
        "foo.com",
    ];

    lets_in(["https://foo.com"], &["https://foo.com"], &foreign).await;
}

#[tokio::test]
async fn a_pattern_is_matched_at_a_labels_boundary() {
    let foreign = [
        "https://barfoo.com",
        "https://foo.com",
        "https://.foo.com",
        "https://a..foo.com",
        "https://a.barfoo.com",
        "https://a.foo.com.evil.example",
        "https://evil.example?.foo.com",
        "https://evil.example#.foo.com",
        "https://evil.example/.foo.com",
        "https://evil.example@a.foo.com",
        "https://*.foo.com",
        "https://a.FOO.com",
        "http://a.foo.com",
        "https://a.foo.com:8443",
        "https://a.foo.com:443",
    ];
    let allowed = ["https://a.foo.com", "https://a.b.c.foo.com", "https://xn--bcher-kva.foo.com"];
    lets_in(["https://*.foo.com"], &allowed, &foreign).await;
}

#[tokio::test]
async fn a_pattern_of_ports_is_matched_on_scheme_and_host() {
    let foreign = [
        "https://localhost:3000",
        "http://localhost.evil.example:3000",
        "http://a.localhost:3000",
        "http://localhost:0",
        "http://localhost:",
        "http://localhost:*",
        "http://localhost:80",
        "http://localhost:65536",
        "http://localhost:3000.evil.example",
        "http://notlocalhost:3000",
    ];
    let allowed = ["http://localhost", "http://localhost:1", "http://localhost:5173", "http://localhost:65535"];
    lets_in(["http://localhost:*"], &allowed, &foreign).await;
    lets_in(["http://127.0.0.1:*"], &["http://127.0.0.1:9"], &["http://127.0.0.2:9", "http://localhost:9"]).await;
}

#[tokio::test]
async fn a_pattern_below_a_domain_keeps_its_port() {
    let foreign = ["https://a.foo.com", "https://a.foo.com:8444", "https://foo.com:8443"];
    lets_in(["https://*.foo.com:8443"], &["https://a.foo.com:8443"], &foreign).await;
    let any = ["https://a.foo.com", "https://b.a.foo.com:1"];
    lets_in(["https://*.foo.com:*"], &any, &["https://foo.com", "https://foo.com:1", "http://a.foo.com"]).await;
}

#[tokio::test]
async fn one_member_does_not_widen_another() {
    let set = ["https://foo.com", "https://*.a.foo.com", "http://foo.com:8080", "http://bar.com:*"];
    let allowed = ["https://foo.com", "https://b.a.foo.com", "http://foo.com:8080", "http://bar.com:9"];
    let foreign = ["https://a.foo.com", "https://b.foo.com", "http://foo.com", "https://bar.com", "http://b.a.foo.com"];
    lets_in(set, &allowed, &foreign).await;
}
