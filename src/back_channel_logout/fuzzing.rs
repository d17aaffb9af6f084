//! The fuzz target of this module's parsers. It panics if an invariant is violated.

use std::time::Duration;

use serde_json::Value;

use crate::back_channel_logout::error::LogoutError;
use crate::back_channel_logout::form::logout_token;
use crate::back_channel_logout::logout_token::{LogoutToken, Target};

/// Reads a form: an appended token is the only one, or makes the form invalid.
pub(crate) fn form(data: &[u8]) {
    let found = logout_token(data);
    let appended = logout_token(&[data, b"&logout_token=a.b.c"].concat());
    if std::str::from_utf8(data).is_ok() {
        assert_eq!(appended.is_ok(), found == Err(LogoutError::TokenMissing));
        assert!(appended.is_err() || appended.as_deref() == Ok("a.b.c"));
    } else {
        assert!(found.is_err() && appended.is_err());
    }
}

/// Reads claims: what is revoked is what every JSON parser reads as `sid`, else as `sub`.
pub(crate) fn claims(text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let now = value["iat"].as_u64().map(Duration::from_secs).unwrap_or_default();
    let Ok(token) = LogoutToken::read(text, now) else { return };
    assert_eq!(value["iss"].as_str(), Some(&*token.issuer));
    assert!(value.get("nonce").is_none() && value["jti"].is_string());
    assert!(value["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
    assert!(value["exp"].as_f64().is_some_and(|exp| exp > now.as_secs_f64()));
    match token.target {
        Target::Session(id) => assert_eq!(value["sid"].as_str(), Some(&*id)),
        Target::Subject(id) => assert!(value.get("sid").is_none() && value["sub"].as_str() == Some(&*id)),
    }
}
