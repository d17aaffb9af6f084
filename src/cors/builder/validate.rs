//! Validation of the settings of `Cors`.
//!
//! A setting that browsers ignore is an issue too, because the author expects it to have an effect.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use crate::cors::builder::{CorsBuilder, Origins};
use crate::cors::names::{self, Names};
use crate::cors::policy::{self, AllowedHeaders, AllowedMethods, AllowedOrigins, Policy};
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

impl CorsBuilder {
    /// Validates all settings and returns the policy, or every issue.
    pub(super) fn policy(self) -> Result<Policy, ConfigError> {
        let mut issues = ConfigIssues::default();
        let origins = self.validate_origins(&mut issues);
        let methods = validate_methods(&self.methods, &mut issues);
        let request_headers = validate_request_headers(&self.request_headers, &mut issues);
        let exposed_headers = self.validate_exposed_headers(&mut issues);
        self.validate_max_age(&mut issues);
        issues.into_result(|| Policy {
            origins,
            allows_credentials: self.allows_credentials,
            methods: match self.allows_any_method {
                true => AllowedMethods::Any,
                false => AllowedMethods::List(methods.into()),
            },
            request_headers: match self.allows_any_request_header {
                true => AllowedHeaders::Any,
                false => AllowedHeaders::List(request_headers),
            },
            exposed_headers,
            max_age: HeaderValue::from(self.max_age.as_secs()),
            is_debug: self.is_debug,
        })
    }

    /// Rejects origins that are not safe together with credentials.
    fn validate_origins(&self, issues: &mut ConfigIssues) -> AllowedOrigins {
        let set = match &self.origins {
            Origins::Set(set) => set,
            Origins::NotSet => {
                let remedy = "set .origins(OriginSet::new([\"https://app.example.com\"])?)";
                issues.add(ConfigIssue::new("origins", IssueKind::Missing, "not set", remedy));
                return AllowedOrigins::Any;
            }
            Origins::Any => {
                if self.allows_credentials {
                    let reason = "with credentials, every page could act as the user";
                    let remedy = "list the origins with .origins(..), or remove allow_credentials()";
                    issues.add(ConfigIssue::new("any_origin", IssueKind::Prohibited, reason, remedy));
                }
                return AllowedOrigins::Any;
            }
        };
        if self.allows_credentials && !self.allows_http_with_credentials {
            for origin in set.unencrypted() {
                let reason =
                    "an attacker on the network can forge pages served over http and act with the user's credentials";
                let remedy = "use https, or call dangerously_allow_http_with_credentials()";
                let issue = ConfigIssue::new("allow_credentials", IssueKind::Prohibited, reason, remedy);
                issues.add(issue.with_value(origin));
            }
        }
        AllowedOrigins::Set(set.clone())
    }

    /// Returns the value of `Access-Control-Expose-Headers`.
    fn validate_exposed_headers(&self, issues: &mut ConfigIssues) -> Option<HeaderValue> {
        let mut valid: Vec<String> = ALWAYS_EXPOSED.map(str::to_owned).into();
        for name in &self.exposed_headers {
            let lower = name.to_ascii_lowercase();
            let error = if name == "*" {
                // With credentials, browsers treat `*` as a literal header name (Fetch §3.3.3).
                let reason = "* has no effect in combination with credentials";
                self.allows_credentials.then_some((IssueKind::Prohibited, reason, "list the header names"))
            } else if matches!(lower.as_str(), "set-cookie" | "set-cookie2") {
                Some((IssueKind::Prohibited, "browsers never let a page read it", "remove it"))
            } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
                Some((IssueKind::Invalid, "not a header name", "use a token, for example X-Request-Id"))
            } else {
                None
            };
            match error {
                Some((kind, reason, remedy)) => {
                    issues.add(ConfigIssue::new("expose_headers", kind, reason, remedy).with_value(name));
                }
                None => valid.push(lower),
            }
        }
        HeaderValue::try_from(names::sorted_unique(valid).join(",")).ok()
    }

    fn validate_max_age(&self, issues: &mut ConfigIssues) {
        if self.max_age > MAX_MAX_AGE || self.max_age.subsec_nanos() > 0 {
            let reason = "not a whole number of seconds from 0 to 86400";
            let remedy = "use for example 600 seconds (ten minutes) or 7200 seconds (two hours)";
            let issue = ConfigIssue::new("max_age", IssueKind::Invalid, reason, remedy);
            issues.add(issue.with_value(format!("{:?}", self.max_age)));
        }
    }
}

fn validate_methods(names: &[String], issues: &mut ConfigIssues) -> Vec<Method> {
    let mut methods = Vec::new();
    for name in names {
        let upper = name.to_ascii_uppercase();
        let error = match Method::from_bytes(name.as_bytes()) {
            Ok(method) if method.as_str() == "*" => {
                Some((IssueKind::Invalid, "* is not a method", "call any_method() to allow all"))
            }
            Err(_) => Some((IssueKind::Invalid, "not a method", "use a token, for example PATCH")),
            Ok(method) if policy::is_forbidden_method(method.as_str().as_bytes()) => {
                Some((IssueKind::Prohibited, "browsers never let a page use it", "remove it"))
            }
            // A setting such as `delete` would never match: browsers convert DELETE, GET, HEAD, OPTIONS, POST and PUT
            // to upper case (Fetch, "normalize a method"). `patch` would match, but is nearly always a mistake for
            // PATCH.
            Ok(_) if *name != upper && KNOWN_METHODS.contains(&upper.as_str()) => {
                Some((IssueKind::Invalid, "methods are case-sensitive", "write it in upper case"))
            }
            Ok(method) => {
                methods.push(method);
                None
            }
        };
        if let Some((kind, reason, remedy)) = error {
            issues.add(ConfigIssue::new("allow_methods", kind, reason, remedy).with_value(name));
        }
    }
    methods
}

fn validate_request_headers(names: &[String], issues: &mut ConfigIssues) -> Names {
    let mut valid = Vec::new();
    for name in names {
        let lower = name.to_ascii_lowercase();
        let error = if name == "*" {
            Some((IssueKind::Invalid, "* is not a header name", "call any_header() to allow all"))
        } else if HeaderName::from_bytes(name.as_bytes()).is_err() {
            Some((IssueKind::Invalid, "not a header name", "use a token, for example X-Request-Id"))
        } else if names::is_forbidden(&lower) {
            Some((IssueKind::Prohibited, "browsers never let a page set it", "remove it"))
        } else if names::is_response_header(&lower) {
            Some((IssueKind::Prohibited, "a response header", "remove it, or move it to expose_headers(..)"))
        } else {
            valid.push(lower);
            None
        };
        if let Some((kind, reason, remedy)) = error {
            issues.add(ConfigIssue::new("allow_headers", kind, reason, remedy).with_value(name));
        }
    }
    Names::new(valid)
}

/// The headers that the layers of this crate send and that a page needs to react to a rejection. Sorted.
const ALWAYS_EXPOSED: [&str; 10] = [
    "error-code",
    "grpc-message",
    "grpc-status",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
/// The methods whose upper-case spelling is certainly meant. Others, such as `Purge`, may be any token.
const KNOWN_METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
/// One day. No browser caches for longer.
const MAX_MAX_AGE: Duration = Duration::from_secs(86_400);
