//! `Canaries`: secrets that a test gives to an app, and that no log line, event or response may have.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::event_capture::EventCapture;
use super::log_capture::LogCapture;

/// Secrets, and what the current thread logs since the start.
pub(crate) struct Canaries {
    /// What each is, and its text.
    secrets: Vec<(String, String)>,
    log: LogCapture,
    events: EventCapture,
}

impl Canaries {
    /// Starts to capture the log and the security events of the current thread.
    pub(crate) fn start() -> Self {
        Self { secrets: Vec::new(), log: LogCapture::start(), events: EventCapture::start() }
    }

    /// Adds a secret of at least 8 bytes.
    pub(crate) fn add(&mut self, what: impl Into<String>, secret: impl Into<String>) {
        let (what, secret) = (what.into(), secret.into());
        assert!(secret.len() >= 8, "{what}: a short text may appear by chance");
        self.secrets.push((what, secret));
    }

    /// Fails if the log or an event has a secret, also in base64 or in hexadecimal digits. Returns the number of lines.
    pub(crate) fn check(&self) -> usize {
        let log = self.log.text();
        self.check_text("the log", &log);
        for event in self.events.take() {
            self.check_text("an event", &format!("{event:?}"));
            self.check_text("an event as JSON", &serde_json::to_string(&event).unwrap());
        }
        log.lines().count()
    }

    /// Fails if a text has a secret.
    pub(crate) fn check_text(&self, place: &str, text: &str) {
        let text = text.to_lowercase();
        for (what, secret) in &self.secrets {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            let forms = [secret.clone(), hex, STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
            for form in forms {
                assert!(!text.contains(&form.to_lowercase()), "{place} has {what} as {form:?}:\n{text}");
            }
        }
    }
}

#[test]
fn a_canary_is_found_in_a_line_and_in_an_event_in_each_form() {
    use portcullis::security_event::{EventKind, SecurityEvent};
    let found = |act: &dyn Fn()| {
        let mut canaries = Canaries::start();
        canaries.add("a password", "Tr0ub4dor&3 horse");
        act();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| canaries.check())).is_err()
    };
    assert!(!found(&|| tracing::debug!("a line without it")));
    assert!(found(&|| tracing::debug!("password: Tr0ub4dor&3 horse")));
    assert!(found(&|| tracing::debug!(value = "VHIwdWI0ZG9yJjMgaG9yc2U=", "in base64")));
    assert!(found(&|| tracing::debug!(value = "547230756234646F72263320686F727365", "in hex")));
    assert!(found(&|| SecurityEvent::new(EventKind::LoginFailed).with_user("Tr0ub4dor&3 horse").emit()));
}
