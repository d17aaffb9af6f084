//! Validation of the layer's settings. Those of an issuer are validated in `key_source`.
//!
//! Each function adds at most one issue, with a reason and a remedy that fit into a log line.

use std::time::Duration;

use crate::context::Tier;
use crate::context::tiers::Tiers;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::challenge::is_quotable;
use crate::field::cookie::is_cookie_name;

/// A long leeway extends the life of every token, even of a stolen one.
pub(crate) fn leeway(leeway: Duration, issues: &mut ConfigIssues) {
    if leeway > MAX_LEEWAY {
        let reason = "is more than five minutes, and RFC 9068 §4 permits no more than a few";
        let remedy = "synchronize the clocks and set five minutes or less";
        let issue = ConfigIssue::new("leeway", IssueKind::Prohibited, reason, remedy);
        issues.add(issue.with_value(format!("{} s", leeway.as_secs())));
    }
}

pub(crate) fn max_token_len(bytes: usize, issues: &mut ConfigIssues) {
    if bytes == 0 || bytes > LARGEST_MAX_TOKEN_LEN {
        let reason = "is not between 1 and 65536 bytes";
        let remedy = "set the size of the largest token that you expect";
        let issue = ConfigIssue::new("max_token_len", IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(bytes.to_string()));
    }
}

pub(crate) fn token_cache_capacity(tokens: usize, issues: &mut ConfigIssues) {
    if tokens > MAX_TOKEN_CACHE_CAPACITY {
        let reason = "is more than 1048576, for which the empty cache alone takes a hundred megabytes";
        let remedy = "set the number of tokens in use at a time, or 0 to disable the cache";
        let issue = ConfigIssue::new("token_cache_capacity", IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(tokens.to_string()));
    }
}

/// A name that is not a token would never match a cookie of a request.
pub(crate) fn cookie(name: &str, issues: &mut ConfigIssues) {
    if !is_cookie_name(name) {
        let reason = "is not a cookie name (RFC 6265 §4.1.1)";
        let remedy = "use letters, digits, '-' and '_', preferably with the prefix __Host-";
        issues.add(ConfigIssue::new("cookie", IssueKind::Invalid, reason, remedy).with_value(name));
    }
}

/// The realm is sent as a quoted string in every challenge, without escapes.
pub(crate) fn realm(realm: &str, issues: &mut ConfigIssues) {
    if realm.is_empty() || !is_quotable(realm) {
        let reason = "is empty, or has a character that RFC 6750 §3 forbids in a challenge";
        let remedy = "use printable ASCII without quotes and backslashes";
        issues.add(ConfigIssue::new("realm", IssueKind::Invalid, reason, remedy).with_value(realm));
    }
}

/// An audience is compared byte for byte, so whitespace around it, for example from a file, would match no token.
pub(crate) fn audience(audience: &str, issues: &mut ConfigIssues) {
    if audience.is_empty() || audience.trim() != audience {
        let reason = "is empty, or begins or ends with whitespace";
        let remedy = "set the `aud` value of the tokens for this app";
        issues.add(ConfigIssue::new("audience", IssueKind::Invalid, reason, remedy).with_value(audience));
    }
}

/// The default tier must be one of the app's tiers, or it would have no rank.
pub(crate) fn default_tier(default: &Tier, tiers: Option<&Tiers>, issues: &mut ConfigIssues) {
    let (kind, reason) = match tiers {
        Some(tiers) if tiers.find(default.name()).is_some() => return,
        Some(_) => (IssueKind::Unknown, "is not one of the app's tiers"),
        None => (IssueKind::Prohibited, "no tiers are set"),
    };
    let remedy = "call .tiers(..) with the tiers that this one belongs to";
    issues.add(ConfigIssue::new("default_tier", kind, reason, remedy).with_value(default.name()));
}

const MAX_LEEWAY: Duration = Duration::from_secs(300);
const LARGEST_MAX_TOKEN_LEN: usize = 64 * 1024;
const MAX_TOKEN_CACHE_CAPACITY: usize = 1 << 20;
