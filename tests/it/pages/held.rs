//! What was tried and held.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, request};
use axum::routing::any;
use portcullis::context::Visitor;
use portcullis::gate::{Denial, DenialKind, Entry, Gate, Reply};
use portcullis::headers::PermissionsPolicy;
use portcullis::rate_limit::Key;
use portcullis::{Cors, OriginSet, Quota, RateLimit, SecurityHeaders, Stack, UserContext};
use tower::ServiceExt;

use super::PAGE;
use crate::support::response::TestResponse;

#[test]
fn a_pattern_over_a_public_suffix_in_punycode_is_refused() {
    // Rules of the list: its IDNs in the form in which an origin has them.
    for suffix in
        ["xn--55qx5d.cn", "xn--55qx5d.hk", "xn--mxtq1m.hk", "xn--vler-qoa.hedmark.no", "xn--hery-ira.nordland.no"]
    {
        assert!(OriginSet::new([format!("https://*.{suffix}")]).is_err(), "{suffix}");
    }
}

#[test]
fn a_hundred_thousand_origins_are_built_soon() {
    let started = Instant::now();
    let set = OriginSet::new((0..100_000).map(|n| format!("https://*.a{n}.example.com"))).unwrap();
    assert!(set.contains("https://x.a99999.example.com") && !set.contains("https://x.b.example.com"));
    assert!(OriginSet::new((0..100_000).map(|n| format!("a{n}"))).is_err());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// Counts how often it is entered and left; refuses, waits or admits as it is told by a field.
#[derive(Clone, Default)]
struct Counting(Arc<(AtomicUsize, AtomicUsize)>);

impl Gate for Counting {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        self.0.0.fetch_add(1, SeqCst);
        let asks = |name: &str| head.headers.contains_key(name);
        let (is_refused, waits, hangs) = (asks("x-refuse"), asks("x-wait"), asks("x-hang"));
        if is_refused && !waits {
            return Entry::Refuse(refused(head));
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
            if is_refused { Err(refused(&head)) } else { Ok((head, ())) }
        })
    }

    fn leave<B>(&self, (): (), response: &mut Response<B>) {
        self.0.1.fetch_add(1, SeqCst);
        response.headers_mut().append("x-left", "1".parse().unwrap());
    }
}

fn refused(head: &request::Parts) -> Reply {
    Reply::denial(head, Denial::new(DenialKind::CredentialsMissing, Default::default()))
}

fn cors() -> Cors {
    Cors::builder().origins(OriginSet::new([PAGE]).unwrap()).build().unwrap()
}

fn stacked(gate: Counting, most: u32) -> (Router, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let limit = |key| RateLimit::builder().quota(Quota::per_hour(most).unwrap()).key(key).build().unwrap();
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
async fn of_a_stack_in_a_stack_each_gate_that_admitted_is_left_once_and_no_other() {
    for (fields, status, handled, left) in [
        (&[][..], 200, 1, 1),
        (&["x-wait"], 200, 1, 1),
        (&["x-refuse"], 401, 0, 0),
        (&["x-refuse", "x-wait"], 401, 0, 0),
    ] {
        let gate = Counting::default();
        let (app, calls) = stacked(gate.clone(), 9);
        let mut sent = vec![("origin", PAGE)];
        sent.extend(fields.iter().map(|name| (*name, "1")));
        let answer = TestResponse::get(&app, "/", &sent).await;
        let counts = (calls.load(SeqCst), gate.0.0.load(SeqCst), gate.0.1.load(SeqCst));
        assert_eq!((answer.status.as_u16(), counts), (status, (handled, 1, left)), "{fields:?}");
        assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().count(), 1, "{fields:?}");
        assert_eq!(answer.headers.get_all("x-frame-options").iter().count(), 1, "{fields:?}");
    }
}

#[tokio::test]
async fn what_the_innermost_gate_refuses_passes_all_that_admitted() {
    for waits in [false, true] {
        let gate = Counting::default();
        let (app, calls) = stacked(gate.clone(), 1);
        let fields = if waits { vec![("origin", PAGE), ("x-wait", "1")] } else { vec![("origin", PAGE)] };
        assert_eq!(TestResponse::get(&app, "/", &fields).await.status, 200);
        let answer = TestResponse::get(&app, "/", &fields).await;
        assert_eq!((answer.status.as_u16(), calls.load(SeqCst), gate.0.1.load(SeqCst)), (429, 1, 2));
        assert_eq!(answer.headers["access-control-allow-origin"], PAGE);
        assert_eq!(
            (&answer.headers["x-left"], &answer.headers["x-frame-options"]),
            (&"1".parse().unwrap(), &"DENY".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_waits_reaches_no_handler_and_leaves_nothing() {
    let gate = Counting::default();
    let (app, calls) = stacked(gate.clone(), 9);
    let request = Request::get("/").header("x-hang", "1").body(Body::empty()).unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(20), app.clone().oneshot(request)).await;
    assert!(answer.is_err());
    assert_eq!((gate.0.0.load(SeqCst), gate.0.1.load(SeqCst), calls.load(SeqCst)), (1, 0, 0));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn a_preflight_enters_no_gate_inside_and_a_refused_grpc_call_passes_all() {
    let gate = Counting::default();
    let (app, calls) = stacked(gate.clone(), 9);
    let preflight = Request::options("/").header("origin", PAGE).header("access-control-request-method", "GET");
    assert_eq!(TestResponse::send(&app, preflight.body(Body::empty()).unwrap()).await.status, 204);
    assert_eq!((gate.0.0.load(SeqCst), calls.load(SeqCst)), (0, 0));
    let call =
        Request::post("/").header("content-type", "application/grpc").header("origin", PAGE).header("x-refuse", "1");
    let answer = TestResponse::send(&app, call.body(Body::empty()).unwrap()).await;
    assert_eq!((&answer.headers["grpc-status"], calls.load(SeqCst)), (&"16".parse().unwrap(), 0));
    assert_eq!(answer.headers["access-control-allow-origin"], PAGE);
    assert_eq!(answer.headers["x-frame-options"], "DENY");
}

#[test]
fn no_origin_that_looks_like_another_is_let_in() {
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
fn nothing_that_is_given_to_a_builder_ends_a_field() {
    for text in ["a\r\nx: y", "a\0", "a\"", "a\", b=\"c", "a;b", "(", "\u{7f}"] {
        assert!(SecurityHeaders::api().add_reporting_endpoint(text, "/a").build().is_err(), "{text:?}");
        assert!(
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

/// Any bytes that a field may hold, in any of the fields that are read.
#[tokio::test]
async fn no_bytes_of_a_request_make_the_layers_panic_or_let_a_foreign_page_in() {
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
        let answer = TestResponse::send(&app, request).await;
        let allowed: Vec<_> = answer.headers.get_all("access-control-allow-origin").iter().collect();
        assert!(allowed.is_empty() || is_page && allowed == [PAGE], "{answer:?}");
        let varies = answer.headers.get_all("vary").iter().any(|line| line.to_str().unwrap().contains("Origin"));
        assert!(varies, "{answer:?}");
    }
}
