//! `EventToken`: the claims of a security event token (RFC 8417 §2.2, Shared Signals Framework 1.0 §4.1).

use std::borrow::Cow;
use std::time::Duration;

use crate::claims::{numeric_date, text};
use crate::clock::MAX_LEEWAY;
use crate::gate::TokenError;
use crate::shared_signals::error::SetError;
use crate::shared_signals::event::{Event, Meaning};
use crate::shared_signals::subject::EventSubject;
use crate::strict_json::Object;

/// What a security event token says. Its signature, its issuer and its audience have been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventToken<'a> {
    pub(super) issuer: Cow<'a, str>,
    pub(super) id: Cow<'a, str>,
    pub(super) subject: Option<EventSubject>,
    pub(super) events: Vec<Event<'a>>,
}

impl<'a> EventToken<'a> {
    /// Reads claims at the time `now`, since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`SetError`] if they are not those of a security event token, or if one of its events is malformed or
    /// dated in the future. So all of its events are applied, or none.
    pub(super) fn read(claims: &'a str, now: Duration) -> Result<Self, SetError> {
        let claims = Object::parse(claims).ok_or(TokenError::Claims)?;
        // Without this rule, an access token could be used as one, or one as an access token.
        for name in PROHIBITED {
            if claims.get(name).is_some() {
                return Err(TokenError::claim_invalid(name).into());
            }
        }
        let issuer = text::required(&claims, "iss")?;
        let id = text::required(&claims, "jti")?;
        let issued_at = numeric_date::required(&claims, "iat")?;
        let happened_at = claims.get("toe").map(|_| numeric_date::required(&claims, "toe")).transpose()?;
        let token_time = happened_at.unwrap_or(issued_at);
        let latest = now.saturating_add(MAX_LEEWAY);
        if issued_at > latest || token_time > latest {
            return Err(TokenError::IssuedInFuture.into());
        }
        let events = read_events(&claims, token_time)?;
        // An event of another specification may use the name of its time differently.
        if events.iter().any(|event| event.time > latest && event.meaning != Meaning::Other) {
            return Err(SetError::EventInFuture);
        }
        let needs_subject = events.iter().any(Event::needs_subject);
        let subject = match claims.get("sub_id").map(EventSubject::parse) {
            Some(Ok(subject)) => Some(subject),
            Some(Err(error)) if needs_subject => return Err(error),
            None if needs_subject => return Err(SetError::Subject),
            Some(Err(_)) | None => None,
        };
        Ok(Self { issuer, id, subject, events })
    }
}

fn read_events<'a>(claims: &Object<'a>, token_time: Duration) -> Result<Vec<Event<'a>>, SetError> {
    let events = claims.get("events").and_then(Object::parse).ok_or(SetError::Events)?;
    let events: Vec<_> =
        events.iter().map(|(name, payload)| Event::read(name, payload, token_time)).collect::<Result<_, _>>()?;
    if events.is_empty() { Err(SetError::Events) } else { Ok(events) }
}

/// Claims of other tokens (Shared Signals Framework 1.0 §4.1).
const PROHIBITED: [&str; 2] = ["exp", "sub"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

    fn valid() -> Value {
        let subject = json!({ "format": "iss_sub", "iss": "a", "sub": "ann" });
        json!({ "iss": "a", "jti": "1", "iat": NOW, "sub_id": subject, "events": { REVOKED: {} } })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = valid();
        claims[name] = value;
        claims
    }

    fn read(claims: &Value) -> Result<usize, SetError> {
        EventToken::read(&claims.to_string(), Duration::from_secs(NOW)).map(|token| token.events.len())
    }

    #[test]
    fn a_token_has_iss_jti_iat_and_events_and_neither_sub_nor_exp() {
        assert_eq!(read(&valid()), Ok(1));
        for name in ["iss", "jti", "iat"] {
            let mut claims = valid();
            claims.as_object_mut().unwrap().remove(name);
            let missing = match name {
                "iss" => TokenError::claim_missing("iss"),
                "jti" => TokenError::claim_missing("jti"),
                _ => TokenError::claim_missing("iat"),
            };
            assert_eq!(read(&claims), Err(missing.into()), "{name}");
            assert!(read(&with(name, json!(null))).is_err(), "{name}");
        }
        for events in [json!(null), json!({}), json!([]), json!(REVOKED)] {
            assert_eq!(read(&with("events", events)), Err(SetError::Events));
        }
        assert_eq!(read(&with("sub", json!("ann"))), Err(TokenError::claim_invalid("sub").into()));
        assert_eq!(read(&with("exp", json!(NOW + 60))), Err(TokenError::claim_invalid("exp").into()));
        assert_eq!(read(&with("unknown", json!([1]))), Ok(1));
    }

    #[test]
    fn only_a_known_event_needs_a_subject() {
        for subject in [json!(null), json!({}), json!("ann")] {
            assert_eq!(read(&with("sub_id", subject.clone())), Err(SetError::Subject), "{subject}");
            let mut other = with("sub_id", subject);
            other["events"] = json!({ "https://example.com/event": {} });
            assert_eq!(read(&other), Ok(1));
        }
    }

    #[test]
    fn a_token_dated_more_than_five_minutes_in_the_future_is_rejected_and_an_old_one_is_not() {
        let future = Err(TokenError::IssuedInFuture.into());
        for name in ["iat", "toe"] {
            assert_eq!(read(&with(name, json!(NOW + 300))), Ok(1), "{name}");
            assert_eq!(read(&with(name, json!(NOW + 301))), future, "{name}");
            assert_eq!(read(&with(name, json!(NOW - 86_400))), Ok(1), "{name}");
        }
        let event = |time: u64| with("events", json!({ REVOKED: { "event_timestamp": time } }));
        assert_eq!((read(&event(NOW + 300)), read(&event(NOW + 301))), (Ok(1), Err(SetError::EventInFuture)));
        let other = json!({ "https://example.com/event": { "event_timestamp": NOW + 301 } });
        assert_eq!(read(&with("events", other)), Ok(1));
    }
}
