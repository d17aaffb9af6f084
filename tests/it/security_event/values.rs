//! The values of events: each is read again as it was set, and none of a caller can forge a line.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use portcullis::context::Credential;
use portcullis::security_event::{EventKind, Reason, SecurityEvent};
use portcullis::testing::as_user;
use portcullis::{KeyRing, UserContext};

use crate::support::event_capture::EventCapture;
use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

/// An event with every value that an app can set.
fn full<'a>(user: &'a UserContext, methods: &'a [&'a str]) -> SecurityEvent<'a> {
    SecurityEvent::new(EventKind::RefreshReused)
        .with_user_context(user)
        .with_api_key("key-1")
        .with_address("2001:db8::7".parse().unwrap())
        .with_route("/token")
        .with_reason(Reason::StateChanged)
        .with_limit("login")
        .with_amr(methods)
        .with_generation(u64::MAX)
}

fn ann() -> UserContext {
    let ann = UserContext::new("o'brien\r\n\"x\"").with_issuer("https://auth.example.com").with_session_id("login-9");
    ann.with_credential(Credential::Token)
}

#[test]
fn every_value_is_read_again_from_the_log_as_it_was() {
    let events = EventCapture::start();
    let (ann, methods) = (ann(), ["pwd", "otp"]);
    let emitted = full(&ann, &methods);
    emitted.emit();
    let read = events.one();
    assert_eq!(format!("{read:?}"), format!("{emitted:?}"), "all values");
    assert_eq!(read.kind(), EventKind::RefreshReused);
    assert_eq!(read.user().as_deref(), Some("o\\'brien\\r\\n\\\"x\\\""));
    assert_eq!(read.issuer().as_deref(), Some("https://auth.example.com"));
    assert_eq!(read.session().as_deref(), Some("login-9"));
    assert_eq!(read.api_key().as_deref(), Some("key-1"));
    assert_eq!(read.credential(), Some(Credential::Token));
    assert_eq!(read.address(), Some("2001:db8::7".parse().unwrap()));
    assert_eq!(read.route().as_deref(), Some("/token"));
    assert_eq!(read.reason(), Some(Reason::StateChanged));
    assert_eq!(read.limit().as_deref(), Some("login"));
    assert_eq!(read.amr().as_deref(), Some("pwd otp"));
    assert_eq!(read.generation(), Some(u64::MAX));
    // Not from a request that was rejected.
    assert_eq!((read.method(), read.status(), read.detail()), (None, None, None));
    // Emitted again, nothing is escaped a second time.
    read.emit();
    assert_eq!(format!("{:?}", events.one()), format!("{emitted:?}"));
}

#[test]
fn an_account_is_a_keyed_hash_that_does_not_depend_on_the_spelling_and_changes_with_the_secret() {
    let rings = [7_u8, 8].map(|seed| KeyRing::new((seed..seed + 32).collect::<Vec<_>>()).unwrap());
    let events = EventCapture::start();
    let hash = |ring: &KeyRing, name: &str| {
        SecurityEvent::new(EventKind::LoginFailed).with_account(ring, name).emit();
        events.one().account().unwrap().into_owned()
    };
    let ann = hash(&rings[0], "ann@example.com");
    assert!(ann.len() == 32 && ann.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ann}");
    assert_eq!(hash(&rings[0], " Ann@EXAMPLE.com\t"), ann);
    assert_ne!(hash(&rings[0], "ann@example.org"), ann);
    assert_ne!(hash(&rings[1], "ann@example.com"), ann);
    let event = SecurityEvent::new(EventKind::LoginFailed).with_account(&rings[0], "ann@example.com");
    assert!(!format!("{event:?}").contains("example"), "{event:?}");
}

#[test]
fn an_event_without_values_has_only_its_kind() {
    let events = EventCapture::start();
    SecurityEvent::new(EventKind::LoginFailed).with_user_context(&UserContext::new("")).emit();
    assert_eq!(format!("{:?}", events.one()), "SecurityEvent { event: LoginFailed }");
}

#[test]
fn events_of_others_are_none_also_with_the_target_and_the_fields_of_this_crate() {
    let events = EventCapture::start();
    tracing::info!(event = "login_failed", "of an app");
    tracing::info!(target: "portcullis::audit", event = "login_failed", user = "a\nforged", "with the target");
    tracing::info!(target: "portcullis::audit", "without a kind");
    assert!(events.take().is_empty());
}

#[tokio::test]
async fn a_name_with_line_breaks_and_escape_sequences_is_escaped_in_every_value() {
    let forged = "a\r\nERROR forged \u{1b}[31m\" user=\"root\u{2028}";
    let handler = async |Path(name): Path<String>| {
        let (ann, methods) = (UserContext::new(name.clone()).with_issuer(&name).with_session_id(&name), [&*name]);
        let event = full(&ann, &methods).with_session(&name).with_api_key(&name).with_route(&name).with_limit(&name);
        event.emit();
        // A role whose name the caller chose is in the detail.
        ann.require_role(&name)
    };
    let app = Router::new().route("/{name}", get(handler)).layer(as_user(UserContext::new(forged)));
    let path = format!("/{}", percent_encoding(forged));
    let (log, events) = (LogCapture::start(), EventCapture::start());
    assert_eq!(TestResponse::get(&app, &path, &[]).await.status, 403);
    let text = log.text();
    assert_eq!(text.lines().count(), 2, "one line for each event: {text}");
    assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{2028}'), "{text}");
    for event in events.take() {
        let json = serde_json::to_string(&event).unwrap();
        // JSON doubles the backslash of an escape sequence. It has no escape sequence of its own.
        assert!(json.contains(r"\\nERROR forged") && !json.replace(r"\\", "").contains(r"\n"), "{json}");
    }
}

fn percent_encoding(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_value_has_at_most_256_bytes() {
    let events = EventCapture::start();
    let long = "\u{9580}\n".repeat(10_000);
    SecurityEvent::new(EventKind::LoginFailed).with_user(&long).with_limit(&long).with_amr(&[&long]).emit();
    let event = events.one();
    for value in [event.user(), event.limit(), event.amr()] {
        let len = value.unwrap().len();
        assert!((250..=256).contains(&len), "{len}");
    }
}
