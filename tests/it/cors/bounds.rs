//! What is too much: several origins, one that is too long, too many names.

use portcullis::Cors;

use super::{App, PAGE, is_denied, is_unreadable, line, page};
use crate::support::response::TestResponse;

/// The longest origin that can be, and one byte more.
const LONGEST: usize = 326;

fn long(bytes: usize) -> String {
    format!("chrome-extension://{}", "a".repeat(bytes - "chrome-extension://".len()))
}

#[tokio::test]
async fn more_than_one_line_of_origin_is_disallowed() {
    for builder in [page(), Cors::builder().any_origin()] {
        let app = App::of(builder);
        for second in [PAGE, "https://evil.example", "null", ""] {
            let fields = [("origin", PAGE), ("origin", second), ("access-control-request-method", "GET")];
            is_denied(&app.options(&fields).await);
            assert_eq!(app.calls(), 0);
        }
    }
    is_unreadable(&TestResponse::get(&App::of(page()).router, "/", &[("origin", PAGE), ("origin", PAGE)]).await);
}

#[tokio::test]
async fn two_origins_on_one_line_are_none() {
    let app = App::of(page());
    for both in ["https://app.example.com, https://app.example.com", "https://app.example.com https://app.example.com"]
    {
        is_denied(&app.options(&[("origin", both), ("access-control-request-method", "GET")]).await);
        is_unreadable(&app.get(both).await);
    }
}

#[tokio::test]
async fn an_origin_over_326_bytes_is_disallowed_even_where_any_is_allowed() {
    let app = App::of(Cors::builder().any_origin());
    let [longest, over] = [long(LONGEST), long(LONGEST + 1)];
    let asked = ("access-control-request-method", "GET");
    assert_eq!(app.options(&[("origin", &longest), asked]).await.status, 204);
    is_denied(&app.options(&[("origin", &over), asked]).await);
    assert_eq!(line(&app.get(&longest).await.headers, "access-control-allow-origin"), Some("*"));
    // A preflight alone is refused: an answer that is stored is the same for everybody.
    assert_eq!(line(&app.get(&over).await.headers, "access-control-allow-origin"), Some("*"));
    let app = App::of(Cors::builder().origins(super::of(["https://*.example.com"])));
    let label = "a.".repeat(200);
    let deep = format!("https://{label}example.com");
    is_denied(&app.options(&[("origin", &deep), asked]).await);
    is_unreadable(&app.get(&deep).await);
}

#[tokio::test]
async fn over_64_names_are_disallowed_on_one_line_or_on_many() {
    for builder in [page().any_header(), page().allow_headers(["x-a"])] {
        let app = App::of(builder);
        for (count, status) in [(1, 204), (64, 204), (65, 403), (1_000, 403)] {
            let lines = vec!["x-a"; count];
            assert_eq!(app.preflight("GET", &lines).await.status, status, "{count} lines");
            assert_eq!(app.preflight("GET", &[&lines.join(",")]).await.status, status, "{count} names");
        }
        is_denied(&app.preflight("GET", &["x-a"; 65]).await);
    }
}

#[tokio::test]
async fn over_8_kib_of_names_are_disallowed_on_one_line_or_on_many() {
    let app = App::of(page().any_header());
    for (bytes, status) in [(8_192, 204), (8_193, 403), (60_000, 403)] {
        let name = "a".repeat(bytes);
        assert_eq!(app.preflight("GET", &[&name]).await.status, status, "{bytes} bytes");
        // A comma stands for the end of a line.
        let (first, second) = name[1..].split_at(bytes / 2);
        assert_eq!(app.preflight("GET", &[first, second]).await.status, status, "{bytes} bytes on two lines");
        let commas = ",".repeat(bytes);
        assert_eq!(app.preflight("GET", &[&commas]).await.status, status, "{bytes} commas");
    }
}
