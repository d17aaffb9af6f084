//! `Extractor`: the values that handlers get, and the rejections if a value is absent.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::connect_info::MockConnectInfo;
use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use axum::routing::get;
use http::{StatusCode, request};
use portcullis::context::{Realm, Visitor};
use portcullis::extract::{Claims, Extract};
use portcullis::gate::{AccountRefusal, Denial, DenialKind};
use portcullis::rate_limit::{Attempt, Key, Limit, RateLimitStatus};
use portcullis::testing::{TestIssuer, as_anonymous, as_user};
use portcullis::{
    ClientAddr, CspNonce, Extractor, Issuer, JwtAuth, Quota, RateLimit, SecurityHeaders, TrustedProxies, UserContext,
};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

async fn id(Extractor(user): Extractor<UserContext>) -> String {
    user.id().to_owned()
}

async fn id_or_anonymous(user: Option<Extractor<UserContext>>) -> String {
    user.map_or("anonymous".to_owned(), |Extractor(user)| user.id().to_owned())
}

#[derive(Deserialize)]
struct Tenant {
    tenant: String,
}

async fn tenant(Extractor(Claims(claims)): Extractor<Claims<Tenant>>) -> String {
    claims.tenant
}

async fn tenant_or_none(claims: Option<Extractor<Claims<Tenant>>>) -> String {
    claims.map_or("none".to_owned(), |Extractor(Claims(claims))| claims.tenant)
}

async fn address(Extractor(client): Extractor<ClientAddr>) -> String {
    client.to_string()
}

fn app() -> Router {
    Router::new()
        .route("/id", get(id))
        .route("/id-or-anonymous", get(id_or_anonymous))
        .route("/tenant", get(tenant))
        .route("/tenant-or-none", get(tenant_or_none))
        .route("/address", get(address))
}

/// The same routes, with handlers that take the types themselves.
fn app_without_extractor() -> Router {
    let id_or_anonymous = async |user: Option<UserContext>| id_or_anonymous(user.map(Extractor)).await;
    let tenant_or_none = async |claims: Option<Claims<Tenant>>| tenant_or_none(claims.map(Extractor)).await;
    Router::new()
        .route("/id", get(async |user: UserContext| user.id().to_owned()))
        .route("/id-or-anonymous", get(id_or_anonymous))
        .route("/tenant", get(async |Claims(claims): Claims<Tenant>| claims.tenant))
        .route("/tenant-or-none", get(tenant_or_none))
        .route("/address", get(async |client: ClientAddr| client.to_string()))
}

fn both_apps() -> [Router; 2] {
    [app(), app_without_extractor()]
}

/// The status and the body of the response to a GET request.
async fn get_text(app: Router, path: &str) -> (u16, String) {
    let response = TestResponse::get(&app, path, &[]).await;
    (response.status.as_u16(), response.body)
}

#[tokio::test]
async fn a_user_is_extracted_with_and_without_an_option() {
    for app in both_apps() {
        let app = app.layer(as_user(UserContext::new("ann")));
        assert_eq!(get_text(app.clone(), "/id").await, (200, "ann".to_owned()));
        assert_eq!(get_text(app, "/id-or-anonymous").await, (200, "ann".to_owned()));
    }
}

#[tokio::test]
async fn an_anonymous_user_is_401_or_none() {
    for app in both_apps() {
        let app = app.layer(as_anonymous());
        for path in ["/id", "/tenant"] {
            let response = TestResponse::get(&app, path, &[]).await;
            assert_eq!((response.status.as_u16(), response.challenge()), (401, "Bearer realm=\"api\""), "{path}");
            assert_eq!(response.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
        }
        assert_eq!(get_text(app.clone(), "/id-or-anonymous").await, (200, "anonymous".to_owned()));
        assert_eq!(get_text(app, "/tenant-or-none").await, (200, "none".to_owned()));
    }
}

#[tokio::test]
async fn without_an_authenticating_layer_every_extractor_is_500_whatever_the_request_headers() {
    let spoofed = [("authorization", "Bearer a.b.c"), ("x-user", "ann"), ("x-user-id", "ann"), ("cookie", "user=ann")];
    for (path, name) in [
        ("/id", "UserContext"),
        ("/id-or-anonymous", "UserContext"),
        ("/tenant", "Claims"),
        ("/tenant-or-none", "Claims"),
    ] {
        for (app, headers) in both_apps().into_iter().flat_map(|app| [(app.clone(), &spoofed[..]), (app, &[])]) {
            let response = TestResponse::get(&app, path, headers).await;
            assert_eq!((response.status.as_u16(), response.challenge()), (500, ""), "{path}");
            assert_eq!(response.denial.unwrap().kind(), &DenialKind::auth_layer_missing(name), "{path}");
            assert!(!response.body.contains("ann"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_route_without_the_authenticating_layer_is_500() {
    let app = Router::new().route("/id", get(id).layer(as_user(UserContext::new("ann")))).route("/other", get(id));
    assert_eq!(get_text(app.clone(), "/id").await.0, 200);
    assert_eq!(get_text(app, "/other").await.0, 500);
}

#[tokio::test]
async fn claims_are_deserialized_as_a_custom_type() {
    let user = UserContext::new("ann").with_raw_claims(r#"{"tenant":"acme","sub":"ann"}"#);
    for app in both_apps() {
        let app = app.layer(as_user(user.clone()));
        assert_eq!(get_text(app.clone(), "/tenant").await, (200, "acme".to_owned()));
        assert_eq!(get_text(app, "/tenant-or-none").await, (200, "acme".to_owned()));
    }
}

#[tokio::test]
async fn claims_that_a_token_lacks_are_403_without_their_values_and_quietly() {
    for claims in [r#"{"sub":"ann"}"#, r#"{"tenant":["secret-tenant"]}"#] {
        let user = UserContext::new("ann").with_raw_claims(claims);
        for (app, path) in both_apps().into_iter().flat_map(|app| [(app.clone(), "/tenant"), (app, "/tenant-or-none")])
        {
            let app = app.layer(as_user(user.clone()));
            let log = LogCapture::start();
            let response = TestResponse::get(&app, path, &[]).await;
            assert_eq!(response.status, 403, "{path} {claims}");
            assert_eq!(response.denial.unwrap().kind(), &DenialKind::InsufficientClaims);
            for text in [response.body, log.text()] {
                assert!(!text.contains("secret-tenant"), "{text}");
            }
            assert_eq!(log.count(" at line 1 column "), 1, "{}", log.text());
            let is_quiet = |line: &str| line.contains("DEBUG") || line.contains(" portcullis::audit: ");
            assert!(log.text().lines().all(is_quiet), "{}", log.text());
        }
    }
}

#[tokio::test]
async fn a_type_that_no_claims_fit_is_500() {
    let user = UserContext::new("ann").with_raw_claims(r#"{"sub":"ann"}"#);
    let app = Router::new().route("/", get(async |Claims(_): Claims<Vec<String>>| ())).layer(as_user(user));
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!((response.status.as_u16(), response.denial.unwrap().kind()), (500, &DenialKind::ClaimsMismatch));
}

async fn issuer_and_app(optional: bool) -> (TestIssuer, Router) {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(keys).audience("api").realm("inner");
    let auth = if optional { auth.optional() } else { auth };
    (issuer, app().layer(auth.build().unwrap()))
}

#[tokio::test]
async fn the_claims_are_those_of_the_token() {
    let (issuer, app) = issuer_and_app(false).await;
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").claim("tenant", "acme").sign());
    assert_eq!(TestResponse::get(&app, "/tenant", &[("authorization", &bearer)]).await.body, "acme");
}

#[tokio::test]
async fn optional_admits_anonymous_users_and_an_invalid_token_is_still_401() {
    let (issuer, app) = issuer_and_app(true).await;
    assert_eq!(TestResponse::get(&app, "/id-or-anonymous", &[]).await.body, "anonymous");
    assert_eq!(TestResponse::get(&app, "/id", &[]).await.status, 401);
    let token = issuer.token("ann").audience("api");
    let good = format!("Bearer {}", token.clone().sign());
    assert_eq!(TestResponse::get(&app, "/id-or-anonymous", &[("authorization", &good)]).await.body, "ann");
    let bad = [token.clone().expired().sign(), token.audience("other").sign(), "a.b.c".to_owned()];
    for bad in bad.map(|token| format!("Bearer {token}")) {
        let response = TestResponse::get(&app, "/id-or-anonymous", &[("authorization", &bad)]).await;
        assert_eq!(response.status, 401, "{bad}");
        assert!(response.challenge().starts_with("Bearer realm=\"inner\", error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn an_optional_layer_keeps_the_user_of_an_outer_layer() {
    let (issuer, app) = issuer_and_app(true).await;
    let app = app.layer(as_user(UserContext::new("outer")));
    assert_eq!(TestResponse::get(&app, "/id", &[]).await.body, "outer");
    let bearer = format!("Bearer {}", issuer.token("inner").audience("api").sign());
    assert_eq!(TestResponse::get(&app, "/id", &[("authorization", &bearer)]).await.body, "inner");
    assert_eq!(TestResponse::get(&app, "/id", &[("authorization", "Bearer a.b.c")]).await.status, 401);
}

#[tokio::test]
async fn a_layer_that_is_not_optional_requires_a_token_even_after_an_outer_layer() {
    let (_, app) = issuer_and_app(false).await;
    assert_eq!(get_text(app.layer(as_user(UserContext::new("outer"))), "/id").await.0, 401);
}

/// A custom type: the second letter of the user's id. Without a second letter, the request is rejected.
struct SecondLetter(char);

impl Extract for SecondLetter {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(user) = UserContext::extract(head)? else { return Ok(None) };
        match user.id().chars().nth(1) {
            Some(letter) => Ok(Some(Self(letter))),
            None => Err(Denial::new(DenialKind::AccountRefused(AccountRefusal::Unverified), Realm::new("custom"))),
        }
    }
}

#[tokio::test]
async fn a_custom_type_is_extracted_like_the_built_in_ones() {
    let app = Router::new()
        .route("/", get(|Extractor(SecondLetter(letter)): Extractor<SecondLetter>| async move { letter.to_string() }))
        .route("/option", get(|second: Option<Extractor<SecondLetter>>| async move { second.is_some().to_string() }));
    let app_for = |user: &str| app.clone().layer(as_user(UserContext::new(user)));
    assert_eq!(get_text(app_for("ann"), "/").await, (200, "n".to_owned()));
    assert_eq!(get_text(app.clone().layer(as_anonymous()), "/").await.0, 401);
    assert_eq!(get_text(app.clone().layer(as_anonymous()), "/option").await, (200, "false".to_owned()));
    assert_eq!(get_text(app.clone(), "/option").await.0, 500);
    for path in ["/", "/option"] {
        let response = TestResponse::get(&app_for("a"), path, &[]).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (403, "Bearer realm=\"custom\""), "{path}");
    }
}

#[tokio::test]
async fn a_rejection_has_the_realm_of_the_anonymous_user() {
    let visitor = Visitor::anonymous(Realm::new("vault"));
    let app = app().layer(axum::Extension(visitor));
    assert_eq!(TestResponse::get(&app, "/id", &[]).await.challenge(), "Bearer realm=\"vault\"");
}

/// Inserts the address of the peer as axum's server does.
fn with_peer(peer: [u8; 4]) -> axum::Extension<ConnectInfo<SocketAddr>> {
    axum::Extension(ConnectInfo(SocketAddr::from((peer, 4711))))
}

const SPOOFED: [(&str, &str); 4] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9"),
    ("x-real-ip", "203.0.113.9"),
    ("true-client-ip", "203.0.113.9"),
];

#[tokio::test]
async fn the_peer_of_a_real_connection_is_the_client_despite_spoofed_headers() {
    for proxies in [TrustedProxies::none(), TrustedProxies::new(["10.0.0.0/8"]).unwrap()] {
        let app = app().layer(proxies);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/address", listener.local_addr().unwrap());
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await });
        let mut request = reqwest::Client::new().get(&url);
        for (name, value) in SPOOFED {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "127.0.0.1");
        server.abort();
    }
}

#[tokio::test]
async fn only_the_configured_header_of_a_trusted_peer_is_used() {
    let headers = [("x-forwarded-for", "203.0.113.9, 10.9.9.9"), ("forwarded", "for=198.51.100.7")];
    let proxies = || TrustedProxies::new(["10.0.0.0/8"]).unwrap();
    for (proxies, peer, client) in [
        (proxies(), [10, 0, 0, 1], "203.0.113.9"),
        (proxies().use_forwarded_header(), [10, 0, 0, 1], "198.51.100.7"),
        (proxies(), [192, 0, 2, 1], "192.0.2.1"),
        (proxies().use_forwarded_header(), [192, 0, 2, 1], "192.0.2.1"),
        (TrustedProxies::none(), [10, 0, 0, 1], "10.0.0.1"),
    ] {
        let app = app().layer(proxies).layer(with_peer(peer));
        assert_eq!(TestResponse::get(&app, "/address", &headers).await.body, client);
    }
}

#[tokio::test]
async fn without_a_layer_that_finds_the_client_every_request_is_500() {
    for app in both_apps() {
        let log = LogCapture::start();
        let app = app.layer(with_peer([10, 0, 0, 1]));
        let response = TestResponse::get(&app, "/address", &SPOOFED).await;
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::trusted_proxies_missing("ClientAddr"));
        assert_eq!(response.status, 500);
        assert_eq!(log.count("ClientAddr requires a TrustedProxies layer around it"), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn a_plain_socket_address_in_the_extensions_is_the_peer() {
    let app = app().layer((axum::Extension(SocketAddr::from(([192, 0, 2, 1], 4711))), TrustedProxies::none()));
    assert_eq!(get_text(app, "/address").await, (200, "192.0.2.1".to_owned()));
}

#[tokio::test]
async fn an_unknown_peer_is_500_despite_spoofed_headers() {
    let all = TrustedProxies::dangerously_trust_networks(["0.0.0.0/0", "::/0"]).unwrap();
    let layers = [TrustedProxies::none(), all];
    for app in both_apps().into_iter().flat_map(|app| layers.clone().map(|layer| app.clone().layer(layer))) {
        let response = TestResponse::get(&app, "/address", &SPOOFED).await;
        assert_eq!(response.status, 500);
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::AddressUnknown);
    }
}

#[tokio::test]
async fn the_peer_of_mock_connect_info_is_the_peer() {
    let app = app().layer((MockConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711))), TrustedProxies::none()));
    assert_eq!(get_text(app, "/address").await, (200, "192.0.2.1".to_owned()));
}

/// The statuses of a handler that takes `T`, and of one that takes an `Option<T>` and has no content without a value.
async fn statuses<T>(layer: impl FnOnce(Router) -> Router) -> [u16; 2]
where
    T: FromRequestParts<()> + OptionalFromRequestParts<()> + Send + 'static,
{
    let optional = async |value: Option<T>| if value.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let app = layer(Router::new().route("/", get(async |_: T| {})).route("/option", get(optional)));
    let required = TestResponse::get(&app, "/", &[]).await;
    [required.status.as_u16(), TestResponse::get(&app, "/option", &[]).await.status.as_u16()]
}

#[tokio::test]
async fn values_of_the_other_layers_are_extracted_and_their_absence_is_500_or_none() {
    let failures = Limit::new("failures", Quota::per_hour(9).unwrap()).key(Key::global()).only_failures();
    let limit = RateLimit::builder().add_limit(failures).build().unwrap();
    let headers = SecurityHeaders::html().build().unwrap();
    assert_eq!(statuses::<RateLimitStatus>(|app| app.layer(limit.clone())).await, [200, 200]);
    assert_eq!(statuses::<Attempt>(|app| app.layer(limit)).await, [200, 200]);
    assert_eq!(statuses::<CspNonce>(|app| app.layer(headers)).await, [200, 200]);
    assert_eq!(statuses::<RateLimitStatus>(|app| app).await, [500, 204]);
    assert_eq!(statuses::<Attempt>(|app| app).await, [500, 204]);
    assert_eq!(statuses::<CspNonce>(|app| app).await, [500, 204]);
}
