//! `Csrf`: which requests of pages it rejects, as a layer and in gates that read a cookie.

mod gates;
mod responses;

use axum::http::{Method, Request, request};
use portcullis::csrf::CsrfBuilder;
use portcullis::gate::{Denial, DenialKind};
use portcullis::{Csrf, OriginSet};

const TRUSTED: &str = "https://pages.example";

fn csrf() -> CsrfBuilder {
    Csrf::builder().origins(OriginSet::new([TRUSTED, "https://*.apps.example"]).unwrap())
}

fn head(method: Method, headers: &[(&str, &str)]) -> request::Parts {
    let request = Request::builder().method(method).uri("/").header("host", "app.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn admits(csrf: &Csrf, headers: &[(&str, &str)]) -> bool {
    csrf.check(&head(Method::POST, headers)).is_ok()
}

const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");

#[test]
fn get_head_and_options_pass_and_every_other_method_is_checked() {
    let csrf = csrf().build().unwrap();
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(csrf.check(&head(method.clone(), &[CROSS_SITE])).is_ok(), "{method}");
    }
    let others = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "QUERY", "PROPFIND", "get", "X"];
    for method in others.map(|method| Method::from_bytes(method.as_bytes()).unwrap()) {
        assert!(csrf.check(&head(method.clone(), &[CROSS_SITE])).is_err(), "{method}");
    }
}

#[test]
fn a_get_that_opens_a_websocket_is_checked() {
    let csrf = csrf().build().unwrap();
    for upgrade in ["websocket", "WebSocket", "foo, websocket", " websocket "] {
        assert!(csrf.check(&head(Method::GET, &[("upgrade", upgrade), CROSS_SITE])).is_err(), "{upgrade}");
        let own = [("upgrade", upgrade), ("sec-fetch-site", "same-origin")];
        assert!(csrf.check(&head(Method::GET, &own)).is_ok(), "{upgrade}");
    }
    let lines = [("upgrade", "h2c"), ("upgrade", "websocket"), CROSS_SITE];
    assert!(csrf.check(&head(Method::GET, &lines)).is_err());
    assert!(csrf.check(&head(Method::GET, &[("upgrade", "h2c"), CROSS_SITE])).is_ok());
}

#[test]
fn same_origin_and_none_pass_and_other_sites_only_with_a_trusted_origin() {
    let csrf = csrf().build().unwrap();
    for site in ["same-origin", "none"] {
        // The browser has compared the origins, so `Origin` is not read.
        assert!(admits(&csrf, &[("sec-fetch-site", site)]), "{site}");
        assert!(admits(&csrf, &[("sec-fetch-site", site), ("origin", "null")]), "{site}");
    }
    for site in ["same-site", "cross-site"] {
        for (origin, is_admitted) in [
            (TRUSTED, true),
            ("https://a.apps.example", true),
            ("https://app.example", false),
            ("https://other.example", false),
            ("null", false),
        ] {
            let headers = [("sec-fetch-site", site), ("origin", origin)];
            assert_eq!(admits(&csrf, &headers), is_admitted, "{site} {origin}");
        }
        assert!(!admits(&csrf, &[("sec-fetch-site", site)]), "{site}");
        assert!(!admits(&csrf, &[("sec-fetch-site", site), ("origin", TRUSTED), ("origin", TRUSTED)]), "{site}");
    }
}

#[test]
fn two_lines_of_sec_fetch_site_are_rejected_and_an_unknown_value_counts_as_absent() {
    let csrf = csrf().build().unwrap();
    let own = ("sec-fetch-site", "same-origin");
    assert!(!admits(&csrf, &[own, own]) && !admits(&csrf, &[own, own, ("origin", TRUSTED)]));
    for value in ["", "Same-Origin", "same-origin, same-origin", "other-site"] {
        assert!(!admits(&csrf, &[("sec-fetch-site", value)]), "{value}");
        assert!(admits(&csrf, &[("sec-fetch-site", value), ("origin", "https://app.example")]), "{value}");
    }
}

#[test]
fn without_sec_fetch_site_one_origin_passes_that_is_our_own_or_trusted() {
    let csrf = csrf().build().unwrap();
    for (origin, is_admitted) in [
        ("https://app.example", true),
        ("http://app.example", true),
        ("https://app.example:443", true),
        (TRUSTED, true),
        ("https://app.example:8443", false),
        ("https://sub.app.example", false),
        ("https://app.example.evil.example", false),
        ("https://other.example", false),
        ("null", false),
        ("", false),
    ] {
        assert_eq!(admits(&csrf, &[("origin", origin)]), is_admitted, "{origin}");
    }
    let own = ("origin", "https://app.example");
    assert!(!admits(&csrf, &[own, own]) && !admits(&csrf, &[own, ("origin", "null")]));
}

#[test]
fn with_neither_header_the_detail_names_origin_and_allow_without_origin_admits_it() {
    let kind = csrf().build().unwrap().check(&head(Method::POST, &[])).unwrap_err();
    assert!(matches!(kind, DenialKind::CrossSite { origin: None, .. }));
    assert!(Denial::new(kind, Default::default()).detail().contains("Origin"));

    let csrf = csrf().allow_without_origin().build().unwrap();
    assert!(admits(&csrf, &[]));
    assert!(!admits(&csrf, &[("origin", "null")]) && !admits(&csrf, &[CROSS_SITE]));
}

#[test]
fn content_type_x_requested_with_referer_and_path_decide_nothing() {
    let csrf = csrf().build().unwrap();
    let foreign = head(Method::POST, &[CROSS_SITE]);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-requested-with", "XMLHttpRequest"),
        ("referer", "https://app.example/form"),
    ] {
        assert!(!admits(&csrf, &[CROSS_SITE, (name, value)]) && !admits(&csrf, &[(name, value)]), "{name}");
    }
    for path in ["/", "/login", "/api/../login", "//login"] {
        let mut head = foreign.clone();
        head.uri = path.parse().unwrap();
        assert!(csrf.check(&head).is_err(), "{path}");
    }
}

#[test]
fn origins_served_over_http_are_an_error_unless_they_are_allowed_by_name() {
    let origins = || OriginSet::new(["http://localhost:3000", "http://intranet.example", TRUSTED]).unwrap();
    let error = Csrf::builder().origins(origins()).build().unwrap_err();
    let [issue] = error.issues() else { panic!("{error}") };
    assert_eq!((issue.setting(), issue.value()), ("origins", Some("http://intranet.example")));
    assert!(Csrf::builder().origins(origins()).dangerously_allow_http_origins().build().is_ok());
}
