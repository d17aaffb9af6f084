//! Validation of the layer's settings. Those of an issuer are validated in `key_source`.
//!
//! Each function adds at most one issue, with a reason and a remedy that fit into a log line.

use std::collections::HashSet;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};

use crate::clock::MAX_LEEWAY;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::cookie::is_cookie_name;
use crate::field::token::is_token;
use crate::jwt::issuer::tenants::Tenants;
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::issuers::pattern::IssuerPattern;
use crate::jwt::issuers::{Finding, Issuers};
use crate::jwt::remote::discovery::{JwksLocation, has_same_origin};

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

/// A browser sends only subprotocols that are tokens (RFC 6455 §4.1).
pub(crate) fn websocket_protocol(name: &str, issues: &mut ConfigIssues) {
    if !is_token(name.as_bytes()) {
        let reason = "is not a token (RFC 9110 §5.6.2), so no browser sends it";
        let remedy = "use letters, digits, '.' and '-', for example bearer";
        let issue = ConfigIssue::new("websocket_protocol", IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(name));
    }
}

/// Some headers have more than a token, and other settings for it.
pub(crate) fn header(name: &HeaderName, issues: &mut ConfigIssues) {
    let (reason, remedy) = match *name {
        AUTHORIZATION => ("has a scheme before the token", "remove this setting: the header is read by default"),
        COOKIE => ("has all cookies", "use cookie(..)"),
        SEC_WEBSOCKET_PROTOCOL => ("has all subprotocols", "use websocket_protocol(..)"),
        _ => return,
    };
    let issue = ConfigIssue::new("header", IssueKind::Invalid, reason, remedy);
    issues.add(issue.with_value(name.as_str()));
}

/// An audience is compared byte for byte, so whitespace around it, for example from a file, would match no token.
pub(crate) fn audience(audience: &str, issues: &mut ConfigIssues) {
    if audience.is_empty() || audience.trim() != audience {
        let reason = "is empty, or begins or ends with whitespace";
        let remedy = "set the `aud` value of the tokens for this app";
        issues.add(ConfigIssue::new("audience", IssueKind::Invalid, reason, remedy).with_value(audience));
    }
}

/// The issuer is selected by `iss` alone, so the keys of a second one for the same `iss` would never be used.
///
/// Two names that differ only in a trailing slash are a mistake too: either one of them matches no token, or each user
/// of the issuer becomes two users.
pub(crate) fn are_distinct(issuers: &[Issuer], issues: &mut ConfigIssues) {
    let mut accepted = HashSet::with_capacity(issuers.len());
    let mut without_slash = HashSet::with_capacity(issuers.len());
    for issuer in issuers {
        let is_new_name = accepted.insert(issuer.name.as_str());
        let is_new_alias = issuer.conventions.alias.is_none_or(|alias| accepted.insert(alias));
        // An empty name is an issue of its own.
        let trimmed = issuer.name.trim_end_matches('/');
        let is_new_without_slash = trimmed.is_empty() || without_slash.insert(trimmed);
        let reason = match (is_new_name && is_new_alias, is_new_without_slash) {
            (false, _) => "is set twice",
            (true, false) => "differs from another issuer only in a trailing slash",
            (true, true) => continue,
        };
        let remedy =
            "add each issuer once, with the exact `iss` of its tokens; use add_secret or add_pem for several keys";
        let issue = ConfigIssue::new("add_issuer", IssueKind::Duplicate, reason, remedy);
        issues.add(issue.with_value(&issuer.name));
    }
}

/// Rejects a pattern or prefix that is added twice, since the second one would never be used.
pub(crate) fn sources_are_distinct(sources: &[Issuers], issues: &mut ConfigIssues) {
    let mut texts = HashSet::with_capacity(sources.len());
    for text in sources.iter().map(Issuers::text).filter(|text| !texts.insert(*text)) {
        let remedy = "add each pattern and each prefix once";
        let issue = ConfigIssue::new("add_issuers", IssueKind::Duplicate, "is set twice", remedy);
        issues.add(issue.with_value(text));
    }
}

/// Rejects an issuer whose name has a placeholder. It is compared byte for byte, so it would match no token.
pub(crate) fn is_not_pattern(issuer: &Issuer, issues: &mut ConfigIssues) {
    if issuer.conventions.tenants.is_none() && IssuerPattern::parse(&issuer.name).is_ok() {
        let remedy = "use Issuer::entra_v2_tenants for Entra ID, and Issuers::from_pattern for other servers";
        let reason = "has a placeholder, so it is not the name of one issuer";
        let issue = ConfigIssue::new(issuer.constructor, IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(&issuer.name));
    }
}

/// Validates that an app that accepts any tenant checks something else, since anyone can create a tenant.
pub(crate) fn tenants(issuer: &Issuer, has_loader: bool, issues: &mut ConfigIssues) {
    let is_any = issuer.conventions.tenants.as_ref().is_some_and(Tenants::is_any);
    if is_any && !has_loader && issuer.conventions.pins.is_empty() {
        let reason = "accepts tenants that anyone can create, and nothing checks them";
        let remedy = "use Tenants::only, or check the tenant or the user with load_user or require_claim";
        issues.add(ConfigIssue::new("Tenants::any", IssueKind::Missing, reason, remedy).for_issuer(&issuer.name));
    }
}

/// Validates the settings of many issuers, except those of a pattern.
pub(crate) fn issuers(issuers: &Issuers, issues: &mut ConfigIssues) {
    if !(1..=MAX_ISSUERS).contains(&issuers.capacity) {
        let reason = "is not between 1 and 100000";
        let remedy = "set the number of issuers in use at a time";
        let issue = ConfigIssue::new("capacity", IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(issuers.capacity.to_string()).for_issuer(issuers.text()));
    }
    let has_function = matches!(issuers.finding, Finding::Function { .. });
    let max_age = match issuers.max_age {
        Some(max_age) if !has_function => {
            let reason = "has no effect: issuers of a pattern are used while their keys are";
            Some((IssueKind::Prohibited, max_age, reason, "remove .max_age(..)"))
        }
        Some(max_age) if !(MIN_ISSUER_AGE..=MAX_ISSUER_AGE).contains(&max_age) => {
            let remedy = "set how long a removed issuer may still be accepted";
            Some((IssueKind::Invalid, max_age, "is not between a second and a day", remedy))
        }
        _ => None,
    };
    if let Some((kind, max_age, reason, remedy)) = max_age {
        let issue = ConfigIssue::new("max_age", kind, reason, remedy);
        issues.add(issue.with_value(format!("{max_age:?}")).for_issuer(issuers.text()));
    }
    // The function would be called for every token.
    if has_function && issuers.text().is_empty() {
        let remedy = "set the text that the names of these issuers begin with, such as https://";
        issues.add(ConfigIssue::new("Issuers::from_fn", IssueKind::Missing, "the prefix is empty", remedy));
    }
}

/// Parses a pattern, and validates where the keys of its issuers are.
pub(crate) fn pattern(settings: &Issuer, issues: &mut ConfigIssues) -> Option<IssuerPattern> {
    let mut add = |value: &str, reason: &'static str, remedy: &'static str| {
        let issue = ConfigIssue::new("Issuers::from_pattern", IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(value));
    };
    let pattern = IssuerPattern::parse(&settings.name);
    let pattern = pattern.map_err(|reason| {
        add(&settings.name, reason, "write it like https://id.example.com/realms/{realm}");
    });
    let pattern = pattern.ok()?;
    match &settings.source {
        KeySource::Remote(JwksLocation::Url(url)) => {
            if !url.contains(pattern.placeholder()) || !has_same_origin(url, &settings.name) {
                let reason = "the URL of the keys lacks the placeholder or has another host than the issuers";
                let remedy = "use a URL with the placeholder, or issuers with metadata";
                add(url, reason, remedy);
            }
        }
        KeySource::Remote(_) => {}
        KeySource::Document(_) | KeySource::Fixed(_) => {
            let reason = "has configured keys, so every name that matches would be an issuer";
            add(&settings.name, reason, "use an issuer that publishes its keys, or Issuers::from_fn");
        }
    }
    Some(pattern)
}

const LARGEST_MAX_TOKEN_LEN: usize = 64 * 1024;
const MAX_TOKEN_CACHE_CAPACITY: usize = 1 << 20;
const MIN_ISSUER_AGE: Duration = Duration::from_secs(1);
const MAX_ISSUER_AGE: Duration = Duration::from_secs(24 * 3600);

// Some hundred megabytes of keys. Above that, the scan for the least recently used issuer takes a millisecond.
const MAX_ISSUERS: usize = 100_000;
