//! The client of a layer whose builder was given none: the built-in one, or an issue of the configuration.

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
#[cfg(feature = "fetch")]
use crate::http_client::built_in::BuiltInClient;
use crate::http_client::client::SharedHttpClient;

/// Returns the built-in client. Adds an issue if the platform's certificates cannot be loaded.
#[cfg(feature = "fetch")]
pub(crate) fn default_client(_purpose: &str, issues: &mut ConfigIssues) -> Option<SharedHttpClient> {
    let client = BuiltInClient::new().map(SharedHttpClient::new);
    let add_issue = |error| {
        let reason = format!("the HTTP client cannot load the platform's CA certificates: {error}");
        let remedy = "install them (the package ca-certificates on Linux), or call .http_client(..)";
        issues.add(ConfigIssue::new("http_client", IssueKind::Missing, reason, remedy));
    };
    client.map_err(add_issue).ok()
}

/// Adds an issue: there is no built-in client without the feature `fetch`. `purpose` says what the client is for.
#[cfg(not(feature = "fetch"))]
pub(crate) fn default_client(purpose: &str, issues: &mut ConfigIssues) -> Option<SharedHttpClient> {
    let reason = format!("there is no HTTP client {purpose}");
    let remedy = "enable the feature `fetch`, or call .http_client(..)";
    issues.add(ConfigIssue::new("http_client", IssueKind::Missing, reason, remedy));
    None
}
