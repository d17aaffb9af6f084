//! The registered claims (RFC 7519 §4.1): presence, then types, then values.
//!
//! Libraries that treat a claim of the wrong type as absent skip its check: `"exp": "never"` then means no expiry. Here
//! such a token is rejected, whether the claim is required or not. Only `null` is treated as absent, where the claim is
//! optional, and a `jti` that no check needs.

use std::borrow::Cow;
use std::time::Duration;

use crate::claims::audience;
use crate::claims::claim_path::ClaimPath;
use crate::claims::log_ignored_claim;
use crate::claims::numeric_date;
use crate::gate::TokenError;
use crate::strict_json::{Object, is_null, string};

/// The registered claims of a token that passed [`check`].
#[derive(Debug)]
pub(crate) struct RegisteredClaims<'a> {
    /// Since 1970.
    pub(crate) expires_at: Duration,
    /// Since 1970.
    pub(crate) issued_at: Option<Duration>,
    pub(crate) token_id: Option<Cow<'a, str>>,
}

/// What the registered claims of a token must match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The issuer, for the log.
    pub(crate) issuer: &'a str,
    /// The claim with the audience: `aud`, except for issuers that do not send it (Cognito).
    pub(crate) audience_claim: &'a ClaimPath,
    pub(crate) audiences: &'a [String],
    /// A prefix of further audiences that are accepted.
    pub(crate) audience_prefix: Option<&'static str>,
    /// Whether a token without an audience is accepted.
    pub(crate) allows_missing_audience: bool,
    /// Since 1970.
    pub(crate) now: Duration,
    pub(crate) leeway: Duration,
}

/// Returns `iss`, which is required and a string.
///
/// Optional in RFC 7519 §4.1.1, but it selects the keys (RFC 8725 §3.8).
///
/// # Errors
///
/// Returns [`TokenError::ClaimMissing`] or [`TokenError::ClaimInvalid`].
pub(crate) fn issuer<'a>(claims: &Object<'a>) -> Result<Cow<'a, str>, TokenError> {
    let iss = claims.get("iss").ok_or_else(|| TokenError::claim_missing("iss"))?;
    string(iss).filter(|iss| !iss.is_empty()).ok_or_else(|| TokenError::claim_invalid("iss"))
}

/// Checks all registered claims except `iss` and `sub`. The user's id is read later, from `sub` or another claim.
///
/// `exp` and the audience are required, although they are optional in RFC 7519: a token without them would be valid
/// forever and everywhere. The profile may require more.
///
/// # Errors
///
/// Returns the first error. Malformed claims come before the checks of values, so that a token with both is malformed
/// at any time.
pub(crate) fn check<'a>(claims: &Object<'a>, expected: Expected<'_>) -> Result<RegisteredClaims<'a>, TokenError> {
    let exp = claims.get("exp").ok_or_else(|| TokenError::claim_missing("exp"))?;
    let expires_at = numeric_date::parse(exp).ok_or_else(|| TokenError::claim_invalid("exp"))?;
    let not_before = date_or_null(claims, "nbf", expected.issuer)?;
    let issued_at = date_or_null(claims, "iat", expected.issuer)?;
    let token_id = optional_text(claims, "jti", expected.issuer);
    // RFC 7800 §3.1: only the holder of this key may use the token. Sent as a bearer token it proves no possession, and
    // accepting it would turn a stolen one into a valid one.
    match claims.get("cnf") {
        Some(cnf) if is_null(cnf) => log_ignored_claim(expected.issuer, "cnf"),
        Some(_) => return Err(TokenError::Confirmation),
        None => {}
    }
    if !has_expected_audience(claims, expected)? {
        return Err(TokenError::Audience);
    }
    // RFC 7519 §4.1.4: the current time must be before `exp`, so a token is invalid at the second that it names. The
    // issuer's clock may differ by the leeway in either direction.
    if expected.now >= expires_at.saturating_add(expected.leeway) {
        return Err(TokenError::Expired);
    }
    let latest = expected.now.saturating_add(expected.leeway);
    if not_before.is_some_and(|time| time > latest) {
        return Err(TokenError::NotYetValid);
    }
    // RFC 7519 §4.1.6 does not require this check. A token from the future means that a clock is wrong, or that someone
    // who can sign prepares tokens for later.
    if issued_at.is_some_and(|time| time > latest) {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(RegisteredClaims { expires_at, issued_at, token_id })
}

/// Whether the audience, a string or an array of strings, includes an expected one, byte for byte (RFC 7519 §4.1.3).
fn has_expected_audience(claims: &Object<'_>, expected: Expected<'_>) -> Result<bool, TokenError> {
    let claim = expected.audience_claim;
    let value = match claim.find(claims)? {
        Some(value) => value,
        None if expected.allows_missing_audience => return Ok(true),
        None => return Err(claim.missing()),
    };
    let has_prefix = |audience: &str| {
        let rest = expected.audience_prefix.and_then(|prefix| audience.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty())
    };
    let is_expected = |audience: &str| expected.audiences.iter().any(|own| own == audience) || has_prefix(audience);
    audience::contains(value, is_expected).ok_or_else(|| claim.invalid())
}

/// Returns a claim that no check needs. A value that is not a nonempty string is read as absent.
fn optional_text<'a>(claims: &Object<'a>, name: &'static str, issuer: &str) -> Option<Cow<'a, str>> {
    let text = string(claims.get(name)?).filter(|text| !text.is_empty());
    if text.is_none() {
        log_ignored_claim(issuer, name);
    }
    text
}

/// Returns a claim that must be a date if it is present and not `null`.
fn date_or_null(claims: &Object<'_>, name: &'static str, issuer: &str) -> Result<Option<Duration>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    if is_null(value) {
        log_ignored_claim(issuer, name);
        return Ok(None);
    }
    numeric_date::parse(value).map(Some).ok_or_else(|| TokenError::claim_invalid(name))
}

#[cfg(test)]
mod tests;
