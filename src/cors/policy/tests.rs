//! Tests of how requests are classified and preflights are checked.

use http::{HeaderName, Request};

use super::*;

const PAGE: &str = "https://app.example.com";

fn head(method: &str, fields: &[(HeaderName, &'static str)]) -> request::Parts {
    let mut request = Request::builder().method(method);
    for (name, value) in fields {
        request = request.header(name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn one_origin() -> Policy {
    Policy {
        origins: AllowedOrigins::Set(OriginSet::new([PAGE]).unwrap()),
        allows_credentials: false,
        methods: AllowedMethods::List([Method::PUT, Method::PATCH].into()),
        request_headers: AllowedHeaders::List(Names::new(["x-a", "x-b"])),
        exposed_headers: None,
        max_age: HeaderValue::from_static("600"),
        is_debug: false,
    }
}

fn anything() -> Policy {
    Policy {
        origins: AllowedOrigins::Any,
        methods: AllowedMethods::Any,
        request_headers: AllowedHeaders::Any,
        ..one_origin()
    }
}

fn check(
    policy: &Policy,
    origin: &'static str,
    method: &'static str,
    names: &'static str,
) -> Result<(), PreflightError> {
    let head = head("OPTIONS", &[(ACCESS_CONTROL_REQUEST_HEADERS, names)]);
    policy.check_preflight(&HeaderValue::from_static(origin), &HeaderValue::from_static(method), &head.headers)
}

#[test]
fn a_preflight_is_options_with_an_origin_and_a_method() {
    let origin = (ORIGIN, PAGE);
    let requested_method = (ACCESS_CONTROL_REQUEST_METHOD, "PUT");
    let kind = |method: &str, fields: &[_]| match CorsRequest::of(&head(method, fields)) {
        CorsRequest::NoOrigin => "no origin",
        CorsRequest::Actual { origin } => {
            assert_eq!(origin, PAGE);
            "actual"
        }
        CorsRequest::Preflight { origin, method } => {
            assert_eq!((origin.as_bytes(), method.as_bytes()), (PAGE.as_bytes(), b"PUT".as_slice()));
            "preflight"
        }
        CorsRequest::SeveralOrigins { is_preflight: true } => "several origins, preflight",
        CorsRequest::SeveralOrigins { is_preflight: false } => "several origins",
    };
    assert_eq!(kind("OPTIONS", &[origin.clone(), requested_method.clone()]), "preflight");
    for method in ["GET", "PUT", "options", "OPTIONSX"] {
        assert_eq!(kind(method, &[origin.clone(), requested_method.clone()]), "actual", "{method}");
    }
    assert_eq!(kind("OPTIONS", std::slice::from_ref(&origin)), "actual");
    assert_eq!(kind("OPTIONS", std::slice::from_ref(&requested_method)), "no origin");
    assert_eq!(kind("GET", &[]), "no origin");
    assert_eq!(
        kind("OPTIONS", &[origin.clone(), origin.clone(), requested_method.clone()]),
        "several origins, preflight"
    );
    assert_eq!(kind("GET", &[origin.clone(), origin, requested_method]), "several origins");
}

#[test]
fn the_first_failed_check_is_reported() {
    let policy = one_origin();
    for (origin, method, names, expected) in [
        (PAGE, "PUT", "x-b,x-a", Ok(())),
        (PAGE, "GET", "", Ok(())),
        ("https://b.example", "DELETE", "x-c", Err(PreflightError::Origin)),
        (PAGE, "DELETE", "x-c", Err(PreflightError::Method)),
        (PAGE, "put", "x-a", Err(PreflightError::Method)),
        (PAGE, "PUT", "x-c", Err(PreflightError::Headers)),
        (PAGE, "PUT", "x-a,x a", Err(PreflightError::Headers)),
    ] {
        assert_eq!(check(&policy, origin, method, names), expected, "{origin} {method} {names}");
    }
}

#[test]
fn any_method_and_any_header_exclude_what_browsers_never_send() {
    let policy = anything();
    for (origin, method, names, expected) in [
        ("null", "PURGE", "x-a", Ok(())),
        ("chrome-extension://a", "get", "*", Ok(())),
        (PAGE, "trace", "", Err(PreflightError::Method)),
        (PAGE, "CONNECT", "", Err(PreflightError::Method)),
        (PAGE, "a b", "", Err(PreflightError::Method)),
        (PAGE, "", "", Err(PreflightError::Method)),
        (PAGE, "GET", "x a", Err(PreflightError::Headers)),
    ] {
        assert_eq!(check(&policy, origin, method, names), expected, "{origin} {method} {names}");
    }
    assert!(policy.allows_origin(&HeaderValue::try_from("a".repeat(MAX_LEN)).unwrap()));
    assert!(!policy.allows_origin(&HeaderValue::try_from("a".repeat(MAX_LEN + 1)).unwrap()));
}

#[test]
fn an_origin_that_is_not_text_is_not_allowed() {
    let origin = HeaderValue::from_bytes(b"https://app.example.com\xff").unwrap();
    assert!(!one_origin().allows_origin(&origin));
}

#[test]
fn only_a_policy_without_an_origin_set_allows_any_origin() {
    assert!(!one_origin().allows_any_origin());
    assert!(anything().allows_any_origin());
}
