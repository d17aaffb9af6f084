//! `ClientCertAuth`: authentication by client certificates, of a TLS connection or of a proxy.

mod browsers;
mod certificates;
mod forwarded;
mod proxy;
mod tls;
mod untrusted;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::routing::{any, get};
use http::{Method, Request};
use portcullis::client_cert::{ClientCertAuthBuilder, ClientCertHeader};
use portcullis::testing::FakeClock;
use portcullis::{ClientCertAuth, TrustedProxies, UserContext};

use self::certificates::{Certificate, VALID_FROM};
use crate::support::response::TestResponse;

const PROXY: &str = "10.0.0.1";
const STRANGER: &str = "203.0.113.9";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

/// A clock at which the certificates of these tests are valid.
fn clock() -> FakeClock {
    let clock = FakeClock::new();
    clock.set_wall(std::time::UNIX_EPOCH + VALID_FROM + Duration::from_secs(60));
    clock
}

/// A gate that accepts certificates with a URI of `acme.example`, which a proxy forwards.
fn forwarded(header: ClientCertHeader) -> ClientCertAuthBuilder {
    mapped(ClientCertAuth::builder().forwarded(header, proxies()))
}

fn mapped(builder: ClientCertAuthBuilder) -> ClientCertAuthBuilder {
    let map = |certificate: &portcullis::context::PeerCertificate| {
        certificate.uri()?.strip_prefix("spiffe://acme.example/").map(UserContext::new)
    };
    builder.user(map).clock(clock().clock())
}

/// An app whose handler returns the user and the headers with certificates.
struct App {
    router: Router,
    calls: Arc<AtomicUsize>,
}

impl App {
    fn new(add_layers: impl FnOnce(Router) -> Router) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let handler = async move |user: Option<UserContext>, headers: HeaderMap| {
            counted.fetch_add(1, Ordering::Relaxed);
            let user = user.map_or("anonymous".to_owned(), |user| format!("{} by {}", user.id(), user.credential()));
            let names = headers.keys().filter(|name| name.as_str().contains("cert"));
            names.fold(user, |text, name| format!("{text}, {name}"))
        };
        let router = Router::new().route("/", any(handler.clone())).route("/open", get(handler));
        Self { router: add_layers(router), calls }
    }

    fn behind(auth: ClientCertAuth) -> Self {
        Self::new(|router| router.layer(auth))
    }

    async fn send(&self, peer: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.get("/", peer, headers).await
    }

    async fn get(&self, path: &str, peer: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.request(Method::GET, path, peer, headers).await
    }

    async fn request(&self, method: Method, path: &str, peer: &str, headers: &[(&str, &str)]) -> TestResponse {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(SocketAddr::new(peer.parse().unwrap(), 4711));
        TestResponse::send(&self.router, request).await
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// The value of `Client-Cert` for a certificate.
fn client_cert(certificate: &Certificate) -> String {
    use base64::Engine;
    format!(":{}:", base64::engine::general_purpose::STANDARD.encode(certificate.der()))
}
