//! Apps with the layers of other crates, configured as their documentation shows.
//!
//! Several layers are in one `ServiceBuilder`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::get;
use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use portcullis::Algorithm;
use serde::Deserialize;
use tower::ServiceBuilder;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;

use crate::ours::{self, AUDIENCE, ISSUER, SECRET, bare};

const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-xss-protection", "0"),
];

fn header(index: usize) -> SetResponseHeaderLayer<HeaderValue> {
    let (name, value) = HEADERS[index];
    SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
}

macro_rules! header_layers {
    ($builder:expr) => {
        $builder
            .layer(header(0))
            .layer(header(1))
            .layer(header(2))
            .layer(header(3))
            .layer(header(4))
            .layer(header(5))
            .layer(header(6))
            .layer(header(7))
    };
}

pub(crate) fn headers() -> Router {
    bare().layer(header_layers!(ServiceBuilder::new()))
}

fn cors_layer(origins: usize) -> CorsLayer {
    let origins =
        (0..origins).map(|n| HeaderValue::try_from(format!("https://app{n}.example.com")).expect("an origin"));
    let layer = CorsLayer::new().allow_origin(AllowOrigin::list(origins)).allow_credentials(true);
    layer
        .allow_methods([Method::GET, Method::POST])
        .expose_headers([http::header::RETRY_AFTER, http::header::WWW_AUTHENTICATE])
}

pub(crate) fn cors(origins: usize) -> Router {
    bare().layer(cors_layer(origins))
}

pub(crate) fn csrf(origins: usize) -> Router {
    let origins = (0..origins).map(|n| format!("https://app{n}.example.com"));
    let layer = origins.fold(CsrfLayer::new(), |layer, origin| layer.add_trusted_origin(origin).expect("an origin"));
    bare().layer(layer)
}

macro_rules! governor {
    ($burst:expr) => {{
        let mut builder = GovernorConfigBuilder::default();
        builder.per_nanosecond(1).burst_size($burst);
        GovernorLayer::new(Arc::new(builder.use_headers().finish().expect("a quota")))
    }};
}

pub(crate) fn limit() -> Router {
    bare().layer(governor!(ours::UNITS))
}

pub(crate) fn exceeded_limit() -> Router {
    let mut builder = GovernorConfigBuilder::default();
    builder.per_second(1_000_000).burst_size(1);
    let config = Arc::new(builder.use_headers().finish().expect("a quota"));
    // Uses the only unit of the quota.
    drop(config.limiter().check_key(&std::net::IpAddr::from([192, 0, 2, 1])));
    bare().layer(GovernorLayer::new(config))
}

/// Compares the header with a text, not in constant time, and responds with a challenge without a realm.
#[expect(deprecated, reason = "tower-http has no other layer for passwords")]
pub(crate) fn basic() -> Router {
    bare().layer(ValidateRequestHeaderLayer::basic("prometheus", ours::PASSWORD))
}

/// Compares the address of the connection with one network after the other, as many apps do.
pub(crate) fn ip_filter(count: u32) -> Router {
    let denied: Vec<IpNet> = ours::networks(count).map(|network| network.parse().expect("a network")).collect();
    let denied: Arc<[IpNet]> = denied.into();
    let filter = from_fn(move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request, next: Next| {
        let is_denied = denied.iter().any(|network| network.contains(&peer.ip()));
        async move { if is_denied { StatusCode::FORBIDDEN.into_response() } else { next.run(request).await } }
    });
    bare().layer(filter)
}

#[derive(Clone, Deserialize)]
#[expect(dead_code, reason = "deserialized as a handler would, but not read")]
struct UserClaims {
    sub: String,
    scope: String,
    email: String,
}

/// A handler that extracts the claims, with a decoder that checks the key, the issuer and the audience.
fn with_claims(algorithm: Algorithm) -> Router {
    let (name, key) = match algorithm {
        Algorithm::Hs256 => (jsonwebtoken::Algorithm::HS256, DecodingKey::from_secret(SECRET)),
        _ => {
            let set: JwkSet = serde_json::from_str(&ours::jwks()).expect("a set of keys");
            (jsonwebtoken::Algorithm::EdDSA, DecodingKey::from_jwk(&set.keys[0]).expect("a key"))
        }
    };
    let mut validation = Validation::new(name);
    validation.set_audience(&[AUDIENCE]);
    if algorithm == Algorithm::Hs256 {
        validation.set_issuer(&[ISSUER]);
    }
    let decoder = LocalDecoder::builder().keys(vec![key]).validation(validation).build().expect("a decoder");
    let handler = get(|_: Claims<UserClaims>| async { "handled" });
    let decoder: Decoder<UserClaims> = Arc::new(decoder);
    Router::new().route("/", handler).with_state(decoder)
}

/// Selects the faster of the two linked crypto backends. Without a selection, jsonwebtoken panics.
pub fn install_crypto_provider() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

pub(crate) fn auth(algorithm: Algorithm) -> Router {
    with_claims(algorithm)
}

/// All layers in one `ServiceBuilder`. The handler's extractor verifies the token, inside the layers.
pub(crate) fn stack(algorithm: Algorithm) -> Router {
    with_claims(algorithm)
        .layer(header_layers!(ServiceBuilder::new()).layer(cors_layer(1)).layer(governor!(ours::UNITS)))
}
