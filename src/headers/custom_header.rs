//! `CustomHeader`: a header set by name, and which headers the layer must not set or strip.

use http::HeaderName;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::names::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CROSS_ORIGIN_EMBEDDER_POLICY,
    CROSS_ORIGIN_OPENER_POLICY, CROSS_ORIGIN_RESOURCE_POLICY, PERMISSIONS_POLICY, REFERRER_POLICY, REPORTING_ENDPOINTS,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

/// A header set with `header()`. Its name is in lower case.
#[derive(Clone, Debug)]
pub(super) struct CustomHeader {
    pub(super) name: String,
    pub(super) value: String,
}

impl CustomHeader {
    /// Creates a header whose name is not validated yet.
    pub(super) fn new(name: &str, value: String) -> Self {
        Self { name: name.to_ascii_lowercase(), value }
    }

    /// Adds an issue if the name or the value is invalid, or if the header must not be the same for every response.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        if HeaderName::from_bytes(self.name.as_bytes()).is_err() {
            issues.add(invalid_name("header", &self.name));
        } else if let Some(issue) = self.issue() {
            issues.add(issue.with_value(format!("{}: {}", self.name, self.value)));
        }
    }

    /// Returns the first issue. The reasons not to set the header at all come before the syntax of the value.
    fn issue(&self) -> Option<ConfigIssue> {
        let prohibited = |reason: &'static str, remedy: &str| {
            Some(ConfigIssue::new("header", IssueKind::Prohibited, reason, remedy.to_owned()))
        };
        if let Some((_, setter)) = SETTERS.iter().find(|(name, _)| *name == self.name) {
            return prohibited("the header has a dedicated setter", &format!("use {setter}(..)"));
        }
        if is_cors(&self.name) {
            return prohibited("the header depends on the request's origin", "use Cors");
        }
        if is_per_response(&self.name) {
            return prohibited("the header differs between responses", "set it in the handler");
        }
        if self.name == "clear-site-data" {
            return prohibited(
                "the header belongs only on the response to a logout",
                "add the ClearSiteData layer to that route",
            );
        }
        if self.name == X_XSS_PROTECTION && self.value.trim() != "0" {
            let reason = "the XSS filter of old browsers makes attacks possible";
            return prohibited(reason, "set it to 0, and use a Csp");
        }
        if self.name == X_CONTENT_TYPE_OPTIONS && !self.value.eq_ignore_ascii_case("nosniff") {
            return prohibited("nosniff is the only value of the header", "set it to nosniff");
        }
        if !self.value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t') {
            let reason = "the value contains a control or non-ASCII character";
            return Some(ConfigIssue::new("header", IssueKind::Invalid, reason, "use visible ASCII on one line"));
        }
        None
    }
}

/// Whether the header belongs to CORS. Only `Cors` knows its value.
pub(super) fn is_cors(name: &str) -> bool {
    name.starts_with("access-control-")
}

/// Whether the header frames or describes a single response: it must be neither fixed for all responses nor stripped.
pub(super) fn is_per_response(name: &str) -> bool {
    PER_RESPONSE.contains(&name)
}

/// Returns the issue of a name that is not a token.
pub(super) fn invalid_name(setting: &'static str, name: &str) -> ConfigIssue {
    let reason = "not a header name";
    ConfigIssue::new(setting, IssueKind::Invalid, reason, "use a token, for example x-frame-options").with_value(name)
}

/// The headers that have a dedicated setter, with its name.
const SETTERS: [(&str, &str); 10] = [
    (CONTENT_SECURITY_POLICY, "csp"),
    (CONTENT_SECURITY_POLICY_REPORT_ONLY, "csp_report_only"),
    (CROSS_ORIGIN_EMBEDDER_POLICY, "embedder_policy"),
    (CROSS_ORIGIN_OPENER_POLICY, "opener_policy"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "resource_policy"),
    (PERMISSIONS_POLICY, "permissions_policy"),
    (REFERRER_POLICY, "referrer_policy"),
    (REPORTING_ENDPOINTS, "add_reporting_endpoint"),
    (STRICT_TRANSPORT_SECURITY, "hsts"),
    (X_FRAME_OPTIONS, "frame_options"),
];

/// The headers that belong to one response: its framing, its content, its authentication, its RPC status. Sorted.
const PER_RESPONSE: [&str; 20] = [
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

    #[test]
    fn headers_of_a_single_response_are_found() {
        assert!(PER_RESPONSE.is_sorted() && PER_RESPONSE.iter().all(|name| is_per_response(name)));
        assert!(!is_per_response("x-frame-options"));
    }
}
