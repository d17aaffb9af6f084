//! Validation of the settings, each with a reason and a remedy that fit into a log line.

use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};

use crate::api_key::builder::ApiKeyAuthBuilder;
use crate::api_key::key::format::KeyFormat;
use crate::context::Realm;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::Admission;

impl ApiKeyAuthBuilder {
    /// Adds every issue.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) {
        self.validate_requests(issues);
        self.validate_store(issues);
        self.validate_users(issues);
    }

    fn validate_requests(&self, issues: &mut ConfigIssues) {
        match &self.prefix {
            None => {
                let remedy = "set the text that all keys begin with, for example acme_live";
                issues.add(ConfigIssue::new("prefix", IssueKind::Missing, "not set", remedy));
            }
            Some(prefix) if !KeyFormat::is_prefix(prefix) => {
                let reason =
                    "is not 2 to 32 lowercase letters, digits and _, beginning with a letter and not ending in _";
                let issue = ConfigIssue::new("prefix", IssueKind::Invalid, reason, "use a prefix such as acme_live");
                issues.add(issue.with_value(prefix));
            }
            Some(_) => {}
        }
        if let Some(header) = self.header.as_ref().filter(|header| [&AUTHORIZATION, &COOKIE].contains(header)) {
            let reason = "cannot be chosen: Authorization is always read, and Cookie never";
            let remedy = "use a header that has only the key, for example x-api-key";
            issues.add(ConfigIssue::new("header", IssueKind::Prohibited, reason, remedy).with_value(header.as_str()));
        }
        Realm::validate(self.realm.as_deref(), issues);
        if self.pepper.as_ref().is_some_and(|pepper| pepper.len() < MIN_PEPPER_LEN) {
            let remedy = "use 32 random bytes, and keep them outside the database";
            issues.add(ConfigIssue::new("pepper", IssueKind::Invalid, "is shorter than 32 bytes", remedy));
        }
    }

    fn validate_store(&self, issues: &mut ConfigIssues) {
        if self.store.is_none() {
            let remedy = "implement ApiKeyStore for your database, or use MemoryKeys in tests";
            issues.add(ConfigIssue::new("store", IssueKind::Missing, "not set", remedy));
        }
        issues.check_timeout("store_timeout", self.store_timeout);
        if !(1..=MAX_CACHE_CAPACITY).contains(&self.cache_capacity) {
            let remedy = "set the number of keys in use at a time";
            let issue = ConfigIssue::new("cache_capacity", IssueKind::Invalid, "is not between 1 and 1048576", remedy);
            issues.add(issue.with_value(self.cache_capacity.to_string()));
        }
        let ttl = self.cache_ttl.unwrap_or_default();
        for (setting, time) in [("cache_ttl", ttl), ("stale_for", self.stale_for)] {
            if time > MAX_AGE {
                let reason = "is more than an hour; a key could be accepted for that long after it was changed";
                let issue = ConfigIssue::new(setting, IssueKind::Invalid, reason, "set seconds or minutes");
                issues.add(issue.with_value(format!("{time:?}")));
            }
        }
        let kept = self.revocations.as_ref().map(|revocations| revocations.max_token_lifetime());
        if kept.is_some_and(|kept| ttl.saturating_add(self.stale_for) > kept) {
            let reason =
                "with cache_ttl, is longer than a revocation is kept, after which a stale record would be valid";
            let remedy = "set less, or a longer RevocationsBuilder::max_token_lifetime";
            let issue = ConfigIssue::new("stale_for", IssueKind::Prohibited, reason, remedy);
            issues.add(issue.with_value(format!("{:?}", self.stale_for)));
        }
    }

    fn validate_users(&self, issues: &mut ConfigIssues) {
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, issues);
        self.app.validate(issues);
    }
}

/// The length of the hash, as for secrets of tokens (RFC 7518 §3.2).
const MIN_PEPPER_LEN: usize = 32;
const MAX_CACHE_CAPACITY: usize = 1 << 20;
const MAX_AGE: Duration = Duration::from_secs(3_600);
