//! Limits: several origins, long origins, many header names.

use portcullis::Cors;

use super::{App, PAGE, assert_denied, assert_unreadable, for_page, header};
use crate::support::response::TestResponse;

/// The length of the longest possible origin.
const MAX_LEN: usize = 326;

fn origin_of_len(bytes: usize) -> String {
    format!("chrome-extension://{}", "a".repeat(bytes - "chrome-extension://".len()))
}

#[tokio::test]
async fn several_origin_headers_are_disallowed() {
    for builder in [for_page(), Cors::builder().any_origin()] {
        let app = App::of(builder);
        for second in [PAGE, "https://evil.example", "null", ""] {
            let headers = [("origin", PAGE), ("origin", second), ("access-control-request-method", "GET")];
            assert_denied(&app.options(&headers).await);
            assert_eq!(app.calls(), 0);
        }
    }
    assert_unreadable(
        &TestResponse::get(&App::of(for_page()).router, "/", &[("origin", PAGE), ("origin", PAGE)]).await,
    );
}

#[tokio::test]
async fn two_origins_on_one_line_are_disallowed() {
    let app = App::of(for_page());
    for both in ["https://app.example.com, https://app.example.com", "https://app.example.com https://app.example.com"]
    {
        assert_denied(&app.options(&[("origin", both), ("access-control-request-method", "GET")]).await);
        assert_unreadable(&app.get(both).await);
    }
}

#[tokio::test]
async fn an_origin_over_326_bytes_is_disallowed_even_if_any_is_allowed() {
    let app = App::of(Cors::builder().any_origin());
    let [longest, too_long] = [origin_of_len(MAX_LEN), origin_of_len(MAX_LEN + 1)];
    let requested = ("access-control-request-method", "GET");
    assert_eq!(app.options(&[("origin", &longest), requested]).await.status, 204);
    assert_denied(&app.options(&[("origin", &too_long), requested]).await);
    assert_eq!(header(&app.get(&longest).await.headers, "access-control-allow-origin"), Some("*"));
    // Only the preflight is denied: a cached response must be the same for every origin.
    assert_eq!(header(&app.get(&too_long).await.headers, "access-control-allow-origin"), Some("*"));
    let app = App::of(Cors::builder().origins(super::origins(["https://*.example.com"])));
    let label = "a.".repeat(200);
    let deep = format!("https://{label}example.com");
    assert_denied(&app.options(&[("origin", &deep), requested]).await);
    assert_unreadable(&app.get(&deep).await);
}

#[tokio::test]
async fn over_64_names_are_disallowed_on_one_line_or_several() {
    for builder in [for_page().any_header(), for_page().allow_headers(["x-a"])] {
        let app = App::of(builder);
        for (count, status) in [(1, 204), (64, 204), (65, 403), (1_000, 403)] {
            let lines = vec!["x-a"; count];
            assert_eq!(app.preflight("GET", &lines).await.status, status, "{count} lines");
            assert_eq!(app.preflight("GET", &[&lines.join(",")]).await.status, status, "{count} names");
        }
        assert_denied(&app.preflight("GET", &["x-a"; 65]).await);
    }
}

#[tokio::test]
async fn over_8_kib_of_names_are_disallowed_on_one_line_or_several() {
    let app = App::of(for_page().any_header());
    for (bytes, status) in [(8_192, 204), (8_193, 403), (60_000, 403)] {
        let name = "a".repeat(bytes);
        assert_eq!(app.preflight("GET", &[&name]).await.status, status, "{bytes} bytes");
        // The end of a line counts as a comma.
        let (first, second) = name[1..].split_at(bytes / 2);
        assert_eq!(app.preflight("GET", &[first, second]).await.status, status, "{bytes} bytes on two lines");
        let commas = ",".repeat(bytes);
        assert_eq!(app.preflight("GET", &[&commas]).await.status, status, "{bytes} commas");
    }
}
