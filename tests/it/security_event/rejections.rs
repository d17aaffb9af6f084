//! The events of rejected requests: each layer emits one for each request that it rejects.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Request;
use axum::routing::any;
use portcullis::context::{Credential, Realm, Visitor};
use portcullis::gate::{self, Denial, DenialKind, Entry, Gate, LoadError, Reply};
use portcullis::rate_limit::Key;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::testing::{TokenBuilder, as_anonymous, as_user};
use portcullis::{
    BasicAuth, Csrf, IpFilter, Issuer, JwtAuth, Quota, RateLimit, RequireRole, RequireScope, RequireUser, Roles,
    TrustedProxies, UserContext,
};

use crate::support::event_capture::EventCapture;
use crate::support::response::TestResponse;

const ISSUER: &str = "https://auth.example.com";
const SECRET: [u8; 32] = [7; 32];

fn router() -> Router {
    Router::new().route("/users/{id}", any(|| async { "handled" }))
}

fn jwt() -> JwtAuth {
    JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api").build().unwrap()
}

fn bearer(change: impl FnOnce(TokenBuilder) -> TokenBuilder) -> String {
    let token = TokenBuilder::first_party(ISSUER, SECRET, "ann").audience("api").claim("sid", "login-9");
    format!("Bearer {}", change(token).sign())
}

/// Sends a POST from 203.0.113.9.
async fn send(app: Router, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = Request::post("/users/secret-42").extension(SocketAddr::from(([203, 0, 113, 9], 4711)));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let app = app.layer(TrustedProxies::none());
    TestResponse::send(&app, request.body(Body::empty()).unwrap()).await
}

/// Sends a request that is rejected with this status, and returns its only event.
async fn rejected(app: Router, headers: &[(&str, &str)], status: u16) -> SecurityEvent<'static> {
    let events = EventCapture::start();
    let response = send(app, headers).await;
    assert_eq!(response.status, status, "{}", response.body);
    let event = events.one();
    assert_eq!(event.status(), Some(status));
    assert_eq!(event.reason().map(Reason::code), response.denial.as_ref().map(Denial::code));
    assert_eq!(event.method().as_deref(), Some("POST"));
    assert_eq!(event.route().as_deref(), Some("/users/{id}"), "the pattern, and not the path");
    assert_eq!(event.address(), Some([203, 0, 113, 9].into()));
    event
}

#[tokio::test]
async fn each_rejection_of_a_credential_a_user_or_an_origin_is_one_access_denied() {
    let ann = || as_user(UserContext::new("ann").with_roles(["editor"]));
    let roles = Roles::from_names(["admin"]).unwrap();
    let basic = BasicAuth::builder().user("prometheus", "0123456789abcdef").build().unwrap();
    let refusing = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
    let refusing = refusing.load_user(async |_| Err(LoadError::refused(portcullis::gate::AccountRefusal::Locked)));
    let filter = IpFilter::builder().deny(["203.0.113.0/24"]).build().unwrap();
    let expired = bearer(TokenBuilder::expired);
    let valid = bearer(|token| token);
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    for (app, headers, status, reason, user) in [
        (router().layer(jwt()), &[("authorization", &*expired)][..], 401, Reason::TokenExpired, None),
        (router().layer(jwt()), &[("authorization", "Bearer a.b")], 401, Reason::TokenSegmentsInvalid, None),
        (router().layer(jwt()), &[("authorization", "Bearer a b")], 400, Reason::CredentialMalformed, None),
        (router().layer(basic), &[("authorization", "Basic YTpi")], 401, Reason::CredentialInvalid, None),
        (router().layer(refusing.build().unwrap()), &[("authorization", &valid)], 403, Reason::AccountLocked, None),
        (
            router().layer(RequireRole::new(&roles, "admin").unwrap()).layer(ann()),
            &[],
            403,
            Reason::InsufficientRole,
            Some("ann"),
        ),
        (
            router().layer(RequireScope::new("write").unwrap()).layer(ann()),
            &[],
            403,
            Reason::InsufficientScope,
            Some("ann"),
        ),
        (
            router()
                .layer(RequireUser::person())
                .layer(as_user(UserContext::new("robot").with_principal(portcullis::Principal::Client))),
            &[],
            403,
            Reason::ClientNotAllowed,
            Some("robot"),
        ),
        (router().layer(Csrf::builder().build().unwrap()), &foreign, 403, Reason::CrossSite, None),
        (router().layer(filter), &[], 403, Reason::AddressRefused, None),
    ] {
        let event = rejected(app, headers, status).await;
        assert_eq!((event.kind(), event.reason()), (EventKind::AccessDenied, Some(reason)));
        assert_eq!(event.user().as_deref(), user, "{reason}");
    }
}

#[tokio::test]
async fn an_event_of_a_user_has_the_issuer_the_session_and_the_credential() {
    let app = router().layer(RequireScope::new("write").unwrap()).layer(jwt());
    let token = bearer(|token| token.claim("amr", serde_json::json!(["pwd", "otp"])));
    let event = rejected(app, &[("authorization", &token)], 403).await;
    assert_eq!(event.user().as_deref(), Some("ann"));
    assert_eq!(event.issuer().as_deref(), Some(ISSUER));
    assert_eq!(event.session().as_deref(), Some("login-9"));
    assert_eq!(event.credential(), Some(Credential::Token));
    assert_eq!(event.amr().as_deref(), Some("pwd otp"));
    assert_eq!(event.detail().as_deref(), Some("required scope: write"));
}

#[tokio::test]
async fn an_exceeded_quota_is_one_rate_limited_with_the_name_of_the_limit() {
    let limit = RateLimit::builder().quota(Quota::per_minute(1).unwrap()).key(Key::ip()).build().unwrap();
    let app = router().layer(limit);
    let events = EventCapture::start();
    assert_eq!(send(app.clone(), &[]).await.status, 200);
    assert!(events.take().is_empty());
    let event = rejected(app, &[], 429).await;
    assert_eq!((event.kind(), event.reason()), (EventKind::RateLimited, Some(Reason::QuotaExceeded)));
    assert_eq!(event.limit().as_deref(), Some("default"));
}

#[tokio::test]
async fn an_outage_is_one_store_unavailable_without_its_cause() {
    let auth = JwtAuth::builder().issuer(Issuer::hs256(ISSUER, SECRET).first_party()).audience("api");
    let down = auth.load_user(async |_| Err(LoadError::unavailable("password=hunter2 of the database")));
    let event =
        rejected(router().layer(down.build().unwrap()), &[("authorization", &bearer(|token| token))], 503).await;
    assert_eq!((event.kind(), event.reason()), (EventKind::StoreUnavailable, Some(Reason::UsersUnavailable)));
    assert!(!format!("{event:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_missing_credential_a_mistake_of_the_app_and_an_unknown_session_are_no_events() {
    let events = EventCapture::start();
    for (app, status) in [
        (router().layer(jwt()), 401),
        (router().layer(RequireUser::new()).layer(as_anonymous()), 401),
        (router().layer(RequireUser::new()), 500),
    ] {
        assert_eq!(send(app, &[]).await.status, status);
    }
    let not_found = || async { Err::<(), _>(Denial::new(DenialKind::SessionNotFound, Realm::default())) };
    assert_eq!(send(Router::new().route("/users/{id}", any(not_found)), &[]).await.status, 404);
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn a_custom_gate_an_extractor_and_a_handler_emit_too() {
    #[derive(Clone)]
    struct Custom;

    impl Gate for Custom {
        type Pass = ();

        fn enter(&self, head: &mut axum::http::request::Parts) -> Entry<()> {
            Entry::Refuse(Reply::denial(head, Denial::new(DenialKind::InvalidCredential, Realm::default())))
        }
    }

    let event = rejected(router().layer(gate::layer(Custom)), &[], 401).await;
    assert_eq!((event.kind(), event.reason()), (EventKind::AccessDenied, Some(Reason::CredentialInvalid)));

    #[derive(serde::Deserialize)]
    struct Tenant {
        #[expect(dead_code, reason = "only its absence matters")]
        tenant: String,
    }
    let handler = |_: portcullis::extract::Claims<Tenant>| async {};
    let app = Router::new().route("/users/{id}", any(handler)).layer(jwt());
    let event = rejected(app, &[("authorization", &bearer(|token| token))], 403).await;
    assert_eq!((event.reason(), event.user().as_deref()), (Some(Reason::InsufficientClaims), Some("ann")));

    // A response does not know its request.
    let handler = |user: UserContext| async move { user.require_role("admin") };
    let app = Router::new().route("/users/{id}", any(handler)).layer(as_user(UserContext::new("ann")));
    let events = EventCapture::start();
    assert_eq!(send(app, &[]).await.status, 403);
    let event = events.one();
    assert_eq!((event.reason(), event.status(), event.route()), (Some(Reason::InsufficientRole), Some(403), None));
}

#[tokio::test]
async fn a_denial_that_a_caller_of_the_verifier_receives_is_an_event_too() {
    let events = EventCapture::start();
    assert!(jwt().verify("a.b").await.is_err());
    assert_eq!(events.one().reason(), Some(Reason::TokenSegmentsInvalid));
}

#[tokio::test]
async fn a_request_that_is_admitted_emits_nothing() {
    let events = EventCapture::start();
    let limit = RateLimit::builder().quota(Quota::per(9, Duration::from_secs(1)).unwrap()).key(Key::ip()).build();
    let app = router().layer(RequireUser::new()).layer(jwt()).layer(limit.unwrap());
    assert_eq!(send(app, &[("authorization", &bearer(|token| token))]).await.status, 200);
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn an_event_reads_the_head_of_a_request_in_a_handler() {
    let events = EventCapture::start();
    let handler = |request: Request<Body>| async {
        let (head, _) = request.into_parts();
        SecurityEvent::new(EventKind::MfaEnrolled).with_request(&head).emit();
        // An extractor sees the same head.
        let mut head = head;
        assert!(UserContext::from_request_parts(&mut head, &()).await.is_ok());
        assert!(head.extensions.get::<Visitor>().is_some());
    };
    let app = Router::new().route("/users/{id}", any(handler)).layer(jwt());
    assert_eq!(send(app, &[("authorization", &bearer(|token| token))]).await.status, 200);
    let event = events.one();
    assert_eq!((event.kind(), event.user().as_deref()), (EventKind::MfaEnrolled, Some("ann")));
    assert_eq!((event.route().as_deref(), event.address()), (Some("/users/{id}"), Some([203, 0, 113, 9].into())));
}
