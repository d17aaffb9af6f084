//! `SessionCookie`: the name and the attributes of the cookie, and the `Set-Cookie` that sets or clears it.

use http::HeaderValue;

use crate::session::secret::SessionSecret;

/// The cookie of a session (RFC 6265bis §4.1).
///
/// By default it is sent only to this host and only over https. Scripts never see it. Setting and clearing use the same
/// attributes, because a cookie with another path or domain is another cookie to the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionCookie {
    pub(super) name: Box<str>,
    pub(super) domain: Option<Box<str>>,
    /// Whether the cookie is sent over http too.
    pub(super) is_insecure: bool,
    pub(super) is_strict: bool,
}

impl SessionCookie {
    /// Returns the default name, with the prefix that fits the attributes (RFC 6265bis §4.1.3).
    pub(super) fn default_name(has_domain: bool, is_insecure: bool) -> &'static str {
        match (has_domain, is_insecure) {
            (_, true) => "session",
            (true, false) => "__Secure-session",
            (false, false) => "__Host-session",
        }
    }

    /// Returns the `Set-Cookie` of a session. `max_age` is in seconds; without it, the browser keeps
    /// the cookie until it is closed.
    pub(super) fn set(&self, secret: &SessionSecret, max_age: Option<u64>) -> HeaderValue {
        self.render(secret.as_str(), "/", max_age.map(|max_age| max_age.min(MAX_AGE)))
    }

    /// Returns the `Set-Cookie` that clears the cookie.
    pub(super) fn clear(&self) -> HeaderValue {
        self.clear_at("/")
    }

    /// Returns the `Set-Cookie` that clears the cookie of another path.
    pub(super) fn clear_at(&self, path: &str) -> HeaderValue {
        self.render("", path, Some(0))
    }

    /// Returns the `Set-Cookie`s that clear the cookie, and if it has a domain, also the one of this host.
    pub(super) fn clear_all(&self) -> impl Iterator<Item = HeaderValue> {
        let of_host = self.domain.as_ref().map(|_| Self { domain: None, ..self.clone() }.clear());
        std::iter::once(self.clear()).chain(of_host)
    }

    fn render(&self, value: &str, path: &str, max_age: Option<u64>) -> HeaderValue {
        let mut text = format!("{}={value}; Path={path}", self.name);
        if let Some(domain) = &self.domain {
            text.extend(["; Domain=", domain]);
        }
        if let Some(max_age) = max_age {
            text.extend(["; Max-Age=", &max_age.to_string()]);
        }
        if !self.is_insecure {
            text.push_str("; Secure");
        }
        text.push_str(if self.is_strict { "; HttpOnly; SameSite=Strict" } else { "; HttpOnly; SameSite=Lax" });
        // The name and the domain were validated, the value is base64url, and the path is that of a request.
        let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// 400 days in seconds: browsers reduce a longer age (RFC 6265bis §5.5).
const MAX_AGE: u64 = 400 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(domain: Option<&str>, is_insecure: bool) -> SessionCookie {
        let name = SessionCookie::default_name(domain.is_some(), is_insecure).into();
        SessionCookie { name, domain: domain.map(Into::into), is_insecure, is_strict: false }
    }

    #[test]
    fn the_cookie_is_for_this_host_over_https_and_hidden_from_scripts() {
        let secret = SessionSecret::random().unwrap();
        let value = cookie(None, false).set(&secret, None);
        let expected = format!("__Host-session={}; Path=/; Secure; HttpOnly; SameSite=Lax", secret.as_str());
        assert_eq!(value, expected);
        assert!(value.is_sensitive());
    }

    #[test]
    fn max_age_is_at_most_400_days() {
        let secret = SessionSecret::random().unwrap();
        for (max_age, expected) in
            [(60, "Max-Age=60;"), (34_560_000, "Max-Age=34560000;"), (34_560_001, "Max-Age=34560000;")]
        {
            let value = cookie(None, false).set(&secret, Some(max_age));
            assert!(value.to_str().unwrap().contains(expected), "{max_age}");
        }
    }

    #[test]
    fn the_default_name_has_the_prefix_that_fits_the_attributes() {
        let secret = SessionSecret::random().unwrap();
        let text = |cookie: SessionCookie| cookie.set(&secret, None).to_str().unwrap().replace(secret.as_str(), "x");
        let with_domain = "__Secure-session=x; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(text(cookie(Some("example.com"), false)), with_domain);
        assert_eq!(text(cookie(None, true)), "session=x; Path=/; HttpOnly; SameSite=Lax");
        let strict = SessionCookie { is_strict: true, ..cookie(None, false) };
        assert_eq!(text(strict), "__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn every_cookie_of_the_name_is_cleared() {
        let texts = |cookie: SessionCookie| -> Vec<String> {
            cookie.clear_all().map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let own = "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(texts(cookie(None, false)), [own]);
        let of_domain = "__Secure-session=; Path=/; Domain=example.com; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        let of_host = "__Secure-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(texts(cookie(Some("example.com"), false)), [of_domain, of_host]);
        assert_eq!(SessionCookie::default_name(true, true), "session");
    }

    #[test]
    fn clearing_has_the_same_attributes() {
        let cleared = cookie(Some("example.com"), false).clear();
        let expected = "__Secure-session=; Path=/; Domain=example.com; Max-Age=0; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(cleared, expected);
    }
}
