//! Requests with a certificate that browsers send: pages of other sites can cause them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use portcullis::client_cert::ClientCertHeader;
use portcullis::gate::DenialKind;
use portcullis::{AnyOf, BasicAuth, Csrf, OriginSet, UserContext};

use super::certificates::Authority;
use super::{App, PROXY, client_cert, forwarded};

const URI: &str = "spiffe://acme.example/backup";
const HOST: (&str, &str) = ("host", "app.example");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");
const TRUSTED: &str = "https://pages.example";

async fn post(app: &App, headers: &[(&str, &str)]) -> (u16, String) {
    let response = app.request(Method::POST, "/", PROXY, headers).await;
    (response.status.as_u16(), response.body)
}

#[tokio::test]
async fn a_write_by_a_browser_with_a_certificate_is_checked() {
    let value = client_cert(&Authority::new().with_uri(URI));
    let certificate = ("client-cert", &*value);
    for auth in [forwarded(ClientCertHeader::Rfc9440), forwarded(ClientCertHeader::Rfc9440).optional()] {
        let app = App::behind(auth.build().unwrap());
        for (status, headers) in [
            (200, &[("sec-fetch-site", "same-origin")][..]),
            (200, &[("sec-fetch-site", "none")]),
            (200, &[("origin", "https://app.example")]),
            (403, &[CROSS_SITE]),
            (403, &[CROSS_SITE, ("origin", TRUSTED)]),
            (403, &[("sec-fetch-site", "same-site")]),
            (403, &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]),
            (403, &[("sec-fetch-site", "unknown")]),
            (403, &[("origin", "https://other.example")]),
            (403, &[("origin", "null")]),
        ] {
            let headers = [&[HOST, certificate], headers].concat();
            let calls = app.calls();
            assert_eq!(post(&app, &headers).await.0, status, "{headers:?}");
            assert_eq!(app.calls() - calls, usize::from(status == 200), "{headers:?}");
            assert_eq!(app.get("/", PROXY, &headers).await.status, 200, "{headers:?}");
        }
        let websocket = [HOST, certificate, CROSS_SITE, ("upgrade", "websocket"), ("connection", "upgrade")];
        assert_eq!(app.get("/", PROXY, &websocket).await.status, 403);
        let response = app.request(Method::POST, "/", PROXY, &[HOST, certificate, CROSS_SITE]).await;
        assert!(matches!(response.denial.unwrap().kind(), DenialKind::CrossSite { .. }));
    }
}

#[tokio::test]
async fn a_write_with_neither_header_is_of_a_program_and_passes() {
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let response = app.request(method, "/", PROXY, &[HOST, ("client-cert", &value)]).await;
        assert_eq!(&*response.body, "backup by certificate, client-cert");
    }
}

#[tokio::test]
async fn a_write_by_a_browser_without_a_certificate_is_not_checked() {
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).optional().build().unwrap());
    assert_eq!(post(&app, &[HOST, CROSS_SITE]).await, (200, "anonymous".to_owned()));
}

#[tokio::test]
async fn a_write_by_a_browser_with_an_explicit_credential_is_left_to_its_gate() {
    let basic = BasicAuth::builder().user("ann", "0123456789abcdef").build().unwrap();
    let auth = AnyOf::new((basic, forwarded(ClientCertHeader::Rfc9440).build().unwrap())).unwrap();
    let app = App::new(|router| router.layer(auth));
    let value = client_cert(&Authority::new().with_uri(URI));
    // The base64 of `ann:0123456789abcdef`.
    let password = ("authorization", "Basic YW5uOjAxMjM0NTY3ODlhYmNkZWY=");
    let headers = [HOST, ("client-cert", &value), CROSS_SITE, password];
    assert!(post(&app, &headers).await.1.starts_with("ann by "));
    assert_eq!(post(&app, &headers[..3]).await.0, 403);
}

#[tokio::test]
async fn the_rejection_comes_before_the_certificate_is_mapped_to_a_user() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let map = move |_: &portcullis::context::PeerCertificate| {
        counted.fetch_add(1, Ordering::Relaxed);
        Some(UserContext::new("backup"))
    };
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).user(map).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    let headers = [HOST, ("client-cert", &value), CROSS_SITE];
    assert_eq!((post(&app, &headers).await.0, calls.load(Ordering::Relaxed)), (403, 0));
    assert_eq!((post(&app, &headers[..2]).await.0, calls.load(Ordering::Relaxed)), (200, 1));
}

#[tokio::test]
async fn csrf_trusts_the_origins_that_it_is_given() {
    let csrf = Csrf::builder().origins(OriginSet::new([TRUSTED]).unwrap()).build().unwrap();
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).csrf(csrf).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    for (origin, status) in [(TRUSTED, 200), ("https://other.example", 403)] {
        for site in [&[CROSS_SITE][..], &[]] {
            let headers = [&[HOST, ("client-cert", &value), ("origin", origin)], site].concat();
            assert_eq!(post(&app, &headers).await.0, status, "{headers:?}");
        }
    }
}
