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
    let open = OPEN_ISSUERS.iter().find(|open| {
        let rest = issuer.name.strip_prefix(open.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    // A claim such as `ref` or `aud` has the value that the attacker chooses.
    let is_pinned = |open: &OpenIssuer| {
        let mut pins = issuer.conventions.pins.iter().map(|pin| pin.claim.text());
        pins.any(|claim| open.owner_claims.contains(&claim))
    };
    if let Some(open) = open.filter(|open| !is_pinned(open)) {
        let reason = "anyone can get a token of this issuer for any audience, and no required claim names an owner";
        let remedy = format!("call .require_claim(..) with {}, or use {}", open.remedy_claims, open.preset);
        let issue = ConfigIssue::new("require_claim", IssueKind::Missing, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
}

/// Validates that the audiences are not those of another service of the provider.
pub(crate) fn audiences(issuer: &Issuer, audiences: &[String], issues: &mut ConfigIssues) {
    let Some(prefix) = issuer.conventions.forbidden_audience_prefix else { return };
    // Without a setting of its own, the API server has the cluster's issuer as its audience.
    let is_forbidden = |audience: &&String| audience.starts_with(prefix) || **audience == issuer.name;
    for audience in audiences.iter().filter(is_forbidden) {
        let reason = "is the audience of the cluster's API server, whose token is in every pod";
        let remedy = "choose an audience for this app, and let pods request a token with it";
        let issue = ConfigIssue::new("audience", IssueKind::Prohibited, reason, remedy);
        issues.add(issue.with_value(audience).for_issuer(&issuer.name));
    }
}

/// An issuer of CI jobs, whose callers choose the audience.
///
/// Anyone with a job there could get a token for this app, so a claim must identify the owner of the job.
struct OpenIssuer {
    /// A prefix of a path.
    name: &'static str,
    /// The claims that identify the owner of a job. Each of the others can have the same value in the jobs of anyone.
    owner_claims: &'static [&'static str],
    remedy_claims: &'static str,
    preset: &'static str,
}

const OPEN_ISSUERS: [OpenIssuer; 2] = [
    OpenIssuer {
        name: "https://token.actions.githubusercontent.com",
        owner_claims: &[
            "sub",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "workflow_ref",
            "enterprise",
            "enterprise_id",
        ],
        remedy_claims: "repository_owner_id or repository_id",
        preset: "Issuer::github_actions(..)",
    },
    OpenIssuer {
        name: "https://gitlab.com",
        owner_claims: &["sub", "namespace_id", "namespace_path", "project_id", "project_path", "user_id", "user_login"],
        remedy_claims: "namespace_id or project_id",
        preset: "Issuer::gitlab_ci(..)",
    },
];
