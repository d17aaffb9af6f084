//! Apps with the layers of this crate, configured as its documentation shows.

pub(crate) mod certificates;
pub(crate) mod lookups;

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::HeaderName;
use portcullis::context::{AuthScheme, Realm, Visitor};
use portcullis::gate::{AuthGate, CredentialSource, CredentialSources, Entry, Gate, Gated};
use portcullis::rate_limit::Key;
use portcullis::revocation::Revocation;
use portcullis::testing::{TestIssuer, TokenBuilder};
use portcullis::{
    Algorithm, AnyOf, BasicAuth, Cors, Csrf, Extractor, IpFilter, Issuer, JwtAuth, OriginSet, Quota, RateLimit,
    RequireScope, Revocations, SecurityHeaders, Stack, TrustedProxies, UserContext,
};

pub(crate) const PAGE: &str = "https://app0.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// A quota that no run exceeds.
pub(crate) const UNITS: u32 = 1_000_000_000;

pub(crate) fn bare() -> Router {
    Router::new().route("/", get(|| async { "handled" }).post(|| async { "handled" }))
}

fn extracting_user() -> Router {
    Router::new().route("/", get(|Extractor(_): Extractor<UserContext>| async { "handled" }))
}

#[derive(Clone)]
struct Empty;

impl Gate for Empty {
    type Pass = ();

    fn enter(&self, _: &mut http::request::Parts) -> Entry<()> {
        Entry::Admit(())
    }
}

pub(crate) fn empty_layer() -> Router {
    bare().layer(tower::layer::layer_fn(|inner| Gated::new(Empty, inner)))
}

fn security_headers() -> SecurityHeaders {
    SecurityHeaders::api().assume_https().build().expect("a preset")
}

pub(crate) fn headers() -> Router {
    bare().layer(security_headers())
}

fn cors_layer(origins: usize) -> Cors {
    let origins = (0..origins).map(|n| format!("https://app{n}.example.com"));
    Cors::builder().origins(OriginSet::new(origins).expect("origins")).allow_credentials().build().expect("a policy")
}

pub(crate) fn cors(origins: usize) -> Router {
    bare().layer(cors_layer(origins))
}

pub(crate) fn csrf(origins: usize) -> Router {
    let origins = (0..origins).map(|n| format!("https://app{n}.example.com"));
    let csrf = Csrf::builder().origins(OriginSet::new(origins).expect("origins"));
    bare().layer(csrf.build().expect("valid settings"))
}

fn rate_limit(units: u32, key: Key) -> RateLimit {
    RateLimit::builder().quota(Quota::per_hour(units).expect("a quota")).key(key).build().expect("a limit")
}

pub(crate) fn proxies() -> Router {
    bare().layer(TrustedProxies::none())
}

pub(crate) fn limit() -> Router {
    bare().layer((TrustedProxies::none(), rate_limit(UNITS, Key::ip())))
}

pub(crate) fn exceeded_limit() -> Router {
    let limit = rate_limit(1, Key::ip());
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    // Uses the only unit of the quota.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    drop(runtime.block_on(limit.check(&portcullis::rate_limit::Subject::address(address), 1)));
    bare().layer((TrustedProxies::none(), limit))
}

/// An in-process issuer that signs with Ed25519.
fn issuer() -> &'static TestIssuer {
    static ISSUER: OnceLock<TestIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime
                .block_on(TestIssuer::start_with(Algorithm::EdDsa, portcullis::clock::Clock::system()))
                .expect("a port")
        })
        .join()
        .expect("an issuer")
    })
}

/// The keys that the in-process issuer publishes.
pub(crate) fn jwks() -> String {
    issuer().jwks()
}

pub(crate) fn token(algorithm: Algorithm) -> String {
    let token = match algorithm {
        Algorithm::Hs256 => TokenBuilder::first_party(ISSUER, SECRET, "ann"),
        _ => issuer().token("ann"),
    };
    let token = token.audience(AUDIENCE).scope("read:valuations write:valuations").claim("email", "ann@example.com");
    token.expires_in(Duration::from_secs(3_600)).sign()
}

/// Returns an `Authorization` value with a token of this user.
pub(crate) fn bearer_of(user: &str) -> http::HeaderValue {
    let token =
        TokenBuilder::first_party(ISSUER, SECRET, user).audience(AUDIENCE).scope("read:valuations write:valuations");
    let token = token.claim("email", "ann@example.com").expires_in(Duration::from_secs(3_600)).sign();
    http::HeaderValue::from_static(String::leak(format!("Bearer {token}")))
}

/// A token that is valid except that it has expired.
pub(crate) fn expired() -> String {
    issuer().token("ann").audience(AUDIENCE).expired().sign()
}

fn jwt_layer(algorithm: Algorithm, is_cached: bool) -> JwtAuth {
    let issuer = match algorithm {
        Algorithm::Hs256 => Issuer::hs256(ISSUER, SECRET),
        _ => Issuer::jwks_document(issuer().url(), jwks()),
    };
    let auth = JwtAuth::builder().issuer(issuer).audience(AUDIENCE);
    let auth = if is_cached { auth } else { auth.token_cache_capacity(0) };
    auth.build().expect("an issuer")
}

pub(crate) fn auth(algorithm: Algorithm, is_cached: bool) -> Router {
    extracting_user().layer(jwt_layer(algorithm, is_cached))
}

pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Admits every request with a credential in its source, as the same user.
#[derive(Clone)]
struct AdmitAll {
    source: CredentialSource,
    realm: Realm,
    user: UserContext,
}

impl Gate for AdmitAll {
    type Pass = ();

    fn enter(&self, head: &mut http::request::Parts) -> Entry<()> {
        head.extensions.insert(Visitor::authenticated(self.user.clone()));
        Entry::Admit(())
    }
}

impl AuthGate for AdmitAll {
    fn credentials(&self) -> CredentialSources {
        CredentialSources::new([self.source.clone()]).expect("a source")
    }

    fn realm(&self) -> Realm {
        self.realm.clone()
    }
}

/// Accepts a token, an API key or a session.
pub(crate) fn any_of() -> Router {
    let gate = |scheme: &str, source| {
        let realm = Realm::default().with_schemes([AuthScheme::new(scheme).expect("a scheme")]);
        AdmitAll { source, realm, user: UserContext::new("robot") }
    };
    let keys = gate("ApiKey", CredentialSource::header(API_KEY));
    let sessions = gate("Session", CredentialSource::cookie("session"));
    let auth = AnyOf::new((jwt_layer(Algorithm::Hs256, true), keys, sessions));
    extracting_user().layer(auth.expect("three gates"))
}

pub(crate) const PASSWORD: &str = "wOJ0dPFpeFQAYvHO";

pub(crate) fn basic() -> Router {
    bare().layer(BasicAuth::builder().user("prometheus", PASSWORD).build().expect("a user"))
}

/// Networks that do not contain the client.
pub(crate) fn networks(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("{}/28", std::net::Ipv4Addr::from_bits(0x0a00_0000 + (n << 6))))
}

pub(crate) fn ip_filter(count: u32) -> Router {
    let filter = IpFilter::builder().deny(networks(count)).build().expect("networks");
    bare().layer((TrustedProxies::none(), filter))
}

/// Checks whether a token was revoked, among a thousand others.
pub(crate) fn revocable(is_cached: bool) -> Router {
    let revocations = Revocations::builder().build().expect("valid settings");
    for number in 0..1_000 {
        drop(revocations.revoke_by(Revocation::token(ISSUER, &number.to_string())));
    }
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET)).audience(AUDIENCE).revocations(&revocations);
    let auth = if is_cached { auth } else { auth.token_cache_capacity(0) };
    extracting_user().layer(auth.build().expect("an issuer"))
}

/// One of ten thousand issuers signs the tokens.
pub(crate) fn many_issuers(is_cached: bool) -> Router {
    let others = (0..9_999).map(|n| Issuer::hs256(format!("https://tenant-{n}.example.com"), SECRET));
    let auth = others.fold(JwtAuth::builder(), |auth, issuer| auth.add_issuer(issuer));
    let auth = auth.add_issuer(Issuer::hs256(ISSUER, SECRET)).audience(AUDIENCE);
    let auth = if is_cached { auth } else { auth.token_cache_capacity(0) };
    extracting_user().layer(auth.build().expect("issuers"))
}

fn stack_layer(algorithm: Algorithm, is_cached: bool) -> Stack<JwtAuth> {
    let stack = Stack::builder()
        .security_headers(security_headers())
        .cors(cors_layer(1))
        .authenticate(jwt_layer(algorithm, is_cached))
        .limit_by_user(rate_limit(UNITS, Key::user()));
    stack.build().expect("a stack")
}

pub(crate) fn stack(algorithm: Algorithm, is_cached: bool) -> Router {
    extracting_user().layer(stack_layer(algorithm, is_cached))
}

pub(crate) fn stack_and_scope() -> Router {
    let scope = RequireScope::new("read:valuations").expect("a scope");
    let handler = get(|Extractor(_): Extractor<UserContext>| async { "handled" }).layer(scope);
    Router::new().route("/", handler).layer(stack_layer(Algorithm::Hs256, true))
}
