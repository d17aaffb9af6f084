//! What holds for every gate that authenticates by a password or a certificate, or filters by address.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::any;
use portcullis::client_cert::ClientCertHeader;
use portcullis::gate::GrpcRejections;
use portcullis::{
    AnyOf, BasicAuth, ClientCertAuth, ConfigError, IpFilter, IssueKind, Revocations, TrustedProxies, UserContext,
};

use crate::support::response::TestResponse;

const PASSWORD: &str = "0123456789abcdef";
/// `prometheus:` and the password, in base64.
const RIGHT: &str = "Basic cHJvbWV0aGV1czowMTIzNDU2Nzg5YWJjZGVm";
const XFCC: &str = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;URI=spiffe://a/b";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8"]).unwrap()
}

fn certificates() -> portcullis::client_cert::ClientCertAuthBuilder {
    let builder = ClientCertAuth::builder().forwarded(ClientCertHeader::Envoy, proxies());
    builder.user(|certificate| certificate.uri()?.strip_prefix("spiffe://a/").map(UserContext::new))
}

fn router() -> Router {
    Router::new().route("/", any(|| async { "handled" }))
}

/// Apps whose requests are rejected, with the header of the request and the status.
fn rejecting() -> [(&'static str, Router, (&'static str, &'static str), u16); 6] {
    let basic = || BasicAuth::builder().user("prometheus", PASSWORD).build().unwrap();
    let both = AnyOf::new((basic(), certificates().build().unwrap())).unwrap();
    let filter = IpFilter::builder().deny(["10.0.0.0/8"]).build().unwrap();
    let none = ("x-other", "a");
    [
        ("no password", router().layer(basic()), none, 401),
        ("a wrong password", router().layer(basic()), ("authorization", "Basic YTpi"), 401),
        ("no certificate", router().layer(both.clone()), none, 401),
        ("an invalid certificate", router().layer(both.clone()), ("x-forwarded-client-cert", "a"), 400),
        ("no user", router().layer(both), ("x-forwarded-client-cert", &XFCC[..XFCC.len() - 4]), 403),
        ("a denied address", router().layer(filter).layer(TrustedProxies::none()), none, 403),
    ]
}

/// Sends a request from 10.0.0.1.
async fn send(app: &Router, request: http::request::Builder) -> TestResponse {
    let request = request.extension(SocketAddr::from(([10, 0, 0, 1], 4711)));
    TestResponse::send(app, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_rejection_is_not_stored_and_is_problem_json_and_a_401_has_a_challenge() {
    for (name, app, (header, value), status) in rejecting() {
        let response = send(&app, Request::get("/").header(header, value)).await;
        assert_eq!(response.status, status, "{name}");
        assert_eq!(response.headers["cache-control"], "no-store", "{name}");
        assert_eq!(response.headers["content-type"], "application/problem+json", "{name}");
        assert!(status != 401 || response.challenge().starts_with("Basic realm="), "{name}");
    }
}

#[tokio::test]
async fn a_rejected_grpc_call_gets_a_trailers_only_response() {
    for (name, app, (header, value), status) in rejecting() {
        let request = Request::post("/").header(header, value).header("content-type", "application/grpc");
        let response = send(&app, request.extension(GrpcRejections)).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, ""), "{name}");
        // INVALID_ARGUMENT, UNAUTHENTICATED and PERMISSION_DENIED.
        let code = match status {
            400 => "3",
            401 => "16",
            _ => "7",
        };
        assert_eq!(response.headers["grpc-status"], code, "{name}");
    }
}

#[tokio::test]
async fn if_revocations_are_unavailable_a_credential_gets_503_and_an_anonymous_request_passes_an_optional_gate() {
    // Nothing listens there, so what was revoked is not known.
    let revocations = Revocations::builder().redis_stream("redis://127.0.0.1:9/").build().unwrap();
    let basic = BasicAuth::builder().user("prometheus", PASSWORD).revocations(&revocations).optional();
    let map = |_: &portcullis::context::PeerCertificate| Some(UserContext::new("b").with_issuer("https://a.example"));
    let certificates = certificates().user(map).revocations(&revocations).optional();
    for (app, header, value) in [
        (router().layer(certificates.build().unwrap()), "x-forwarded-client-cert", XFCC),
        (router().layer(basic.build().unwrap()), "authorization", RIGHT),
    ] {
        let response = send(&app, Request::get("/").header(header, value)).await;
        assert_eq!(
            (response.status.as_u16(), &response.headers["retry-after"]),
            (503, &"1".parse().unwrap()),
            "{header}"
        );
        assert_eq!(send(&app, Request::get("/")).await.status, 200);
    }
}

#[test]
fn build_returns_all_issues_at_once() {
    fn issues<T>(result: Result<T, ConfigError>) -> Vec<(&'static str, IssueKind)> {
        let error = result.map(|_| ()).unwrap_err();
        error.issues().iter().map(|issue| (issue.setting(), issue.kind())).collect()
    }
    let basic = BasicAuth::builder().user("a:b", "short").add_user("c", PASSWORD).add_user("c", "0123456789abcde\n");
    let basic = basic.realm("\"").load_user_timeout(Duration::ZERO).build();
    assert_eq!(
        issues(basic),
        [
            ("user", IssueKind::Invalid),
            ("user", IssueKind::Invalid),
            ("add_user", IssueKind::Duplicate),
            ("user", IssueKind::Invalid),
            ("realm", IssueKind::Invalid),
            ("load_user_timeout", IssueKind::Prohibited),
            ("load_user_timeout", IssueKind::Invalid),
        ]
    );
    let certificates = ClientCertAuth::builder().forwarded(ClientCertHeader::Envoy, TrustedProxies::none());
    assert_eq!(
        issues(certificates.verified_by("a b", "c").load_user_timeout(Duration::from_secs(1)).build()),
        [
            ("forwarded", IssueKind::Invalid),
            ("verified_by", IssueKind::Invalid),
            ("load_user_timeout", IssueKind::Prohibited),
            ("user", IssueKind::Missing),
        ]
    );
    let filter = IpFilter::builder().allow(["10.0.0.0/33", "a"]).deny(["::10.0.0.1"]).build();
    assert_eq!(
        issues(filter),
        [("allow", IssueKind::Invalid), ("allow", IssueKind::Invalid), ("deny", IssueKind::Invalid)]
    );
}
