//! `LogoutToken`: the claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6).

use std::borrow::Cow;
use std::time::Duration;

use crate::claims::{numeric_date, text};
use crate::clock::MAX_LEEWAY;
use crate::gate::TokenError;
use crate::strict_json::Object;

/// What a logout token says. Its signature, its issuer and its audience have been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogoutToken<'a> {
    pub(super) issuer: Cow<'a, str>,
    pub(super) target: Target<'a>,
    /// Since 1970.
    pub(super) issued_at: Duration,
}

/// What a logout token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// One session: `sid`, with or without `sub`.
    Session(Cow<'a, str>),
    /// All sessions of a user: `sub` alone.
    Subject(Cow<'a, str>),
}

impl<'a> LogoutToken<'a> {
    /// Reads claims. `now` is the time since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError`] if they are not those of a logout token, or if it is not current.
    pub(super) fn read(claims: &'a str, now: Duration) -> Result<Self, TokenError> {
        let claims = Object::parse(claims).ok_or(TokenError::Claims)?;
        // An ID token may have it. Without this rule, a logout token could be used as one.
        if claims.get("nonce").is_some() {
            return Err(TokenError::claim_invalid("nonce"));
        }
        check_events(&claims)?;
        let issued_at = numeric_date::required(&claims, "iat")?;
        check_times(issued_at, numeric_date::required(&claims, "exp")?, now)?;
        text::required(&claims, "jti")?;
        let issuer = text::required(&claims, "iss")?;
        let subject = text::optional(&claims, "sub")?;
        let target = match (text::optional(&claims, "sid")?, subject) {
            (Some(session), _) => Target::Session(session),
            (None, Some(subject)) => Target::Subject(subject),
            (None, None) => return Err(TokenError::claim_missing("sub")),
        };
        Ok(Self { issuer, target, issued_at })
    }
}

/// Checks that `events` says that this is a logout token. Other events are ignored.
fn check_events(claims: &Object<'_>) -> Result<(), TokenError> {
    let events = claims.get("events").ok_or_else(|| TokenError::claim_missing("events"))?;
    let event = Object::parse(events).and_then(|events| events.get(LOGOUT_EVENT).map(str::to_owned));
    // The event is usually an empty object.
    let is_logout = event.is_some_and(|event| Object::parse(&event).is_some());
    if is_logout { Ok(()) } else { Err(TokenError::claim_invalid("events")) }
}

/// Checks that the token was issued within the last minutes and has not expired.
fn check_times(issued_at: Duration, expires_at: Duration, now: Duration) -> Result<(), TokenError> {
    if issued_at > now.saturating_add(MAX_LEEWAY) {
        return Err(TokenError::IssuedInFuture);
    }
    if expires_at <= now || issued_at.saturating_add(MAX_LEEWAY) < now {
        return Err(TokenError::Expired);
    }
    Ok(())
}

const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
