//! Preflights: leave for exactly what is asked, no word of it otherwise, and what is none.

use std::time::Duration;

use super::{App, FOREIGN, PAGE, is_denied, leave, line, page, varies};
use crate::support::log_capture::LogCapture;

const ASKED: [&str; 3] = ["origin", "access-control-request-method", "access-control-request-headers"];

#[tokio::test]
async fn an_allowed_preflight_is_204_with_exactly_what_it_asked_for_and_the_handler_is_not_called() {
    let app = App::of(page().allow_methods(["PUT", "DELETE"]).allow_headers(["X-A", "X-B", "X-C"]));
    let answer = app.preflight("PUT", &["x-a,x-c"]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    assert_eq!(
        leave(&answer.headers),
        [
            "access-control-allow-headers: x-a,x-c",
            "access-control-allow-methods: PUT",
            "access-control-allow-origin: https://app.example.com",
            "access-control-max-age: 600",
        ]
    );
    assert_eq!(varies(&answer.headers), ASKED);
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn a_preflight_that_asks_for_no_header_is_told_of_none() {
    let answer = App::of(page()).preflight("POST", &[]).await;
    assert_eq!(answer.status, 204);
    assert_eq!(line(&answer.headers, "access-control-allow-methods"), Some("POST"));
    assert_eq!(line(&answer.headers, "access-control-allow-headers"), None);
}

#[tokio::test]
async fn a_disallowed_preflight_is_403_without_any_field_of_cors() {
    let app =
        App::of(page().allow_credentials().allow_methods(["PUT"]).allow_headers(["x-a"]).expose_headers(["etag"]));
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
        let fields = [("access-control-request-method", method), ("access-control-request-headers", names)];
        let answer = app.options(&[("origin", origin), fields[0], fields[1]]).await;
        is_denied(&answer);
        assert_eq!(varies(&answer.headers), ASKED, "{origin} {method} {names}");
    }
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn any_other_options_reaches_the_handler() {
    let app = App::of(page());
    let asked = ("access-control-request-method", "GET");
    let others: [&[(&str, &str)]; 5] = [
        &[],
        &[asked],
        &[("origin", PAGE)],
        &[("origin", FOREIGN)],
        &[("origin", PAGE), ("access-control-request-headers", "x-a")],
    ];
    for (before, fields) in others.into_iter().enumerate() {
        let answer = app.options(fields).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "handled"), "{fields:?}");
        assert_eq!(app.calls(), before + 1);
    }
    let answer = app.options(&[("origin", PAGE)]).await;
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(PAGE));
}

#[tokio::test]
async fn only_options_is_a_preflight() {
    let app = App::of(page());
    let fields = [("origin", PAGE), ("access-control-request-method", "PUT")];
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let request = super::request(method.parse().unwrap(), &fields);
        let answer = crate::support::response::TestResponse::send(&app.router, request).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "handled"), "{method}");
    }
}

#[tokio::test]
async fn a_safelisted_method_needs_no_leave() {
    for method in ["GET", "HEAD", "POST"] {
        assert_eq!(App::of(page()).preflight(method, &["authorization"]).await.status, 204, "{method}");
    }
    is_denied(&App::of(page()).preflight("PUT", &[]).await);
}

#[tokio::test]
async fn authorization_and_content_type_may_be_sent_unless_others_are_named() {
    assert_eq!(App::of(page()).preflight("GET", &["authorization,content-type"]).await.status, 204);
    is_denied(&App::of(page().allow_headers(["x-a"])).preflight("GET", &["authorization"]).await);
    is_denied(&App::of(page().allow_headers([""; 0])).preflight("GET", &["authorization"]).await);
}

#[tokio::test]
async fn names_are_accepted_in_any_order_case_and_layout() {
    let app = App::of(page().allow_headers(["X-A", "x-b", "X-c"]));
    let layouts: [&[&str]; 7] =
        [&["x-a,x-b,x-c"], &["x-c, X-B ,\tx-a"], &["X-C,X-A"], &["x-a", "x-c"], &["x-a,x-a"], &[",x-a,,x-b,"], &[""]];
    for lines in layouts {
        let answer = app.preflight("GET", lines).await;
        assert_eq!(answer.status, 204, "{lines:?}");
        let given = answer.headers.get_all("access-control-allow-headers").iter();
        let given: Vec<_> = given.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(given, *lines);
    }
}

#[tokio::test]
async fn any_method_and_any_header_are_told_by_name_and_never_by_a_star() {
    let app = App::of(page().allow_credentials().any_method().any_header());
    let answer = app.preflight("PURGE", &["authorization,x-whatever"]).await;
    assert_eq!(answer.status, 204);
    assert_eq!(line(&answer.headers, "access-control-allow-methods"), Some("PURGE"));
    assert_eq!(line(&answer.headers, "access-control-allow-headers"), Some("authorization,x-whatever"));
    for (method, names) in [("TRACE", "x-a"), ("track", "x-a"), ("CONNECT", "x-a"), ("a b", "x-a"), ("GET", "a b")] {
        is_denied(&app.preflight(method, &[names]).await);
    }
}

#[tokio::test]
async fn credentials_are_told_of_to_an_allowed_preflight_alone() {
    let app = App::of(page().allow_credentials());
    let answer = app.preflight("GET", &[]).await;
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), Some("true"));
    assert_eq!(line(&answer.headers, "access-control-allow-origin"), Some(PAGE));
    is_denied(&app.options(&[("origin", FOREIGN), ("access-control-request-method", "GET")]).await);
    let answer = App::of(page()).preflight("GET", &[]).await;
    assert_eq!(line(&answer.headers, "access-control-allow-credentials"), None);
}

#[tokio::test]
async fn the_max_age_is_told_as_it_was_set() {
    for (seconds, text) in [(0, "0"), (7_200, "7200"), (86_400, "86400")] {
        let answer = App::of(page().max_age(Duration::from_secs(seconds))).preflight("GET", &[]).await;
        assert_eq!(line(&answer.headers, "access-control-max-age"), Some(text));
    }
}

#[tokio::test]
async fn with_any_origin_a_preflight_is_answered_with_a_star_that_varies_by_no_origin() {
    let app = App::of(portcullis::Cors::builder().any_origin());
    for origin in [PAGE, FOREIGN, "null"] {
        let answer = app.options(&[("origin", origin), ("access-control-request-method", "GET")]).await;
        assert_eq!((answer.status.as_u16(), line(&answer.headers, "access-control-allow-origin")), (204, Some("*")));
        assert_eq!(varies(&answer.headers), ASKED[1..]);
    }
}

#[tokio::test]
async fn private_network_access_is_not_answered() {
    let fields = [("origin", PAGE), ("access-control-request-method", "GET")];
    let private = ("access-control-request-private-network", "true");
    let app = App::of(page().any_header());
    let [without, with] = [app.options(&fields).await, app.options(&[fields[0], fields[1], private]).await];
    assert_eq!(with.status, 204);
    assert_eq!(leave(&with.headers), leave(&without.headers));
    assert!(!leave(&with.headers).iter().any(|line| line.contains("private-network")));
}

#[tokio::test]
async fn debug_names_in_the_log_the_step_that_failed() {
    let app = App::of(page().debug());
    for (origin, method, names, step) in [
        (FOREIGN, "PUT", "x-b", "origin"),
        (PAGE, "PUT", "x-b", "method"),
        (PAGE, "GET", "x-b", "headers"),
        (PAGE, "GET", "authorization", ""),
    ] {
        let log = LogCapture::start();
        let fields = [("access-control-request-method", method), ("access-control-request-headers", names)];
        app.options(&[("origin", origin), fields[0], fields[1]]).await;
        let text = log.text();
        assert_eq!(log.count("a preflight failed"), usize::from(!step.is_empty()), "{text}");
        assert!(step.is_empty() || text.contains(&format!("step=\"{step}\"")), "{text}");
    }
}

#[tokio::test]
async fn debug_is_off_unless_asked_for() {
    let log = LogCapture::start();
    is_denied(&App::of(page()).preflight("PUT", &[]).await);
    assert_eq!(log.text(), "");
}
