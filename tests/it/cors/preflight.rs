//! Preflights: which are allowed, which are denied, and which requests are not preflights.

use std::time::Duration;

use super::{App, FOREIGN, PAGE, assert_denied, cors_headers, for_page, header, vary};
use crate::support::log_capture::LogCapture;

const VARY: [&str; 3] = ["origin", "access-control-request-method", "access-control-request-headers"];

#[tokio::test]
async fn an_allowed_preflight_is_204_with_exactly_what_it_requested_and_the_handler_is_not_called() {
    let app = App::of(for_page().allow_methods(["PUT", "DELETE"]).allow_headers(["X-A", "X-B", "X-C"]));
    let response = app.preflight("PUT", &["x-a,x-c"]).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (204, ""));
    assert_eq!(
        cors_headers(&response.headers),
        [
            "access-control-allow-headers: x-a,x-c",
            "access-control-allow-methods: PUT",
            "access-control-allow-origin: https://app.example.com",
            "access-control-max-age: 600",
        ]
    );
    assert_eq!(vary(&response.headers), VARY);
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn a_preflight_without_headers_gets_no_allowed_headers() {
    let response = App::of(for_page()).preflight("POST", &[]).await;
    assert_eq!(response.status, 204);
    assert_eq!(header(&response.headers, "access-control-allow-methods"), Some("POST"));
    assert_eq!(header(&response.headers, "access-control-allow-headers"), None);
}

#[tokio::test]
async fn a_denied_preflight_is_403_without_cors_headers() {
    let app =
        App::of(for_page().allow_credentials().allow_methods(["PUT"]).allow_headers(["x-a"]).expose_headers(["etag"]));
    for (origin, method, names) in [
        (FOREIGN, "PUT", "x-a"),
        ("null", "PUT", "x-a"),
        (PAGE, "DELETE", "x-a"),
        (PAGE, "put", "x-a"),
        (PAGE, "get", "x-a"),
        (PAGE, "PUT,", "x-a"),
        (PAGE, "", "x-a"),
        (PAGE, "*", "x-a"),
        (PAGE, "PUT", "x-b"),
        (PAGE, "PUT", "x-a,x-b"),
        (PAGE, "PUT", "x-a x-a"),
        (PAGE, "PUT", "*"),
    ] {
        let headers = [("access-control-request-method", method), ("access-control-request-headers", names)];
        let response = app.options(&[("origin", origin), headers[0], headers[1]]).await;
        assert_denied(&response);
        assert_eq!(vary(&response.headers), VARY, "{origin} {method} {names}");
    }
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn any_other_options_request_reaches_the_handler() {
    let app = App::of(for_page());
    let requested = ("access-control-request-method", "GET");
    let others: [&[(&str, &str)]; 5] = [
        &[],
        &[requested],
        &[("origin", PAGE)],
        &[("origin", FOREIGN)],
        &[("origin", PAGE), ("access-control-request-headers", "x-a")],
    ];
    for (before, headers) in others.into_iter().enumerate() {
        let response = app.options(headers).await;
        assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "handled"), "{headers:?}");
        assert_eq!(app.calls(), before + 1);
    }
    let response = app.options(&[("origin", PAGE)]).await;
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(PAGE));
}

#[tokio::test]
async fn a_request_with_several_requested_methods_is_not_a_preflight() {
    let app = App::of(for_page());
    let method = |method| ("access-control-request-method", method);
    for (origin, allowed) in [(PAGE, Some(PAGE)), (FOREIGN, None)] {
        for second in ["GET", "PUT", ""] {
            let response = app.options(&[("origin", origin), method("GET"), method(second)]).await;
            assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "handled"), "{origin} {second}");
            assert_eq!(header(&response.headers, "access-control-allow-origin"), allowed);
            assert_eq!(header(&response.headers, "access-control-allow-methods"), None);
        }
    }
    assert_eq!(app.calls(), 6);
    // On one line, the two are one value that is not a method.
    assert_denied(&app.options(&[("origin", PAGE), method("GET, PUT")]).await);
}

#[tokio::test]
async fn only_options_is_a_preflight() {
    let app = App::of(for_page());
    let headers = [("origin", PAGE), ("access-control-request-method", "PUT")];
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let request = super::request(method.parse().unwrap(), &headers);
        let response = crate::support::response::TestResponse::send(&app.router, request).await;
        assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "handled"), "{method}");
    }
}

#[tokio::test]
async fn safelisted_methods_are_always_allowed() {
    for method in ["GET", "HEAD", "POST"] {
        assert_eq!(App::of(for_page()).preflight(method, &["authorization"]).await.status, 204, "{method}");
    }
    assert_denied(&App::of(for_page()).preflight("PUT", &[]).await);
}

#[tokio::test]
async fn authorization_and_content_type_are_allowed_unless_others_are_set() {
    assert_eq!(App::of(for_page()).preflight("GET", &["authorization,content-type"]).await.status, 204);
    assert_denied(&App::of(for_page().allow_headers(["x-a"])).preflight("GET", &["authorization"]).await);
    assert_denied(&App::of(for_page().allow_headers([""; 0])).preflight("GET", &["authorization"]).await);
}

#[tokio::test]
async fn header_names_match_in_any_order_case_and_layout() {
    let app = App::of(for_page().allow_headers(["X-A", "x-b", "X-c"]));
    let layouts: [&[&str]; 7] =
        [&["x-a,x-b,x-c"], &["x-c, X-B ,\tx-a"], &["X-C,X-A"], &["x-a", "x-c"], &["x-a,x-a"], &[",x-a,,x-b,"], &[""]];
    for lines in layouts {
        let response = app.preflight("GET", lines).await;
        assert_eq!(response.status, 204, "{lines:?}");
        let allowed = response.headers.get_all("access-control-allow-headers").iter();
        let allowed: Vec<_> = allowed.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(allowed, *lines);
    }
}

#[tokio::test]
async fn any_method_and_any_header_are_allowed_by_name_and_never_by_a_star() {
    let app = App::of(for_page().allow_credentials().any_method().any_header());
    let response = app.preflight("PURGE", &["authorization,x-whatever"]).await;
    assert_eq!(response.status, 204);
    assert_eq!(header(&response.headers, "access-control-allow-methods"), Some("PURGE"));
    assert_eq!(header(&response.headers, "access-control-allow-headers"), Some("authorization,x-whatever"));
    for (method, names) in [("TRACE", "x-a"), ("track", "x-a"), ("CONNECT", "x-a"), ("a b", "x-a"), ("GET", "a b")] {
        assert_denied(&app.preflight(method, &[names]).await);
    }
}

#[tokio::test]
async fn credentials_are_allowed_only_to_an_allowed_preflight() {
    let app = App::of(for_page().allow_credentials());
    let response = app.preflight("GET", &[]).await;
    assert_eq!(header(&response.headers, "access-control-allow-credentials"), Some("true"));
    assert_eq!(header(&response.headers, "access-control-allow-origin"), Some(PAGE));
    assert_denied(&app.options(&[("origin", FOREIGN), ("access-control-request-method", "GET")]).await);
    let response = App::of(for_page()).preflight("GET", &[]).await;
    assert_eq!(header(&response.headers, "access-control-allow-credentials"), None);
}

#[tokio::test]
async fn max_age_is_sent_as_configured() {
    for (seconds, text) in [(0, "0"), (7_200, "7200"), (86_400, "86400")] {
        let response = App::of(for_page().max_age(Duration::from_secs(seconds))).preflight("GET", &[]).await;
        assert_eq!(header(&response.headers, "access-control-max-age"), Some(text));
    }
}

#[tokio::test]
async fn with_any_origin_a_preflight_gets_a_star_and_no_vary_by_origin() {
    let app = App::of(portcullis::Cors::builder().any_origin());
    for origin in [PAGE, FOREIGN, "null"] {
        let response = app.options(&[("origin", origin), ("access-control-request-method", "GET")]).await;
        assert_eq!(
            (response.status.as_u16(), header(&response.headers, "access-control-allow-origin")),
            (204, Some("*"))
        );
        assert_eq!(vary(&response.headers), VARY[1..]);
    }
}

#[tokio::test]
async fn private_network_access_is_ignored() {
    let headers = [("origin", PAGE), ("access-control-request-method", "GET")];
    let private = ("access-control-request-private-network", "true");
    let app = App::of(for_page().any_header());
    let [without, with] = [app.options(&headers).await, app.options(&[headers[0], headers[1], private]).await];
    assert_eq!(with.status, 204);
    assert_eq!(cors_headers(&with.headers), cors_headers(&without.headers));
    assert!(!cors_headers(&with.headers).iter().any(|line| line.contains("private-network")));
}

#[tokio::test]
async fn debug_logs_why_a_preflight_is_denied() {
    let app = App::of(for_page().debug());
    for (origin, method, names, cause) in [
        (FOREIGN, "PUT", "x-b", "origin"),
        (PAGE, "PUT", "x-b", "method"),
        (PAGE, "GET", "x-b", "headers"),
        (PAGE, "GET", "authorization", ""),
    ] {
        let log = LogCapture::start();
        let headers = [("access-control-request-method", method), ("access-control-request-headers", names)];
        app.options(&[("origin", origin), headers[0], headers[1]]).await;
        let text = log.text();
        assert_eq!(log.count("preflight denied"), usize::from(!cause.is_empty()), "{text}");
        assert!(cause.is_empty() || text.contains(&format!("cause=\"{cause}\"")), "{text}");
    }
}

#[tokio::test]
async fn debug_is_off_by_default() {
    let log = LogCapture::start();
    assert_denied(&App::of(for_page()).preflight("PUT", &[]).await);
    assert_eq!(log.text(), "");
}
