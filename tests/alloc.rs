//! What a gate costs in allocations: nothing where it decides at once, one where it waits.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, request};
use http_body_util::Full;
use portcullis::context::Visitor;
use portcullis::gate::{Entry, Gate, Gated};
use portcullis::rate_limit::{Algorithm, Key, Limit, MemoryStore, RateLimitBuilder};
use portcullis::testing::as_user;
use portcullis::{
    Cors, CspNonce, OriginSet, Quota, RateLimit, RequirePermission, RequireRole, RequireScope, RequireTier, Roles,
    Scopes, SecurityHeaders, Stack, Tiers, TrustedProxies, UserContext,
};
use tower::{Layer, Service, ServiceBuilder};

/// A service that allocates nothing.
#[derive(Clone)]
struct Bare;

impl Service<Request<()>> for Bare {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

/// Admits at once.
#[derive(Clone)]
struct Open;

impl Gate for Open {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }
}

/// Admits, but not at once.
#[derive(Clone)]
struct Slow;

impl Gate for Slow {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::wait(|head| ready(Ok((head, ()))))
    }
}

/// How many allocations one request to the service makes, answered with this status.
fn allocations<S>(mut service: S, request: Request<()>, status: u16) -> u64
where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = None;
    let counted = measure(|| {
        assert!(service.poll_ready(&mut context).is_ready());
        let mut future = pin!(service.call(request));
        while answer.is_none() {
            if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
                answer = response.ok();
            }
        }
    });
    assert_eq!(answer.unwrap().status(), status);
    counted.count_total
}

fn plain() -> Request<()> {
    Request::get("/").header("accept", "*/*").body(()).unwrap()
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
    assert_eq!(allocations(Bare, plain(), 200), 0);
}

#[test]
fn a_gate_that_decides_at_once_allocates_nothing() {
    assert_eq!(allocations(Gated::new(Open, Bare), plain(), 200), 0);
    assert_eq!(allocations(Gated::new(Open, Gated::new(Open, Gated::new(Open, Bare))), plain(), 200), 0);
}

#[test]
fn a_gate_that_waits_allocates_once() {
    assert_eq!(allocations(Gated::new(Slow, Bare), plain(), 200), 1);
    assert_eq!(allocations(Gated::new(Open, Gated::new(Slow, Gated::new(Open, Bare))), plain(), 200), 1);
}

#[test]
fn every_gate_that_judges_a_user_admits_without_an_allocation() {
    let tiers = Tiers::ascending(["basic", "professional"]).unwrap();
    let roles = Roles::builder().role("reader", ["read:*"]).role("editor", ["write:page"]);
    let roles = roles.inherits("editor", ["reader"]).build().unwrap();
    let user = UserContext::new("ann")
        .with_scopes(Scopes::new(["read", "write"]).unwrap())
        .with_roles(["editor"])
        .with_role_table(roles.clone())
        .with_tier(tiers.get("professional").unwrap());
    let request = || {
        let mut request = plain();
        request.extensions_mut().insert(Visitor::authenticated(user.clone()));
        request
    };
    let count = |name, count: u64| assert_eq!(count, 0, "{name}");
    let scopes = RequireScope::all(["read", "write"]).unwrap();
    count("RequireScope", allocations(scopes.layer(Bare), request(), 200));
    let role = RequireRole::any([roles.get("reader").unwrap()]).unwrap();
    count("RequireRole", allocations(role.layer(Bare), request(), 200));
    let permissions = RequirePermission::all(["read:page", "write:page"]).unwrap();
    count("RequirePermission", allocations(permissions.layer(Bare), request(), 200));
    let tier = RequireTier::at_least(tiers.get("basic").unwrap());
    count("RequireTier", allocations(tier.layer(Bare), request(), 200));
    let other = Tiers::ascending(["basic", "professional"]).unwrap().get("basic").unwrap();
    count("RequireTier of another table", allocations(RequireTier::at_least(other).layer(Bare), request(), 200));
}

#[test]
fn proxies_are_walked_without_an_allocation() {
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let mut request = Request::get("/").header("x-forwarded-for", "203.0.113.9, 10.1.2.3").body(()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
    let head = request.into_parts().0;
    let mut client = None;
    assert_eq!(measure(|| client = proxies.client(&head)).count_total, 0);
    assert_eq!(client.unwrap().to_string(), "203.0.113.9");
}

/// A layer that lets this many origins in, the same one among them, and as many patterns.
fn cors_of(origins: usize) -> Cors {
    let names = (0..origins).map(|at| format!("https://app{at}.example.com"));
    let patterns = (0..origins).map(|at| format!("https://*.tenant{at}.example.org"));
    let builder = Cors::builder().origins(OriginSet::new(names.chain(patterns)).unwrap()).allow_credentials();
    builder.any_header().build().unwrap()
}

/// OPTIONS for an origin that asks to send these names, or GET where it asks for none.
fn from_page(origin: &'static str, asked: Option<&'static str>) -> Request<()> {
    // Values that are shared, as a server's are: to clone one is no allocation.
    let value = HeaderValue::from_static;
    let request = Request::get("/").header("origin", value(origin));
    let Some(names) = asked else { return request.body(()).unwrap() };
    let request = request.method("OPTIONS").header("access-control-request-method", value("GET"));
    request.header("access-control-request-headers", value(names)).body(()).unwrap()
}

#[test]
fn a_thousand_origins_cost_the_allocations_of_one() {
    let costs = |cors: Cors| {
        let count = |origin, asked, status| allocations(cors.layer(Bare), from_page(origin, asked), status);
        [
            count("https://app0.example.com", None, 200),
            count("https://a.tenant0.example.org", None, 200),
            count("https://evil.example", None, 200),
            count("https://app0.example.com", Some("x-a"), 204),
            count("https://evil.example", Some("x-a"), 403),
        ]
    };
    let [one, thousand] = [1, 1_000].map(|origins| {
        let cors = cors_of(origins);
        // The first request of a thread and of a policy makes what all later ones share.
        costs(cors.clone());
        costs(cors)
    });
    assert_eq!(one, thousand);
    // The map of the answer's fields, which was empty; that of its extensions, for a word to a layer outside, where the page
    // is foreign.
    assert_eq!(one, [2, 2, 4, 2, 2]);
}

/// The allocations of an empty request and of one whose handler asks for a nonce.
#[derive(Clone)]
struct Asking;

impl Service<Request<()>> for Asking {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert_eq!(request.extensions().get::<CspNonce>().map(|nonce| nonce.as_str().len()), Some(32));
        ready(Ok(Response::new(Full::default())))
    }
}

#[test]
fn security_headers_cost_the_map_of_fields_and_a_nonce_its_policy() {
    let count = |headers: SecurityHeaders| {
        // A policy's first answer makes what all later ones share.
        allocations(headers.layer(Bare), Request::new(()), 200);
        allocations(headers.layer(Bare), Request::new(()), 200)
    };
    // The two parts of the answer's map, which was empty.
    assert_eq!(count(SecurityHeaders::api().without("cache-control").build().unwrap()), 2);
    // And the request's extensions, which a gate inside would make else.
    assert_eq!(count(SecurityHeaders::api().build().unwrap()), 4);
    // And the nonce, where it lies and in the extensions, and room for the policy that may have it.
    let html = SecurityHeaders::html().build().unwrap();
    assert_eq!(count(html.clone()), 7);
    // And that policy.
    assert_eq!(allocations(html.layer(Asking), Request::new(()), 200), 8);
}

#[test]
fn a_stack_of_gates_that_decide_at_once_grows_the_answers_map_once() {
    let user = UserContext::new("ann");
    let headers = || SecurityHeaders::api().build().unwrap();
    let limit = || RateLimit::builder().quota(Quota::per_hour(99).unwrap()).key(Key::user()).build().unwrap();
    let apart = ServiceBuilder::new().layer(headers()).layer(cors_of(1)).layer(as_user(user.clone())).layer(limit());
    let stack = Stack::builder().security_headers(headers()).cors(cors_of(1)).authenticate(as_user(user));
    let stack = stack.limit_by_user(limit()).build().unwrap();
    let request = || from_page("https://app0.example.com", None);
    // The first requests of a thread and of a policy make what all later ones share.
    allocations(apart.service(Bare), request(), 200);
    allocations(stack.layer(Bare), request(), 200);
    let apart = allocations(apart.service(Bare), request(), 200);
    assert_eq!([apart, allocations(stack.layer(Bare), request(), 200)], [11, 7]);
}

#[test]
fn what_is_refused_for_its_length_costs_no_more_than_what_is_refused_at_once() {
    let service = cors_of(1).layer(Bare);
    let long = |bytes: usize| &*String::leak("a,".repeat(bytes / 2));
    let refused = |origin, names| allocations(service.clone(), from_page(origin, Some(names)), 403);
    // A thread's first request makes what all its later ones share.
    refused("https://evil.example", "x-a");
    let expected = refused("https://evil.example", "x-a");
    assert_eq!(refused(long(100_000), "x-a"), expected);
    assert_eq!(refused("https://app0.example.com", long(1_000)), expected);
    assert_eq!(refused("https://app0.example.com", long(100_000)), expected);
}

/// A limit by address.
fn limited(quota: Quota) -> RateLimitBuilder {
    RateLimit::builder().quota(quota).key(Key::ip(TrustedProxies::none()))
}

/// What a server leaves in a request's extensions.
fn from_peer(ip: std::net::Ipv4Addr) -> Request<()> {
    let mut request = plain();
    request.extensions_mut().insert(std::net::SocketAddr::from((ip, 443)));
    request
}

#[test]
fn a_limit_in_memory_allocates_one_extension_and_the_fields() {
    let peer = || from_peer([192, 0, 2, 1].into());
    let other = || Limit::new("day", Quota::per_day(1_000_000).unwrap());
    for algorithm in [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket] {
        let quota = Quota::per_hour(100).unwrap().algorithm(algorithm);
        let counts = |builder: RateLimitBuilder| {
            let limit = builder.build().unwrap();
            // The first request of a subject, and one of a subject that is known.
            [0; 2].map(|_| allocations(limit.layer(Bare), peer(), 200))
        };
        assert_eq!(counts(limited(quota).without_legacy_headers()), [1, 1], "{algorithm:?}");
        assert_eq!(counts(limited(quota).add_limit(other()).without_legacy_headers()), [1, 1], "{algorithm:?}");
        // One for the numbers of the fields, and two for a map that was empty.
        assert_eq!(counts(limited(quota)), [4, 4], "with fields, {algorithm:?}");
    }
}

/// How many allocations a request to a router makes.
fn of_router(mut app: axum::Router) -> u64 {
    let mut request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([192, 0, 2, 1], 443)));
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = None;
    let counted = measure(|| {
        let mut future = pin!(Service::<Request<_>>::call(&mut app, request));
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            answer = response.ok();
        }
    });
    assert_eq!(answer.expect("the handler answers at once").status(), 200);
    counted.count_total
}

#[test]
fn on_a_router_a_limit_in_memory_costs_one_allocation_beyond_an_empty_layer_and_two_with_fields() {
    let bare = axum::Router::new().route("/", axum::routing::get(|| async { "handled" }));
    let empty = bare.clone().layer(tower::layer::layer_fn(|inner| Gated::new(Open, inner)));
    let beyond = |limit: RateLimitBuilder| {
        // As a server does: else the router makes its routes anew for every request.
        let [empty, app] = [empty.clone(), bare.clone().layer(limit.build().unwrap())].map(|app| app.with_state(()));
        of_router(app) - of_router(empty)
    };
    let limit = || limited(Quota::per_hour(1_000).unwrap());
    let all = [limit().without_legacy_headers(), limit(), limit().ietf_draft_headers()];
    assert_eq!(all.map(beyond), [1, 2, 8]);
}

#[test]
fn an_exempt_request_and_one_to_which_no_limit_applies_allocate_nothing() {
    let quota = Quota::per_hour(100).unwrap();
    let exempting = limited(quota).exempt(["/"]).build().unwrap();
    assert_eq!(allocations(exempting.layer(Bare), plain(), 200), 0);
    let elsewhere = RateLimit::builder().limit(Limit::new("a", quota).on_routes(["/a"]).key(Key::global()));
    assert_eq!(allocations(elsewhere.build().unwrap().layer(Bare), plain(), 200), 0);
}

#[test]
fn a_flood_of_unique_subjects_keeps_no_byte() {
    let store = MemoryStore::with_subjects(1_000);
    let limit = Limit::new("a", Quota::per_hour(1).unwrap()).block_for(std::time::Duration::from_secs(60));
    let limit = limited(Quota::per_hour(100).unwrap()).add_limit(limit).store(store).build().unwrap();
    let mut refused = 0;
    let counted = measure(|| {
        for ip in 0..50_000_u32 {
            let mut head = from_peer(ip.to_be_bytes().map(|byte| byte.wrapping_mul(7)).into()).into_parts().0;
            refused += u32::from(matches!(limit.enter(&mut head), Entry::Refuse(_)));
        }
    });
    assert!(refused > 40_000, "they share what is left: {refused}");
    assert_eq!((counted.count_current, counted.bytes_current), (0, 0));
    assert!(counted.bytes_max < 8_192, "{}", counted.bytes_max);
}
