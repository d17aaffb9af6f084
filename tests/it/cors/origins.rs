//! Which origins match: exact ones byte for byte, patterns at label boundaries.

use super::{App, assert_denied, assert_unreadable, header, origins};
use portcullis::Cors;

/// Asserts which origins an app with this set allows, for actual requests and preflights.
async fn assert_allowed<const N: usize>(set: [&str; N], allowed: &[&str], disallowed: &[&str]) {
    let app = App::of(Cors::builder().origins(origins(set)));
    let requested = ("access-control-request-method", "GET");
    for origin in allowed {
        let response = app.get(origin).await;
        assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(*origin), "{set:?}");
        assert_eq!(app.options(&[("origin", origin), requested]).await.status, 204, "{origin}, {set:?}");
    }
    for origin in disallowed {
        assert_unreadable(&app.get(origin).await);
        assert_denied(&app.options(&[("origin", origin), requested]).await);
    }
}

#[tokio::test]
async fn an_origin_matches_byte_for_byte() {
    let disallowed = [
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

    assert_allowed(["https://foo.com"], &["https://foo.com"], &disallowed).await;
}

#[tokio::test]
async fn a_subdomain_pattern_matches_at_label_boundaries() {
    let disallowed = [
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
    assert_allowed(["https://*.foo.com"], &allowed, &disallowed).await;
}

#[tokio::test]
async fn a_port_pattern_matches_scheme_and_host() {
    let disallowed = [
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
    assert_allowed(["http://localhost:*"], &allowed, &disallowed).await;
    assert_allowed(["http://127.0.0.1:*"], &["http://127.0.0.1:9"], &["http://127.0.0.2:9", "http://localhost:9"])
        .await;
}

#[tokio::test]
async fn a_subdomain_pattern_matches_its_port() {
    let disallowed = ["https://a.foo.com", "https://a.foo.com:8444", "https://foo.com:8443"];
    assert_allowed(["https://*.foo.com:8443"], &["https://a.foo.com:8443"], &disallowed).await;
    let any = ["https://a.foo.com", "https://b.a.foo.com:1"];
    assert_allowed(["https://*.foo.com:*"], &any, &["https://foo.com", "https://foo.com:1", "http://a.foo.com"]).await;
}

#[tokio::test]
async fn members_of_a_set_do_not_combine() {
    let set = ["https://foo.com", "https://*.a.foo.com", "http://foo.com:8080", "http://bar.com:*"];
    let allowed = ["https://foo.com", "https://b.a.foo.com", "http://foo.com:8080", "http://bar.com:9"];
    let disallowed =
        ["https://a.foo.com", "https://b.foo.com", "http://foo.com", "https://bar.com", "http://b.a.foo.com"];
    assert_allowed(set, &allowed, &disallowed).await;
}

#[tokio::test]
async fn a_star_inside_the_first_label_matches_one_label() {
    let disallowed = [
        "https://myapp-a.b-team.example.app",
        "https://myapp--team.example.app",
        "https://myapp-%61-team.example.app",
        "https://myapp-a-team.example.app.evil.example",
        "https://myapp-a.evil.example/-team.example.app",
        "https://myapp-a@x-team.example.app",
        "https://evil.example#myapp-a-team.example.app",
        "https://myapp-a-team.example.app:444",
        "https://a.myapp-a-team.example.app",
        "http://myapp-a-team.example.app",
        "https://myapp-*-team.example.app",
    ];
    let allowed = ["https://myapp-a-team.example.app", "https://myapp-git-fix-7-team.example.app"];
    assert_allowed(["https://myapp-*-team.example.app"], &allowed, &disallowed).await;
}

#[tokio::test]
async fn origins_of_apps_and_extensions_match_byte_for_byte() {
    let set = [
        "tauri://localhost",
        "capacitor://localhost",
        "app://obsidian.md",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
        "moz-extension://4ed7f644-c3b5-4bf1-983f-2c8718f52222",
    ];
    let disallowed = [
        "ionic://localhost",
        "tauri://localhost:1430",
        "tauri://localhost/",
        "tauri://evil.example",
        "Tauri://localhost",
        "tauri:localhost",
        "app://evil.obsidian.md",
        "chrome-extension://bapbdbdomjkkjkaonfhkkikfgjllcleb",
        "null",
        "file://",
    ];
    assert_allowed(set, &set, &disallowed).await;
    // No network carries such pages, so they may use credentials.
    assert!(Cors::builder().origins(origins(set)).allow_credentials().build().is_ok());
}
