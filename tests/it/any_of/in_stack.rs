//! `AnyOf` beside other layers: optional, in a `Stack`, with rate limits, and with an issuer that is down.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::rate_limit::Key;
use portcullis::testing::{TestIssuer, as_user};
use portcullis::{AnyOf, Issuer, JwtAuth, Quota, RateLimit, RequireUser, SecurityHeaders, Stack, UserContext};
use tower::{Layer, ServiceExt, service_fn};

use super::{App, DECIDED_BY, bearer, challenges, keys, outcome, rejection, router, sessions};
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;
use crate::support::tokens::{ISSUER, compatible_auth};

#[tokio::test]
async fn to_optional_admits_a_request_without_a_credential_and_rejects_an_invalid_one() {
    let app = App::with(|auth| auth.to_optional());
    assert_eq!(outcome(&app.get(&[]).await), (200, "anonymous"));
    assert_eq!(outcome(&app.get(&[("authorization", "Basic YTpi"), ("cookie", "session=")]).await), (200, "anonymous"));
    assert_eq!(outcome(&app.get(&[("x-api-key", "acme_live_good")]).await), (200, "robot"));
    for header in [("authorization", "Bearer a.b.c"), ("x-api-key", "unknown"), ("cookie", "session=unknown")] {
        assert_eq!(app.get(&[header]).await.status, 401, "{header:?}");
    }
    assert_eq!(app.get_with_certificate("unknown", &[]).await.status, 401);
    assert_eq!(app.get(&[("x-api-key", "a"), ("x-api-key", "b")]).await.status, 400);
    assert_eq!(app.handler_calls(), 3);
}

#[tokio::test]
async fn a_layer_behind_an_optional_any_of_challenges_with_all_schemes() {
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys())).unwrap().to_optional();
    let app = Router::new().route("/", get(async || ())).layer(RequireUser::new()).layer(auth);
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!(rejection(&response), (401, "credentials_missing"));
    assert_eq!(challenges(&response), [r#"Bearer realm="api""#, r#"ApiKey realm="app""#]);
}

#[tokio::test]
async fn an_optional_any_of_keeps_the_user_of_an_outer_layer() {
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys())).unwrap().to_optional();
    let app = router(auth, Arc::default()).layer(as_user(UserContext::new("outer")));
    assert_eq!(outcome(&TestResponse::get(&app, "/", &[]).await), (200, "outer"));
    assert_eq!(outcome(&TestResponse::get(&app, "/", &[("x-api-key", "acme_live_good")]).await), (200, "robot"));
}

#[tokio::test]
async fn in_a_stack_responses_to_users_are_not_stored_and_open_routes_need_no_credential() {
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys(), sessions())).unwrap();
    let stack = Stack::builder()
        .security_headers(SecurityHeaders::api().build().unwrap())
        .authenticate(auth)
        .open(["GET /open"])
        .build()
        .unwrap();
    let handler = async |user: Option<UserContext>| user.map_or("anonymous".into(), |user| user.id().to_owned());
    let app = Router::new().route("/", get(handler)).route("/open", get(async || "open")).layer(stack);
    for (headers, user) in [(("authorization", &*bearer()), "user-1"), (("x-api-key", "acme_live_good"), "robot")] {
        let response = TestResponse::get(&app, "/", &[headers]).await;
        assert_eq!(outcome(&response), (200, user));
        assert_eq!(response.headers["x-content-type-options"], "nosniff");
        assert_eq!(response.headers.contains_key(DECIDED_BY), user == "robot");
    }
    assert_eq!(rejection(&TestResponse::get(&app, "/", &[]).await), (401, "credentials_missing"));
    assert_eq!(outcome(&TestResponse::get(&app, "/open", &[("x-api-key", "bad")]).await), (200, "open"));
}

#[tokio::test]
async fn if_the_issuer_of_tokens_is_down_requests_with_other_credentials_are_served() {
    let issuer = TestIssuer::start().await.unwrap();
    issuer.respond_with(StatusCode::SERVICE_UNAVAILABLE);
    let tokens = JwtAuth::builder().issuer(Issuer::discover(issuer.url())).audience("api").build().unwrap();
    let app = router(AnyOf::new((tokens, keys(), sessions())).unwrap(), Arc::default());
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    for _ in 0..2 {
        let response = TestResponse::get(&app, "/", &[("authorization", &bearer)]).await;
        assert_eq!(rejection(&response), (503, "keys_unavailable"));
        assert!(response.headers.contains_key("retry-after"));
        assert!(challenges(&response).is_empty());
        assert_eq!(outcome(&TestResponse::get(&app, "/", &[("x-api-key", "acme_live_good")]).await), (200, "robot"));
        assert_eq!(outcome(&TestResponse::get(&app, "/", &[("cookie", "session=s1")]).await), (200, "sue"));
    }
}

#[tokio::test]
async fn one_user_has_one_rate_limit_whichever_credential_was_used() {
    // The key and the session belong to the user of the token.
    let same = |user: &str| UserContext::new(user).with_issuer(ISSUER);
    let owned_by = |gate: super::LookupGate, id: &str| {
        gate.changed(|lookup| lookup.users.values_mut().for_each(|user| *user = same(id)))
    };
    let tokens = compatible_auth().build().unwrap();
    let gates = (tokens, owned_by(keys(), "user-1"), owned_by(sessions(), "user-1"));
    let limit = RateLimit::builder().quota(Quota::per_hour(3).unwrap()).key(Key::user()).build().unwrap();
    let stack = Stack::builder().authenticate(AnyOf::new(gates).unwrap()).limit_by_user(limit).build().unwrap();
    let app = Router::new().route("/", get(async || ())).layer(stack);
    let bearer = bearer();
    let credentials = [("authorization", &*bearer), ("x-api-key", "acme_live_good"), ("cookie", "session=s1")];
    for (index, credential) in credentials.into_iter().enumerate() {
        let response = TestResponse::get(&app, "/", &[credential]).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.headers["x-ratelimit-remaining"], (2 - index).to_string());
    }
    for credential in credentials {
        assert_eq!(TestResponse::get(&app, "/", &[credential]).await.status, 429, "{credential:?}");
    }
}

#[tokio::test]
async fn a_handler_that_logs_its_headers_logs_no_credential_that_a_gate_reads() {
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys(), sessions())).unwrap().to_optional();
    let app = Router::new().route("/", get(async |headers: HeaderMap| format!("{headers:?}"))).layer(auth);
    let bearer = bearer();
    for headers in [
        &[("authorization", &*bearer), ("cookie", "session=marker-1; token=marker-2")][..],
        &[("x-api-key", "acme_live_good"), ("cookie", "a=marker-1"), ("cookie", "session=marker-2")],
        &[("authorization", "Basic marker")],
    ] {
        let response = TestResponse::get(&app, "/", headers).await;
        assert_eq!(response.status, 200);
        for secret in ["marker", "acme_live", "eyJ"] {
            assert!(!response.body.contains(secret), "{}", response.body);
        }
    }
}

#[tokio::test]
async fn on_an_open_route_the_headers_that_a_gate_reads_are_sensitive_too() {
    let auth = AnyOf::new((compatible_auth().build().unwrap(), keys())).unwrap();
    let stack = Stack::builder().authenticate(auth).open(["/"]).build().unwrap();
    let app = Router::new().route("/", get(async |headers: HeaderMap| format!("{headers:?}"))).layer(stack);
    for name in ["x-api-key", "authorization", "cookie"] {
        let response = TestResponse::get(&app, "/", &[(name, "marker")]).await;
        assert!(response.body.contains("Sensitive") && !response.body.contains("marker"), "{}", response.body);
    }
}

#[tokio::test]
async fn no_rejection_and_no_log_line_has_a_credential() {
    let log = LogCapture::start();
    let app = App::new();
    for headers in [
        &[("authorization", "Bearer marker.marker.marker")][..],
        &[("authorization", "Bearer acme_live_marker")],
        &[("authorization", "ApiKey marker marker")],
        &[("authorization", "Marker marker")],
        &[("x-api-key", "marker")],
        &[("x-api-key", "marker"), ("x-api-key", "marker")],
        &[("cookie", "session=marker")],
        &[("cookie", "session=marker; session=marker; token=marker")],
    ] {
        let response = app.get(headers).await;
        assert!(response.status.is_client_error(), "{headers:?}");
        let text = format!("{response:?}").to_lowercase();
        assert!(!text.contains("marker"), "{text}");
    }
    assert!(log.count("request rejected") >= 8);
    assert!(!log.text().to_lowercase().contains("marker"), "{}", log.text());
}

#[tokio::test]
async fn any_body_type_works() {
    let inner =
        service_fn(async |_: Request<Full<Bytes>>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
    let service = AnyOf::new((keys(), sessions())).unwrap().layer(inner);
    for (cookie, status) in [("session=s1", 200), ("session=unknown", 401)] {
        let request = Request::get("/").header("cookie", cookie).body(Full::default()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status);
    }
}
