//! Attacks on `Cors`, `SecurityHeaders` and `Stack` that must fail.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, request};
use axum::routing::any;
use portcullis::context::Visitor;
use portcullis::gate::{Denial, DenialKind, Entry, Gate, GrpcRejections, Reply};
use portcullis::headers::PermissionsPolicy;
use portcullis::rate_limit::Key;
use portcullis::{Cors, OriginSet, Quota, RateLimit, SecurityHeaders, Stack, UserContext};
use tower::ServiceExt;

use super::PAGE;
use crate::support::response::TestResponse;

#[test]
fn a_pattern_for_a_public_suffix_in_punycode_is_rejected() {
    // Rules of the Public Suffix List for IDNs, in the form that an origin has.
    for suffix in
        ["xn--55qx5d.cn", "xn--55qx5d.hk", "xn--mxtq1m.hk", "xn--vler-qoa.hedmark.no", "xn--hery-ira.nordland.no"]
    {
        assert!(OriginSet::new([format!("https://*.{suffix}")]).is_err(), "{suffix}");
    }
}

#[test]
fn a_hundred_thousand_origins_are_built_in_linear_memory() {
    let allocated = |count: u64| {
        let origins: Vec<_> = (0..count).map(|n| format!("https://*.a{n}.example.com")).collect();
        measure(|| assert!(OriginSet::new(&origins).is_ok())).bytes_total
    };
    let few = allocated(10_000);
    let many = allocated(100_000);
    assert!(many < few * 20, "10 times the origins: {few} and {many} bytes");
    let set = OriginSet::new((0..100_000).map(|n| format!("https://*.a{n}.example.com"))).unwrap();
    assert!(set.contains("https://x.a99999.example.com") && !set.contains("https://x.b.example.com"));
    assert_eq!(OriginSet::new((0..100_000).map(|n| format!("a{n}"))).unwrap_err().issues().len(), 100_000);
}

/// A gate that counts its calls. Headers of the request decide whether it admits, rejects or waits.
#[derive(Clone, Default)]
struct CountingGate(Arc<Calls>);

#[derive(Default)]
struct Calls {
    enter: AtomicUsize,
    leave: AtomicUsize,
}

impl Gate for CountingGate {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        self.0.enter.fetch_add(1, SeqCst);
        let rejects = head.headers.contains_key("x-reject");
        let waits = head.headers.contains_key("x-wait");
        let hangs = head.headers.contains_key("x-hang");
        if rejects && !waits {
            return Entry::Refuse(rejection(head));
        }
        head.extensions.insert(Visitor::authenticated(UserContext::new("ann")));
        if !waits && !hangs {
            return Entry::Admit(());
        }
        Entry::wait(move |head| async move {
            tokio::task::yield_now().await;
            if hangs {
                std::future::pending::<()>().await;
            }
            if rejects { Err(rejection(&head)) } else { Ok((head, ())) }
        })
    }

    fn leave<B>(&self, (): (), response: &mut Response<B>) {
        self.0.leave.fetch_add(1, SeqCst);
        response.headers_mut().append("x-leave-called", "1".parse().unwrap());
    }
}

fn rejection(head: &request::Parts) -> Reply {
    Reply::denial(head, Denial::new(DenialKind::CredentialsMissing, Default::default()))
}

fn cors() -> Cors {
    Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap()
}

/// An app behind a stack within a stack, with the number of calls of its handler.
fn nested_stacks(gate: CountingGate, requests_per_hour: u32) -> (Router, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let limit = |key| RateLimit::builder().quota(Quota::per_hour(requests_per_hour).unwrap()).key(key).build().unwrap();
    let inner = Stack::builder().authenticate(gate).limit_by_user(limit(Key::user())).build().unwrap();
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .cors(cors())
        .authenticate(inner)
        .build()
        .unwrap();
    let handler = any(move || async move {
        count.fetch_add(1, SeqCst);
        "handled"
    });
    (Router::new().route("/", handler).layer(stack), calls)
}

#[tokio::test]
async fn in_nested_stacks_only_gates_that_admitted_a_request_see_its_response() {
    for (names, status, handler_calls, leave_calls) in [
        (&[][..], 200, 1, 1),
        (&["x-wait"], 200, 1, 1),
        (&["x-reject"], 401, 0, 0),
        (&["x-reject", "x-wait"], 401, 0, 0),
    ] {
        let gate = CountingGate::default();
        let (app, calls) = nested_stacks(gate.clone(), 9);
        let mut sent = vec![("origin", PAGE)];
        sent.extend(names.iter().map(|name| (*name, "1")));
        let response = TestResponse::get(&app, "/", &sent).await;
        let counts = (calls.load(SeqCst), gate.0.enter.load(SeqCst), gate.0.leave.load(SeqCst));
        assert_eq!((response.status.as_u16(), counts), (status, (handler_calls, 1, leave_calls)), "{names:?}");
        assert_eq!(response.headers.get_all("access-control-allow-origin").iter().count(), 1, "{names:?}");
        assert_eq!(response.headers.get_all("x-frame-options").iter().count(), 1, "{names:?}");
    }
}

#[tokio::test]
async fn a_rejection_by_the_innermost_gate_passes_through_all_outer_gates() {
    for waits in [false, true] {
        let gate = CountingGate::default();
        let (app, calls) = nested_stacks(gate.clone(), 1);
        let headers = if waits { vec![("origin", PAGE), ("x-wait", "1")] } else { vec![("origin", PAGE)] };
        assert_eq!(TestResponse::get(&app, "/", &headers).await.status, 200);
        let response = TestResponse::get(&app, "/", &headers).await;
        assert_eq!((response.status.as_u16(), calls.load(SeqCst), gate.0.leave.load(SeqCst)), (429, 1, 2));
        assert_eq!(response.headers["access-control-allow-origin"], PAGE);
        assert_eq!(
            (&response.headers["x-leave-called"], &response.headers["x-frame-options"]),
            (&"1".parse().unwrap(), &"DENY".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_waits_reaches_no_handler() {
    let gate = CountingGate::default();
    let (app, calls) = nested_stacks(gate.clone(), 9);
    let request = Request::get("/").header("x-hang", "1").body(Body::empty()).unwrap();
    let mut call = Box::pin(app.clone().oneshot(request));
    for _ in 0..10 {
        assert!(poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await.is_pending());
        tokio::task::yield_now().await;
    }
    drop(call);
    assert_eq!((gate.0.enter.load(SeqCst), gate.0.leave.load(SeqCst), calls.load(SeqCst)), (1, 0, 0));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn a_preflight_reaches_no_inner_gate_and_a_rejected_grpc_call_passes_through_all_outer_ones() {
    let gate = CountingGate::default();
    let (app, calls) = nested_stacks(gate.clone(), 9);
    let preflight = Request::options("/").header("origin", PAGE).header("access-control-request-method", "GET");
    assert_eq!(TestResponse::send(&app, preflight.body(Body::empty()).unwrap()).await.status, 204);
    assert_eq!((gate.0.enter.load(SeqCst), calls.load(SeqCst)), (0, 0));
    let call =
        Request::post("/").header("content-type", "application/grpc").header("origin", PAGE).header("x-reject", "1");
    let call = call.extension(GrpcRejections);
    let response = TestResponse::send(&app, call.body(Body::empty()).unwrap()).await;
    assert_eq!((&response.headers["grpc-status"], calls.load(SeqCst)), (&"16".parse().unwrap(), 0));
    assert_eq!(response.headers["access-control-allow-origin"], PAGE);
    assert_eq!(response.headers["x-frame-options"], "DENY");
}

#[test]
fn origins_that_resemble_an_allowed_one_are_disallowed() {
    let set =
        OriginSet::new([PAGE, "https://*.example.org", "http://localhost:*", "https://*.example.net:8443"]).unwrap();
    for origin in [
        "https://app.example.com.",
        "https://app.example.com:443",
        "https://APP.example.com",
        "http://app.example.com",
        "https://app.example.com/",
        "https://app.example.com\u{0}",
        "https://app.example.com,https://evil.example",
        "https://example.org",
        "https://.example.org",
        "https://aexample.org",
        "https://a..example.org",
        "https://a.example.org.",
        "https://evil.example/.example.org",
        "https://evil.example#.example.org",
        "https://evil.example?.example.org",
        "https://evil.example\\.example.org",
        "https://u@a.example.org",
        "https://a.example.org:80a",
        "https://a.example.org:0443",
        "https://a.example.org:8443",
        "https://*.example.org",
        "http://a.example.org",
        "https://a.example.net",
        "https://a.example.net:443",
        "http://localhost:0",
        "http://localhost:65536",
        "http://localhost:*",
        "http://localhost:",
        "https://localhost:1",
        "http://localhost.evil.example:1",
        "http://a.localhost:1",
        "null",
        "",
        "*",
        "file://",
        "https://",
        "https://[::1].example.org",
    ] {
        assert!(!set.contains(origin), "{origin}");
    }
    for origin in
        [PAGE, "https://a.b.example.org", "http://localhost", "http://localhost:1", "https://a.example.net:8443"]
    {
        assert!(set.contains(origin), "{origin}");
    }
}

#[test]
fn no_builder_accepts_text_that_ends_a_header() {
    for text in ["a\r\nx: y", "a\0", "a\"", "a\", b=\"c", "a;b", "(", "\u{7f}"] {
        assert!(SecurityHeaders::api().add_reporting_endpoint(text, "/a").build().is_err(), "{text:?}");
        assert!(
            // Some of the texts are valid in a URL.
            SecurityHeaders::api().add_reporting_endpoint("a", format!("/{text}")).build().is_err()
                || text.ends_with(['b', '(']),
            "{text:?}"
        );
        let policy = PermissionsPolicy::new().deny([text]);
        assert!(SecurityHeaders::api().permissions_policy(policy).build().is_err(), "{text:?}");
        let policy = PermissionsPolicy::new().allow("usb", [text]);
        assert!(SecurityHeaders::api().permissions_policy(policy).build().is_err(), "{text:?}");
        assert!(Cors::builder().any_origin().expose_headers([text]).build().is_err(), "{text:?}");
        assert!(Cors::builder().any_origin().allow_methods([text]).build().is_err(), "{text:?}");
        assert!(Cors::builder().any_origin().allow_headers([text]).build().is_err(), "{text:?}");
    }
}

/// Random header values, in each request header that the layers read.
#[tokio::test]
async fn random_headers_neither_cause_a_panic_nor_open_the_app_to_a_foreign_page() {
    let stack =
        Stack::builder().security_headers(SecurityHeaders::html().build().unwrap()).cors(cors()).build().unwrap();
    let app = Router::new().route("/", any(|| async { "handled" })).layer(stack);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..4_000 {
        let mut request = Request::builder().method(if next() % 2 == 0 { "OPTIONS" } else { "GET" }).uri("/");
        for name in ["origin", "access-control-request-method", "access-control-request-headers", "host", "forwarded"] {
            for _ in 0..next() % 3 {
                let bytes: Vec<u8> =
                    (0..next() % 12).map(|_| (next() % 224) as u8 + 32).filter(|byte| *byte != 127).collect();
                let value = if next() % 4 == 0 { PAGE.as_bytes().to_vec() } else { bytes };
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::empty()).unwrap();
        let is_page = request.headers().get_all("origin").iter().eq([PAGE]);
        let response = TestResponse::send(&app, request).await;
        let allowed: Vec<_> = response.headers.get_all("access-control-allow-origin").iter().collect();
        assert!(allowed.is_empty() || is_page && allowed == [PAGE], "{response:?}");
        let has_vary = response.headers.get_all("vary").iter().any(|line| line.to_str().unwrap().contains("Origin"));
        assert!(has_vary, "{response:?}");
    }
}
