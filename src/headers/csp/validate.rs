//! Validation of a content security policy, which runs when the layer is built.
//!
//! Browsers never reject a policy: they skip what they cannot parse. So every part that they would skip is an issue.

use http::Uri;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::csp::policy::Csp;
use crate::headers::csp::source::Source;

impl Csp {
    /// Adds an issue for each invalid part of the policy. `endpoints` are the names that `report-to` may refer to.
    pub(in crate::headers) fn validate(&self, setting: &'static str, endpoints: &[&str], issues: &mut ConfigIssues) {
        let mut add = |kind, reason: &'static str, remedy: &'static str, value: String| {
            issues.add(ConfigIssue::new(setting, kind, reason, remedy).with_value(value));
        };
        for (directive, sources) in self.lists() {
            // Browsers treat an empty list as 'none' (CSP 3 §6.7.2.3). Here it is probably a list that was not filled.
            if sources.is_empty() {
                let reason = "the directive has no sources";
                add(IssueKind::Missing, reason, "use Source::None to allow nothing", directive.to_string());
            }
            // Beside other sources, browsers ignore 'none' (CSP 3 §6.7.2.3).
            if sources.len() > 1 && sources.contains(&Source::None) {
                let reason = "'none' cannot be combined with other sources";
                let remedy = "remove either 'none' or the other sources";
                add(IssueKind::Prohibited, reason, remedy, directive.to_string());
            }
            for source in sources {
                if let Some((reason, remedy)) = source.invalid_reason() {
                    add(IssueKind::Invalid, reason, remedy, format!("{directive} {source}"));
                }
            }
        }
        for (name, words) in [("sandbox", &self.sandbox), ("trusted-types", &self.trusted_types)] {
            for word in words.iter().flatten().filter(|word| !is_word(word)) {
                let reason = "neither a token nor a quoted keyword";
                let remedy = "write visible ASCII without spaces, commas and semicolons";
                add(IssueKind::Invalid, reason, remedy, format!("{name} {word}"));
            }
        }
        if let Some(endpoint) = self.report_to.as_deref().filter(|endpoint| !endpoints.contains(endpoint)) {
            let reason = "report_to refers to an undefined endpoint";
            let remedy = "define it with add_reporting_endpoint";
            add(IssueKind::Missing, reason, remedy, endpoint.to_owned());
        }
        if let Some(uri) = self.report_uri.as_deref().filter(|uri| !is_uri_reference(uri)) {
            let reason = "report_uri is not a path or an http(s) URL";
            add(IssueKind::Invalid, reason, "use for example /csp-reports or https://...", uri.to_owned());
        }
        if self.rendered().max_len() == 0 {
            issues.add(empty_policy(setting));
        }
    }
}

/// Returns the issue of a policy without directives, which would send an empty header or none.
pub(super) fn empty_policy(setting: &'static str) -> ConfigIssue {
    let remedy = "set a directive, or remove the policy with without(\"content-security-policy\")";
    ConfigIssue::new(setting, IssueKind::Missing, "the policy has no directives", remedy)
}

/// Whether a word can be part of a directive without ending the directive or the header.
fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b',')
}

/// Whether the text is a path or an http(s) URL.
fn is_uri_reference(text: &str) -> bool {
    let is_http = |uri: Uri| matches!(uri.scheme_str(), None | Some("http" | "https"));
    // `http::Uri` parses `mailto:a@b` as an authority.
    let has_colon_before_path = text.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    is_word(text) && (text.contains("://") || !has_colon_before_path) && text.parse().is_ok_and(is_http)
}
