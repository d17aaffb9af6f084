//! Certificates that a proxy forwards.

use axum::http::HeaderValue;
use axum::routing::get;
use axum::{Router, response::IntoResponse};
use http::header::{CACHE_CONTROL, VARY};
use portcullis::client_cert::ClientCertHeader;
use portcullis::context::{Credential, PeerCertificate};
use portcullis::gate::{AccountRefusal, CredentialError, DenialKind, LoadError};
use portcullis::revocation::Revocation;
use portcullis::{
    AnyOf, BasicAuth, ClientCertAuth, Extractor, RequireCredential, RequireScope, RequireUser, Revocations, UserContext,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::certificates::{Authority, VALID_FROM, VALID_UNTIL, certificate_of_len};
use super::{App, PROXY, client_cert, clock, forwarded, mapped, proxies};
use crate::support::response::TestResponse;
use crate::support::tokens::compatible_auth;

const URI: &str = "spiffe://acme.example/backup";
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

#[tokio::test]
async fn the_client_cert_of_a_trusted_proxy_authenticates_its_user() {
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    let response = app.send(PROXY, &[("client-cert", &value)]).await;
    assert_eq!((response.status.as_u16(), &*response.body), (200, "backup by certificate, client-cert"));
    assert_eq!(response.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn the_validity_of_a_parsed_certificate_is_checked_on_each_request() {
    let clock = clock();
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).clock(clock.clock()).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    let other = client_cert(&Authority::new().with_uri("spiffe://acme.example/other"));
    for (value, body) in [(&value, "backup by"), (&other, "other by"), (&value, "backup by")] {
        let response = app.send(PROXY, &[("client-cert", value)]).await;
        assert!(response.body.starts_with(body), "{}", response.body);
    }
    clock.set_wall(std::time::UNIX_EPOCH + VALID_UNTIL + Duration::from_secs(1));
    assert_eq!(app.send(PROXY, &[("client-cert", &value)]).await.status, 403);
}

#[tokio::test]
async fn the_user_has_the_digest_and_the_validity_of_the_certificate() {
    let certificate = Authority::new().with_uri(URI);
    let expected =
        (Some(certificate.sha256()), std::time::UNIX_EPOCH + VALID_FROM, std::time::UNIX_EPOCH + VALID_UNTIL);
    let handler = get(async move |user: UserContext, request: http::Request<axum::body::Body>| {
        let id = user.token_id().map(str::to_owned);
        assert_eq!((id, user.issued_at().unwrap(), user.expires_at().unwrap()), expected);
        assert!(request.extensions().get::<PeerCertificate>().is_some());
    });
    let auth = forwarded(ClientCertHeader::Rfc9440).build().unwrap();
    let app = Router::new().route("/", handler.layer(RequireCredential::new(Credential::Certificate))).layer(auth);
    let app = App { router: app, calls: Default::default() };
    assert_eq!(app.send(PROXY, &[("client-cert", &client_cert(&certificate))]).await.status, 200);
}

#[tokio::test]
async fn a_malformed_or_repeated_client_cert_is_400() {
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).build().unwrap());
    let value = client_cert(&Authority::new().with_uri(URI));
    let longest = format!(":{}:", "A".repeat(30_000));
    for value in [
        "",
        "::",
        "*",
        &value[1..],
        &format!("{value};a"),
        &format!("{value}, {value}"),
        &format!("{value}A"),
        &longest,
    ] {
        let response = app.send(PROXY, &[("client-cert", value)]).await;
        let kind = DenialKind::InvalidRequest(CredentialError::Malformed);
        assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (400, &kind), "{value}");
    }
    let response = app.send(PROXY, &[("client-cert", &value), ("client-cert", &value)]).await;
    let kind = DenialKind::InvalidRequest(CredentialError::Multiple);
    assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (400, &kind));
    assert_eq!(app.calls(), 0);
}

#[tokio::test]
async fn a_certificate_has_at_most_16_kib() {
    use base64::Engine;
    for (len, status) in [(16 * 1024, 200), (16 * 1024 + 1, 400)] {
        let der = certificate_of_len(URI, len);
        assert_eq!(der.len(), len);
        let value = format!(":{}:", base64::engine::general_purpose::STANDARD.encode(&der));
        let app = App::behind(forwarded(ClientCertHeader::Rfc9440).build().unwrap());
        assert_eq!(app.send(PROXY, &[("client-cert", &value)]).await.status, status, "{len}");

        let hash: String = Sha256::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
        let pem =
            pem::encode(&pem::Pem::new("CERTIFICATE", der)).replace('+', "%2B").replace('\n', "%0A").replace('\r', "");
        let value = format!("Hash={hash};Cert=\"{pem}\"");
        let app = App::behind(forwarded(ClientCertHeader::Envoy).build().unwrap());
        assert_eq!(app.send(PROXY, &[("x-forwarded-client-cert", &value)]).await.status, status, "{len}");
    }
}

#[tokio::test]
async fn the_apps_function_may_set_the_id_and_the_validity_of_the_user() {
    let (issued, expires) = (std::time::UNIX_EPOCH + VALID_FROM, std::time::UNIX_EPOCH + VALID_UNTIL * 2);
    let map = move |_: &PeerCertificate| {
        let user = UserContext::new("backup").with_token_id("own").with_issued_at(issued + Duration::from_secs(5));
        Some(user.with_expires_at(expires))
    };
    let handler = get(async move |user: UserContext| {
        assert_eq!(user.token_id(), Some("own"));
        assert_eq!((user.issued_at(), user.expires_at()), (Some(issued + Duration::from_secs(5)), Some(expires)));
    });
    let auth = forwarded(ClientCertHeader::Rfc9440).user(map).build().unwrap();
    let app = App { router: Router::new().route("/", handler).layer(auth), calls: Default::default() };
    let value = client_cert(&Authority::new().with_uri(URI));
    assert_eq!(app.send(PROXY, &[("client-cert", &value)]).await.status, 200);
}

#[tokio::test]
async fn the_last_element_of_envoys_header_authenticates_its_user() {
    let app = App::behind(forwarded(ClientCertHeader::Envoy).build().unwrap());
    let element = |id: &str| format!("By=spiffe://acme.example/gateway;Hash={HASH};Subject=\"CN={id},O=b\";URI={id}");
    let outer = element("spiffe://acme.example/outer");
    let whole = Authority::new().with_uri(URI);
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pem = encoded(&whole.certificate.pem());
    let with_cert = format!("Hash={};Cert=\"{pem}\";Subject=\"\";URI=spiffe://acme.example/admin", whole.sha256());
    for (value, expected) in [
        (element(URI), "backup by certificate, x-forwarded-client-cert"),
        (format!("{outer},{}", element(URI)), "backup by certificate, x-forwarded-client-cert"),
        // The names in the certificate count, and not those beside it.
        (with_cert.clone(), "backup by certificate, x-forwarded-client-cert"),
    ] {
        let response = app.send(PROXY, &[("x-forwarded-client-cert", &value)]).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, expected), "{value}");
    }
    for (value, status) in [
        (element("spiffe://other.example/backup"), 403),
        (format!("{},{}", element(URI), element("spiffe://other.example/backup")), 403),
        (format!("{};URI={URI}", element(URI)), 403),
        (format!("{outer},\""), 400),
        (with_cert.replace(&whole.sha256(), HASH), 400),
        (with_cert.replace(&encoded("CERTIFICATE"), &encoded("PUBLIC KEY")), 400),
        ("By=a;URI=b".to_owned(), 400),
    ] {
        assert_eq!(app.send(PROXY, &[("x-forwarded-client-cert", &value)]).await.status, status, "{value}");
    }
    let twice = [("x-forwarded-client-cert", &*element(URI)), ("x-forwarded-client-cert", &*element(URI))];
    assert_eq!(app.send(PROXY, &twice).await.status, 400);
}

#[tokio::test]
async fn a_certificate_of_no_user_is_403() {
    let app = App::behind(forwarded(ClientCertHeader::Rfc9440).build().unwrap());
    let value = client_cert(&Authority::new().with_uri("spiffe://acme.example.evil/backup"));
    let response = app.send(PROXY, &[("client-cert", &value)]).await;
    assert_eq!(response.status, 403);
    assert!(response.body.contains(r#""code":"account_refused""#), "{}", response.body);
    assert_eq!((&response.headers["cache-control"], app.calls()), (&"no-store".parse().unwrap(), 0));
}

#[tokio::test]
async fn a_certificate_outside_its_validity_is_401_by_our_clock_and_403_without_another_gate() {
    let value = client_cert(&Authority::new().with_uri(URI));
    let clock = clock();
    let auth = forwarded(ClientCertHeader::Rfc9440).clock(clock.clock()).build().unwrap();
    let alone = App::behind(auth.clone());
    let both = App::new(|router| router.layer(AnyOf::new((auth, compatible_auth().build().unwrap())).unwrap()));
    let second = Duration::from_secs(1);
    for (time, is_valid) in
        [(VALID_FROM - second, false), (VALID_FROM, true), (VALID_UNTIL, true), (VALID_UNTIL + second, false)]
    {
        clock.set_wall(std::time::UNIX_EPOCH + time);
        let alone = alone.send(PROXY, &[("client-cert", &value)]).await;
        let both = both.send(PROXY, &[("client-cert", &value)]).await;
        if is_valid {
            assert_eq!((alone.status.as_u16(), both.status.as_u16()), (200, 200));
            continue;
        }
        assert_eq!((alone.status.as_u16(), both.status.as_u16()), (403, 401), "{time:?}");
        assert!(!alone.headers.contains_key("www-authenticate"));
        assert!(alone.body.contains(r#""title":"Forbidden","status":403"#), "{}", alone.body);
        assert_eq!(both.headers["www-authenticate"], r#"Bearer realm="api""#);
        assert!(both.body.contains(r#""title":"Unauthorized","status":401"#), "{}", both.body);
        for response in [alone, both] {
            assert_eq!(response.denial.unwrap().kind(), &DenialKind::InvalidCredential);
        }
    }
}

#[tokio::test]
async fn without_a_certificate_the_401_has_the_challenges_of_the_other_gates_and_alone_it_is_403() {
    let auth = || forwarded(ClientCertHeader::Rfc9440).build().unwrap();
    let response = App::behind(auth()).send(PROXY, &[]).await;
    assert_eq!((response.status.as_u16(), response.headers.contains_key("www-authenticate")), (403, false));
    assert!(response.body.contains("a client certificate is required"), "{}", response.body);
    assert!(response.body.contains(r#""code":"credentials_missing""#), "{}", response.body);

    let basic = BasicAuth::builder().user("prometheus", "a secret of 16 chars").build().unwrap();
    let both = App::new(|router| router.layer(AnyOf::new((auth(), basic)).unwrap()));
    let response = both.send(PROXY, &[]).await;
    assert_eq!(response.status, 401);
    assert_eq!(response.headers["www-authenticate"], r#"Basic realm="api", charset="UTF-8""#);

    let optional = App::new(|router| router.layer(RequireUser::new()).layer(auth().to_optional()));
    assert_eq!(optional.send(PROXY, &[]).await.status, 403);
    let scope = RequireScope::new("read").unwrap();
    let app = App::new(|router| router.layer(scope).layer(auth()));
    let value = client_cert(&Authority::new().with_uri(URI));
    let response = app.send(PROXY, &[("client-cert", &value)]).await;
    assert_eq!((response.status.as_u16(), response.headers.contains_key("www-authenticate")), (403, false));
}

#[tokio::test]
async fn a_certificate_counts_only_if_nothing_explicit_is_presented() {
    let auth = forwarded(ClientCertHeader::Rfc9440).build().unwrap();
    let both = App::new(|router| router.layer(AnyOf::new((auth, compatible_auth().build().unwrap())).unwrap()));
    let value = client_cert(&Authority::new().with_uri(URI));
    let response = both.send(PROXY, &[("client-cert", &value), ("authorization", "Bearer a.b.c")]).await;
    assert_eq!(response.status, 401, "{}", response.body);
    let response = both.send(PROXY, &[("client-cert", &value), ("authorization", "Unknown a")]).await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn the_proxy_must_report_that_it_has_verified_the_certificate_if_it_is_configured_to() {
    let auth = forwarded(ClientCertHeader::Rfc9440).verified_by("x-client-verify", "SUCCESS").build().unwrap();
    let alone = App::behind(auth.clone());
    let both = App::new(|router| router.layer(AnyOf::new((auth, compatible_auth().build().unwrap())).unwrap()));
    let value = client_cert(&Authority::new().with_uri(URI));
    for (reports, status) in [
        (&["SUCCESS"][..], 200),
        (&[], 401),
        (&[""], 401),
        (&["FAILED"], 401),
        (&["success"], 401),
        (&["SUCCESS", "SUCCESS"], 401),
        (&["FAILED", "SUCCESS"], 401),
    ] {
        let mut headers = vec![("client-cert", &*value)];
        headers.extend(reports.iter().map(|report| ("x-client-verify", *report)));
        assert_eq!(both.send(PROXY, &headers).await.status, status, "{reports:?}");
        let without_another_gate = if status == 200 { 200 } else { 403 };
        assert_eq!(alone.send(PROXY, &headers).await.status, without_another_gate, "{reports:?}");
    }
    assert_eq!((alone.calls(), both.calls()), (1, 1));
    assert_eq!(both.send(PROXY, &[("x-client-verify", "SUCCESS")]).await.status, 401);
}

#[tokio::test]
async fn a_response_that_may_be_cached_varies_by_the_header() {
    async fn cached(path: axum::extract::Path<String>) -> impl IntoResponse {
        [(CACHE_CONTROL, path.0.replace('_', " "))]
    }
    let value = client_cert(&Authority::new().with_uri(URI));
    let xfcc = format!("Hash={HASH};URI={URI}");
    for (header, name, value) in [
        (ClientCertHeader::Rfc9440, "client-cert", &value),
        (ClientCertHeader::Envoy, "x-forwarded-client-cert", &xfcc),
    ] {
        let auth = forwarded(header).optional().build().unwrap();
        let router = Router::new().route("/{value}", get(cached)).route("/", get(|| async {})).layer(auth);
        let app = App { router, calls: Default::default() };
        for (path, cache_control, varies) in [
            ("/", "no-store", false),
            ("/max-age=60", "max-age=60", true),
            ("/private,_No-Store", "private, No-Store", false),
        ] {
            let response = app.get(path, PROXY, &[(name, value)]).await;
            assert_eq!(response.headers[CACHE_CONTROL], cache_control);
            let vary = response.headers.get(VARY).map(|value| value.to_str().unwrap());
            assert_eq!(vary, varies.then_some(name), "{path}");
        }
        // Without a certificate, the response depends on its absence.
        let response = app.send(PROXY, &[]).await;
        assert_eq!((response.headers.get(CACHE_CONTROL), &response.headers[VARY]), (None, &name.parse().unwrap()));
    }
}

#[tokio::test]
async fn a_revoked_user_is_rejected() {
    let revocations = Revocations::builder().build().unwrap();
    let map = |certificate: &PeerCertificate| {
        let user = certificate.uri()?.strip_prefix("spiffe://acme.example/").map(UserContext::new)?;
        Some(user.with_issuer("https://ca.acme.example"))
    };
    let builder = mapped(ClientCertAuth::builder().forwarded(ClientCertHeader::Rfc9440, proxies())).user(map);
    let app = App::behind(builder.revocations(&revocations).build().unwrap());
    let certificate = Authority::new().with_uri(URI);
    let headers = &[("client-cert", &*client_cert(&certificate))];
    assert_eq!(app.send(PROXY, headers).await.status, 200);
    revocations.revoke_by(Revocation::token("https://ca.acme.example", &certificate.sha256())).await.unwrap();
    assert_eq!(app.send(PROXY, headers).await.status, 403);
}

#[tokio::test]
async fn the_user_loader_loads_the_user_of_the_certificate_and_its_rejection_is_returned() {
    async fn load(user: UserContext) -> Result<UserContext, LoadError> {
        match user.id() {
            "backup" => Ok(UserContext::new("loaded")),
            "locked" => Err(LoadError::refused(AccountRefusal::Locked)),
            "gone" => Err(LoadError::Unknown),
            _ => Err(LoadError::unavailable("the database is down")),
        }
    }
    let auth = forwarded(ClientCertHeader::Rfc9440).load_user(load).build().unwrap();
    let alone = App::behind(auth.clone());
    let both = App::new(|router| router.layer(AnyOf::new((auth, compatible_auth().build().unwrap())).unwrap()));
    let authority = Authority::new();
    for (id, status, with_another_gate) in
        [("backup", 200, 200), ("locked", 403, 403), ("gone", 403, 401), ("down", 503, 503)]
    {
        let value = client_cert(&authority.with_uri(&format!("spiffe://acme.example/{id}")));
        let response = alone.send(PROXY, &[("client-cert", &value)]).await;
        assert_eq!((response.status.as_u16(), &response.headers[CACHE_CONTROL]), (status, &NO_STORE), "{id}");
        assert_eq!(response.body.starts_with("loaded by certificate"), status == 200, "{}", response.body);
        assert_eq!(both.send(PROXY, &[("client-cert", &value)]).await.status, with_another_gate, "{id}");
    }
    assert_eq!((alone.calls(), both.calls()), (1, 1));
}

#[tokio::test]
async fn the_extractor_of_a_user_and_grpc_get_the_same_decision() {
    let auth = forwarded(ClientCertHeader::Rfc9440).optional().build().unwrap();
    let handler = get(async |Extractor(user): Extractor<UserContext>| user.id().to_owned());
    let app = Router::new().route("/", handler).layer(auth);
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!((response.status.as_u16(), response.headers.contains_key("www-authenticate")), (403, false));
}
