//! A real TLS proxy that forwards the certificates of its clients to the app, over another connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::{Extension, Router};
use http::header::CONNECTION;
use http::{HeaderName, HeaderValue, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::client_cert::ClientCertHeader;
use portcullis::clock::Clock;
use portcullis::context::PeerCertificate;
use portcullis::{ClientCertAuth, TrustedProxies};
use tokio::net::{TcpListener, TcpSocket};

use super::certificates::Authority;
use super::tls::{Server, URI, issued_by};
use super::{App, mapped};

/// The address from which the proxy connects to the app.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

static CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
static XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// How a proxy writes a verified certificate.
type Forward = fn(&PeerCertificate) -> (&'static HeaderName, String);

fn rfc9440(certificate: &PeerCertificate) -> (&'static HeaderName, String) {
    use base64::Engine;
    let der = certificate.der().unwrap();
    (&CLIENT_CERT, format!(":{}:", base64::engine::general_purpose::STANDARD.encode(der)))
}

/// The fields that Envoy writes by default.
fn envoy(certificate: &PeerCertificate) -> (&'static HeaderName, String) {
    let hash: String = certificate.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let (subject, uri) = (certificate.subject(), certificate.uri().unwrap());
    (&XFCC, format!("By=spiffe://acme.example/gateway;Hash={hash};Subject=\"{subject}\";URI={uri}"))
}

/// As Envoy with `cert: true`.
fn envoy_with_cert(certificate: &PeerCertificate) -> (&'static HeaderName, String) {
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE", certificate.der().unwrap()));
    let pem: String = pem.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let (name, value) = envoy(certificate);
    (name, format!("{value};Cert=\"{pem}\""))
}

/// Starts the app, over plain TCP.
async fn start(app: App) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let service = TowerToHyperService::new(app.router.clone().layer(Extension(peer)));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

/// Sends a request to the app from this local address.
async fn send(from: Ipv4Addr, app: SocketAddr, request: Request) -> Response<Body> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(app).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap().map(Body::new)
}

/// A proxy that replaces the headers of its clients by the certificate that its TLS layer has verified.
fn proxy(app: SocketAddr, forward: Forward) -> Router {
    let handler = async move |mut request: Request| {
        let certificate = request.extensions_mut().remove::<PeerCertificate>();
        for name in [&CLIENT_CERT, &XFCC, &CONNECTION] {
            request.headers_mut().remove(name);
        }
        if let Some(certificate) = certificate {
            let (name, value) = forward(&certificate);
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        send(PROXY, app, request).await
    };
    Router::new().fallback(handler)
}

fn forwarded(header: ClientCertHeader) -> ClientCertAuth {
    let proxies = TrustedProxies::new([PROXY.to_string()]).unwrap();
    mapped(ClientCertAuth::builder().forwarded(header, proxies)).clock(Clock::system()).build().unwrap()
}

#[tokio::test]
async fn a_certificate_that_a_real_proxy_has_verified_authenticates_its_user_and_a_clients_own_header_does_not() {
    let authority = Authority::new();
    let certificate = issued_by(&authority);
    for (header, forward) in [
        (ClientCertHeader::Rfc9440, rfc9440 as Forward),
        (ClientCertHeader::Envoy, envoy),
        (ClientCertHeader::Envoy, envoy_with_cert),
    ] {
        let app = App::behind(forwarded(header));
        let calls = Arc::clone(&app.calls);
        let address = start(app).await;
        let proxy = Server::start(proxy(address, forward), &authority).await;
        let (name, claimed) = forward(&PeerCertificate::from_der(certificate.der()).unwrap());
        let header = format!("{name}: {}\r\n", claimed.replace(URI, "spiffe://acme.example/admin"));

        let response = proxy.get(Some(&certificate), "").await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        assert!(response.ends_with(&format!("backup by certificate, {name}")), "{response}");
        let response = proxy.get(Some(&certificate), &header).await.unwrap();
        assert!(response.ends_with(&format!("backup by certificate, {name}")), "{response}");
        assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 2);

        let response = proxy.get(None, &header).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 403"), "{response}");
        // A client that reaches the app around the proxy.
        let value = HeaderValue::try_from(claimed).unwrap();
        let request = || Request::get("/").header("host", "localhost").header(name, &value);
        let direct = send(Ipv4Addr::LOCALHOST, address, request().body(Body::empty()).unwrap()).await;
        assert_eq!(direct.status(), 403);
        assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 2, "the handler was not called");
        let from_proxy = send(PROXY, address, request().body(Body::empty()).unwrap()).await;
        assert_eq!(from_proxy.status(), 200, "the same request from the proxy");
    }
}
