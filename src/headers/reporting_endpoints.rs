//! The `Reporting-Endpoints` header: validation and rendering (Reporting API, section 3.2).

use std::collections::HashSet;

use http::Uri;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// Adds an issue for each endpoint with an invalid or repeated name or an invalid URL.
pub(super) fn validate(endpoints: &[(String, String)], issues: &mut ConfigIssues) {
    let mut names = HashSet::new();
    for (name, url) in endpoints {
        let is_first = names.insert(name);
        let (kind, reason, remedy) = if !is_key(name) {
            let reason = "a name consists of lower-case letters, digits, - and _, and starts with a letter";
            (IssueKind::Invalid, reason, "write for example csp-reports")
        } else if !is_first {
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

/// Renders the endpoints as a dictionary (RFC 9651, section 3.2). Returns `None` if there are none.
///
/// Written by hand because validated names and URLs need no escaping.
pub(super) fn text(endpoints: &[(String, String)]) -> Option<String> {
    let members: Vec<_> = endpoints.iter().map(|(name, url)| format!("{name}=\"{url}\"")).collect();
    (!members.is_empty()).then(|| members.join(", "))
}

/// Whether the name is a key of a dictionary (RFC 9651, section 3.1.2).
fn is_key(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

fn is_endpoint_url(url: &str) -> bool {
    let needs_no_escape = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    let is_path = url.starts_with('/') && !url.starts_with("//");
    needs_no_escape && url.parse().is_ok_and(|uri: Uri| is_path || uri.scheme_str() == Some("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
