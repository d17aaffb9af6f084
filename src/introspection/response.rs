//! `Introspection`: what the authorization server responds about a token (RFC 7662 §2.2).
//!
//! The functions here are pure. A response that is not exactly what the RFC describes is an error: it says nothing
//! about the token, so the token is neither accepted nor rejected as invalid.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};

use crate::claims::numeric_date;
use crate::field::content_type::has_content_type;
use crate::introspection::error::EndpointError;
use crate::strict_json::{Object, array, is_null, string};

/// The response of the authorization server about a token.
#[derive(Clone, Debug)]
pub(crate) enum Introspection {
    /// The token is unknown, expired, revoked, or not for this resource server. The server does not say which.
    Inactive,
    /// The token was active when the server responded.
    Active(Box<ActiveToken>),
}

/// What the server says about an active token.
///
/// The types of these members have been checked, not their values: a malformed member is an error of the response.
/// `null` and an empty string count as absent. No leeway has been added to a time.
#[derive(Clone, Debug)]
pub(crate) struct ActiveToken {
    /// All members: the text of a JSON object, which [`Object::parse`] accepts.
    pub(crate) claims: Arc<str>,
    /// `exp`, since 1970.
    pub(crate) expires_at: Option<Duration>,
    /// `nbf`, since 1970.
    pub(crate) not_before: Option<Duration>,
    /// `iat`, since 1970.
    pub(crate) issued_at: Option<Duration>,
    pub(crate) iss: Option<String>,
    /// `aud`: a string or an array of strings. Empty if it is absent.
    pub(crate) audiences: Vec<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) jti: Option<String>,
    pub(crate) token_type: TokenType,
    /// Whether the token has `cnf`, so that it is bound to a key that its holder must prove (RFC 7800).
    pub(crate) is_bound: bool,
}

/// The member `token_type`, without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// `Bearer`, or absent.
    Bearer,
    /// `DPoP` (RFC 9449 §6.2).
    Dpop,
    /// Another type, such as `N_A` or `refresh_token`.
    Other,
}

impl Introspection {
    /// Reads the text of a JSON object with the member `active`.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError::Malformed`].
    pub(crate) fn parse(text: &str) -> Result<Self, EndpointError> {
        let claims =
            Object::parse(text).ok_or(EndpointError::Malformed("it is not a JSON object with unique names"))?;
        // Only the literals: a server that sends `"false"` would otherwise activate all tokens.
        match claims.get("active") {
            Some("false") => Ok(Self::Inactive),
            Some("true") => Ok(Self::Active(Box::new(ActiveToken::read(text, &claims)?))),
            _ => Err(EndpointError::Malformed("`active`")),
        }
    }
}

impl ActiveToken {
    fn read(text: &str, claims: &Object<'_>) -> Result<Self, EndpointError> {
        let owned = |name| Ok(optional_text(claims, name)?.map(Cow::into_owned));
        let token_type = match optional_text(claims, "token_type")?.as_deref() {
            None => TokenType::Bearer,
            Some(name) if name.eq_ignore_ascii_case("Bearer") => TokenType::Bearer,
            Some(name) if name.eq_ignore_ascii_case("DPoP") => TokenType::Dpop,
            Some(_) => TokenType::Other,
        };
        Ok(Self {
            claims: text.into(),
            expires_at: optional_time(claims, "exp")?,
            not_before: optional_time(claims, "nbf")?,
            issued_at: optional_time(claims, "iat")?,
            iss: owned("iss")?,
            audiences: audiences(claims)?,
            client_id: owned("client_id")?,
            username: owned("username")?,
            jti: owned("jti")?,
            token_type,
            is_bound: member(claims, "cnf").is_some(),
        })
    }
}

/// Returns the body of a successful response with this content type. `None` if the server responds with an error that
/// means that the token is not active.
///
/// # Errors
///
/// Returns [`EndpointError`] if the status, the content type or the size is another one.
pub(crate) fn body<'a>(
    response: &'a Response<Vec<u8>>,
    content_type: &'static str,
) -> Result<Option<&'a str>, EndpointError> {
    if response.body().len() > MAX_BODY {
        return Err(EndpointError::TooLarge);
    }
    let body = std::str::from_utf8(response.body());
    let status = response.status();
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return Err(EndpointError::Credentials { status: status.as_u16() });
        }
        StatusCode::BAD_REQUEST => {
            // RFC 7009 §2.2.1 defines this code for tokens that the server does not store, such as JWTs. A caller can
            // cause it with any such token, so it must not look like an outage.
            return match error_code(body.unwrap_or_default()).as_deref() {
                Some("unsupported_token_type") => Ok(None),
                Some("invalid_client" | "unauthorized_client") => {
                    Err(EndpointError::Credentials { status: status.as_u16() })
                }
                _ => Err(EndpointError::Status(status.as_u16())),
            };
        }
        _ => return Err(EndpointError::Status(status.as_u16())),
    }
    if !has_content_type(response.headers(), content_type) {
        return Err(EndpointError::ContentType { expected: content_type });
    }
    body.map(Some).map_err(|_| EndpointError::Malformed("it is not UTF-8"))
}

/// Returns the member `error` of an error response (RFC 6749 §5.2).
fn error_code(text: &str) -> Option<String> {
    Object::parse(text)?.get("error").and_then(string).map(Cow::into_owned)
}

/// Returns the JSON text of a member that is present and not `null`.
fn member<'a>(claims: &Object<'a>, name: &str) -> Option<&'a str> {
    claims.get(name).filter(|value| !is_null(value))
}

fn optional_text<'a>(claims: &Object<'a>, name: &'static str) -> Result<Option<Cow<'a, str>>, EndpointError> {
    let Some(value) = member(claims, name) else { return Ok(None) };
    let text = string(value).ok_or(EndpointError::Malformed(name))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn optional_time(claims: &Object<'_>, name: &'static str) -> Result<Option<Duration>, EndpointError> {
    let Some(value) = member(claims, name) else { return Ok(None) };
    numeric_date::parse(value).map(Some).ok_or(EndpointError::Malformed(name))
}

fn audiences(claims: &Object<'_>) -> Result<Vec<String>, EndpointError> {
    let malformed = EndpointError::Malformed("aud");
    let Some(value) = member(claims, "aud") else { return Ok(Vec::new()) };
    if let Some(audience) = string(value) {
        return Ok(vec![audience.into_owned()]);
    }
    let texts = array(value).ok_or_else(|| malformed.clone())?;
    let texts = texts.into_iter().map(|text| string(text.get()).map(Cow::into_owned));
    texts.collect::<Option<_>>().ok_or(malformed)
}

/// The maximum size of a response. A token with thousands of scopes or groups fits.
pub(crate) const MAX_BODY: usize = 64 * 1024;

#[cfg(test)]
mod tests;
