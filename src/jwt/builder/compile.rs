//! From the settings of a builder to the issuers of a `Policy`.
//!
//! Every function here continues after an issue, so that one failed `build()` reports all of them.

use std::time::Duration;

use crate::context::Realm;
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::Admission;
use crate::http_client::default_client::default_client;
use crate::jwt::builder::{JwtAuthBuilder, validate};
use crate::jwt::issuer::trusted::TrustedIssuer;
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::issuers::compiler::IssuerCompiler;
use crate::jwt::issuers::finder::Finder;
use crate::jwt::issuers::source::IssuerSource;
use crate::jwt::issuers::{Finding, Issuers};
use crate::jwt::remote::discovery::JwksLocation;

impl JwtAuthBuilder {
    /// Validates all settings except the issuers.
    pub(super) fn validate_settings(&self, issues: &mut ConfigIssues) {
        if self.issuers.is_empty() && self.sources.is_empty() {
            let remedy = "call .issuer(..) with the issuer whose tokens to accept";
            issues.add(ConfigIssue::new("issuer", IssueKind::Missing, "no issuer is set", remedy));
            // With issuers, each of them is checked for an audience.
            if self.audiences.is_empty() {
                let remedy = "call .audience(..) with the `aud` value of the tokens for this app";
                issues.add(ConfigIssue::new("audience", IssueKind::Missing, "no audience is set", remedy));
            }
        }
        validate::leeway(self.leeway, issues);
        issues.check_timeout("fetch_timeout", self.fetch_timeout);
        Admission::validate(self.loader.as_ref(), self.load_user_timeout, issues);
        validate::max_token_len(self.max_token_len, issues);
        validate::token_cache_capacity(self.token_cache_capacity, issues);
        self.validate_places(issues);
        Realm::validate(self.realm.as_deref(), issues);
        let patterns = self.sources.iter().filter_map(|source| match &source.finding {
            Finding::Pattern(issuer) => Some(&**issuer),
            Finding::Function { .. } => None,
        });
        let own_audiences = self.issuers.iter().chain(patterns).flat_map(|issuer| &issuer.audiences);
        for audience in self.audiences.iter().chain(own_audiences) {
            validate::audience(audience, issues);
        }
        self.app.validate(issues);
    }

    /// Validates where requests have their tokens.
    fn validate_places(&self, issues: &mut ConfigIssues) {
        if let Some(name) = &self.cookie {
            validate::cookie(name, issues);
        }
        if let Some(name) = &self.websocket_protocol {
            validate::websocket_protocol(name, issues);
        }
        if let Some(name) = &self.header {
            validate::header(name, issues);
            // A proxy adds the header to all requests, so those with a token in another place would have two.
            let others = [("cookie", self.cookie.is_some()), ("websocket_protocol", self.websocket_protocol.is_some())];
            for (setting, _) in others.into_iter().filter(|(_, is_set)| *is_set) {
                let reason = "the token is read from a header, so this setting has no effect";
                issues.add(ConfigIssue::new(setting, IssueKind::Prohibited, reason, "remove it, or header(..)"));
            }
        }
        if self.csrf.is_some() && self.cookie.is_none() && self.header.is_none() {
            let reason = "no cookie and no header of a proxy is read, so this setting has no effect";
            let remedy = "call cookie(..) or header(..), or remove it";
            issues.add(ConfigIssue::new("csrf", IssueKind::Prohibited, reason, remedy));
        }
    }

    /// Builds each issuer, and each source of issuers. One with an issue is left out, which is harmless: `build()` then
    /// fails.
    pub(super) fn build_issuers(&mut self, issues: &mut ConfigIssues) -> (Vec<TrustedIssuer>, Vec<IssuerSource>) {
        let issuers = std::mem::take(&mut self.issuers);
        let sources = std::mem::take(&mut self.sources);
        let is_remote = |issuer: &Issuer| matches!(issuer.source, KeySource::Remote(_));
        let has_pattern = sources.iter().any(|source| matches!(source.finding, Finding::Pattern(_)));
        // All issuers share one client.
        if self.client.is_none() && (has_pattern || issuers.iter().any(is_remote)) {
            self.client = default_client("to fetch the keys that an issuer publishes", issues);
        } else if self.client.is_none() && !sources.is_empty() && cfg!(feature = "fetch") {
            // A function may return issuers that publish their keys.
            self.client = default_client("to fetch the keys that an issuer publishes", issues);
        }
        validate::are_distinct(&issuers, issues);
        validate::sources_are_distinct(&sources, issues);
        let compiler = IssuerCompiler {
            audiences: self.audiences.clone(),
            uses_roles: self.app.roles.is_some(),
            client: self.client.clone(),
            clock: self.clock.clone(),
            max_stale_keys: self.max_stale_keys,
            fetch_timeout: self.fetch_timeout,
        };
        let mut trusted = Vec::with_capacity(issuers.len());
        for issuer in issuers {
            validate::is_not_pattern(&issuer, issues);
            validate::tenants(&issuer, self.loader.is_some(), issues);
            trusted.extend(compiler.compile(issuer, issues));
        }
        let sources = sources.into_iter().filter_map(|source| build_source(source, &compiler, issues)).collect();
        (trusted, sources)
    }
}

fn build_source(issuers: Issuers, compiler: &IssuerCompiler, issues: &mut ConfigIssues) -> Option<IssuerSource> {
    validate::issuers(&issuers, issues);
    let finder = match issuers.finding {
        Finding::Pattern(mut settings) => {
            let pattern = validate::pattern(&settings, issues)?;
            if let KeySource::Remote(location @ JwksLocation::Metadata) = &mut settings.source {
                *location = JwksLocation::OwnMetadata;
            }
            let prototype = Box::new(compiler.compile(Issuer::clone(&settings), issues)?);
            Finder::Pattern { pattern, settings, prototype }
        }
        Finding::Function { prefix, function } => {
            Finder::Function { prefix, function, max_age: issuers.max_age.unwrap_or(ISSUER_MAX_AGE) }
        }
    };
    Some(IssuerSource::new(finder, compiler.clone(), issuers.capacity))
}

// The tokens of a removed tenant are rejected after this time. Each tenant in use costs one call in it.
const ISSUER_MAX_AGE: Duration = Duration::from_secs(300);
