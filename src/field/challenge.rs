//! The `WWW-Authenticate` challenge of the bearer scheme (RFC 6750 §3, RFC 9110 §11.6.1).

use http::HeaderValue;

/// A challenge under construction; each parameter stands at most once, and the first call wins.
#[derive(Debug)]
pub(crate) struct Challenge {
    text: String,
    has_error: bool,
    has_scope: bool,
}

impl Challenge {
    /// The realm is written even when empty: a challenge has at least one parameter (RFC 6750 §3).
    pub(crate) fn bearer(realm: &str) -> Self {
        let mut challenge = Self { text: String::from("Bearer realm=\""), has_error: false, has_scope: false };
        challenge.text.extend(realm.chars().map(quotable));
        challenge.text.push('"');
        challenge
    }

    /// An empty description is left out.
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

    /// Scopes that are no scope-token are dropped; where none is left, so is the parameter.
    pub(crate) fn scope<'a>(mut self, scopes: impl IntoIterator<Item = &'a str>) -> Self {
        let scopes: Vec<&str> = scopes.into_iter().filter(|s| is_scope_token(s)).collect();
        if !self.has_scope && !scopes.is_empty() {
            self.has_scope = true;
            self.parameter("scope", scopes.join(" ").chars());
        }
        self
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        // `text` holds literals of this file and what `quotable` let through: visible ASCII and SP,
        // all of which a header value takes. The other arm exists so that no request can panic.
        HeaderValue::try_from(self.text).unwrap_or_else(|_| HeaderValue::from_static("Bearer realm=\"\""))
    }

    fn parameter(&mut self, name: &str, value: impl Iterator<Item = char>) {
        self.text.push_str(", ");
        self.text.push_str(name);
        self.text.push_str("=\"");
        self.text.extend(value.map(quotable));
        self.text.push('"');
    }
}

/// Whether `text` may stand in realm or error_description as it is: %x20-21 / %x23-5B / %x5D-7E.
pub(crate) fn is_quotable(text: &str) -> bool {
    text.chars().all(|c| quotable(c) == c)
}

/// RFC 6750 §3 allows neither `"` nor `\` in a value, so escaping would not do.
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
