//! Claims that are strings, in logout tokens and security event tokens, which are read strictly.

use std::borrow::Cow;

use crate::gate::TokenError;
use crate::strict_json::{Object, string};

/// Returns a claim that is a string, if it is present.
///
/// `null` does not count as absent: otherwise, a `sid` of null would end all sessions of the user.
///
/// # Errors
///
/// Returns [`TokenError::ClaimInvalid`] if it is anything else.
pub(crate) fn optional<'a>(claims: &Object<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let value = string(value).filter(|value| !value.is_empty());
    value.map(Some).ok_or_else(|| TokenError::claim_invalid(name))
}

/// Returns a claim that must be a string.
///
/// # Errors
///
/// Returns [`TokenError`] if it is missing or anything else.
pub(crate) fn required<'a>(claims: &Object<'a>, name: &'static str) -> Result<Cow<'a, str>, TokenError> {
    optional(claims, name)?.ok_or_else(|| TokenError::claim_missing(name))
}
