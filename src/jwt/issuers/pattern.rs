//! `IssuerPattern`: the name of many issuers, with a placeholder for one segment of the path.

use crate::field::origin::Origin;
use crate::http_client::url::is_fetchable;

/// A URL with a placeholder, such as `https://id.example.com/realms/{realm}`.
///
/// The placeholder is a whole segment of the path. It matches 1 to 64 letters, digits, dots, hyphens and underscores,
/// except `.` and `..`, which mean another path to an HTTP client (RFC 3986 §5.2.4). Everything else is compared byte
/// for byte. So what matches is a URL of this host and this path, and needs no decoding.
#[derive(Clone, Debug)]
pub(crate) struct IssuerPattern {
    text: String,
    /// Where the placeholder is in the text, with its braces.
    start: usize,
    end: usize,
}

impl IssuerPattern {
    /// Parses the text of a pattern.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a pattern, for a `ConfigIssue`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (origin, path) = Origin::of_url(text).map_err(|error| error.reason())?;
        if !is_fetchable(text, true) {
            return Err("is not https");
        }
        // Otherwise the part before the path is not as issuers write it, for example with a default port.
        if origin.text().len() + path.len() != text.len() {
            return Err("the port is the scheme's default, which issuers omit");
        }
        let segments = path.strip_prefix('/').unwrap_or_default().split('/');
        let mut placeholders = segments.clone().filter(|segment| is_placeholder(segment));
        let (Some(placeholder), None) = (placeholders.next(), placeholders.next()) else {
            return Err("does not have exactly one placeholder, which is a whole segment of the path");
        };
        let is_fixed = |segment: &str| is_placeholder(segment) || is_segment(segment, MAX_FIXED_LEN);
        let last = segments.clone().next_back();
        let has_valid_path = segments.clone().all(|segment| is_fixed(segment) || segment.is_empty());
        // Only the last segment may be empty: the name of an issuer may end with a slash.
        let empty = segments.filter(|segment| segment.is_empty()).count();
        if !has_valid_path || empty > usize::from(last == Some("")) {
            return Err("has a path with characters other than letters, digits, dots, hyphens and underscores");
        }
        let start = text.find(placeholder).unwrap_or_default();
        Ok(Self { text: text.to_owned(), start, end: start + placeholder.len() })
    }

    /// Returns the pattern as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the placeholder, with its braces.
    pub(crate) fn placeholder(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns what the placeholder stands for in this `iss`; `None` if the pattern does not match.
    pub(crate) fn value_of<'a>(&self, iss: &'a str) -> Option<&'a str> {
        let value = iss.strip_prefix(self.text.get(..self.start)?)?.strip_suffix(self.text.get(self.end..)?)?;
        is_segment(value, MAX_VALUE_LEN).then_some(value)
    }
}

/// Whether the segment is a name in braces.
fn is_placeholder(segment: &str) -> bool {
    let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Whether the text is one segment of a path that has the same meaning to every server and client.
fn is_segment(text: &str, max_len: usize) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=max_len).contains(&text.len()) && text.bytes().all(is_allowed) && text != "." && text != ".."
}

// Longer than the names of realms and tenants: a UUID has 36 characters, a label of a domain at most 63.
const MAX_VALUE_LEN: usize = 64;

const MAX_FIXED_LEN: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERN: &str = "https://id.example.com/realms/{realm}";

    fn value_of<'a>(pattern: &str, iss: &'a str) -> Option<&'a str> {
        IssuerPattern::parse(pattern).unwrap().value_of(iss)
    }

    #[test]
    fn the_placeholder_matches_one_segment() {
        for realm in ["a", "acme-2", "ACME_corp", "acme.example.com", "...", "a..b", &"r".repeat(64)] {
            let iss = format!("https://id.example.com/realms/{realm}");
            assert_eq!(value_of(PATTERN, &iss), Some(realm));
            let pattern = "https://id.example.com/realms/{realm}/";
            assert_eq!((value_of(pattern, &iss), value_of(pattern, &format!("{iss}/"))), (None, Some(realm)));
        }
        assert_eq!(value_of("http://127.0.0.1:8080/{tenant}/v2.0", "http://127.0.0.1:8080/a/v2.0"), Some("a"));
    }

    #[test]
    fn an_iss_beyond_one_segment_does_not_match() {
        for realm in [
            "",
            ".",
            "..",
            "a/../../evil",
            "a/b",
            "a/",
            "/a",
            "%2e%2e",
            "a%2fb",
            "a@evil.example",
            "a#b",
            "a?b",
            "a\\b",
            "a\0",
            "a b",
            "a;b",
            "a:b",
            "é",
            "{realm}",
            "a\r\nb",
            &"r".repeat(65),
            &"r".repeat(10_240),
        ] {
            assert_eq!(value_of(PATTERN, &format!("https://id.example.com/realms/{realm}")), None, "{realm:?}");
        }
        for iss in [
            "https://id.example.com/realms",
            "https://id.example.com/realm/a",
            "http://id.example.com/realms/a",
            "https://ID.example.com/realms/a",
            "https://id.example.com:443/realms/a",
            "https://id.example.com./realms/a",
            "https://id.example.com.evil.example/realms/a",
            "https://evil.example/https://id.example.com/realms/a",
            " https://id.example.com/realms/a",
            "https://id.example.com//realms/a",
            "https://u@id.example.com/realms/a",
            "",
        ] {
            assert_eq!(value_of(PATTERN, iss), None, "{iss:?}");
        }
    }

    #[test]
    fn a_pattern_has_one_placeholder_in_its_path() {
        for pattern in [
            "id.example.com/{realm}",
            "http://id.example.com/{realm}",
            "https://{tenant}.example.com",
            "https://id.example.com",
            "https://id.example.com/realms",
            "https://id.example.com/a-{realm}",
            "https://id.example.com/{realm}-a",
            "https://id.example.com/{a}/{b}",
            "https://id.example.com/{}",
            "https://id.example.com/{a b}",
            "https://id.example.com/../{realm}",
            "https://id.example.com//{realm}",
            "https://id.example.com/{realm}//",
            "https://id.example.com/{realm}?a",
            "https://id.example.com/{realm}#a",
            "https://id.example.com/%61/{realm}",
            "https://id.example.com/{realm",
            "https://u@id.example.com/{realm}",
            "https://id.example.com:443/{realm}",
            "https://ID.example.com/{realm}",
            "",
        ] {
            assert!(IssuerPattern::parse(pattern).is_err(), "{pattern}");
        }
        assert_eq!(IssuerPattern::parse(PATTERN).unwrap().placeholder(), "{realm}");
    }

    #[test]
    fn the_name_of_a_placeholder_has_letters_digits_and_underscores() {
        let placeholder = |name: &str| {
            let pattern = IssuerPattern::parse(&format!("https://id.example.com/{{{name}}}/v2.0"));
            pattern.map(|pattern| pattern.placeholder().to_owned())
        };
        for name in ["tenant_id", "Tenant2", "_"] {
            assert_eq!(placeholder(name), Ok(format!("{{{name}}}")));
        }
        for name in ["tenant-id", "tenant.id", "{tenant}", "*"] {
            assert!(placeholder(name).is_err(), "{name}");
        }
    }

    proptest! {
        /// Whatever matches is the pattern with a segment that needs no decoding.
        #[test]
        fn what_matches_is_the_pattern_with_a_segment(realm in "(?s).{0,70}|[a-z./%{}]{0,8}") {
            let iss = format!("https://id.example.com/realms/{realm}");
            let expected = !realm.is_empty() && realm.len() <= 64 && realm != "." && realm != ".."
                && realm.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            prop_assert_eq!(value_of(PATTERN, &iss).is_some(), expected);
        }
    }
}
