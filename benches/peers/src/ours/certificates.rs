//! Cases with client certificates.

use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use portcullis::client_cert::{ClientCertAuthBuilder, ClientCertHeader};
use portcullis::context::PeerCertificate;
use portcullis::gate::Gate;
use portcullis::testing::FakeClock;
use portcullis::{ClientCertAuth, TrustedProxies, UserContext};

use super::bare;

/// The example of RFC 9440 §2.2, which was valid in 2020.
pub(crate) const CLIENT_CERT: &str = "\
    :MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGV\
    ybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0\
    DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQY\
    DVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwI\
    wHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFC\
    OOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";
/// As Envoy writes it by default.
pub(crate) const XFCC: &str = "By=spiffe://acme.example/gateway;\
    Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;Subject=\"CN=backup,O=Acme\";\
    URI=spiffe://acme.example/backup";

/// The certificate of a connection, parsed once.
pub(crate) fn certificate() -> &'static PeerCertificate {
    static CERTIFICATE: OnceLock<PeerCertificate> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let mut request = http::Request::get("/").header("client-cert", CLIENT_CERT).body(()).expect("a request");
        request.extensions_mut().insert(std::net::SocketAddr::from(([192, 0, 2, 1], 443)));
        let mut head = request.into_parts().0;
        let _ = certificate_layer(ClientCertHeader::Rfc9440).enter(&mut head);
        head.extensions.remove().expect("the certificate of the request")
    })
}

fn certificate_builder() -> ClientCertAuthBuilder {
    let clock = FakeClock::new();
    clock.set_wall(UNIX_EPOCH + Duration::from_secs(1_600_000_000));
    let builder = ClientCertAuth::builder().clock(clock.clock());
    builder.user(|certificate| certificate.uri().or(certificate.email()).map(UserContext::new))
}

fn certificate_layer(header: ClientCertHeader) -> ClientCertAuth {
    let proxies = TrustedProxies::new(["192.0.2.1"]).expect("an address");
    certificate_builder().forwarded(header, proxies).build().expect("valid settings")
}

pub(crate) fn certificates(header: ClientCertHeader) -> Router {
    bare().layer(certificate_layer(header))
}

pub(crate) fn tls_certificates() -> Router {
    let auth = certificate_builder().from_tls(|extensions| extensions.get().cloned());
    bare().layer(auth.build().expect("valid settings"))
}
