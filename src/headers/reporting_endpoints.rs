//! The `Reporting-Endpoints` header: validation and rendering (Reporting API §3.2).
//!
//! Browsers skip an endpoint that they cannot parse, and the reports are lost without a sign. So the names and URLs are
//! checked when the layer is built.

use std::collections::HashSet;
use std::hash::Hash;

use http::Uri;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// Adds an issue for each endpoint with an invalid or repeated name or an invalid URL.
pub(super) fn validate(endpoints: &[(String, String)], issues: &mut ConfigIssues) {
    let repeats = repeats(endpoints.iter().map(|(name, _)| name));
    for ((name, url), is_repeat) in endpoints.iter().zip(repeats) {
        let (kind, reason, remedy) = if !is_key(name) {
            let reason = "a name consists of lower-case letters, digits, - and _, and starts with a letter";
            (IssueKind::Invalid, reason, "write for example csp-reports")
        } else if is_repeat {
            (IssueKind::Duplicate, "duplicate endpoint name", "use another name")
        } else if !is_endpoint_url(url) {
            (IssueKind::Invalid, "the URL is neither a path nor https", "write /reports or https://...")
        } else {
            continue;
        };
        let issue = ConfigIssue::new("add_reporting_endpoint", kind, reason, remedy);
        issues.add(issue.with_value(format!("{name}={url}")));
    }
}

/// Returns for each item whether an earlier one is equal, in linear time.
fn repeats<T: Eq + Hash>(items: impl Iterator<Item = T>) -> impl Iterator<Item = bool> {
    let mut seen = HashSet::new();
    items.map(move |item| !seen.insert(item))
}

/// Renders the endpoints as a dictionary (RFC 9651 §3.2). Returns `None` without endpoints.
///
/// Written by hand because validated names and URLs need no escaping.
pub(super) fn text(endpoints: &[(String, String)]) -> Option<String> {
    let members: Vec<_> = endpoints.iter().map(|(name, url)| format!("{name}=\"{url}\"")).collect();
    (!members.is_empty()).then(|| members.join(", "))
}

/// Whether the name is a key of a dictionary (RFC 9651 §3.1.2).
fn is_key(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

/// Whether the URL is a path or https: browsers send reports only to secure origins (Reporting API §3.2).
///
/// A path is resolved against the response's URL. A text with two slashes in front would be another host.
fn is_endpoint_url(url: &str) -> bool {
    let needs_no_escape = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    let is_path = url.starts_with('/') && !url.starts_with("//");
    needs_no_escape && url.parse().is_ok_and(|uri: Uri| is_path || uri.scheme_str() == Some("https"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use super::*;

    /// A name that counts its comparisons.
    struct Counted<'a>(u32, &'a Cell<u32>);

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.1.set(self.1.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Counted<'_> {}

    impl Hash for Counted<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn repeats_are_found_in_a_linear_number_of_comparisons() {
        let comparisons = Cell::new(0);
        let names = (0..8_000).map(|n| Counted(n % 6_000, &comparisons));
        assert_eq!(repeats(names).filter(|is_repeat| *is_repeat).count(), 2_000);
        // One for each repeat, and a few for equal parts of hashes.
        assert!(comparisons.get() < 16_000, "{}", comparisons.get());
    }

    fn kinds(endpoints: &[(&str, &str)]) -> Vec<IssueKind> {
        let endpoints: Vec<_> = endpoints.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        let mut issues = ConfigIssues::default();
        validate(&endpoints, &mut issues);
        let error = issues.into_result(|| ()).err();
        error.iter().flat_map(crate::ConfigError::issues).map(ConfigIssue::kind).collect()
    }

    #[test]
    fn endpoints_are_rendered_as_a_dictionary_of_strings() {
        let endpoints = [("a", "/a"), ("b-1_c.d*", "https://b.example/c")];
        let endpoints = endpoints.map(|(name, url)| (name.to_owned(), url.to_owned()));
        assert_eq!(text(&endpoints).as_deref(), Some(r#"a="/a", b-1_c.d*="https://b.example/c""#));
        assert_eq!(text(&[]), None);
    }

    #[test]
    fn an_endpoint_is_a_key_and_a_path_or_an_https_url() {
        assert_eq!(kinds(&[("a", "/a?b=c"), ("b2", "https://b.example")]), []);
        for (name, url) in [
            ("A", "/a"),
            ("aB", "/a"),
            ("1", "/a"),
            ("a b", "/a"),
            ("", "/a"),
            ("a", "a"),
            ("a", "//b.example"),
            ("a", "http://b.example"),
            ("a", "/a\"b"),
            ("a", "/a\\b"),
            ("a", "/\u{e4}"),
        ] {
            assert_eq!(kinds(&[(name, url)]), [IssueKind::Invalid], "{name} {url}");
        }
        assert_eq!(kinds(&[("a", "/a"), ("b", "/b"), ("a", "/c")]), [IssueKind::Duplicate]);
    }
}
