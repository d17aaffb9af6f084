//! The `WWW-Authenticate` challenge of the bearer scheme (RFC 6750 §3, RFC 9110 §11.6.1).
//!
//! Realms, descriptions and scopes may come from the app or, through a scope that a handler checks, from a caller.
//! Whatever they contain, the challenge stays one header with the intended parameters.

use http::HeaderValue;

/// Builds a challenge. Each parameter is written at most once, and the first call takes effect.
#[derive(Debug)]
pub(crate) struct Challenge {
    text: String,
    has_error: bool,
    has_scope: bool,
}

impl Challenge {
    /// Starts a challenge with its realm, even an empty one: a challenge has at least one parameter (RFC 6750 §3).
    pub(crate) fn bearer(realm: &str) -> Self {
        let mut challenge = Self { text: String::from("Bearer realm=\""), has_error: false, has_scope: false };
        challenge.text.extend(realm.chars().map(quotable));
        challenge.text.push('"');
        challenge
    }

    /// Adds the error code and its description. An empty description is omitted.
    pub(crate) fn error(mut self, code: &str, description: &str) -> Self {
        if !self.has_error {
            self.has_error = true;
            self.parameter("error", code.chars());
            if !description.is_empty() {
                self.parameter("error_description", description.chars());
            }
        }
        self
    }

    /// Adds the required scopes. Invalid scope tokens are dropped; the parameter is omitted if no scope remains.
    pub(crate) fn scope<'a>(mut self, scopes: impl IntoIterator<Item = &'a str>) -> Self {
        let scopes: Vec<&str> = scopes.into_iter().filter(|s| is_scope_token(s)).collect();
        if !self.has_scope && !scopes.is_empty() {
            self.has_scope = true;
            self.parameter("scope", scopes.join(" ").chars());
        }
        self
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        // `text` has only literals of this file and output of `quotable`: visible ASCII and spaces, which are always
        // valid. The fallback exists so that no request can panic.
        HeaderValue::try_from(self.text).unwrap_or_else(|_| HeaderValue::from_static("Bearer realm=\"\""))
    }

    /// Writes `, name="value"`.
    fn parameter(&mut self, name: &str, value: impl Iterator<Item = char>) {
        self.text.push_str(", ");
        self.text.push_str(name);
        self.text.push_str("=\"");
        self.text.extend(value.map(quotable));
        self.text.push('"');
    }
}

/// Whether `text` is valid in a realm or an error description: `%x20-21 / %x23-5B / %x5D-7E`.
pub(crate) fn is_quotable(text: &str) -> bool {
    text.chars().all(|c| quotable(c) == c)
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
