//! Headers with certificates that no trusted proxy has sent.

use portcullis::client_cert::ClientCertHeader;
use portcullis::context::PeerCertificate;
use portcullis::{AnyOf, BasicAuth, ClientCertAuth, Stack};

use super::certificates::{Authority, Certificate};
use super::{App, PROXY, STRANGER, client_cert, forwarded, mapped, proxies};

const URI: &str = "spiffe://acme.example/backup";

/// All headers that could claim the certificate.
fn claims(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let xfcc = format!("Hash={};URI={URI}", certificate.sha256());
    vec![
        ("client-cert", client_cert(certificate)),
        ("client-cert-chain", client_cert(certificate)),
        ("x-forwarded-client-cert", xfcc),
    ]
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, &**value)).collect()
}

#[tokio::test]
async fn a_header_from_any_other_peer_is_removed_before_the_handler_and_is_no_credential() {
    let claims = claims(&Authority::new().with_uri(URI));
    for header in [ClientCertHeader::Rfc9440, ClientCertHeader::Envoy] {
        let app = App::behind(forwarded(header).build().unwrap());
        assert_eq!(app.send(STRANGER, &borrowed(&claims)).await.status, 403);
        assert_eq!(app.calls(), 0);
        let optional = App::behind(forwarded(header).optional().build().unwrap());
        assert_eq!(optional.send(STRANGER, &borrowed(&claims)).await.body, "anonymous");
    }
}

#[tokio::test]
async fn a_proxy_is_trusted_only_for_the_configured_header() {
    let claims = claims(&Authority::new().with_uri(URI));
    for (header, names) in [
        (ClientCertHeader::Rfc9440, "backup by certificate, client-cert, client-cert-chain"),
        (ClientCertHeader::Envoy, "backup by certificate, x-forwarded-client-cert"),
    ] {
        let app = App::behind(forwarded(header).build().unwrap());
        assert_eq!(app.send(PROXY, &borrowed(&claims)).await.body, names);
    }
    // The proxy passes the other header on as its client has sent it.
    let app = App::behind(forwarded(ClientCertHeader::Envoy).optional().build().unwrap());
    assert_eq!(app.send(PROXY, &borrowed(&claims[..2])).await.body, "anonymous");
}

#[tokio::test]
async fn the_header_is_removed_on_open_routes_and_if_another_gate_decides() {
    let claims = claims(&Authority::new().with_uri(URI));
    let auth = || forwarded(ClientCertHeader::Rfc9440).build().unwrap();
    let basic = || BasicAuth::builder().user("prometheus", "a secret of 16 chars").build().unwrap();
    let stack = Stack::builder().authenticate(AnyOf::new((basic(), auth())).unwrap()).open(["/open"]).build().unwrap();
    let app = App::new(|router| router.layer(stack));
    // The base64 of the user and its password.
    let authorization = ("authorization", "Basic cHJvbWV0aGV1czphIHNlY3JldCBvZiAxNiBjaGFycw==");
    let mut headers = borrowed(&claims);
    assert_eq!(app.get("/open", STRANGER, &headers).await.body, "anonymous");
    assert_eq!(app.get("/open", PROXY, &headers).await.body, "anonymous, client-cert, client-cert-chain");
    headers.push(authorization);
    assert_eq!(app.send(STRANGER, &headers).await.body, "prometheus by basic");
    let stack = Stack::builder().authenticate(auth()).open(["/open"]).build().unwrap();
    let app = App::new(|router| router.layer(stack));
    assert_eq!(app.get("/open", STRANGER, &borrowed(&claims)).await.body, "anonymous");
}

#[tokio::test]
async fn the_report_of_a_verification_is_removed_too() {
    let auth = forwarded(ClientCertHeader::Rfc9440).verified_by("x-cert-verified", "SUCCESS").optional();
    let app = App::behind(auth.build().unwrap());
    assert_eq!(app.send(STRANGER, &[("x-cert-verified", "SUCCESS")]).await.body, "anonymous");
    assert_eq!(app.send(PROXY, &[("x-cert-verified", "SUCCESS")]).await.body, "anonymous, x-cert-verified");
}

#[tokio::test]
async fn a_gate_for_certificates_of_the_connection_removes_all_headers() {
    let claims = claims(&Authority::new().with_uri(URI));
    let from_tls = |extensions: &http::Extensions| extensions.get::<PeerCertificate>().cloned();
    let app = App::behind(mapped(ClientCertAuth::builder().from_tls(from_tls)).optional().build().unwrap());
    assert_eq!(app.send(PROXY, &borrowed(&claims)).await.body, "anonymous");
}

#[tokio::test]
async fn an_unknown_peer_is_trusted_only_by_name() {
    let claims = claims(&Authority::new().with_uri(URI));
    let unix = portcullis::TrustedProxies::new(["unix:"]).unwrap();
    for (proxies, body) in [(proxies(), "anonymous"), (unix, "backup by certificate, client-cert, client-cert-chain")] {
        let auth = mapped(ClientCertAuth::builder().forwarded(ClientCertHeader::Rfc9440, proxies)).optional();
        let app = App::behind(auth.build().unwrap());
        let response = crate::support::response::TestResponse::get(&app.router, "/", &borrowed(&claims)).await;
        assert_eq!(response.body, body);
    }
}
