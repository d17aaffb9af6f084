//! What each layer costs in allocations over a bare handler on axum's router: they do not wander, so they are asserted.

use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, HeaderName, ORIGIN};
use http::{HeaderValue, Request};
use portcullis::rate_limit::Key;
use portcullis::testing::TokenBuilder;
use portcullis::{
    Cors, Extractor, Issuer, JwtAuth, OriginSet, Quota, RateLimit, RequireScope, RequireTier, SecurityHeaders, Stack,
    Tiers, TrustedProxies, UserContext,
};
use tower::Service;

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const PAGE: &str = "https://app0.example.com";

fn handled() -> Router {
    Router::new().route("/", get(|| async { "handled" }))
}

fn token(subject: &str) -> String {
    let token =
        TokenBuilder::first_party(ISSUER, SECRET, subject).audience("api").scope("read:all write:all").tier("basic");
    token.expires_in(Duration::from_secs(3_600)).sign()
}

fn tiers() -> Tiers {
    Tiers::ascending(["basic", "professional"]).unwrap()
}

fn auth() -> JwtAuth {
    knowing(4_096)
}

/// Knows so many tokens again.
fn knowing(tokens: usize) -> JwtAuth {
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience("api").tiers(tiers());
    auth.token_cache_capacity(tokens).build().unwrap()
}

fn cors(origins: usize) -> Cors {
    let origins = (0..origins).map(|at| format!("https://app{at}.example.com"));
    Cors::builder().origins(OriginSet::new(origins).unwrap()).allow_credentials().build().unwrap()
}

fn limit(key: Key) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(1_000_000).unwrap()).key(key).build().unwrap()
}

fn by_address() -> RateLimit {
    limit(Key::ip(TrustedProxies::none()))
}

/// A request as a server has it: its values are parts of one buffer, and cloned without an allocation.
fn request(fields: &[(HeaderName, &str)]) -> Request<Body> {
    let shared = |text: &str| HeaderValue::from_static(String::leak(text.to_owned()));
    let request = fields.iter().fold(Request::get("/"), |request, (name, text)| request.header(name, shared(text)));
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 1], 443)));
    request
}

fn once(app: &mut Router, request: Request<Body>, status: u16) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut answer = None;
    let counted = measure(|| {
        let mut future = pin!(Service::<Request<_>>::call(app, request));
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            answer = response.ok();
        }
    });
    assert_eq!(answer.expect("the app answers at once").status(), status);
    counted.count_total
}

/// The allocations that the second of two like requests makes beyond those of a bare handler.
fn beyond_bare(app: Router, fields: &[(HeaderName, &str)]) -> u64 {
    // As a server does: else the router makes its routes anew for every request.
    let count = |app: Router| {
        let mut app = app.with_state(());
        once(&mut app, request(fields), 200);
        once(&mut app, request(fields), 200)
    };
    count(app) - count(handled())
}

#[test]
fn each_layer_keeps_within_its_budget() {
    let bearer = format!("Bearer {}", token("ann"));
    let page = [(ORIGIN, PAGE)];
    let user = [(AUTHORIZATION, &*bearer)];
    let scope = || RequireScope::all(["read:all"]).unwrap();
    let tier = || RequireTier::at_least(tiers().get("basic").unwrap());
    let me = get(|Extractor(user): Extractor<UserContext>| async move {
        assert_eq!(user.id(), "ann");
        "handled"
    });
    let with_user = beyond_bare(handled().layer(auth()), &user);
    for (name, most, counted) in [
        ("SecurityHeaders", 7, beyond_bare(handled().layer(SecurityHeaders::api().build().unwrap()), &[])),
        ("Cors, of one origin", 4, beyond_bare(handled().layer(cors(1)), &page)),
        ("Cors, of a thousand", 4, beyond_bare(handled().layer(cors(1_000)), &page)),
        ("RateLimit, with X fields", 6, beyond_bare(handled().layer(by_address()), &[])),
        ("JwtAuth, token seen before", 5, with_user),
        ("to decode a token", 4, beyond_bare(handled().layer(knowing(0)), &user) - with_user),
        ("RequireScope", 3, beyond_bare(handled().layer(scope()).layer(auth()), &user) - with_user),
        ("RequireTier", 3, beyond_bare(handled().layer(tier()).layer(auth()), &user) - with_user),
        ("Extractor", 0, beyond_bare(Router::new().route("/", me).layer(auth()), &user) - with_user),
    ] {
        println!("{name}: {counted} of {most}");
        assert!(counted <= most, "{name}: {counted} allocations, {most} at most");
    }
}

fn stack() -> Router {
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .cors(cors(1))
        .authenticate(auth())
        .limit_by_user(limit(Key::user()))
        .build()
        .unwrap();
    handled().layer(stack)
}

#[test]
fn the_whole_stack_keeps_within_its_budget() {
    let bearer = format!("Bearer {}", token("ann"));
    let seen = beyond_bare(stack(), &[(AUTHORIZATION, &bearer), (ORIGIN, PAGE)]);
    println!("the stack, token seen before: {seen} of 9");
    assert!(seen <= 9, "{seen} allocations, 9 at most");
    let mut app = stack().with_state(());
    let ask = |app: &mut Router, subject: &str| {
        let bearer = format!("Bearer {}", token(subject));
        once(app, request(&[(AUTHORIZATION, &bearer), (ORIGIN, PAGE)]), 200)
    };
    ask(&mut app, "bob");
    let first = ask(&mut app, "ann") - once(&mut handled().with_state(()), request(&[]), 200);
    println!("the stack, token seen first: {first} of 22");
    assert!(first <= 22, "{first} allocations, 22 at most");
}
