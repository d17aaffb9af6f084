//! The events that an app emits by itself, from a handler of a login or of an account page.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::Request;
use axum::routing::post;
use portcullis::security_event::{EventKind, EventOutcome, Reason, SecurityEvent};
use portcullis::{ClientAddr, TrustedProxies};
use serde::Deserialize;
use tracing::Level;

use crate::support::event_capture::EventCapture;
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

/// Each event of the table of requirements that only an app, or a part of the crate that it calls, can know of: its
/// names, its class of OCSF with the activity, its level, and whether it is a notice to the user.
const EVENTS: [(EventKind, &str, Option<&str>, Option<u32>, Level, bool); 21] = [
    (EventKind::LoginSucceeded, "login_succeeded", Some("authn_login_success"), Some(300_201), Level::INFO, false),
    (EventKind::LoginFailed, "login_failed", Some("authn_login_fail"), Some(300_201), Level::INFO, false),
    (EventKind::LoginThrottled, "login_throttled", Some("authn_login_fail_max"), Some(300_201), Level::WARN, false),
    (
        EventKind::AccountFailureLimit,
        "account_failure_limit",
        Some("authn_login_lock"),
        Some(300_201),
        Level::WARN,
        false,
    ),
    (EventKind::SecondFactorFailed, "second_factor_failed", Some("authn_login_fail"), Some(300_201), Level::WARN, true),
    (EventKind::CodeReplayed, "code_replayed", Some("authn_token_reuse"), Some(300_201), Level::WARN, false),
    (EventKind::RefreshRotated, "refresh_rotated", Some("session_renewed"), Some(300_203), Level::DEBUG, false),
    (EventKind::RefreshRepeated, "refresh_repeated", Some("session_renewed"), Some(300_203), Level::DEBUG, false),
    (EventKind::RefreshReused, "refresh_reused", Some("authn_token_reuse"), Some(300_203), Level::WARN, true),
    (EventKind::PasswordChanged, "password_changed", Some("authn_password_change"), Some(300_103), Level::INFO, true),
    (
        EventKind::PasswordResetRequested,
        "password_reset_requested",
        Some("authn_password_change"),
        Some(300_104),
        Level::INFO,
        true,
    ),
    (EventKind::PasswordReset, "password_reset", Some("authn_password_change"), Some(300_104), Level::INFO, true),
    (
        EventKind::PasswordRejected,
        "password_rejected",
        Some("authn_password_change_fail"),
        Some(300_103),
        Level::INFO,
        false,
    ),
    (
        EventKind::BreachCheckFailed,
        "breach_check_failed",
        Some("authn_password_change_fail"),
        Some(300_103),
        Level::WARN,
        false,
    ),
    (EventKind::MfaEnrolled, "mfa_enrolled", Some("user_updated"), Some(300_110), Level::INFO, true),
    (EventKind::MfaRemoved, "mfa_removed", Some("user_updated"), Some(300_111), Level::INFO, true),
    (EventKind::BackupCodeUsed, "backup_code_used", Some("user_updated"), Some(300_199), Level::INFO, true),
    (EventKind::Overloaded, "overloaded", None, None, Level::WARN, false),
    (EventKind::SessionStarted, "session_started", Some("session_created"), Some(300_201), Level::INFO, false),
    (EventKind::SessionEnded, "session_ended", Some("authn_logout"), Some(300_202), Level::INFO, false),
    (EventKind::RateLimited, "rate_limited", Some("excess_rate_limit_exceeded"), Some(600_399), Level::INFO, false),
];

#[derive(Deserialize)]
struct Form {
    account: String,
}

/// Emits the event with this number.
async fn emit(Path(number): Path<usize>, client: ClientAddr, Query(form): Query<Form>) {
    let event = SecurityEvent::new(EVENTS[number].0).with_user("user-7").with_address(client.ip());
    let event = event.with_reason(Reason::PasswordWrong).with_limit("account").with_amr(&["pwd", "otp"]);
    event.with_session("session-1").with_generation(3).with_route("/emit/{number}").emit();
    assert!(!form.account.is_empty());
}

#[tokio::test]
async fn each_event_of_an_app_is_one_log_line_with_its_names_and_its_level() {
    let app = Router::new().route("/emit/{number}", post(emit)).layer(TrustedProxies::none());
    for (number, (kind, name, owasp_name, type_uid, level, is_notice)) in EVENTS.into_iter().enumerate() {
        let (log, events) = (LogCapture::start(), EventCapture::start());
        let request = Request::post(format!("/emit/{number}?account=ann%40example.com"));
        let request = request.extension(SocketAddr::from(([203, 0, 113, 9], 4711))).body(Body::empty()).unwrap();
        assert_eq!(TestResponse::send(&app, request).await.status, 200);
        let event = events.one();
        assert_eq!((event.kind(), kind.name(), kind.to_string()), (kind, name, name.to_owned()));
        assert_eq!(kind.owasp_name(), owasp_name, "{name}");
        assert_eq!(kind.ocsf().map(|ocsf| ocsf.type_uid()), type_uid, "{name}");
        assert_eq!((kind.level(), kind.is_notice()), (level, is_notice), "{name}");
        let text = log.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("portcullis::audit")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains(&format!(" {level} portcullis::audit: ")), "{text}");
        assert!(lines[0].contains(&format!("event=\"{name}\" reason=\"password_wrong\"")), "{text}");
        assert!(!text.contains("example.com"), "{text}");
    }
}

#[test]
fn an_outcome_says_whose_fault_a_failure_is() {
    for (kind, outcome, status_id) in [
        (EventKind::LoginSucceeded, EventOutcome::Success, 1),
        (EventKind::LoginFailed, EventOutcome::Failure, 2),
        (EventKind::StoreUnavailable, EventOutcome::Error, 2),
    ] {
        assert_eq!((kind.outcome(), kind.outcome().ocsf_status_id()), (outcome, status_id));
    }
}
