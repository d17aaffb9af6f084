//! The fuzz target of this module's parser. It panics if an invariant is violated.

use std::time::Duration;

use serde_json::Value;

use crate::shared_signals::subject::Target;
use crate::shared_signals::token::EventToken;

/// Reads claims: what is revoked is what every JSON parser reads in `sub_id`, and nothing in the future is accepted.
pub fn security_event(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let now = value["iat"].as_u64().map(Duration::from_secs).unwrap_or_default();
    let Ok(token) = EventToken::read(text, now) else { return };
    assert_eq!((value["iss"].as_str(), value["jti"].as_str()), (Some(&*token.issuer), Some(&*token.id)));
    assert!(value.get("sub").is_none() && value.get("exp").is_none());
    assert!(!token.events.is_empty());
    for event in &token.events {
        assert!(value["events"][&event.event_type].is_object());
        assert!(!event.needs_subject() || token.subject.is_some());
    }
    let Some(subject) = &token.subject else { return };
    let sub_id = &value["sub_id"];
    assert_eq!(sub_id["format"].as_str(), Some(subject.format()));
    match subject.target(&["device".to_owned()]) {
        Ok(Target::Session { id, .. }) => {
            let session = &sub_id["session"];
            assert!([&session["id"], &session["sub"]].iter().any(|value| value.as_str() == Some(&id)));
        }
        Ok(Target::Token { issuer, id }) => {
            let named = if sub_id["format"] == "complex" { &sub_id["user"] } else { sub_id };
            assert_eq!((named["iss"].as_str(), named["jti"].as_str()), (Some(&*issuer), Some(&*id)));
        }
        Ok(Target::User { issuer, id }) => {
            let named = if sub_id["format"] == "complex" { &sub_id["user"] } else { sub_id };
            assert_eq!((named["iss"].as_str(), named["sub"].as_str()), (Some(&*issuer), Some(&*id)));
        }
        Ok(Target::Discarded) => assert!(sub_id.get("device").is_some()),
        Ok(Target::Unknown) => {}
        Err(error) => panic!("a subject that was parsed is malformed: {error:?}"),
    }
}
