//! What presets share: `Issuer::tenant`, and the validation of their settings and arguments.

use crate::field::origin::Origin;
use crate::jwt::issuer::claim_rule::ClaimRule;
use crate::jwt::issuer::{InvalidArgument, Issuer, MisplacedSetting};

/// # Tenants
impl Issuer {
    /// Accepts only the tokens of this tenant (default: those of every tenant).
    ///
    /// The tenant is read from the claim of the preset, or of [`ClaimMap::tenant`](crate::ClaimMap::tenant). A token of
    /// another tenant, or of none, is rejected.
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth};
    ///
    /// let issuer = Issuer::firebase("my-project").tenant("acme-x7f2k");
    /// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
    ///
    /// let issuer = Issuer::okta("dev-1.okta.com", "default").tenant("acme");
    /// let auth = JwtAuth::builder().issuer(issuer).audience("api").build();
    /// assert_eq!(auth.unwrap_err().issues()[0].setting(), "tenant");
    /// ```
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.conventions.required_tenant = Some(tenant.into());
        self
    }
}

impl Issuer {
    /// Applies a setting of some presets. On another issuer it has no effect, which `build()` reports.
    pub(super) fn preset_setting(
        mut self,
        setter: &'static str,
        presets: &'static [&'static str],
        apply: impl FnOnce(&mut Self),
    ) -> Self {
        if presets.contains(&self.constructor) {
            apply(&mut self);
        } else {
            self.misplaced_setting = Some(MisplacedSetting { setter, presets });
        }
        self
    }

    pub(super) fn remove_rule(&mut self, rule: ClaimRule) {
        self.conventions.rules.retain(|other| *other != rule);
    }

    /// Records the first invalid argument. `expected` describes a valid one.
    pub(super) fn check_argument(mut self, is_valid: bool, expected: &'static str, value: &str) -> Self {
        if !is_valid && self.invalid_argument.is_none() {
            self.invalid_argument = Some(InvalidArgument { expected, value: value.to_owned() });
        }
        self
    }

    /// Checks a URL that is the beginning of the issuer's name.
    pub(super) fn check_base_url(self, url: &str) -> Self {
        let expected = "an https URL without a query, a fragment, dot segments, or a slash at the end";
        self.check_argument(is_base_url(url), expected, url)
    }
}

/// Whether the text is a host, possibly with a port, and nothing else.
pub(super) fn is_domain(domain: &str) -> bool {
    Origin::of_url(&format!("https://{domain}")).is_ok_and(|(_, rest)| rest.is_empty())
}

/// Whether the text is one segment of a path, to every server and client. A space is written as `%20`; other characters
/// with an encoding could be a slash or a dot to the server.
pub(super) fn is_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#\\%".contains(&byte);
    !matches!(text, "" | "." | "..") && text.replace("%20", "_").bytes().all(is_plain)
}

/// Whether the text is an https URL to which a path can be added, or an http URL on loopback.
fn is_base_url(url: &str) -> bool {
    Origin::of_url(url).is_ok_and(|(origin, path)| {
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\".contains(&byte));
        let is_normal = !path.split('/').any(|segment| matches!(segment, "." | ".."));
        let has_encoding = path.contains('%');
        (origin.is_https() || origin.is_loopback()) && is_plain && is_normal && !has_encoding && !path.ends_with('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_does_not_leave_its_place() {
        for text in ["shop", "{realm}", "My%20Realm", "a.b", "...", "a:b@c"] {
            assert!(is_segment(text), "{text}");
        }
        for text in ["", ".", "..", "a/b", "a?b=", "a#", "a\\b", "..%2f..%2fevil", "%2e%2e", "a b", "a\n", "\u{e9}"] {
            assert!(!is_segment(text), "{text}");
        }
    }

    #[test]
    fn a_base_url_is_https_or_on_loopback_and_has_nothing_after_its_path() {
        for url in ["https://a.example", "https://a.example:8443/auth", "http://127.0.0.1:8080", "http://localhost/x"] {
            assert!(is_base_url(url), "{url}");
        }
        for url in [
            "a.example",
            "http://a.example",
            "ftp://a.example",
            "https://a.example/",
            "https://a.example/auth/",
            "https://a.example?x",
            "https://a.example/#x",
            "https://user@a.example",
            "https://a.example/x/../y",
            "https://a.example/..",
            "https://a.example/%2e%2e",
            "https://a.example/x%2fy",
            "https://a.example/x\\y",
            "https://a.example/x y",
            "",
        ] {
            assert!(!is_base_url(url), "{url}");
        }
    }
}
