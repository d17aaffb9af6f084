//! The number of allocations that each layer adds to a bare handler on axum's router, which is the same in every run.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use allocation_counter::measure;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN, SET_COOKIE};
use http::{HeaderValue, Request, Response, request};
use portcullis::api_key::{MemoryKeys, NewApiKey};
use portcullis::context::{AuthScheme, Realm};
use portcullis::gate::{self, AuthGate, CredentialSource, CredentialSources, Entry, Gate};
use portcullis::http_client::HttpClient;
use portcullis::rate_limit::Key;
use portcullis::session::{MemorySessions, Session};
use portcullis::testing::TokenBuilder;
use portcullis::{
    AnyOf, ApiKeyAuth, Cors, Extractor, IntrospectionAuth, Issuer, JwtAuth, OriginSet, Quota, RateLimit, RequireScope,
    RequireTier, SecurityHeaders, SessionAuth, Stack, Tiers, TrustedProxies, UserContext,
};
use tower::{Layer, Service};

const ISSUER: &str = "https://auth.example.com";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const PAGE: &str = "https://app0.example.com";

fn bare_router() -> Router {
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
    auth_with_token_cache(4_096)
}

fn auth_with_token_cache(capacity: usize) -> JwtAuth {
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience("api").tiers(tiers());
    auth.token_cache_capacity(capacity).build().unwrap()
}

fn cors(origins: usize) -> Cors {
    let origins = (0..origins).map(|n| format!("https://app{n}.example.com"));
    Cors::builder().origins(OriginSet::new(origins).unwrap()).allow_credentials().build().unwrap()
}

fn rate_limit(key: Key) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(1_000_000).unwrap()).key(key).build().unwrap()
}

fn limit_by_address() -> (TrustedProxies, RateLimit) {
    (TrustedProxies::none(), rate_limit(Key::ip()))
}

/// A request as a server passes it on: its header values share one buffer, so that cloning them allocates nothing.
fn request(headers: &[(HeaderName, &str)]) -> Request<Body> {
    let shared = |text: &str| HeaderValue::from_static(String::leak(text.to_owned()));
    let request = headers.iter().fold(Request::get("/"), |request, (name, text)| request.header(name, shared(text)));
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 1], 443)));
    request
}

/// Sends a request that gets this status and returns the number of allocations.
fn allocations(app: &mut Router, request: Request<Body>, status: u16) -> u64 {
    let mut context = Context::from_waker(Waker::noop());
    let mut result = None;
    let counted = measure(|| {
        let mut future = pin!(Service::<Request<_>>::call(app, request));
        if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
            result = response.ok();
        }
    });
    assert_eq!(result.expect("the app responds without waiting").status(), status);
    counted.count_total
}

/// Returns the number of allocations of the second of two equal requests, beyond those of a bare handler.
fn added_allocations(app: Router, headers: &[(HeaderName, &str)]) -> u64 {
    // As `axum::serve` does. Otherwise the router builds its routes for every request.
    let count = |app: Router| {
        let mut app = app.with_state(());
        allocations(&mut app, request(headers), 200);
        allocations(&mut app, request(headers), 200)
    };
    count(app) - count(bare_router())
}

#[test]
fn each_layer_stays_within_its_budget() {
    let bearer = format!("Bearer {}", token("ann"));
    let page = [(ORIGIN, PAGE)];
    let user = [(AUTHORIZATION, &*bearer)];
    let scope = || RequireScope::new("read:all").unwrap();
    let tier = || RequireTier::at_least(&tiers(), "basic").unwrap();
    let me = get(|Extractor(user): Extractor<UserContext>| async move {
        assert_eq!(user.id(), "ann");
        "handled"
    });
    let with_user = added_allocations(bare_router().layer(auth()), &user);
    for (name, max, counted) in [
        ("SecurityHeaders", 7, added_allocations(bare_router().layer(SecurityHeaders::api().build().unwrap()), &[])),
        ("Cors with one origin", 4, added_allocations(bare_router().layer(cors(1)), &page)),
        ("Cors with a thousand origins", 4, added_allocations(bare_router().layer(cors(1_000)), &page)),
        ("RateLimit, with legacy headers", 6, added_allocations(bare_router().layer(limit_by_address()), &[])),
        ("JwtAuth, token cached", 5, with_user),
        ("decoding a token", 4, added_allocations(bare_router().layer(auth_with_token_cache(0)), &user) - with_user),
        ("RequireScope", 3, added_allocations(bare_router().layer(scope()).layer(auth()), &user) - with_user),
        ("RequireTier", 3, added_allocations(bare_router().layer(tier()).layer(auth()), &user) - with_user),
        ("Extractor", 0, added_allocations(Router::new().route("/", me).layer(auth()), &user) - with_user),
    ] {
        println!("{name}: {counted} of at most {max}");
        assert!(counted <= max, "{name}: {counted} allocations, at most {max}");
    }
}

#[test]
fn a_cached_api_key_and_a_bad_checksum_stay_within_their_budgets() {
    let keys = ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut app = bare_router().layer(keys.clone()).with_state(());
    let value = runtime.block_on(async {
        let key = keys.create(NewApiKey::for_user(&UserContext::new("ann"))).await.unwrap();
        let value = format!("ApiKey {}", key.secret());
        let response = app.call(request(&[(AUTHORIZATION, &value)])).await.unwrap();
        assert_eq!(response.status(), 200);
        value
    });
    let bare = allocations(&mut bare_router().with_state(()), request(&[]), 200);
    let cached = allocations(&mut app, request(&[(AUTHORIZATION, &value)]), 200) - bare;
    println!("ApiKeyAuth, cached key: {cached} of at most 3");
    assert!(cached <= 3, "{cached} allocations, at most 3");
    let other = if value.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{other}", &value[..value.len() - 1]);
    let rejected = allocations(&mut app, request(&[(AUTHORIZATION, &wrong)]), 401);
    println!("ApiKeyAuth, 401 for a bad checksum: {rejected} of at most {}", bare + 9);
    assert!(rejected <= bare + 9, "{rejected} allocations, at most {}", bare + 9);
}

#[test]
fn a_cached_session_stays_within_its_budget_and_sets_no_cookie() {
    let sessions = SessionAuth::builder().store(MemorySessions::new()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log_in = async |session: Session| session.log_in(UserContext::new("ann")).await.map(drop);
    let mut login = Router::new().route("/", get(log_in)).layer(sessions.to_optional()).with_state(());
    let response = runtime.block_on(login.call(request(&[]))).unwrap();
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut app = bare_router().layer(sessions).with_state(());
    let response = runtime.block_on(app.call(request(&[(COOKIE, &cookie)]))).unwrap();
    assert!(response.status() == 200 && !response.headers().contains_key(SET_COOKIE));
    let bare = allocations(&mut bare_router().with_state(()), request(&[]), 200);
    let cached = allocations(&mut app, request(&[(COOKIE, &cookie)]), 200) - bare;
    println!("SessionAuth, cached session: {cached} of at most 4");
    assert!(cached <= 4, "{cached} allocations, at most 4");
}

#[test]
fn a_flood_of_100_000_invented_cookies_keeps_no_memory() {
    let sessions = SessionAuth::builder().store(MemorySessions::new()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut app = bare_router().layer(sessions).with_state(());
    let mut send = |cookies: std::ops::Range<u32>| {
        for cookie in cookies {
            let request = Request::get("/").header(COOKIE, format!("__Host-session={cookie:043}")).body(Body::empty());
            assert_eq!(runtime.block_on(app.call(request.unwrap())).unwrap().status(), 401);
        }
    };
    send(0..1_000);
    let kept = measure(|| send(1_000..101_000)).bytes_current;
    println!("100,000 invented cookies keep {kept} bytes");
    assert!(kept < 4_096, "{kept} bytes");
}

/// An authorization server that reports one token as active.
struct AuthServer;

impl HttpClient for AuthServer {
    async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        let body: &[u8] = if request.body().starts_with(b"token=active&") {
            br#"{"active":true,"sub":"ann","iss":"https://auth.example.com","aud":"api","scope":"read","client_id":"web"}"#
        } else {
            br#"{"active":false}"#
        };
        Ok(Response::builder().header("content-type", "application/json").body(body.to_vec())?)
    }
}

fn opaque() -> IntrospectionAuth {
    let builder = IntrospectionAuth::builder().endpoint("https://auth.example.com/introspect").client("api", "secret");
    builder.audience("api").http_client(AuthServer).build().unwrap()
}

#[test]
fn a_cached_opaque_token_stays_within_its_budget() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut app = bare_router().layer(opaque()).with_state(());
    let active = [(AUTHORIZATION, "Bearer active")];
    assert_eq!(runtime.block_on(app.call(request(&active))).unwrap().status(), 200);
    let bare = allocations(&mut bare_router().with_state(()), request(&[]), 200);
    let cached = allocations(&mut app, request(&active), 200) - bare;
    println!("IntrospectionAuth, cached token: {cached} of at most 3");
    assert!(cached <= 3, "{cached} allocations, at most 3");
}

#[test]
fn a_flood_of_inactive_tokens_keeps_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut app = bare_router().layer(opaque()).with_state(());
    let mut send = |tokens: std::ops::Range<u32>| {
        for token in tokens {
            let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty());
            assert_eq!(runtime.block_on(app.call(request.unwrap())).unwrap().status(), 401);
        }
    };
    // The last ten thousand are remembered.
    send(0..12_000);
    let kept = measure(|| send(12_000..24_000)).bytes_current;
    println!("12,000 more inactive tokens keep {kept} bytes");
    assert!(kept < 1 << 20, "{kept} bytes");
}

#[test]
fn a_flood_of_unknown_api_keys_keeps_no_memory() {
    let keys = || ApiKeyAuth::builder().prefix("acme_live").store(MemoryKeys::new()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Keys of another app, which are well-formed.
    let other = keys();
    let new = || NewApiKey::for_user(&UserContext::new("ann"));
    let texts: Vec<String> =
        (0..30_000).map(|_| runtime.block_on(other.create(new())).unwrap().secret().to_owned()).collect();
    let mut app = bare_router().layer(keys()).with_state(());
    let mut send = |texts: &[String]| {
        for text in texts {
            let request = Request::get("/").header(AUTHORIZATION, format!("ApiKey {text}")).body(Body::empty());
            assert_eq!(runtime.block_on(app.call(request.unwrap())).unwrap().status(), 401);
        }
    };
    // The ids of the last ten thousand are remembered.
    let (first, last) = texts.split_at(15_000);
    send(first);
    let kept = measure(|| send(last)).bytes_current;
    println!("15,000 more unknown API keys keep {kept} bytes");
    assert!(kept < 1 << 20, "{kept} bytes");
}

/// Admits every request with a credential in its source.
#[derive(Clone)]
struct AdmitAll(&'static str, CredentialSource);

impl Gate for AdmitAll {
    type Pass = ();

    fn enter(&self, _: &mut request::Parts) -> Entry<()> {
        Entry::Admit(())
    }
}

impl AuthGate for AdmitAll {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::new([self.1.clone()]).unwrap()
    }

    fn realm(&self) -> Realm {
        Realm::default().with_schemes([AuthScheme::new(self.0).unwrap()])
    }
}

#[test]
fn any_of_allocates_nothing_beyond_the_gate_that_decides_and_a_401_of_three_gates_at_most_eleven_times() {
    let keys = AdmitAll("ApiKey", CredentialSource::header(HeaderName::from_static("x-api-key")));
    let sessions = AdmitAll("Session", CredentialSource::cookie("session"));
    let any_of = || bare_router().layer(AnyOf::new((auth(), keys.clone(), sessions.clone())).unwrap());
    let bearer = format!("Bearer {}", token("ann"));
    let headers = [(AUTHORIZATION, &*bearer)];
    let with_any_of = added_allocations(any_of(), &headers);
    assert_eq!(with_any_of, added_allocations(bare_router().layer(auth()), &headers));
    let empty_layer = added_allocations(bare_router().layer(gate::layer(keys.clone())), &[]);
    let key = [(HeaderName::from_static("x-api-key"), "k1")];
    assert_eq!(added_allocations(any_of(), &key), empty_layer);

    // Without a router, which allocates too.
    let inner =
        tower::service_fn(|_: Request<()>| std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty()))));
    let mut service = AnyOf::new((auth(), keys, sessions)).unwrap().layer(inner);
    let counted = measure(|| {
        let mut response = pin!(service.call(Request::new(())));
        let Poll::Ready(Ok(response)) = response.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a rejection at once")
        };
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers().get_all("www-authenticate").iter().count(), 3);
    });
    println!("AnyOf, 401 with three challenges: {} of at most 11", counted.count_total);
    assert!(counted.count_total <= 11, "{} allocations, at most 11", counted.count_total);
}

fn stack_router() -> Router {
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .cors(cors(1))
        .authenticate(auth())
        .limit_by_user(rate_limit(Key::user()))
        .build()
        .unwrap();
    bare_router().layer(stack)
}

#[test]
fn the_whole_stack_stays_within_its_budget() {
    let bearer = format!("Bearer {}", token("ann"));
    let cached = added_allocations(stack_router(), &[(AUTHORIZATION, &bearer), (ORIGIN, PAGE)]);
    println!("the stack, token cached: {cached} of at most 9");
    assert!(cached <= 9, "{cached} allocations, at most 9");
    let mut app = stack_router().with_state(());
    let send = |app: &mut Router, subject: &str| {
        let bearer = format!("Bearer {}", token(subject));
        allocations(app, request(&[(AUTHORIZATION, &bearer), (ORIGIN, PAGE)]), 200)
    };
    send(&mut app, "bob");
    let first = send(&mut app, "ann") - allocations(&mut bare_router().with_state(()), request(&[]), 200);
    println!("the stack, new token: {first} of at most 22");
    assert!(first <= 22, "{first} allocations, at most 22");
}

/// Counts the instructions of a decision with valgrind, which runs this test again with a number of issuers.
///
/// The token is not cached: a cached one is found without its issuer. `benches/peers` counts ten thousand issuers.
#[test]
fn a_decision_with_a_thousand_issuers_costs_at_most_a_tenth_more_than_with_one() {
    if let Ok(numbers) = std::env::var("PORTCULLIS_BUDGET_ISSUERS") {
        let (issuers, requests) = numbers.split_once(' ').unwrap();
        return send_to_issuers(issuers.parse().unwrap(), requests.parse().unwrap());
    }
    let [Some(one), Some(many)] = [1, 1_000].map(instructions) else {
        println!("skipped: valgrind is not installed");
        return;
    };
    println!("one issuer: {one} instructions, a thousand: {many}");
    assert!(many * 10 <= one * 11, "{one} instructions with one issuer, {many} with a thousand");
}

/// Sends this many requests with a token of the last of these issuers.
fn send_to_issuers(issuers: usize, requests: usize) {
    let name = |n: usize| format!("{ISSUER}/{n}");
    let auth = (0..issuers).fold(JwtAuth::builder(), |auth, n| auth.add_issuer(Issuer::hs256(name(n), SECRET)));
    let auth = auth.audience("api").token_cache_capacity(0).build().unwrap();
    let token = TokenBuilder::first_party(&name(issuers - 1), SECRET, "ann").audience("api");
    let bearer = format!("Bearer {}", token.expires_in(Duration::from_secs(86_400)).sign());
    let mut app = bare_router().layer(auth).with_state(());
    for _ in 0..requests {
        allocations(&mut app, request(&[(AUTHORIZATION, &bearer)]), 200);
    }
}

/// Returns the instructions of one request, as the difference of two runs. `None` without valgrind.
fn instructions(issuers: usize) -> Option<u64> {
    let run = |requests: usize| {
        let test = "a_decision_with_a_thousand_issuers_costs_at_most_a_tenth_more_than_with_one";
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--test-threads=1"]);
        let output = command.env("PORTCULLIS_BUDGET_ISSUERS", format!("{issuers} {requests}")).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        let line = text.lines().find(|line| line.contains("Collected :"))?;
        line.rsplit(' ').next()?.parse::<u64>().ok()
    };
    // The first requests fill the caches.
    Some((run(60)? - run(20)?) / 40)
}
