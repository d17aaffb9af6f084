//! The form in which a logout token arrives (OpenID Connect Back-Channel Logout 1.0 §2.5).

use crate::back_channel_logout::error::LogoutError;

/// Returns the value of the only `logout_token` of a form. Other fields are ignored.
///
/// # Errors
///
/// Returns [`LogoutError`] if the form is not UTF-8, or has no `logout_token` or several.
pub(super) fn logout_token(body: &[u8]) -> Result<String, LogoutError> {
    // The library would replace invalid UTF-8.
    if std::str::from_utf8(body).is_err() {
        return Err(LogoutError::Encoding);
    }
    let mut values = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token").map(|(_, value)| value);
    let token = values.next().ok_or(LogoutError::TokenMissing)?;
    if values.next().is_some() {
        return Err(LogoutError::TokenRepeated);
    }
    Ok(token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_logout_token_is_returned_and_other_fields_are_ignored() {
        for form in
            ["logout_token=a.b.c", "state=1&logout_token=a.b.c&&x", "logout%5Ftoken=a%2Eb.c", "b&logout_token=a.b.c"]
        {
            assert_eq!(logout_token(form.as_bytes()), Ok("a.b.c".to_owned()), "{form}");
        }
    }

    #[test]
    fn missing_and_repeated_tokens_are_rejected() {
        for form in ["", "logout_tokens=a", "token=a", "LOGOUT_TOKEN=a", "logout_token%3Da", "logout_token;=a"] {
            assert_eq!(logout_token(form.as_bytes()), Err(LogoutError::TokenMissing), "{form}");
        }
        for form in ["logout_token=a&logout_token=a", "logout_token=a&logout%5ftoken=b", "logout_token&logout_token="] {
            assert_eq!(logout_token(form.as_bytes()), Err(LogoutError::TokenRepeated), "{form}");
        }
        assert_eq!(logout_token(b"logout_token=a\xff"), Err(LogoutError::Encoding));
        assert_eq!(logout_token(b"logout_token=a&x=\xc3\x28"), Err(LogoutError::Encoding));
    }
}
