//! Certificates of real TLS connections: a server by tokio-rustls that verifies them, and clients with and without one.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::{Extension, Router};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::client_cert::ClientCertHeader;
use portcullis::context::PeerCertificate;
use portcullis::{ClientCertAuth, TrustedProxies};
use rcgen::{CertificateParams, CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::certificates::{Authority, Certificate};
use super::{App, client_cert, mapped};

pub(super) const URI: &str = "spiffe://acme.example/backup";

/// A TLS server in front of an app.
pub(super) struct Server {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
}

impl Server {
    /// Starts a server that verifies the certificates of clients, if they have one, by this authority.
    pub(super) async fn start(router: Router, authority: &Authority) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), certificate: cert.der().clone() };
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, peer, router.clone()));
            }
        });
        server
    }

    /// Sends a request with this certificate and header. Returns the response as text.
    pub(super) async fn get(&self, certificate: Option<&Certificate>, header: &str) -> Result<String, std::io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match certificate {
            Some(Certificate { certificate, key }) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{header}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        Ok(response)
    }
}

/// Serves one connection, and puts its certificate into the extensions of its requests.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, peer: SocketAddr, mut app: Router) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    if let Some(certificate) = certificate.and_then(|der| PeerCertificate::from_der(der).ok()) {
        app = app.layer(Extension(certificate));
    }
    let service = TowerToHyperService::new(app.layer(Extension(peer)));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn from_tls() -> portcullis::client_cert::ClientCertAuthBuilder {
    mapped(ClientCertAuth::builder().from_tls(|extensions| extensions.get::<PeerCertificate>().cloned()))
        .clock(portcullis::clock::Clock::system())
}

/// A certificate that is valid now, by the clock of the TLS server.
pub(super) fn issued_by(authority: &Authority) -> Certificate {
    authority.valid_now(CertificateParams::default(), URI)
}

#[tokio::test]
async fn the_certificate_of_the_connection_authenticates_its_user() {
    let authority = Authority::new();
    let server = Server::start(App::behind(from_tls().build().unwrap()).router, &authority).await;
    let response = server.get(Some(&issued_by(&authority)), "").await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("backup by certificate"), "{response}");
    assert!(response.contains("cache-control: no-store"), "{response}");

    let response = server.get(None, "").await.unwrap();
    assert!(response.starts_with("HTTP/1.1 403") && response.contains("credentials_missing"), "{response}");
    // The TLS layer rejects the certificate of another authority.
    assert!(server.get(Some(&issued_by(&Authority::new())), "").await.is_err());
}

#[tokio::test]
async fn a_client_without_a_certificate_cannot_claim_one_by_a_header() {
    let authority = Authority::new();
    let server = Server::start(App::behind(from_tls().optional().build().unwrap()).router, &authority).await;
    let header = format!("client-cert: {}\r\n", client_cert(&issued_by(&authority)));
    let response = server.get(None, &header).await.unwrap();
    assert!(response.ends_with("anonymous"), "{response}");
}

#[tokio::test]
async fn a_proxys_own_certificate_is_not_that_of_its_client() {
    let authority = Authority::new();
    let proxies = TrustedProxies::new(["127.0.0.0/8"]).unwrap();
    let auth = from_tls().forwarded(ClientCertHeader::Rfc9440, proxies).optional().build().unwrap();
    let server = Server::start(App::behind(auth).router, &authority).await;
    let proxy = authority.valid_now(CertificateParams::default(), "spiffe://acme.example/proxy");
    let response = server.get(Some(&proxy), "").await.unwrap();
    assert!(response.ends_with("anonymous"), "{response}");
    let header = format!("client-cert: {}\r\n", client_cert(&issued_by(&authority)));
    let response = server.get(Some(&proxy), &header).await.unwrap();
    assert!(response.ends_with("backup by certificate, client-cert"), "{response}");
}
