//! `AuthScheme`: an authentication scheme that an app accepts, and how a challenge names it.

use crate::error::{ConfigError, ConfigIssue, IssueKind};
use crate::field::challenge::is_quotable;
use crate::field::token::is_token;

/// An authentication scheme that a [`Realm`](crate::context::Realm) accepts, and the parameters of its challenge (RFC
/// 9110 §11.1 and §11.6.1).
///
/// ```
/// use portcullis::context::{AuthScheme, Realm};
/// use portcullis::gate::{Denial, DenialKind};
///
/// let dpop = AuthScheme::new("DPoP")?.parameter("algs", "ES256 EdDSA")?;
/// let realm = Realm::new("api").with_schemes([dpop, AuthScheme::bearer()]);
/// let denial = Denial::new(DenialKind::CredentialsMissing, realm);
/// let challenges: Vec<_> = denial.challenges().collect();
/// assert_eq!(challenges[0], "DPoP realm=\"api\", algs=\"ES256 EdDSA\"");
/// assert_eq!(challenges[1], "Bearer realm=\"api\"");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthScheme {
    name: Box<str>,
    parameters: Vec<(Box<str>, Box<str>)>,
    has_error_parameters: bool,
}

impl AuthScheme {
    /// Creates a scheme of this name, for example `ApiKey` or `Basic`.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the name is not a token (RFC 9110 §5.6.2).
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        if !is_token(name.as_bytes()) {
            let reason = "not the name of a scheme";
            return Err(issue("AuthScheme::new", name, reason, "use a token, for example ApiKey"));
        }
        Ok(Self::of(name))
    }

    /// Creates the scheme `Bearer` (RFC 6750).
    #[must_use]
    pub fn bearer() -> Self {
        Self::of("Bearer")
    }

    fn of(name: &str) -> Self {
        Self { name: name.into(), parameters: Vec::new(), has_error_parameters: false }
    }

    /// Adds a parameter to the challenges of the scheme, for example `charset` (RFC 7617) or `algs` (RFC 9449).
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the name is not a token, if the challenge has this parameter already, or if the value
    /// has characters outside printable ASCII, a quote or a backslash. `realm`, `error`, `error_description` and
    /// `scope` are written by the crate.
    pub fn parameter(mut self, name: &str, value: &str) -> Result<Self, ConfigError> {
        const SETTING: &str = "AuthScheme::parameter";
        let has = |known: &str| known.eq_ignore_ascii_case(name);
        if !is_token(name.as_bytes()) {
            return Err(issue(SETTING, name, "not the name of a parameter", "use a token, for example algs"));
        }
        if RESERVED.into_iter().any(has) {
            return Err(issue(SETTING, name, "the crate writes this parameter", "remove it"));
        }
        if self.parameters.iter().any(|(known, _)| has(known)) {
            return Err(issue(SETTING, name, "a duplicate parameter", "add it once"));
        }
        if !is_quotable(value) {
            let remedy = "use printable ASCII without quotes and backslashes";
            return Err(issue(SETTING, value, "not allowed in a challenge", remedy));
        }
        self.parameters.push((name.into(), value.into()));
        Ok(self)
    }

    /// Adds the parameters `error`, `error_description` and `scope` of RFC 6750 §3 to the challenges of rejections.
    ///
    /// `Bearer` and `DPoP` always have them. Call it for a scheme of your own. Registered schemes such as `Basic` define
    /// their own parameters.
    ///
    /// ```
    /// use portcullis::context::{AuthScheme, Realm};
    /// use portcullis::gate::{Denial, DenialKind};
    ///
    /// let scheme = AuthScheme::new("ApiKey")?.with_error_parameters();
    /// let realm = Realm::default().with_schemes([scheme]);
    /// let denial = Denial::new(DenialKind::InvalidCredential, realm);
    /// let challenge = "ApiKey realm=\"api\", error=\"invalid_token\", \
    ///                  error_description=\"the credential is invalid\"";
    /// assert!(denial.challenges().eq([challenge]));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_error_parameters(self) -> Self {
        Self { has_error_parameters: true, ..self }
    }

    pub(super) fn has_error_parameters(&self) -> bool {
        self.has_error_parameters
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_bearer(&self) -> bool {
        self.name.eq_ignore_ascii_case("Bearer")
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// The parameters that a challenge has anyway, or gets with an error (RFC 6750 §3).
const RESERVED: [&str; 4] = ["realm", "error", "error_description", "scope"];

fn issue(setting: &'static str, value: &str, reason: &'static str, remedy: &'static str) -> ConfigError {
    ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy).with_value(value).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_that_would_break_a_challenge_are_errors() {
        for name in ["", "Api Key", "a,b", "a=b", "\u{e4}"] {
            assert!(AuthScheme::new(name).is_err(), "{name}");
            assert!(AuthScheme::bearer().parameter(name, "x").is_err(), "{name}");
        }
        for name in ["realm", "Error", "error_description", "SCOPE"] {
            assert!(AuthScheme::bearer().parameter(name, "x").is_err(), "{name}");
        }
        for value in ["a\"b", "a\\", "a\r\nb", "\u{e4}"] {
            assert!(AuthScheme::bearer().parameter("a", value).is_err(), "{value}");
        }
        assert!(AuthScheme::bearer().parameter("a", "x").unwrap().parameter("A", "y").is_err());
        assert!(AuthScheme::bearer().parameter("a", "").unwrap().parameter("b", "").is_ok());
    }
}
