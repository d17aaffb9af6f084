//! Validation of the settings, each with a reason and a remedy that fit into a log line.

use std::time::Duration;

use crate::clock::MAX_LEEWAY;
use crate::context::Realm;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::Admission;
use crate::http_client::default_client::default_client;
use crate::http_client::url::validate_url;
use crate::introspection::builder::IntrospectionAuthBuilder;
use crate::introspection::builder::validated::Validated;
use crate::introspection::client_auth::authenticator::Authenticator;
use crate::lookup::CredentialHasher;

impl IntrospectionAuthBuilder {
    /// Adds every issue. Returns `None` if one of the required values is missing.
    pub(super) fn validate(&self, issues: &mut ConfigIssues) -> Option<Validated> {
        self.validate_endpoint(issues);
        let authenticator = self.authenticator(issues);
        self.validate_audience(issues);
        self.validate_issuer(issues);
        self.validate_cache(issues);
        Realm::validate(self.realm.as_deref(), issues);
        self.validate_users(issues);
        let http_client = match &self.http_client {
            Some(client) => Some(client.clone()),
            None => default_client("to ask the authorization server about tokens", issues),
        };
        let hasher = CredentialHasher::random(issues);
        Some(Validated {
            endpoint: self.endpoint.clone()?,
            authenticator: authenticator?,
            http_client: http_client?,
            hasher: hasher?,
        })
    }

    fn validate_endpoint(&self, issues: &mut ConfigIssues) {
        match &self.endpoint {
            Some(url) => validate_url("endpoint", url, &['#'], issues),
            None => {
                let remedy = "set the `introspection_endpoint` in the metadata of the authorization server";
                issues.add(ConfigIssue::new("endpoint", IssueKind::Missing, "not set", remedy));
            }
        }
    }

    fn authenticator(&self, issues: &mut ConfigIssues) -> Option<Authenticator> {
        let Some((setting, client_auth)) = &self.client_auth else {
            let remedy = "call .client(..) with the id and secret of a client that is registered for this app";
            issues.add(ConfigIssue::new("client_auth", IssueKind::Missing, "not set", remedy));
            return None;
        };
        client_auth.authenticator(setting, issues)
    }

    fn validate_audience(&self, issues: &mut ConfigIssues) {
        for audience in self.audiences.iter().filter(|audience| audience.is_empty() || audience.trim() != *audience) {
            let reason = "is empty, or begins or ends with whitespace";
            let remedy = "set the `aud` value of the tokens for this app";
            issues.add(ConfigIssue::new("audience", IssueKind::Invalid, reason, remedy).with_value(audience));
        }
        if self.audiences.is_empty() && !self.accepts_any_audience {
            let remedy = "call .audience(..) with the `aud` value of the tokens for this app, or .any_audience()";
            issues.add(ConfigIssue::new("audience", IssueKind::Missing, "no audience is set", remedy));
        }
        if !self.audiences.is_empty() && self.accepts_any_audience {
            let reason = "an audience is set, which would have no effect";
            issues.add(ConfigIssue::new("any_audience", IssueKind::Prohibited, reason, "remove one of the two"));
        }
    }

    fn validate_issuer(&self, issues: &mut ConfigIssues) {
        if let Some(issuer) = self.issuer.as_ref().filter(|issuer| issuer.is_empty() || issuer.trim() != *issuer) {
            let reason = "is empty, or begins or ends with whitespace";
            let remedy = "set the exact name of the authorization server, the `iss` of its tokens";
            issues.add(ConfigIssue::new("issuer", IssueKind::Invalid, reason, remedy).with_value(issuer));
        }
        let Some(keys) = &self.keys else { return };
        match &self.issuer {
            None => {
                let remedy = "call .issuer(..) with the name of the authorization server";
                issues.add(ConfigIssue::new("keys_from", IssueKind::Missing, "no issuer is set", remedy));
            }
            Some(issuer) if !keys.has_issuer(issuer) => {
                let reason = "the layer does not have this issuer";
                let remedy = "add it there, with the exact name";
                issues.add(ConfigIssue::new("keys_from", IssueKind::Unknown, reason, remedy).with_value(issuer));
            }
            Some(_) => {}
        }
    }

    fn validate_cache(&self, issues: &mut ConfigIssues) {
        issues.check_timeout("timeout", self.timeout);
        if self.cache_ttl > MAX_CACHE_TTL {
            let reason = "is more than an hour; a token would be accepted for that long after it was revoked";
            let issue = ConfigIssue::new("cache_ttl", IssueKind::Invalid, reason, "set seconds or minutes");
            issues.add(issue.with_value(format!("{:?}", self.cache_ttl)));
        }
        if !(1..=MAX_CACHE_CAPACITY).contains(&self.cache_capacity) {
            let remedy = "set the number of tokens in use at a time; to disable the cache, set .cache_ttl(..) to zero";
            let issue = ConfigIssue::new("cache_capacity", IssueKind::Invalid, "is not between 1 and 1048576", remedy);
            issues.add(issue.with_value(self.cache_capacity.to_string()));
        }
        if self.leeway > MAX_LEEWAY {
            let reason = "is more than five minutes, and RFC 9068 §4 permits no more than a few";
            let remedy = "synchronize the clocks and set five minutes or less";
            let issue = ConfigIssue::new("leeway", IssueKind::Prohibited, reason, remedy);
            issues.add(issue.with_value(format!("{} s", self.leeway.as_secs())));
        }
    }

    fn validate_users(&self, issues: &mut ConfigIssues) {
        if self.claims.has_empty_name() {
            let remedy = "use the name of a member of the response, or a JSON Pointer to a nested one";
            issues.add(ConfigIssue::new("claims", IssueKind::Invalid, "a claim has an empty name", remedy));
        }
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, issues);
        self.app.validate(issues);
    }
}

const MAX_CACHE_TTL: Duration = Duration::from_secs(3_600);
const MAX_CACHE_CAPACITY: usize = 1 << 20;
