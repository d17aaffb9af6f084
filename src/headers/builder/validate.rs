//! Validation of the settings of `SecurityHeaders`.

use http::HeaderName;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::builder::SecurityHeadersBuilder;
use crate::headers::custom_header::{invalid_name, is_cors, is_per_response};
use crate::headers::names::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, PERMISSIONS_POLICY, REPORTING_ENDPOINTS,
    STRICT_TRANSPORT_SECURITY,
};
use crate::headers::reporting_endpoints;

impl SecurityHeadersBuilder {
    /// Adds an issue for each setting that is invalid, weakens the protection or has no effect.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        self.validate_policies(issues);
        reporting_endpoints::validate(&self.reporting_endpoints, issues);
        self.validate_custom_headers(issues);
        self.validate_stripped(issues);
        self.validate_names(issues);
    }

    /// Validates the values that have a type of their own. Their files know the rules of their specifications.
    fn validate_policies(&self, issues: &mut ConfigIssues) {
        let endpoints: Vec<&str> = self.reporting_endpoints.iter().map(|(name, _)| &**name).collect();
        for (setting, csp) in self.csps() {
            csp.validate(setting, &endpoints, issues);
        }
        if let Some(hsts) = self.hsts {
            hsts.validate(issues);
        }
        if let Some(permissions) = &self.permissions_policy {
            permissions.validate(issues);
        }
    }

    /// Validates each header set by name, and their number.
    fn validate_custom_headers(&self, issues: &mut ConfigIssues) {
        for header in self.custom_headers.values() {
            header.validate(issues);
        }
        if self.custom_headers.len() > MAX_CUSTOM_HEADERS {
            let issue = ConfigIssue::new("header", IssueKind::Invalid, "too many headers", "set at most 64");
            issues.add(issue.with_value(self.custom_headers.len().to_string()));
        }
    }

    /// Rejects the removal of headers without which clients cannot interpret a response.
    fn validate_stripped(&self, issues: &mut ConfigIssues) {
        for name in &self.stripped {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) if is_per_response(name.as_str()) || is_cors(name.as_str()) => {
                    let reason = "clients need the header to interpret the response";
                    let issue = ConfigIssue::new("strip", IssueKind::Prohibited, reason, "remove it from the list");
                    issues.add(issue.with_value(name.as_str()));
                }
                Ok(_) => {}
                Err(_) => issues.add(invalid_name("strip", name)),
            }
        }
    }

    /// Adds an issue for each name given to `override_handler` or `without` that the layer does not send. It is usually
    /// misspelled, and the remedy lists the names that would have an effect.
    fn validate_names(&self, issues: &mut ConfigIssues) {
        let sent = self.sent_names();
        let not_sent = self.overridden.iter().filter(|name| !sent.contains(&&*name.to_ascii_lowercase()));
        let not_sent = not_sent.map(|name| ("override_handler", name));
        for (setting, name) in not_sent.chain(self.unknown_without.iter().map(|name| ("without", name))) {
            let remedy = match sent.as_slice() {
                [] => "set the header first, or start with a preset".to_owned(),
                sent => format!("use one of {}", sent.join(", ")),
            };
            let issue = ConfigIssue::new(setting, IssueKind::Unknown, "the layer does not send this header", remedy);
            issues.add(issue.with_value(name));
        }
    }

    /// Returns the names of all headers that the layer sends, sorted.
    fn sent_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.static_headers.keys().copied().collect();
        names.extend(self.custom_headers.keys().map(String::as_str));
        for (name, is_set) in [
            (CONTENT_SECURITY_POLICY, self.csp.is_some()),
            (CONTENT_SECURITY_POLICY_REPORT_ONLY, self.csp_report_only.is_some()),
            (STRICT_TRANSPORT_SECURITY, self.hsts.is_some()),
            (PERMISSIONS_POLICY, self.permissions_policy.is_some()),
            (REPORTING_ENDPOINTS, !self.reporting_endpoints.is_empty()),
        ] {
            names.extend(is_set.then_some(name));
        }
        names.sort_unstable();
        names
    }
}

/// More headers than an app needs, and few enough for the limits of browsers and proxies.
const MAX_CUSTOM_HEADERS: usize = 64;
