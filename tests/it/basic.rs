//! `BasicAuth`: authentication by user name and password (RFC 7617).

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::basic::{BasicAuthBuilder, BasicCredentials};
use portcullis::context::Credential;
use portcullis::gate::{AccountRefusal, CredentialError, DenialKind, LoadError};
use portcullis::revocation::Revocation;
use portcullis::testing::FakeClock;
use portcullis::{AnyOf, BasicAuth, RequireCredential, RequireUser, Revocations, Stack, UserContext};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;
use crate::support::tokens::compatible_auth;

const PASSWORD: &str = "a marker of 16 \u{e4}";
const CHALLENGE: &str = r#"Basic realm="api", charset="UTF-8""#;

fn configured() -> BasicAuthBuilder {
    BasicAuth::builder().user("prometheus", PASSWORD)
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

async fn me(user: UserContext) -> String {
    format!("{} by {}", user.id(), user.credential())
}

fn app(auth: BasicAuth) -> Router {
    Router::new().route("/", get(me)).layer(auth)
}

async fn send(app: &Router, authorization: &str) -> TestResponse {
    TestResponse::get(app, "/", &[("authorization", authorization)]).await
}

fn challenges(response: &TestResponse) -> Vec<&str> {
    response.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_configured_user_is_authenticated_whatever_the_case_of_the_scheme() {
    let app = app(configured().add_user("backup", "another secret: of 16").build().unwrap());
    let value = basic("prometheus", PASSWORD);
    for scheme in ["Basic", "basic", "BASIC"] {
        let response = send(&app, &value.replacen("Basic", scheme, 1)).await;
        assert_eq!((response.status.as_u16(), &*response.body), (200, "prometheus by basic"), "{scheme}");
    }
    assert_eq!(send(&app, &basic("backup", "another secret: of 16")).await.body, "backup by basic");
}

#[tokio::test]
async fn anything_else_is_401_with_the_challenge_and_the_handler_is_not_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = get(async move || counted.fetch_add(1, Ordering::Relaxed).to_string());
    let app = Router::new().route("/", handler).layer(configured().build().unwrap());
    for value in [
        "Basic",
        "Basic *",
        "Basic a b",
        "Basic cHJvbWV0aGV1cw==",
        "Basic Og==",
        &format!("Basic {}", STANDARD.encode(b"prometheus:\xff")),
        &basic("prometheus", ""),
        &basic("", PASSWORD),
        &basic("prometheu", &format!("s:{PASSWORD}")),
        &basic("Prometheus", PASSWORD),
        &format!("Basic {}", "A".repeat(8_000)),
    ] {
        let response = send(&app, value).await;
        assert_eq!((response.status.as_u16(), challenges(&response)), (401, vec![CHALLENGE]), "{value}");
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::InvalidCredential);
        assert_eq!(response.headers["cache-control"], "no-store");
    }
    for headers in [&[][..], &[("authorization", "Bearer a.b.c")], &[("authorization", "Digest a=b")]] {
        let response = TestResponse::get(&app, "/", headers).await;
        assert_eq!((response.status.as_u16(), challenges(&response)), (401, vec![CHALLENGE]));
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
    }
    let response = TestResponse::get(&app, &format!("/?access_token={PASSWORD}").replace(['ä', ' '], "+"), &[]).await;
    assert_eq!(response.denial.unwrap().kind(), &DenialKind::CredentialsMissing, "a query has no credential");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_response() {
    let app = app(configured().build().unwrap());
    let responses =
        [send(&app, &basic("unknown", PASSWORD)).await, send(&app, &basic("prometheus", "a wrong password")).await];
    let [unknown, wrong] = &responses;
    assert_eq!((&unknown.headers, &unknown.body, &unknown.denial), (&wrong.headers, &wrong.body, &wrong.denial));
}

#[tokio::test]
async fn two_credentials_are_400() {
    let app = app(configured().build().unwrap());
    let value = basic("prometheus", PASSWORD);
    for headers in [
        &[("authorization", &*value), ("authorization", &*value)][..],
        &[("authorization", &*format!("{value}, {value}"))],
    ] {
        let response = TestResponse::get(&app, "/", headers).await;
        assert_eq!(response.status, 400);
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::InvalidRequest(CredentialError::Multiple));
    }
}

#[tokio::test]
async fn a_request_of_a_script_gets_no_challenge_that_opens_a_dialog() {
    let script = ("sec-fetch-dest", "empty");
    let wrong = basic("prometheus", "a wrong password");
    let alone = app(configured().build().unwrap());
    for headers in [&[script][..], &[script, ("authorization", &*wrong)]] {
        let response = TestResponse::get(&alone, "/", headers).await;
        assert_eq!((response.status.as_u16(), challenges(&response)), (401, vec![r#"xBasic realm="api""#]));
        let denial = response.denial.unwrap();
        assert!(denial.challenges().eq([r#"xBasic realm="api""#]));
    }
    for destination in ["document", "image", "empty, document"] {
        let response = TestResponse::get(&alone, "/", &[("sec-fetch-dest", destination)]).await;
        assert_eq!(challenges(&response), [CHALLENGE], "{destination}");
    }

    let both = AnyOf::new((configured().build().unwrap(), compatible_auth().build().unwrap())).unwrap();
    let both = Router::new().route("/", get(me)).layer(both);
    for headers in [&[script][..], &[script, ("authorization", &*wrong)]] {
        let response = TestResponse::get(&both, "/", headers).await;
        assert_eq!((response.status.as_u16(), challenges(&response)), (401, vec![r#"Bearer realm="api""#]));
    }
    let response = TestResponse::get(&both, "/", &[("authorization", &*wrong)]).await;
    assert_eq!(challenges(&response), [CHALLENGE, r#"Bearer realm="api""#]);

    let optional = configured().optional().build().unwrap();
    let required = Router::new().route("/", get(me).layer(RequireUser::new())).layer(optional);
    let response = TestResponse::get(&required, "/", &[script]).await;
    assert_eq!(challenges(&response), [r#"xBasic realm="api""#]);
    assert_eq!(challenges(&TestResponse::get(&required, "/", &[]).await), [CHALLENGE]);
}

#[tokio::test]
async fn an_optional_gate_admits_requests_without_a_password_and_rejects_a_wrong_one() {
    let auth = configured().build().unwrap().to_optional();
    let app = Router::new().route("/", get(async |user: Option<UserContext>| user.is_some().to_string())).layer(auth);
    assert_eq!(TestResponse::get(&app, "/", &[]).await.body, "false");
    assert_eq!(send(&app, &basic("prometheus", PASSWORD)).await.body, "true");
    assert_eq!(send(&app, &basic("prometheus", "wrong")).await.status, 401);
}

#[tokio::test]
async fn other_layers_see_a_user_like_any_other() {
    let layer = RequireCredential::new(Credential::Basic);
    let stack = Stack::builder().authenticate(configured().build().unwrap()).open(["/open"]).build().unwrap();
    let app = Router::new().route("/", get(me).layer(layer)).route("/open", get(|| async {})).layer(stack);
    assert_eq!(send(&app, &basic("prometheus", PASSWORD)).await.status, 200);
    assert_eq!(TestResponse::get(&app, "/open", &[]).await.status, 200);
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let service = configured().build().unwrap().layer(inner);
    assert_eq!(service.oneshot(Request::new(())).await.unwrap().status(), 401);
}

/// A function that accepts this password and counts its calls.
fn verifier(calls: &Arc<AtomicUsize>) -> BasicAuthBuilder {
    let calls = Arc::clone(calls);
    BasicAuth::builder().verify(move |login: BasicCredentials| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move {
            match login.password() {
                "right" => Ok(Some(UserContext::new(login.name()).with_issuer("https://app.example"))),
                "fails" => Err(io::Error::other("the database is down")),
                _ => Ok(None),
            }
        }
    })
}

#[tokio::test]
async fn a_success_is_cached_for_60_seconds_and_a_failure_never() {
    let calls = Arc::default();
    let clock = FakeClock::new();
    let app = app(verifier(&calls).clock(clock.clock()).build().unwrap());
    let call = async |password: &str| {
        let before = calls.load(Ordering::Relaxed);
        let status = send(&app, &basic("ann", password)).await.status.as_u16();
        (status, calls.load(Ordering::Relaxed) - before)
    };
    assert_eq!(call("right").await, (200, 1));
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(call("right").await, (200, 0));
    assert_eq!(call("wrong").await, (401, 1));
    assert_eq!(call("wrong").await, (401, 1));
    clock.advance(Duration::from_millis(1));
    assert_eq!(call("right").await, (200, 1));
}

#[tokio::test]
async fn a_failing_check_is_503_and_no_secret_is_logged() {
    let log = LogCapture::start();
    let calls = Arc::default();
    let builder = verifier(&calls).user("configured", PASSWORD);
    let debug = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    let app = app(builder.build().unwrap());
    let response = send(&app, &basic("ann", "fails")).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(log.count("cannot verify the password"), 1);
    assert!(log.text().contains("the database is down") && !response.body.contains("database"));
    for text in [&basic("ann", PASSWORD), &basic("configured", PASSWORD), &basic("configured", "marker")] {
        let response = send(&app, text).await;
        assert!(!response.body.contains("marker") && !format!("{:?}", response.denial).contains("marker"));
    }
    let error = BasicAuth::builder().user("a", "short marker").build().unwrap_err();
    for text in [log.text(), debug, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("marker"), "{text}");
    }
}

#[tokio::test]
async fn at_most_four_checks_run_at_once_and_the_rest_get_503() {
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    let auth = BasicAuth::builder().verify(move |login: BasicCredentials| {
        let waiting = Arc::clone(&waiting);
        async move {
            waiting.acquire().await?.forget();
            Ok::<_, tokio::sync::AcquireError>(Some(UserContext::new(login.name())))
        }
    });
    let app = app(auth.add_user("configured", PASSWORD).build().unwrap());
    let start = |number: usize| {
        let app = app.clone();
        tokio::spawn(async move { send(&app, &basic("ann", &number.to_string())).await.status.as_u16() })
    };
    let mut running: Vec<_> = (0..4).map(start).collect();
    tokio::task::yield_now().await;
    let response = send(&app, &basic("ann", "5")).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(send(&app, &basic("configured", PASSWORD)).await.status, 200, "needs no check");

    // A client that disconnects ends its check.
    let disconnected = running.pop().unwrap();
    disconnected.abort();
    assert!(disconnected.await.unwrap_err().is_cancelled());
    running.push(start(6));
    gate.add_permits(4);
    for request in running {
        assert_eq!(request.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_revoked_user_is_rejected_although_its_password_is_cached() {
    let revocations = Revocations::builder().build().unwrap();
    let app = app(verifier(&Arc::default()).revocations(&revocations).build().unwrap());
    let value = basic("ann", "right");
    assert_eq!(send(&app, &value).await.status, 200);
    revocations.revoke_by(Revocation::subject("https://app.example", "ann")).await.unwrap();
    let response = send(&app, &value).await;
    assert_eq!((response.status.as_u16(), challenges(&response)), (401, vec![CHALLENGE]));
}

#[tokio::test]
async fn the_user_loader_runs_on_every_request_with_a_right_password_and_its_rejection_is_returned() {
    let loads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&loads);
    let load = async move |user: UserContext| match user.id() {
        "locked" => Err(LoadError::refused(AccountRefusal::Locked)),
        "gone" => Err(LoadError::Unknown),
        "down" => Err(LoadError::unavailable("the database is down")),
        _ => {
            counted.fetch_add(1, Ordering::Relaxed);
            // A new user has the credential of the request.
            Ok(UserContext::new("loaded"))
        }
    };
    let load = Arc::new(load);
    let load = move |user| {
        let load = Arc::clone(&load);
        async move { load(user).await }
    };
    let calls = Arc::default();
    let app = app(verifier(&calls).add_user("prometheus", PASSWORD).load_user(load).build().unwrap());
    for _ in 0..2 {
        assert_eq!(send(&app, &basic("ann", "right")).await.body, "loaded by basic");
        assert_eq!(send(&app, &basic("prometheus", PASSWORD)).await.body, "loaded by basic");
    }
    assert_eq!((calls.load(Ordering::Relaxed), loads.load(Ordering::Relaxed)), (1, 4), "the password is cached");
    for (name, status) in [("locked", 403), ("gone", 401), ("down", 503)] {
        let response = send(&app, &basic(name, "right")).await;
        assert_eq!(response.status, status, "{name}");
        assert_eq!(response.headers.contains_key("retry-after"), status == 503);
        assert_eq!(challenges(&response).first().copied(), (status != 503).then_some(CHALLENGE), "{name}");
    }
    assert_eq!(send(&app, &basic("ann", "wrong")).await.status, 401);
    assert_eq!(loads.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_user_loader_that_takes_too_long_is_503() {
    let auth = configured().load_user(|_| pending()).load_user_timeout(Duration::from_millis(10)).build().unwrap();
    let response = send(&app(auth), &basic("prometheus", PASSWORD)).await;
    assert_eq!((response.status.as_u16(), &response.headers["retry-after"]), (503, &"1".parse().unwrap()));
}

#[tokio::test]
async fn a_check_without_a_runtime_for_timers_is_503_and_no_panic() {
    let app = app(verifier(&Arc::default()).build().unwrap());
    let request = Request::get("/").header("authorization", basic("ann", "right")).body(Body::empty()).unwrap();
    let response = std::thread::spawn(|| futures_util::future::FutureExt::now_or_never(app.oneshot(request)));
    assert_eq!(response.join().unwrap().unwrap().unwrap().status(), 503);
}
