//! Validation of the settings of presets, and of well-known issuers without a preset.

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::jwt::issuer::Issuer;

/// Validates the settings that only some issuers have.
pub(crate) fn settings(issuer: &Issuer, issues: &mut ConfigIssues) {
    if let Some(misplaced) = &issuer.misplaced_setting {
        let reason = "has no effect on this issuer";
        let remedy = format!("remove it; it is a setting of {}", misplaced.presets.join(" and "));
        let issue = ConfigIssue::new(misplaced.setter, IssueKind::Prohibited, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    if issuer.conventions.required_tenant.is_some() && !issuer.conventions.claims.has_tenant() {
        let reason = "no claim with the tenant is set";
        let remedy = "name it with .map_claims(|claims| claims.tenant(..))";
        let issue = ConfigIssue::new("tenant", IssueKind::Missing, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    let open = OPEN_ISSUERS.iter().find(|(name, _, _)| {
        let rest = issuer.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if let (Some((_, claims, preset)), true) = (open, issuer.conventions.pins.is_empty()) {
        let reason = "anyone can get a token of this issuer for any audience, and no claim is required";
        let remedy = format!("call .require_claim(..) with {claims}, or use {preset}");
        let issue = ConfigIssue::new("require_claim", IssueKind::Missing, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
}

/// Validates that the audiences are not those of another service of the provider.
pub(crate) fn audiences(issuer: &Issuer, audiences: &[String], issues: &mut ConfigIssues) {
    let Some(prefix) = issuer.conventions.forbidden_audience_prefix else { return };
    for audience in audiences.iter().filter(|audience| audience.starts_with(prefix)) {
        let reason = "is the audience of the cluster's API server, whose token is in every pod";
        let remedy = "choose an audience for this app, and let pods request a token with it";
        let issue = ConfigIssue::new("audience", IssueKind::Prohibited, reason, remedy);
        issues.add(issue.with_value(audience).for_issuer(&issuer.name));
    }
}

// The issuers of CI jobs, whose callers choose the audience, and the claims that identify the owner of a job. Without
// such a claim, anyone with a job there could get a token for this app. The names are prefixes of a path.
const OPEN_ISSUERS: [(&str, &str, &str); 2] = [
    (
        "https://token.actions.githubusercontent.com",
        "repository_owner_id or repository_id",
        "Issuer::github_actions(..)",
    ),
    ("https://gitlab.com", "namespace_id or project_id", "Issuer::gitlab_ci(..)"),
];
