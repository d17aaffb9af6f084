//! `OwnField`: a field of the user's own, and the endpoints of reports; what of them no browser would heed.

use std::collections::HashSet;

use http::{HeaderName, Uri};

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::builder::{
    EMBEDDER_POLICY, OPENER_POLICY, PERMISSIONS_POLICY, REFERRER_POLICY, REPORTING_ENDPOINTS, RESOURCE_POLICY,
    X_FRAME_OPTIONS,
};

/// A field of the user's own; its name in lower case.
#[derive(Clone, Debug)]
pub(super) struct OwnField {
    pub(super) name: String,
    pub(super) value: String,
}

impl OwnField {
    pub(super) fn new(name: &str, value: String) -> Self {
        Self { name: name.to_ascii_lowercase(), value }
    }

    pub(super) fn judge(&self, problems: &mut ConfigIssues) {
        if HeaderName::from_bytes(self.name.as_bytes()).is_err() {
            problems.add(misnamed("header", &self.name));
            return;
        }
        let prohibited =
            |reason: &'static str, remedy: String| ConfigIssue::new("header", IssueKind::Prohibited, reason, remedy);
        let problem = if let Some((_, setter)) = SETTERS.iter().find(|(name, _)| *name == self.name) {
            Some(prohibited("the field has a setter of its own", format!("say {setter}(..)")))
        } else if self.name.starts_with("access-control-") {
            Some(prohibited("the field depends on who asks", "let Cors write it".to_owned()))
        } else if is_of_the_message(&self.name) {
            Some(prohibited("the field belongs to one answer", "let the handler write it".to_owned()))
        } else if self.name == "clear-site-data" {
            let reason = "the field belongs to the answer to a log-out";
            Some(prohibited(reason, "layer ClearSiteData on that route".to_owned()))
        } else if self.name == "x-xss-protection" && self.value.trim() != "0" {
            let reason = "the filter that it switches on opens holes in the browsers that have it";
            Some(prohibited(reason, "write 0, or a Csp".to_owned()))
        } else if self.name == "x-content-type-options" && !self.value.eq_ignore_ascii_case("nosniff") {
            Some(prohibited("browsers know one value", "write nosniff".to_owned()))
        } else if !self.value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t') {
            let reason = "the value has bytes that no field may have";
            Some(ConfigIssue::new("header", IssueKind::Invalid, reason, "write visible ASCII, in one line"))
        } else {
            None
        };
        problems.extend(problem.map(|problem| problem.with_value(format!("{}: {}", self.name, self.value))));
    }
}

/// Fields that frame or describe one message: none may be fixed for all, or taken away.
pub(super) fn is_of_the_message(name: &str) -> bool {
    OF_THE_MESSAGE.contains(&name)
}

pub(super) fn misnamed(setting: &'static str, name: &str) -> ConfigIssue {
    let reason = "not the name of a header field";
    ConfigIssue::new(setting, IssueKind::Invalid, reason, "write a token, as x-frame-options").with_value(name)
}

pub(super) fn judge_endpoints(endpoints: &[(String, String)], problems: &mut ConfigIssues) {
    let mut names = HashSet::new();
    for (name, url) in endpoints {
        let is_first = names.insert(name);
        let fault = if !is_key(name) {
            Some((IssueKind::Invalid, "a name has lower-case letters, digits, - and _", "write it so, as csp-reports"))
        } else if !is_first {
            Some((IssueKind::Duplicate, "an endpoint of this name stands twice", "give it another name"))
        } else if !is_endpoint(url) {
            Some((IssueKind::Invalid, "reports go to a path or to an https URL", "write /reports or https://..."))
        } else {
            None
        };
        if let Some((fault, reason, remedy)) = fault {
            let problem = ConfigIssue::new("add_reporting_endpoint", fault, reason, remedy);
            problems.add(problem.with_value(format!("{name}={url}")));
        }
    }
}

/// A dictionary of structured fields (Reporting API §3.2, RFC 9651 §3.2).
pub(super) fn endpoints_text(endpoints: &[(String, String)]) -> Option<String> {
    let members: Vec<_> = endpoints.iter().map(|(name, url)| format!("{name}=\"{url}\"")).collect();
    (!members.is_empty()).then(|| members.join(", "))
}

/// RFC 9651 §3.1.2.
fn is_key(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte))
}

fn is_endpoint(url: &str) -> bool {
    let is_text = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
    let is_here = url.starts_with('/') && !url.starts_with("//");
    is_text && url.parse().is_ok_and(|uri: Uri| is_here || uri.scheme_str() == Some("https"))
}

const SETTERS: [(&str, &str); 10] = [
    ("content-security-policy", "csp"),
    ("content-security-policy-report-only", "csp_report_only"),
    (EMBEDDER_POLICY, "embedder_policy"),
    (OPENER_POLICY, "opener_policy"),
    (RESOURCE_POLICY, "resource_policy"),
    (PERMISSIONS_POLICY, "permissions_policy"),
    (REFERRER_POLICY, "referrer_policy"),
    (REPORTING_ENDPOINTS, "add_reporting_endpoint"),
    ("strict-transport-security", "hsts"),
    (X_FRAME_OPTIONS, "frame_options"),
];

const OF_THE_MESSAGE: [&str; 20] = [
    "allow",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "grpc-message",
    "grpc-status",
    "keep-alive",
    "location",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(endpoints: &[(&str, &str)]) -> Vec<IssueKind> {
        let endpoints: Vec<_> = endpoints.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        let mut problems = ConfigIssues::default();
        judge_endpoints(&endpoints, &mut problems);
        let error = problems.into_result(|| ()).err();
        error.iter().flat_map(crate::ConfigError::issues).map(ConfigIssue::kind).collect()
    }

    #[test]
    fn endpoints_are_a_dictionary_of_names_and_strings() {
        let named = [("a", "/a"), ("b-1_c.d*", "https://b.example/c")];
        let named = named.map(|(name, url)| (name.to_owned(), url.to_owned()));
        assert_eq!(endpoints_text(&named).as_deref(), Some(r#"a="/a", b-1_c.d*="https://b.example/c""#));
        assert_eq!(endpoints_text(&[]), None);
    }

    #[test]
    fn an_endpoint_is_a_key_and_a_path_or_a_url_of_https() {
        assert_eq!(faults(&[("a", "/a?b=c"), ("b2", "https://b.example")]), []);
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
            assert_eq!(faults(&[(name, url)]), [IssueKind::Invalid], "{name} {url}");
        }
        assert_eq!(faults(&[("a", "/a"), ("b", "/b"), ("a", "/c")]), [IssueKind::Duplicate]);
    }

    #[test]
    fn fields_of_one_message_are_known() {
        assert!(OF_THE_MESSAGE.is_sorted() && OF_THE_MESSAGE.iter().all(|name| is_of_the_message(name)));
        assert!(!is_of_the_message("x-frame-options"));
    }
}
