//! From the settings of a builder to the issuers of a `Policy`.
//!
//! Every function here continues after an issue, so that one failed `build()` reports all of them.

use std::sync::Arc;

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::jwt::builder::{JwtAuthBuilder, key_source, validate};
use crate::jwt::hints::Hints;
use crate::jwt::issuer::trusted::{IssuerKeys, TrustedIssuer};
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::remote::RemoteKeys;
use crate::jwt::remote::fetch::HttpClient;

impl JwtAuthBuilder {
    /// Validates all settings except the issuers.
    pub(super) fn validate_settings(&self, issues: &mut ConfigIssues) {
        if self.issuers.is_empty() {
            let remedy = "call .issuer(..) with the issuer whose tokens to accept";
            issues.add(ConfigIssue::new("issuer", IssueKind::Missing, "no issuer is set", remedy));
            // With issuers, each of them is checked for an audience.
            if self.audiences.is_empty() {
                let remedy = "call .audience(..) with the `aud` value of the tokens for this app";
                issues.add(ConfigIssue::new("audience", IssueKind::Missing, "no audience is set", remedy));
            }
        }
        validate::leeway(self.leeway, issues);
        validate::timeout("fetch_timeout", self.fetch_timeout, issues);
        if let Some(timeout) = self.load_user_timeout {
            validate::load_user_timeout(timeout, self.loader.is_some(), issues);
        }
        validate::max_token_len(self.max_token_len, issues);
        validate::token_cache_capacity(self.token_cache_capacity, issues);
        if let Some(name) = &self.cookie {
            validate::cookie(name, issues);
        }
        if let Some(realm) = &self.realm {
            validate::realm(realm, issues);
        }
        for audience in self.audiences.iter().chain(self.issuers.iter().flat_map(|issuer| &issuer.audiences)) {
            validate::audience(audience, issues);
        }
        if let Some(tier) = &self.default_tier {
            validate::default_tier(tier, self.tiers.as_ref(), issues);
        }
    }

    /// Builds each issuer. One with an issue is left out, which is harmless: `build()` then fails.
    pub(super) fn build_issuers(&mut self, issues: &mut ConfigIssues) -> Vec<TrustedIssuer> {
        let issuers = std::mem::take(&mut self.issuers);
        // All issuers share one client.
        if self.client.is_none() && issuers.iter().any(|issuer| matches!(issuer.source, KeySource::Remote(_))) {
            self.client = built_in_client(issues);
        }
        let mut trusted = Vec::with_capacity(issuers.len());
        validate::are_distinct(&issuers, issues);
        for issuer in issuers {
            trusted.extend(self.build_issuer(issuer, issues));
        }
        trusted
    }

    fn build_issuer(&self, issuer: Issuer, issues: &mut ConfigIssues) -> Option<TrustedIssuer> {
        // An issuer's own audiences replace those of the layer. The two lists are not merged, so that a token of one
        // issuer cannot use an audience that was meant for another.
        let audiences = if issuer.audiences.is_empty() { self.audiences.clone() } else { issuer.audiences.clone() };
        if audiences.is_empty() {
            let reason = "no audience is set for this issuer's tokens";
            let remedy = "call .audience(..) with the `aud` value of the tokens for this app";
            let issue = ConfigIssue::new("audience", IssueKind::Missing, reason, remedy);
            issues.add(issue.for_issuer(&issuer.name));
        }
        key_source::validate_issuer(&issuer, issues);
        let name: Arc<str> = issuer.name.as_str().into();
        let allowed = key_source::allowed_algorithms(&issuer, issues);
        let filter = key_source::key_filter(&issuer, &allowed);
        let keys = self.build_keys(&issuer, &name, filter, issues)?;
        let mut conventions = issuer.conventions;
        if self.roles.is_some() {
            conventions.claims.use_roles();
        }
        let hints = Hints::new(self.clock.clone());
        Some(TrustedIssuer { name, keys, allowed, audiences, conventions, hints })
    }

    /// Parses the configured keys, or prepares the fetches of published ones. Nothing is fetched here.
    fn build_keys(
        &self,
        issuer: &Issuer,
        name: &Arc<str>,
        filter: KeyFilter,
        issues: &mut ConfigIssues,
    ) -> Option<IssuerKeys> {
        match &issuer.source {
            KeySource::Fixed(first) => Some(IssuerKeys::Fixed(key_source::fixed_keys(issuer, first, issues))),
            KeySource::Document(text) => {
                key_source::document_keys(issuer, text, &filter, issues).map(IssuerKeys::Fixed)
            }
            KeySource::Remote(location) => {
                key_source::validate_location(issuer, location, issues);
                let client = self.client.clone()?;
                let remote = RemoteKeys::new(
                    Arc::clone(name),
                    location.clone(),
                    filter,
                    client,
                    self.clock.clone(),
                    self.max_stale_keys,
                    self.fetch_timeout,
                );
                Some(IssuerKeys::Remote(Arc::new(remote)))
            }
        }
    }
}

#[cfg(feature = "fetch")]
fn built_in_client(issues: &mut ConfigIssues) -> Option<HttpClient> {
    let client = crate::jwt::remote::client::Client::new().map(HttpClient::new);
    let add_issue = |error| {
        let reason = format!("the HTTP client cannot load the platform's CA certificates: {error}");
        let remedy = "install them (the package ca-certificates on Linux), or call .fetch(..)";
        issues.add(ConfigIssue::new("fetch", IssueKind::Missing, reason, remedy));
    };
    client.map_err(add_issue).ok()
}

#[cfg(not(feature = "fetch"))]
fn built_in_client(issues: &mut ConfigIssues) -> Option<HttpClient> {
    let reason = "an issuer publishes its keys, and there is no HTTP client to fetch them";
    let remedy = "enable the feature `fetch`, or call .fetch(..)";
    issues.add(ConfigIssue::new("fetch", IssueKind::Missing, reason, remedy));
    None
}
