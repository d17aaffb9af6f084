//! `RiskCheck`: in a login handler, and as a layer inside the one that authenticates.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use portcullis::context::{AuthScheme, Realm};
use portcullis::gate::{Denial, DenialKind};
use portcullis::risk::{RiskCheck, RiskDecision, RiskFactor, RiskInput};
use portcullis::security_event::{EventKind, Reason};
use portcullis::testing::{as_anonymous, as_user};
use portcullis::{TrustedProxies, UserContext};
use tokio::time::Instant;

use crate::support::event_capture::EventCapture;
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

fn deciding(decision: RiskDecision) -> RiskCheck {
    RiskCheck::new(move |_| async move { Ok::<_, Infallible>(decision) })
}

/// An app of ann, and how often its handler was called.
fn app(risk: RiskCheck) -> (Router, Arc<AtomicUsize>) {
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let handler = get(async move || {
        count.fetch_add(1, SeqCst);
    });
    let app = Router::new().route("/payout/{id}", handler.layer(risk)).layer(as_user(UserContext::new("ann")));
    (app.layer(TrustedProxies::none()), handled)
}

async fn send(app: &Router) -> TestResponse {
    TestResponse::get(app, "/payout/7", &[("user-agent", "Mozilla/5.0")]).await
}

#[tokio::test]
async fn a_low_risk_is_admitted_without_an_event() {
    let (app, handled) = app(deciding(RiskDecision::Allow));
    let events = EventCapture::start();
    assert_eq!(send(&app).await.status, 200);
    assert_eq!(handled.load(SeqCst), 1);
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn step_up_is_the_401_of_rfc_9470_and_one_event_with_the_factor() {
    let (app, handled) = app(deciding(RiskDecision::StepUp(RiskFactor::UnknownDevice)));
    let events = EventCapture::start();
    let response = send(&app).await;
    assert_eq!((response.status.as_u16(), handled.load(SeqCst)), (401, 0));
    assert_eq!(
        response.challenge(),
        "Bearer realm=\"api\", error=\"insufficient_user_authentication\", \
         error_description=\"a further authentication factor is required\""
    );
    assert!(matches!(response.denial.unwrap().kind(), DenialKind::InsufficientAuthentication { .. }));
    assert!(response.body.contains("\"code\":\"insufficient_authentication\""), "{}", response.body);
    let event = events.one();
    assert_eq!((event.kind(), event.reason()), (EventKind::RiskStepUp, Some(Reason::UnknownDevice)));
    assert_eq!((event.user().as_deref(), event.route().as_deref()), (Some("ann"), Some("/payout/{id}")));
}

#[tokio::test]
async fn a_rejection_is_the_401_of_an_invalid_credential_and_its_factor_is_only_in_the_event() {
    let (app, handled) = app(deciding(RiskDecision::Reject(RiskFactor::UnusualLocation)));
    let events = EventCapture::start();
    let response = send(&app).await;
    assert_eq!((response.status.as_u16(), handled.load(SeqCst)), (401, 0));
    assert_eq!(response.denial.as_ref().unwrap().kind(), &DenialKind::InvalidCredential);
    let seen = format!("{:?} {}", response.headers, response.body);
    assert!(!seen.contains("location") && !seen.contains("risk"), "{seen}");
    let event = events.one();
    assert_eq!((event.kind(), event.reason()), (EventKind::RiskRejected, Some(Reason::UnusualLocation)));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_takes_longer_than_100_ms_counts_as_allow_or_fails_closed() {
    for (is_closed, status, expected) in [(false, 200, 1), (true, 401, 0)] {
        let risk = RiskCheck::new(|_| pending::<Result<RiskDecision, Infallible>>());
        let (app, handled) = app(if is_closed { risk.fail_closed() } else { risk });
        let events = EventCapture::start();
        let start = Instant::now();
        assert_eq!((send(&app).await.status.as_u16(), handled.load(SeqCst)), (status, expected));
        assert_eq!(start.elapsed().as_millis(), 100);
        let event = events.one();
        assert_eq!((event.kind(), event.reason()), (EventKind::RiskCheckFailed, Some(Reason::TimedOut)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_responds_after_99_ms_decides() {
    let risk = RiskCheck::new(|_| async {
        tokio::time::sleep(Duration::from_millis(99)).await;
        Ok::<_, Infallible>(RiskDecision::Reject(RiskFactor::AddressReputation))
    });
    assert_eq!(send(&app(risk).0).await.status, 401);
}

#[tokio::test]
async fn a_function_that_fails_counts_as_allow_and_its_cause_is_in_the_log_but_not_in_the_event() {
    for (is_closed, status) in [(false, 200), (true, 401)] {
        let risk = RiskCheck::new(|_| async { Err("the service of reputations is down") });
        let (app, _) = app(if is_closed { risk.fail_closed() } else { risk });
        let (log, events) = (LogCapture::start(), EventCapture::start());
        assert_eq!(send(&app).await.status, status);
        assert_eq!(log.count("cannot assess a risk cause=\"the service of reputations is down\""), 1, "{}", log.text());
        let event = events.one();
        assert_eq!((event.kind(), event.reason()), (EventKind::RiskCheckFailed, Some(Reason::Unavailable)));
        assert!(!format!("{event:?}").contains("reputations"));
    }
}

#[test]
fn without_a_runtime_the_function_is_not_called_and_nothing_panics() {
    let risk = RiskCheck::new(|_| pending::<Result<RiskDecision, Infallible>>()).fail_closed();
    let assessed = futures_util::FutureExt::now_or_never(risk.assess(RiskInput::new()));
    assert_eq!(assessed, Some(RiskDecision::Reject(RiskFactor::NotAssessed)));
}

#[tokio::test]
async fn a_layer_needs_an_authenticated_user_as_require_user_does() {
    let router = || Router::new().route("/payout/{id}", get(|| async {}).layer(deciding(RiskDecision::Allow)));
    let anonymous = send(&router().layer(as_anonymous())).await;
    assert_eq!((anonymous.status.as_u16(), anonymous.denial.unwrap().kind()), (401, &DenialKind::CredentialsMissing));
    let forgotten = send(&router()).await;
    assert_eq!(forgotten.status, 500);
    assert!(forgotten.body.contains("RiskCheck requires an authenticating layer"), "{}", forgotten.body);
}

#[tokio::test]
async fn a_layer_passes_what_is_known_of_the_request() {
    let risk = RiskCheck::new(|input: RiskInput| async move {
        assert_eq!(input.user().map(UserContext::id), Some("ann"));
        assert_eq!((input.user_agent(), input.route()), (Some("Mozilla/5.0"), Some("/payout/{id}")));
        assert_eq!((input.failed_attempts(), input.address()), (0, None));
        Ok::<_, Infallible>(RiskDecision::Allow)
    });
    assert_eq!(send(&app(risk).0).await.status, 200);
}

/// A login whose password is right: what follows depends on the risk alone.
async fn log_in(State(risk): State<RiskCheck>, headers: HeaderMap) -> Result<&'static str, Denial> {
    let input = RiskInput::new().with_user_id("ann").with_headers(&headers).with_failed_attempts(7);
    match risk.assess(input.with_factor(RiskFactor::UnusualTime)).await {
        RiskDecision::Allow => Ok("a session"),
        RiskDecision::StepUp(_) => Ok("a pending second factor"),
        _ => {
            let realm = Realm::default().with_schemes(AuthScheme::new("Session"));
            Err(Denial::new(DenialKind::InvalidCredential, realm))
        }
    }
}

#[tokio::test]
async fn a_login_handler_asks_for_the_second_factor_or_responds_as_to_a_wrong_password() {
    let risk = RiskCheck::new(|input: RiskInput| async move {
        assert!(input.has_factor(RiskFactor::UnusualTime) && !input.has_factor(RiskFactor::UnknownDevice));
        Ok::<_, Infallible>(match input.failed_attempts() {
            7 if input.user_agent() == Some("Mozilla/5.0") => RiskDecision::StepUp(RiskFactor::FailedAttempts),
            _ => RiskDecision::Reject(RiskFactor::FailedAttempts),
        })
    });
    let app = Router::new().route("/login", get(log_in)).with_state(risk);
    let known = TestResponse::get(&app, "/login", &[("user-agent", "Mozilla/5.0")]).await;
    assert_eq!((known.status.as_u16(), &*known.body), (200, "a pending second factor"));
    let events = EventCapture::start();
    assert_eq!(TestResponse::get(&app, "/login", &[]).await.status, 401);
    assert_eq!(events.kinds(), [EventKind::RiskRejected, EventKind::AccessDenied]);
}
