//! The cases: each has a name, an app, a request and the expected status.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderValue, Method, Request};
use portcullis::Algorithm;
use portcullis::client_cert::ClientCertHeader;

use crate::ours::{self, certificates, lookups, token};
use crate::peers;

pub struct Case {
    pub name: &'static str,
    pub app: fn() -> Router,
    pub request: fn() -> Request<Body>,
    pub status: u16,
}

const fn case(name: &'static str, app: fn() -> Router, request: fn() -> Request<Body>) -> Case {
    Case { name, app, request, status: 200 }
}

pub const CASES: [Case; 57] = [
    case("bare", ours::bare, plain),
    case("an empty layer", ours::empty_layer, plain),
    case("SecurityHeaders", ours::headers, plain),
    case("  8 x SetResponseHeader, one ServiceBuilder", peers::headers, plain),
    case("Cors", || ours::cors(1), from_page),
    case("Cors, 1,000 origins", || ours::cors(1_000), from_page),
    case("  CorsLayer", || peers::cors(1), from_page),
    case("  CorsLayer, 1,000 origins", || peers::cors(1_000), from_page),
    Case { status: 204, ..case("Cors, preflight", || ours::cors(1), preflight) },
    case("  CorsLayer, preflight", || peers::cors(1), preflight),
    case("Csrf, a page of the app", || ours::csrf(1), post_from_own_page),
    case("Csrf, a trusted origin", || ours::csrf(1), post_from_trusted_page),
    case("Csrf, a trusted origin of 1,000", || ours::csrf(1_000), post_from_trusted_page),
    case("Csrf, the app's own Origin", || ours::csrf(1), post_without_fetch_metadata),
    case("  CsrfLayer, a page of the app", || peers::csrf(1), post_from_own_page),
    case("  CsrfLayer, a trusted origin", || peers::csrf(1), post_from_trusted_page),
    case("  CsrfLayer, a trusted origin of 1,000", || peers::csrf(1_000), post_from_trusted_page),
    case("  CsrfLayer, the app's own Origin", || peers::csrf(1), post_without_fetch_metadata),
    case("TrustedProxies", ours::proxies, plain),
    case("TrustedProxies and RateLimit, with headers", ours::limit, plain),
    case("  tower_governor, with headers", peers::limit, plain),
    Case { status: 429, ..case("TrustedProxies and RateLimit, 429", ours::exceeded_limit, plain) },
    Case { status: 429, ..case("  tower_governor, 429", peers::exceeded_limit, plain) },
    case("JwtAuth HS256, cached token", || ours::auth(Algorithm::Hs256, true), with_hs256),
    case("JwtAuth HS256, uncached token", || ours::auth(Algorithm::Hs256, false), with_hs256),
    case("JwtAuth HS256, revocations, cached token", || ours::revocable(true), with_hs256),
    case("JwtAuth HS256, revocations, uncached token", || ours::revocable(false), with_hs256),
    case("JwtAuth HS256, 10,000 issuers, cached", || ours::many_issuers(true), with_hs256),
    case("JwtAuth HS256, 10,000 issuers, uncached", || ours::many_issuers(false), with_hs256),
    case("  axum-jwt-auth HS256", || peers::auth(Algorithm::Hs256), with_hs256),
    Case { status: 401, ..case("JwtAuth, 401 without a token", || ours::auth(Algorithm::Hs256, true), plain) },
    Case {
        status: 401,
        ..case("JwtAuth, 401 for an expired EdDSA token", || ours::auth(Algorithm::EdDsa, true), with_expired)
    },
    case("JwtAuth EdDSA, uncached token", || ours::auth(Algorithm::EdDsa, false), with_eddsa),
    case("  axum-jwt-auth EdDSA", || peers::auth(Algorithm::EdDsa), with_eddsa),
    case("IntrospectionAuth, cached token", || lookups::opaque(false), with_opaque),
    case("IntrospectionAuth, revocations, cached token", || lookups::opaque(true), with_opaque),
    case("ApiKeyAuth, cached key", lookups::api_keys, with_api_key),
    Case { status: 401, ..case("ApiKeyAuth, 401 for a bad checksum", lookups::api_keys, with_bad_checksum) },
    case("SessionAuth, cached session", lookups::sessions, with_session),
    case("BasicAuth", ours::basic, with_password),
    Case { status: 401, ..case("BasicAuth, 401 for a wrong password", ours::basic, with_wrong_password) },
    case("  tower-http's basic", peers::basic, with_password),
    Case { status: 401, ..case("  tower-http's basic, 401", peers::basic, with_wrong_password) },
    case("ClientCertAuth, of the TLS connection", certificates::tls_certificates, with_tls_certificate),
    case("ClientCertAuth, Client-Cert", || certificates::certificates(ClientCertHeader::Rfc9440), with_client_cert),
    case("ClientCertAuth, Envoy's names", || certificates::certificates(ClientCertHeader::Envoy), with_xfcc),
    case("TrustedProxies and IpFilter", || ours::ip_filter(1), plain),
    case("TrustedProxies and IpFilter, 10,000 networks", || ours::ip_filter(10_000), plain),
    case("  from_fn, a network", || peers::ip_filter(1), plain),
    case("  from_fn, 10,000 networks in turn", || peers::ip_filter(10_000), plain),
    case("AnyOf of three gates, HS256, cached token", ours::any_of, with_hs256),
    case("AnyOf of three gates, custom gate", ours::any_of, with_key),
    Case { status: 401, ..case("AnyOf of three gates, 401 without any", ours::any_of, plain) },
    case("Stack HS256, cached token", || ours::stack(Algorithm::Hs256, true), with_all),
    case("Stack HS256, uncached token", || ours::stack(Algorithm::Hs256, false), with_all),
    case("  peers HS256, one ServiceBuilder", || peers::stack(Algorithm::Hs256), with_all),
    case("Stack + RequireScope, cached token", ours::stack_and_scope, with_all),
];

pub(crate) fn plain() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 443))));
    request
}

fn from_page() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static(ours::PAGE));
    request
}

fn preflight() -> Request<Body> {
    let mut request = from_page();
    *request.method_mut() = Method::OPTIONS;
    request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
    request
}

/// A POST, with the headers of current browsers.
fn post(site: &'static str, origin: &'static str) -> Request<Body> {
    let mut request = plain();
    *request.method_mut() = Method::POST;
    request.headers_mut().insert("sec-fetch-site", HeaderValue::from_static(site));
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static(origin));
    request
}

fn post_from_own_page() -> Request<Body> {
    post("same-origin", "https://api.example.com")
}

fn post_from_trusted_page() -> Request<Body> {
    post("same-site", ours::PAGE)
}

fn post_without_fetch_metadata() -> Request<Body> {
    let mut request = post_from_own_page();
    request.headers_mut().remove("sec-fetch-site");
    request.headers_mut().insert(HOST, HeaderValue::from_static("api.example.com"));
    request
}

/// A header value that is a slice of a larger buffer, as in a server.
fn bearer(once: &'static OnceLock<HeaderValue>, algorithm: Algorithm) -> HeaderValue {
    let value = || HeaderValue::from_static(String::leak(format!("Bearer {}", token(algorithm))));
    once.get_or_init(value).clone()
}

/// Returns an `Authorization` value that the app of every server accepts.
pub fn bearer_of_hs256() -> String {
    format!("Bearer {}", token(Algorithm::Hs256))
}

fn with_hs256() -> Request<Body> {
    static BEARER: OnceLock<HeaderValue> = OnceLock::new();
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, bearer(&BEARER, Algorithm::Hs256));
    request
}

fn with_key() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert(ours::API_KEY, HeaderValue::from_static("k1"));
    request
}

fn with_api_key() -> Request<Body> {
    static VALUE: OnceLock<HeaderValue> = OnceLock::new();
    let value = || HeaderValue::from_static(String::leak(format!("ApiKey {}", lookups::api_key())));
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, VALUE.get_or_init(value).clone());
    request
}

fn with_session() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert(COOKIE, HeaderValue::from_static(lookups::session_cookie()));
    request
}

fn with_opaque() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(lookups::OPAQUE));
    request
}

fn with_bad_checksum() -> Request<Body> {
    static VALUE: OnceLock<HeaderValue> = OnceLock::new();
    let value = || {
        let key = lookups::api_key();
        let (covered, checksum) = key.split_at(key.len() - 6);
        let other = if checksum == "000000" { "000001" } else { "000000" };
        HeaderValue::from_static(String::leak(format!("ApiKey {covered}{other}")))
    };
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, VALUE.get_or_init(value).clone());
    request
}

fn with_authorization(value: &'static str) -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(value));
    request
}

/// With the base64 of `prometheus:` and the password.
fn with_password() -> Request<Body> {
    with_authorization("Basic cHJvbWV0aGV1czp3T0owZFBGcGVGUUFZdkhP")
}

fn with_wrong_password() -> Request<Body> {
    with_authorization("Basic cHJvbWV0aGV1czp3T0owZFBGcGVGUUFZdkhQ")
}

fn with_tls_certificate() -> Request<Body> {
    let mut request = plain();
    request.extensions_mut().insert(certificates::certificate().clone());
    request
}

fn with_client_cert() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert("client-cert", HeaderValue::from_static(certificates::CLIENT_CERT));
    request
}

fn with_xfcc() -> Request<Body> {
    let mut request = plain();
    request.headers_mut().insert("x-forwarded-client-cert", HeaderValue::from_static(certificates::XFCC));
    request
}

fn with_eddsa() -> Request<Body> {
    static BEARER: OnceLock<HeaderValue> = OnceLock::new();
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, bearer(&BEARER, Algorithm::EdDsa));
    request
}

fn with_expired() -> Request<Body> {
    static BEARER: OnceLock<HeaderValue> = OnceLock::new();
    let value = || HeaderValue::from_static(String::leak(format!("Bearer {}", ours::expired())));
    let mut request = plain();
    request.headers_mut().insert(AUTHORIZATION, BEARER.get_or_init(value).clone());
    request
}

fn with_all() -> Request<Body> {
    let mut request = with_hs256();
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static(ours::PAGE));
    request
}
