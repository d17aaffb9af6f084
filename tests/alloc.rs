//! The number of allocations of gates: none if a gate decides at once, one if it waits.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, request};
use http_body_util::Full;
use portcullis::context::{Credential, Visitor};
use portcullis::gate::{Entry, Gate, Gated};
use portcullis::rate_limit::{Algorithm, Key, Limit, RateLimitBuilder};
use portcullis::revocation::Revocation;
use portcullis::testing::{TokenBuilder, as_user};
use portcullis::{
    Cors, CspNonce, Issuer, JwtAuth, OriginSet, Quota, RateLimit, RequireCredential, RequirePermission, RequireRole,
    RequireScope, RequireTier, RequireUser, RequireVerifiedEmail, Revocations, Roles, Scopes, SecurityHeaders, Stack,
    Tiers, TrustedProxies, UserContext,
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
struct ImmediateGate;

impl Gate for ImmediateGate {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }
}

/// Waits before it admits.
#[derive(Clone)]
struct WaitingGate;

impl Gate for WaitingGate {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::wait(|head| ready(Ok((head, ()))))
    }
}

/// Sends a request that gets this status and returns the number of allocations.
fn allocations<S>(mut service: S, request: Request<()>, status: u16) -> u64
where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    let mut result = None;
    let counted = measure(|| {
        assert!(service.poll_ready(&mut context).is_ready());
        let mut future = pin!(service.call(request));
        while result.is_none() {
            if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
                result = response.ok();
            }
        }
    });
    assert_eq!(result.unwrap().status(), status);
    counted.count_total
}

fn simple_request() -> Request<()> {
    Request::get("/").header("accept", "*/*").body(()).unwrap()
}

#[test]
fn allocations_are_counted() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
    assert_eq!(allocations(Bare, simple_request(), 200), 0);
}

#[test]
fn a_gate_that_decides_at_once_allocates_nothing() {
    assert_eq!(allocations(Gated::new(ImmediateGate, Bare), simple_request(), 200), 0);
    let three_gates = Gated::new(ImmediateGate, Gated::new(ImmediateGate, Gated::new(ImmediateGate, Bare)));
    assert_eq!(allocations(three_gates, simple_request(), 200), 0);
}

#[test]
fn a_gate_that_waits_allocates_once() {
    assert_eq!(allocations(Gated::new(WaitingGate, Bare), simple_request(), 200), 1);
    let three_gates = Gated::new(ImmediateGate, Gated::new(WaitingGate, Gated::new(ImmediateGate, Bare)));
    assert_eq!(allocations(three_gates, simple_request(), 200), 1);
}

#[test]
fn gates_that_check_the_user_allocate_nothing() {
    let tiers = Tiers::ascending(["basic", "professional"]).unwrap();
    let roles = Roles::builder().role("reader", ["read:*"]).role("editor", ["write:page"]);
    let roles = roles.inherits("editor", ["reader"]).build().unwrap();
    let user = UserContext::new("ann")
        .with_scopes(Scopes::new(["read", "write"]).unwrap())
        .with_email_verified(true)
        .with_roles(["editor"])
        .with_role_table(roles.clone())
        .with_tier(tiers.get("professional").unwrap());
    let request = || {
        let mut request = simple_request();
        request.extensions_mut().insert(Visitor::authenticated(user.clone()));
        request
    };
    let assert_no_allocation = |name, count: u64| assert_eq!(count, 0, "{name}");
    let scopes = RequireScope::all(["read", "write"]).unwrap();
    assert_no_allocation("RequireScope", allocations(scopes.layer(Bare), request(), 200));
    let role = RequireRole::new(&roles, "reader").unwrap();
    assert_no_allocation("RequireRole", allocations(role.layer(Bare), request(), 200));
    let permissions = RequirePermission::all(["read:page", "write:page"]).unwrap();
    assert_no_allocation("RequirePermission", allocations(permissions.layer(Bare), request(), 200));
    assert_no_allocation("RequireUser", allocations(RequireUser::person().layer(Bare), request(), 200));
    let credential = RequireCredential::any([Credential::Session, Credential::Other]).unwrap();
    assert_no_allocation("RequireCredential", allocations(credential.layer(Bare), request(), 200));
    let credential = RequireCredential::except([Credential::ApiKey]).unwrap();
    assert_no_allocation("RequireCredential", allocations(credential.layer(Bare), request(), 200));
    let email = RequireVerifiedEmail::new();
    assert_no_allocation("RequireVerifiedEmail", allocations(email.layer(Bare), request(), 200));
    let tier = RequireTier::at_least(&tiers, "basic").unwrap();
    assert_no_allocation("RequireTier", allocations(tier.layer(Bare), request(), 200));
    let other = Tiers::ascending(["basic", "professional"]).unwrap();
    let tier = RequireTier::at_least(&other, "basic").unwrap();
    assert_no_allocation("RequireTier of another table", allocations(tier.layer(Bare), request(), 200));
}

#[test]
fn checking_whether_a_cached_token_was_revoked_allocates_nothing() {
    const ISSUER: &str = "https://app.example.com";
    let revocations = Revocations::builder().build().unwrap();
    let auth = || JwtAuth::builder().issuer(Issuer::hs256(ISSUER, [7; 32]).first_party()).audience("api");
    let without = auth().build().unwrap().layer(Bare);
    let with = auth().revocations(&revocations).build().unwrap().layer(Bare);
    let token = TokenBuilder::first_party(ISSUER, [7; 32], "ann").audience("api").session_id("s-1").sign();
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let request = || {
        let mut request = simple_request();
        request.headers_mut().insert("authorization", bearer.clone());
        request
    };
    // The first requests allocate what the later ones share, also that of a full lookup.
    let count = |gate: &Gated<JwtAuth, Bare>| allocations(gate.clone(), request(), 200);
    let revoke = |names: [&str; 2]| {
        names.iter().for_each(|name| drop(revocations.revoke_by(Revocation::session(ISSUER, name))));
        drop(revocations.revoke_by(Revocation::client(ISSUER, names[0])));
    };
    revoke(["other", "another"]);
    let _ = [&without, &with].map(|gate| [count(gate), count(gate)]);
    let expected = count(&without);
    assert_eq!(count(&with), expected, "nothing has changed");
    revoke(["a third", "a fourth"]);
    assert_eq!(count(&with), expected, "a full lookup");
}

#[test]
fn finding_the_client_behind_proxies_allocates_nothing() {
    let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    let mut request = Request::get("/").header("x-forwarded-for", "203.0.113.9, 10.1.2.3").body(()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([10, 0, 0, 1], 443)));
    let head = request.into_parts().0;
    let mut client = None;
    assert_eq!(measure(|| client = proxies.client(&head)).count_total, 0);
    assert_eq!(client.unwrap().to_string(), "203.0.113.9");
}

/// A layer that allows this many origins, `https://app0.example.com` among them, and as many patterns.
fn cors_with(origins: usize) -> Cors {
    let names = (0..origins).map(|n| format!("https://app{n}.example.com"));
    let patterns = (0..origins).map(|n| format!("https://*.tenant{n}.example.org"));
    let builder = Cors::builder().origins(OriginSet::new(names.chain(patterns)).unwrap()).allow_credentials();
    builder.any_header().build().unwrap()
}

/// A preflight request for these header names, or a GET request if there are none.
fn cors_request(origin: &'static str, header_names: Option<&'static str>) -> Request<()> {
    // Static values, because cloning a value of a server's request allocates nothing either.
    let value = HeaderValue::from_static;
    let request = Request::get("/").header("origin", value(origin));
    let Some(names) = header_names else { return request.body(()).unwrap() };
    let request = request.method("OPTIONS").header("access-control-request-method", value("GET"));
    request.header("access-control-request-headers", value(names)).body(()).unwrap()
}

#[test]
fn a_thousand_origins_allocate_as_much_as_one() {
    let counts = |cors: Cors| {
        let count = |origin, names, status| allocations(cors.layer(Bare), cors_request(origin, names), status);
        [
            count("https://app0.example.com", None, 200),
            count("https://a.tenant0.example.org", None, 200),
            count("https://evil.example", None, 200),
            count("https://app0.example.com", Some("x-a"), 204),
            count("https://evil.example", Some("x-a"), 403),
        ]
    };
    let [one, thousand] = [1, 1_000].map(|origins| {
        let cors = cors_with(origins);
        // The first request of a thread and of a policy allocates what all later ones share.
        counts(cors.clone());
        counts(cors)
    });
    assert_eq!(one, thousand);
    // The response's header map, which was empty. If the origin is not allowed, also its extensions, for outer layers.
    assert_eq!(one, [2, 2, 4, 2, 2]);
}

/// A service that reads the nonce of the request.
#[derive(Clone)]
struct NonceReader;

impl Service<Request<()>> for NonceReader {
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
fn security_headers_allocate_the_header_map_and_a_nonce_its_policy() {
    let count = |headers: SecurityHeaders| {
        // The first response of a policy allocates what all later ones share.
        allocations(headers.layer(Bare), Request::new(()), 200);
        allocations(headers.layer(Bare), Request::new(()), 200)
    };
    // The two parts of the response's header map, which was empty.
    assert_eq!(count(SecurityHeaders::api().without("cache-control").build().unwrap()), 2);
    // Also the request's extensions, which an inner gate would allocate otherwise.
    assert_eq!(count(SecurityHeaders::api().build().unwrap()), 4);
    // Also the nonce, its entry in the extensions, and the slot for the policy with the nonce.
    let html = SecurityHeaders::html().build().unwrap();
    assert_eq!(count(html.clone()), 7);
    // Also that policy.
    assert_eq!(allocations(html.layer(NonceReader), Request::new(()), 200), 8);
}

#[test]
fn a_stack_grows_the_response_header_map_once() {
    let user = UserContext::new("ann");
    let headers = || SecurityHeaders::api().build().unwrap();
    let limit = || RateLimit::builder().quota(Quota::per_hour(99).unwrap()).key(Key::user()).build().unwrap();
    let separate =
        ServiceBuilder::new().layer(headers()).layer(cors_with(1)).layer(as_user(user.clone())).layer(limit());
    let stack_of = || Stack::builder().security_headers(headers()).cors(cors_with(1)).limit_by_user(limit());
    let stack = stack_of().authenticate(UndeclaredHeaders(user.clone())).build().unwrap();
    let security_headers_first = stack_of().authenticate(as_user(user)).build().unwrap();
    let request = || cors_request("https://app0.example.com", None);
    // The first requests of a thread and of a policy allocate what all later ones share.
    allocations(separate.service(Bare), request(), 200);
    allocations(stack.layer(Bare), request(), 200);
    allocations(security_headers_first.layer(Bare), request(), 200);
    assert_eq!(allocations(separate.service(Bare), request(), 200), 11);
    assert_eq!(allocations(stack.layer(Bare), request(), 200), 7);
    // A copy of the prepared header map has no space for the headers of the other layers, but saves hashing its names.
    assert_eq!(allocations(security_headers_first.layer(Bare), request(), 200), 8);
}

/// A custom authenticating gate that does not declare its response headers, so it may write any.
#[derive(Clone)]
struct UndeclaredHeaders(UserContext);

impl Gate for UndeclaredHeaders {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        head.extensions.insert(Visitor::authenticated(self.0.clone()));
        Entry::Admit(())
    }
}

#[test]
fn a_request_rejected_for_its_length_allocates_no_more_than_any_other_rejection() {
    let service = cors_with(1).layer(Bare);
    let long = |bytes: usize| &*String::leak("a,".repeat(bytes / 2));
    let rejection = |origin, names| allocations(service.clone(), cors_request(origin, Some(names)), 403);
    // The first request of a thread allocates what all later ones share.
    rejection("https://evil.example", "x-a");
    let expected = rejection("https://evil.example", "x-a");
    assert_eq!(rejection(long(100_000), "x-a"), expected);
    assert_eq!(rejection("https://app0.example.com", long(1_000)), expected);
    assert_eq!(rejection("https://app0.example.com", long(100_000)), expected);
}

/// A builder with one limit by address.
fn limit_by_address(quota: Quota) -> RateLimitBuilder {
    RateLimit::builder().quota(quota).key(Key::ip())
}

/// A request with the peer address in its extensions, as a server sets it.
fn request_from(ip: std::net::Ipv4Addr) -> Request<()> {
    let mut request = simple_request();
    request.extensions_mut().insert(std::net::SocketAddr::from((ip, 443)));
    after_trusted_proxies(request)
}

/// What a `TrustedProxies` layer passes to the limit.
fn after_trusted_proxies<B>(request: Request<B>) -> Request<B> {
    let (mut head, body) = request.into_parts();
    let _ = TrustedProxies::none().enter(&mut head);
    Request::from_parts(head, body)
}

#[test]
fn an_in_memory_limit_allocates_one_extension_and_the_headers() {
    let peer = || request_from([192, 0, 2, 1].into());
    let other = || Limit::new("day", Quota::per_day(1_000_000).unwrap());
    for algorithm in [Algorithm::SlidingLog, Algorithm::FixedWindow, Algorithm::SlidingWindow, Algorithm::TokenBucket] {
        let quota = Quota::per_hour(100).unwrap().algorithm(algorithm);
        let counts = |builder: RateLimitBuilder| {
            let limit = builder.build().unwrap();
            // The first request of the layer, and a later one. Each limit allocates its shards, and of one of them the
            // list of its chunks and the chunk of the subject.
            [0; 2].map(|_| allocations(limit.layer(Bare), peer(), 200))
        };
        assert_eq!(counts(limit_by_address(quota).without_legacy_headers()), [1 + 3, 1], "{algorithm:?}");
        let two_limits = limit_by_address(quota).add_limit(other());
        assert_eq!(counts(two_limits.without_legacy_headers()), [1 + 6, 1], "{algorithm:?}");
        // One for the numbers in the headers, and two for the header map, which was empty.
        assert_eq!(counts(limit_by_address(quota)), [4 + 3, 4], "with headers, {algorithm:?}");
    }
}

/// Sends a request to a router and returns the number of allocations.
fn router_allocations(mut app: axum::Router) -> u64 {
    let mut request = Request::get("/").body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert(std::net::SocketAddr::from(([192, 0, 2, 1], 443)));
    let request = after_trusted_proxies(request);
    let mut context = Context::from_waker(Waker::noop());
    let mut result = None;
    let counted = measure(|| {
        let mut future = pin!(Service::<Request<_>>::call(&mut app, request));
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            result = response.ok();
        }
    });
    assert_eq!(result.expect("the handler responds without waiting").status(), 200);
    counted.count_total
}

#[test]
fn on_a_router_an_in_memory_limit_adds_one_allocation_to_an_empty_layer_and_two_with_headers() {
    let bare = axum::Router::new().route("/", axum::routing::get(|| async { "handled" }));
    let empty = bare.clone().layer(tower::layer::layer_fn(|inner| Gated::new(ImmediateGate, inner)));
    let added = |limit: RateLimitBuilder| {
        // As `axum::serve` does. Otherwise the router builds its routes for every request.
        let [empty, app] = [empty.clone(), bare.clone().layer(limit.build().unwrap())].map(|app| app.with_state(()));
        // The first request of a limit allocates what all later ones of the subject share.
        router_allocations(app.clone());
        router_allocations(app) - router_allocations(empty)
    };
    let limit = || limit_by_address(Quota::per_hour(1_000).unwrap());
    let all = [limit().without_legacy_headers(), limit(), limit().ietf_draft_headers()];
    assert_eq!(all.map(added), [1, 2, 7]);
}

#[test]
fn a_request_that_no_limit_counts_allocates_nothing() {
    let quota = Quota::per_hour(100).unwrap();
    let exempting = limit_by_address(quota).exempt(["/"]).build().unwrap();
    assert_eq!(allocations(exempting.layer(Bare), simple_request(), 200), 0);
    let on_other_route = RateLimit::builder().limit(Limit::new("a", quota).on_routes(["/a"]).key(Key::global()));
    assert_eq!(allocations(on_other_route.build().unwrap().layer(Bare), simple_request(), 200), 0);
}
