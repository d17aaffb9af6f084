//! `SecurityEvent`: an event of a token, and what its type means (CAEP 1.0 §3, RISC 1.0 §2).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use crate::claims::{numeric_date, text};
use crate::context::ClaimsError;
use crate::shared_signals::error::SetError;
use crate::shared_signals::subject::EventSubject;
use crate::strict_json::Object;

/// An event that the app handles; see [`on_event`](super::SharedSignalsBuilder::on_event).
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    event_type: Arc<str>,
    payload: Arc<str>,
    /// Since 1970.
    time: Duration,
    token_id: Arc<str>,
    subject: Option<EventSubject>,
}

impl SecurityEvent {
    pub(super) fn new(event: &Event<'_>, token_id: &str, subject: Option<&EventSubject>) -> Self {
        Self {
            event_type: event.event_type.as_str().into(),
            payload: event.payload.into(),
            time: event.time,
            token_id: token_id.into(),
            subject: subject.cloned(),
        }
    }

    /// Returns the type, which is a URI.
    ///
    /// For example `https://schemas.openid.net/secevent/caep/event-type/assurance-level-change`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Returns the subject of the event, if it has one.
    #[must_use]
    pub fn subject(&self) -> Option<&EventSubject> {
        self.subject.as_ref()
    }

    /// Returns when the event happened: its `event_timestamp`, else `toe` or `iat` of its token.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(self.time).unwrap_or(UNIX_EPOCH)
    }

    /// Returns the id of the token (`jti`), which is the same if the token is sent again.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// Returns the payload as your own type.
    ///
    /// ```
    /// use portcullis::shared_signals::SecurityEvent;
    ///
    /// // CAEP 1.0: assurance-level-change
    /// #[derive(serde::Deserialize)]
    /// struct AssuranceLevelChange {
    ///     current_level: String,
    /// }
    ///
    /// fn level(event: &SecurityEvent) -> Option<String> {
    ///     let change = event.payload::<AssuranceLevelChange>().ok()?;
    ///     Some(change.current_level)
    /// }
    /// # let _ = level;
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ClaimsError`] if the payload does not deserialize to `T`.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(&self.payload).map_err(|error| ClaimsError::new(&error))
    }
}

/// An event of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    pub(super) event_type: String,
    pub(super) meaning: Meaning,
    /// The JSON text of an object.
    pub(super) payload: &'a str,
    /// When it happened, since 1970.
    pub(super) time: Duration,
}

/// What an event means for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The claims in the tokens of the subject are outdated.
    ClaimsChange,
    /// The credentials of the subject are revoked.
    Revoke,
    /// The stream is paused or disabled.
    StreamStopped,
    /// The transmitter checks the endpoint, with this state.
    Verification { state: Option<String> },
    /// Only the app knows.
    Other,
    /// Nothing.
    None,
}

impl<'a> Event<'a> {
    /// Reads an event. `token_time` is the time of the token.
    ///
    /// # Errors
    ///
    /// Returns [`SetError::EventPayload`] if the payload is not an object, or lacks what its type requires.
    pub(super) fn read(event_type: &str, payload: &'a str, token_time: Duration) -> Result<Self, SetError> {
        let members = Object::parse(payload).ok_or(SetError::EventPayload)?;
        let meaning = meaning(event_type, &members)?;
        let time = match members.get("event_timestamp") {
            None => token_time,
            Some(value) => match event_timestamp(value) {
                Some(time) => time,
                // Another specification may use the name for something else.
                None if meaning == Meaning::Other => token_time,
                None => return Err(SetError::EventPayload),
            },
        };
        Ok(Self { event_type: event_type.to_owned(), meaning, payload, time })
    }

    /// Whether this crate acts on the credentials of the event's subject.
    pub(super) fn needs_subject(&self) -> bool {
        matches!(self.meaning, Meaning::ClaimsChange | Meaning::Revoke)
    }
}

fn meaning(event_type: &str, members: &Object<'_>) -> Result<Meaning, SetError> {
    let Some(name) = event_type.strip_prefix(OPENID) else { return Ok(Meaning::Other) };
    let required = |name| text::required(members, name).map_err(|_| SetError::EventPayload);
    Ok(match name {
        "caep/event-type/session-revoked" | "risc/event-type/account-disabled" | "risc/event-type/account-purged" => {
            Meaning::Revoke
        }
        "caep/event-type/credential-change" => match &*required("change_type")? {
            "delete" | "revoke" => Meaning::Revoke,
            _ => Meaning::Other,
        },
        "caep/event-type/token-claims-change" => Meaning::ClaimsChange,
        "ssf/event-type/stream-updated" => match &*required("status")? {
            "disabled" | "paused" => Meaning::StreamStopped,
            _ => Meaning::None,
        },
        "ssf/event-type/verification" => {
            let state = text::optional(members, "state").map_err(|_| SetError::EventPayload)?;
            Meaning::Verification { state: state.map(|state| state.into_owned()) }
        }
        _ => Meaning::Other,
    })
}

/// Reads the time of an event.
///
/// In early drafts of CAEP it was in milliseconds, and transmitters still send those. As seconds, such a number would
/// be a time after the year 5000.
fn event_timestamp(value: &str) -> Option<Duration> {
    let time = numeric_date::parse(value)?;
    if time < FIRST_IN_MILLIS { Some(time) } else { Some(time / 1_000) }
}

/// The beginning of the types of CAEP, RISC and the Shared Signals Framework.
const OPENID: &str = "https://schemas.openid.net/secevent/";

/// As milliseconds, this is in the year 1973.
const FIRST_IN_MILLIS: Duration = Duration::from_secs(100_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN_TIME: Duration = Duration::from_secs(1_800_000_000);

    fn read<'a>(name: &str, payload: &'a str) -> Result<Event<'a>, SetError> {
        Event::read(&format!("{OPENID}{name}"), payload, TOKEN_TIME)
    }

    fn meaning_of(name: &str, payload: &str) -> Result<Meaning, SetError> {
        read(name, payload).map(|event| event.meaning)
    }

    #[test]
    fn types_of_caep_and_risc_revoke_what_they_say() {
        for name in
            ["caep/event-type/session-revoked", "risc/event-type/account-disabled", "risc/event-type/account-purged"]
        {
            assert_eq!(meaning_of(name, "{}"), Ok(Meaning::Revoke), "{name}");
        }
        let change = "caep/event-type/credential-change";
        for (change_type, meaning) in [
            ("revoke", Meaning::Revoke),
            ("delete", Meaning::Revoke),
            ("create", Meaning::Other),
            ("update", Meaning::Other),
        ] {
            let payload = format!(r#"{{"credential_type":"password","change_type":"{change_type}"}}"#);
            assert_eq!(meaning_of(change, &payload), Ok(meaning), "{change_type}");
        }
        assert_eq!(meaning_of(change, "{}"), Err(SetError::EventPayload));
        assert_eq!(meaning_of("caep/event-type/token-claims-change", "{}"), Ok(Meaning::ClaimsChange));
    }

    #[test]
    fn other_types_are_for_the_app() {
        for name in ["caep/event-type/assurance-level-change", "caep/event-type/SESSION-REVOKED", "caep", ""] {
            assert_eq!(meaning_of(name, "{}"), Ok(Meaning::Other), "{name}");
        }
        let other = Event::read("http://schemas.openid.net/secevent/caep/event-type/session-revoked", "{}", TOKEN_TIME);
        assert_eq!(other.unwrap().meaning, Meaning::Other, "http, not https");
    }

    #[test]
    fn a_payload_that_is_no_object_is_rejected_whatever_its_type() {
        for payload in ["null", "[]", "\"\"", "7", r#"{"a":1,"a":2}"#] {
            assert_eq!(meaning_of("caep/event-type/session-revoked", payload), Err(SetError::EventPayload));
            assert_eq!(meaning_of("other", payload), Err(SetError::EventPayload), "{payload}");
        }
    }

    #[test]
    fn the_time_is_event_timestamp_in_seconds_or_milliseconds_else_that_of_the_token() {
        let time = |payload: &str| read("caep/event-type/session-revoked", payload).map(|event| event.time);
        assert_eq!(time("{}"), Ok(TOKEN_TIME));
        assert_eq!(time(r#"{"event_timestamp":1700000000}"#), Ok(Duration::from_secs(1_700_000_000)));
        assert_eq!(time(r#"{"event_timestamp":1700000000123}"#), Ok(Duration::from_millis(1_700_000_000_123)));
        for value in ["\"1700000000\"", "null", "-1", "[]"] {
            let payload = format!(r#"{{"event_timestamp":{value}}}"#);
            assert_eq!(time(&payload), Err(SetError::EventPayload), "{value}");
            assert_eq!(read("other", &payload).map(|event| event.time), Ok(TOKEN_TIME), "{value}");
        }
    }

    #[test]
    fn the_state_of_a_verification_and_the_status_of_a_stream_are_strings() {
        let state = |state: &str| Ok(Meaning::Verification { state: Some(state.to_owned()) });
        assert_eq!(meaning_of("ssf/event-type/verification", r#"{"state":"s"}"#), state("s"));
        assert_eq!(meaning_of("ssf/event-type/verification", "{}"), Ok(Meaning::Verification { state: None }));
        assert_eq!(meaning_of("ssf/event-type/verification", r#"{"state":7}"#), Err(SetError::EventPayload));
        for (status, meaning) in
            [("enabled", Meaning::None), ("paused", Meaning::StreamStopped), ("disabled", Meaning::StreamStopped)]
        {
            let payload = format!(r#"{{"status":"{status}"}}"#);
            assert_eq!(meaning_of("ssf/event-type/stream-updated", &payload), Ok(meaning), "{status}");
        }
        assert_eq!(meaning_of("ssf/event-type/stream-updated", "{}"), Err(SetError::EventPayload));
    }
}
