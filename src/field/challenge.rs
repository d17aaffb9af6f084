//! The challenges of `WWW-Authenticate` (RFC 9110 §11.6.1), with the error parameters of RFC 6750 §3.
//!
//! Realms, descriptions and scopes may come from the app or, through a scope that a handler checks, from a caller.
//! Whatever they contain, a challenge stays one header value with the intended parameters.

use http::HeaderValue;

use super::authorization::split_scheme;

/// The challenge of one authentication scheme, without the parameters that depend on the rejection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    header: HeaderValue,
    /// With the error parameters for an invalid credential, which are the same for every request.
    invalid_credential: HeaderValue,
    /// Whether the scheme has the error parameters of RFC 6750.
    has_error_parameters: bool,
}

/// The challenge `Bearer realm="api"`.
pub(crate) static BEARER_API: Challenge = Challenge {
    header: HeaderValue::from_static("Bearer realm=\"api\""),
    invalid_credential: HeaderValue::from_static(
        "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the credential is invalid\"",
    ),
    has_error_parameters: true,
};

impl Challenge {
    /// Creates the challenge of this scheme, which is a token. The realm is written even if it is empty: a challenge of
    /// the bearer scheme has at least one parameter (RFC 6750 §3). The names of the parameters are tokens.
    pub(crate) fn new<'a>(scheme: &str, realm: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut text = format!("{scheme} realm=\"");
        push_quotable(&mut text, realm);
        text.push('"');
        for (name, value) in parameters {
            push_parameter(&mut text, name, value);
        }
        Self::of(header(text), has_error_parameters(scheme))
    }

    fn of(header: HeaderValue, has_error_parameters: bool) -> Self {
        let challenge = Self { invalid_credential: header.clone(), header, has_error_parameters };
        Self { invalid_credential: challenge.with_error("invalid_token", INVALID_CREDENTIAL, []), ..challenge }
    }

    /// Adds the error parameters of RFC 6750 to the rejections of a scheme that has none of its own.
    pub(crate) fn with_error_parameters(self) -> Self {
        Self::of(self.header, true)
    }

    /// Whether this header value has a challenge of the same scheme. Names of schemes have no case (RFC 9110 §11.1).
    pub(crate) fn has_scheme_of(&self, other: &HeaderValue) -> bool {
        split_scheme(self.header.as_bytes()).0.eq_ignore_ascii_case(split_scheme(other.as_bytes()).0)
    }

    /// Whether it is a challenge of this scheme.
    pub(crate) fn is_of(&self, scheme: &str) -> bool {
        split_scheme(self.header.as_bytes()).0.eq_ignore_ascii_case(scheme.as_bytes())
    }

    /// Returns the challenge to a request without a credential.
    pub(crate) fn without_error(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Returns the challenge to a request with an invalid credential, as [`with_error`](Self::with_error) does.
    pub(crate) fn with_invalid_credential(&self) -> HeaderValue {
        self.invalid_credential.clone()
    }

    /// Returns the challenge with this error code, its description and the required scopes, if its scheme has these
    /// parameters. An empty description is omitted. Invalid scope tokens are dropped; the parameter is omitted if no
    /// scope remains.
    pub(crate) fn with_error<'a>(
        &self,
        code: &str,
        description: &str,
        scopes: impl IntoIterator<Item = &'a str>,
    ) -> HeaderValue {
        if !self.has_error_parameters {
            return self.header.clone();
        }
        let base = self.header.to_str().unwrap_or_default();
        let mut text = String::with_capacity(base.len() + USUAL_ERROR_LEN);
        text.push_str(base);
        push_parameter(&mut text, "error", code);
        if !description.is_empty() {
            push_parameter(&mut text, "error_description", description);
        }
        let scopes: Vec<&str> = scopes.into_iter().filter(|scope| is_scope_token(scope)).collect();
        if !scopes.is_empty() {
            push_parameter(&mut text, "scope", &scopes.join(" "));
        }
        header(text)
    }
}

/// The description of the error of an invalid credential. It does not say what is wrong with it.
pub(crate) const INVALID_CREDENTIAL: &str = "the credential is invalid";

/// The length of nearly all error parameters, so that the text is allocated once.
const USUAL_ERROR_LEN: usize = 128;

/// Whether the scheme has the error parameters of RFC 6750 §3: `Bearer`, and `DPoP` (RFC 9449 §7.1). Another scheme may
/// define parameters of these names with another meaning.
fn has_error_parameters(scheme: &str) -> bool {
    ["Bearer", "DPoP"].iter().any(|known| known.eq_ignore_ascii_case(scheme))
}

/// Writes `, name="value"`.
fn push_parameter(text: &mut String, name: &str, value: &str) {
    text.push_str(", ");
    text.push_str(name);
    text.push_str("=\"");
    push_quotable(text, value);
    text.push('"');
}

fn push_quotable(text: &mut String, value: &str) {
    if is_quotable(value) {
        text.push_str(value);
    } else {
        text.extend(value.chars().map(quotable));
    }
}

fn header(text: String) -> HeaderValue {
    // `text` has only tokens, literals of this file and output of `quotable`: visible ASCII and spaces, which are
    // always valid. The fallback exists so that no request can panic.
    HeaderValue::try_from(text).unwrap_or(BEARER_API.header.clone())
}

/// Whether `text` is valid in a realm or an error description: `%x20-21 / %x23-5B / %x5D-7E`.
pub(crate) fn is_quotable(text: &str) -> bool {
    // A fold without branches, so that the compiler checks many bytes at once.
    text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\'))
}

/// Replaces a character that is not valid. Escaping would not help: RFC 6750 §3 allows neither `"` nor `\` in a value.
fn quotable(c: char) -> char {
    match c {
        '"' => '\'',
        '\\' => '?',
        ' '..='~' => c,
        _ => '?',
    }
}

/// `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )` (RFC 6749 §3.3).
fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ') && is_quotable(text)
}

#[cfg(test)]
mod tests;
