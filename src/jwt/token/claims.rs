//! The registered claims (RFC 7519 §4.1), judged: presence first, then types, then values.

use std::borrow::Cow;
use std::time::Duration;

use crate::gate::TokenError;
use crate::jwt::strict_json::{Object, array, string};
use crate::jwt::token::numeric_date;

/// What the registered claims of an accepted token say.
#[derive(Debug)]
pub(crate) struct RegisteredClaims<'a> {
    pub(crate) expires_at: Duration,
    pub(crate) token_id: Option<Cow<'a, str>>,
}

/// Who a token must be for, and when it is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The claim that names the audience: `aud`, but for issuers that have none.
    pub(crate) audience_claim: &'static str,
    pub(crate) audiences: &'a [String],
    pub(crate) now: Duration,
    pub(crate) leeway: Duration,
}

/// The claim that names the issuer, which must be there and a string.
pub(crate) fn issuer<'a>(claims: &Object<'a>) -> Result<Cow<'a, str>, TokenError> {
    text(claims, "iss")?.ok_or(TokenError::ClaimMissing("iss"))
}

/// Judges all registered claims but `iss`. A malformed claim is never taken for an absent one.
pub(crate) fn judge<'a>(claims: &Object<'a>, expected: Expected<'_>) -> Result<RegisteredClaims<'a>, TokenError> {
    let expires_at = date(claims, "exp")?.ok_or(TokenError::ClaimMissing("exp"))?;
    let not_before = date(claims, "nbf")?;
    let issued_at = date(claims, "iat")?;
    let token_id = text(claims, "jti")?;
    text(claims, "sub")?;
    // RFC 7800 §3.1: the token is good only in the hands of the key's holder, and nothing here can tell who that is.
    if claims.get("cnf").is_some() {
        return Err(TokenError::Confirmation);
    }
    if !names_audience(claims, expected)? {
        return Err(TokenError::Audience);
    }
    if expected.now >= expires_at.saturating_add(expected.leeway) {
        return Err(TokenError::Expired);
    }
    let latest = expected.now.saturating_add(expected.leeway);
    if not_before.is_some_and(|time| time > latest) {
        return Err(TokenError::NotYetValid);
    }
    if issued_at.is_some_and(|time| time > latest) {
        return Err(TokenError::IssuedInFuture);
    }
    Ok(RegisteredClaims { expires_at, token_id })
}

/// RFC 7519 §4.1.3: one string or an array of strings, one of which is ours, byte for byte.
fn names_audience(claims: &Object<'_>, expected: Expected<'_>) -> Result<bool, TokenError> {
    let name = expected.audience_claim;
    let malformed = TokenError::ClaimInvalid(name);
    let value = claims.get(name).ok_or(TokenError::ClaimMissing(name))?;
    let is_ours = |audience: &str| expected.audiences.iter().any(|ours| ours == audience);
    if let Some(audience) = string(value) {
        return if audience.is_empty() { Err(malformed) } else { Ok(is_ours(&audience)) };
    }
    let mut found = false;
    let audiences = array(value).filter(|audiences| !audiences.is_empty()).ok_or(malformed)?;
    for audience in audiences {
        let audience = string(audience.get()).filter(|audience| !audience.is_empty()).ok_or(malformed)?;
        found |= is_ours(&audience);
    }
    Ok(found)
}

/// A claim that is a string of at least one character where it is there at all.
fn text<'a>(claims: &Object<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let text = string(value).filter(|text| !text.is_empty());
    text.map(Some).ok_or(TokenError::ClaimInvalid(name))
}

pub(crate) fn date(claims: &Object<'_>, name: &'static str) -> Result<Option<Duration>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    numeric_date::parse(value).map(Some).ok_or(TokenError::ClaimInvalid(name))
}

#[cfg(test)]
mod tests;
