//! Validation of the settings. Each issue has a reason and a remedy that fit into a log line.

use std::time::Duration;

use crate::context::Realm;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::cookie::is_cookie_name;
use crate::gate::Admission;
use crate::session::builder::{MAX_LIFETIME, SessionAuthBuilder};
use crate::session::login_page::is_local;

impl SessionAuthBuilder {
    /// Adds every issue.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        self.validate_cookie(issues);
        self.validate_timeouts(issues);
        self.validate_limits(issues);
        self.validate_requests(issues);
        self.validate_store(issues);
        self.validate_users(issues);
    }

    fn validate_cookie(&self, issues: &mut ConfigIssues) {
        let cookie = self.cookie();
        let invalid = |reason: &'static str, remedy: &'static str| {
            ConfigIssue::new("cookie_name", IssueKind::Invalid, reason, remedy).with_value(&*cookie.name)
        };
        // Browsers compare the prefix in any letter case.
        let has_prefix =
            |prefix: &str| cookie.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if !is_cookie_name(&cookie.name) {
            issues.add(invalid("not a cookie name (RFC 6265 §4.1.1)", "use a token, for example __Host-session"));
        } else if self.is_insecure && (has_prefix("__Host-") || has_prefix("__Secure-")) {
            issues.add(invalid("has a prefix that browsers accept only over https", "remove .dangerously_over_http()"));
        } else if self.domain.is_some() && has_prefix("__Host-") {
            issues.add(invalid("has the prefix __Host-, which browsers reject with a domain", "use __Secure-session"));
        }
        if let Some(domain) = self.domain.as_ref().filter(|domain| !is_domain(domain)) {
            let issue =
                ConfigIssue::new("domain", IssueKind::Invalid, "is not a domain", "use one such as example.com");
            issues.add(issue.with_value(domain));
        }
        if let Some(time) = self.remember_for.filter(|time| time.as_secs() == 0 || *time > MAX_LIFETIME) {
            let reason = "is less than a second or more than 400 days, the longest that browsers keep a cookie";
            let issue = ConfigIssue::new("remember_for", IssueKind::Invalid, reason, "set hours or days");
            issues.add(issue.with_value(format!("{time:?}")));
        }
    }

    fn validate_timeouts(&self, issues: &mut ConfigIssues) {
        let timeouts = self.timeouts();
        let mut invalid = |setting, time: Duration, reason: &'static str, remedy: &'static str| {
            let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(format!("{time:?}")));
        };
        if timeouts.absolute < MIN_TIMEOUT || timeouts.absolute > MAX_LIFETIME {
            let reason = "is less than a minute or more than 400 days";
            invalid("absolute_timeout", timeouts.absolute, reason, "set hours");
        }
        if timeouts.idle < MIN_TIMEOUT {
            let reason = "is less than a minute, the precision of the last use";
            invalid("idle_timeout", timeouts.idle, reason, "set minutes");
        }
        if timeouts.idle > timeouts.absolute {
            let reason = "is longer than the absolute timeout";
            invalid("idle_timeout", timeouts.idle, reason, "set at most absolute_timeout");
        }
        if let Some(longest) = self.assurance.map(|level| level.timeouts()) {
            if timeouts.absolute > longest.absolute {
                let reason = "is longer than the assurance level allows";
                invalid("absolute_timeout", timeouts.absolute, reason, "set less, or remove .assurance(..)");
            }
            if timeouts.idle > longest.idle {
                let reason = "is longer than the assurance level allows";
                invalid("idle_timeout", timeouts.idle, reason, "set less, or remove .assurance(..)");
            }
        }
        // A session that is used after its revocation is removed from the store. An unused one ends by its idle
        // timeout.
        let kept = self.revocations.as_ref().map(|revocations| revocations.max_token_lifetime());
        if kept.is_some_and(|kept| timeouts.idle > kept) {
            let reason = "is longer than a revocation is kept, after which a session would be valid again";
            let remedy = "set less, or a longer RevocationsBuilder::max_token_lifetime";
            invalid("idle_timeout", timeouts.idle, reason, remedy);
        }
    }

    fn validate_limits(&self, issues: &mut ConfigIssues) {
        if self.max_sessions == Some(0) {
            let remedy = "set the number of devices of a user, for example 5";
            issues.add(ConfigIssue::new("max_sessions", IssueKind::Invalid, "is zero", remedy).with_value("0"));
        }
        if self.rejects_over_limit && self.max_sessions.is_none() {
            let remedy = "call .max_sessions(..), or remove it";
            let reason = "there is no limit";
            issues.add(ConfigIssue::new("reject_over_limit", IssueKind::Prohibited, reason, remedy));
        }
    }

    fn validate_requests(&self, issues: &mut ConfigIssues) {
        if let Some(path) = self.login_page.as_ref().filter(|path| !is_local(path) || path.contains('#')) {
            let reason = "is not a path of the app";
            let issue = ConfigIssue::new("login_page", IssueKind::Invalid, reason, "use a path such as /login");
            issues.add(issue.with_value(path));
        }
        if let Some(secret) = &self.secret {
            if secret.len() < MIN_SECRET_LEN {
                let remedy = "use 32 random bytes, and keep them outside the code";
                issues.add(ConfigIssue::new("secret", IssueKind::Weak, "is shorter than 32 bytes", remedy));
            }
            if self.login_page.is_none() {
                let reason = "is only for the login page, which is not set";
                let remedy = "call .login_page(..), or remove it";
                issues.add(ConfigIssue::new("secret", IssueKind::Prohibited, reason, remedy));
            }
        }
        Realm::validate(self.realm.as_deref(), issues);
    }

    fn validate_store(&self, issues: &mut ConfigIssues) {
        if self.store.is_none() {
            let remedy = "implement SessionStore for your database, or use MemorySessions in one process";
            issues.add(ConfigIssue::new("store", IssueKind::Missing, "not set", remedy));
        }
        issues.check_timeout("store_timeout", self.store_timeout);
        if !(1..=MAX_CACHE_CAPACITY).contains(&self.cache_capacity) {
            let remedy = "set the number of sessions in use at a time";
            let issue = ConfigIssue::new("cache_capacity", IssueKind::Invalid, "is not between 1 and 1048576", remedy);
            issues.add(issue.with_value(self.cache_capacity.to_string()));
        }
        for (setting, time, longest, reason) in [
            ("cache_ttl", self.cache_ttl.unwrap_or_default(), MAX_TTL, "is more than a minute"),
            ("stale_for", self.stale_for, MAX_STALE, "is more than an hour"),
        ] {
            if time > longest {
                let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, "set seconds");
                issues.add(issue.with_value(format!("{time:?}")));
            }
        }
    }

    fn validate_users(&self, issues: &mut ConfigIssues) {
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, issues);
        self.app_settings.validate(issues);
    }
}

/// Whether it has letters, digits, hyphens and at least one dot: browsers reject a cookie for a top-level domain.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(is_allowed)
    };
    text.contains('.') && text.len() <= MAX_DOMAIN_LEN && text.split('.').all(is_label)
}

const MIN_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_TTL: Duration = Duration::from_secs(60);
const MAX_STALE: Duration = Duration::from_secs(3_600);
const MAX_CACHE_CAPACITY: usize = 1 << 20;
/// The length of the hash, as for secrets of tokens (RFC 7518 §3.2).
const MIN_SECRET_LEN: usize = 32;
/// RFC 1035 §3.1.
const MAX_DOMAIN_LEN: usize = 253;
