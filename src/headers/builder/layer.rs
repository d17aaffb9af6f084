//! `SecurityHeadersBuilder::build`: validates the settings and renders the header values.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use crate::error::{ConfigError, ConfigIssues};
use crate::headers::builder::SecurityHeadersBuilder;
use crate::headers::csp::Csp;
use crate::headers::gate::SecurityHeaders;
use crate::headers::names::{PERMISSIONS_POLICY, REPORTING_ENDPOINTS};
use crate::headers::permissions::PermissionsPolicy;
use crate::headers::policy::{Policy, Settings};
use crate::headers::reporting_endpoints;

/// Validation and construction.
impl SecurityHeadersBuilder {
    /// Builds the layer and logs a warning for each [lint](crate::headers::Lint) of its policies.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with all of these issues:
    ///
    /// - A policy is empty, or has an invalid source, feature, origin or duration.
    /// - A policy reports to an endpoint that is not defined, or an endpoint's name or URL is invalid or repeated.
    /// - `Hsts` consents to preloading, but is too short or excludes subdomains.
    /// - A value set with [`header`](Self::header) is invalid or makes attacks easier, or its header has a setter of
    ///   its own, belongs to CORS or differs between responses.
    /// - [`strip`](Self::strip) names a header that clients need.
    /// - [`without`](Self::without) or [`override_handler`](Self::override_handler) names a header that the layer does
    ///   not send.
    pub fn build(self) -> Result<SecurityHeaders, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        issues.into_result(|| {
            self.log_lints();
            SecurityHeaders(Arc::new(self.into_policy()))
        })
    }

    /// Returns the headers that are the same for every response.
    ///
    /// Conversions cannot fail here, because `validate` has accepted every name and value. A header that is not valid
    /// would be omitted.
    fn constant_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (name, value) in &self.static_headers {
            headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
        }
        for header in self.custom_headers.values() {
            let name = HeaderName::try_from(&header.name);
            let value = HeaderValue::try_from(&header.value);
            headers.extend(name.ok().zip(value.ok()));
        }
        let permissions = self.permissions_policy.as_ref().map(PermissionsPolicy::text);
        let endpoints = reporting_endpoints::text(&self.reporting_endpoints);
        for (name, text) in [(PERMISSIONS_POLICY, permissions), (REPORTING_ENDPOINTS, endpoints)] {
            let value = text.and_then(|text| HeaderValue::try_from(text).ok());
            headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
        }
        headers
    }

    fn into_policy(self) -> Policy {
        let csp = self.csp.iter().map(|csp| (header::CONTENT_SECURITY_POLICY, csp.rendered()));
        let report_only =
            self.csp_report_only.iter().map(|csp| (header::CONTENT_SECURITY_POLICY_REPORT_ONLY, csp.rendered()));
        Policy::new(Settings {
            headers: self.constant_headers(),
            hsts: self.hsts.and_then(|hsts| HeaderValue::try_from(hsts.text()).ok()),
            csps: csp.chain(report_only).collect(),
            overridden: self.overridden.iter().filter_map(|name| HeaderName::try_from(name).ok()).collect(),
            stripped: self.stripped.iter().filter_map(|name| HeaderName::try_from(name).ok()).collect(),
            is_no_store: self.is_no_store,
            assumes_https: self.assumes_https,
        })
    }

    /// Logs what browsers accept but the author probably did not mean.
    fn log_lints(&self) {
        for (setting, csp) in self.csps() {
            for lint in csp.lints() {
                tracing::warn!("{setting}: {lint}");
            }
        }
    }

    /// Returns the policies that are set, each with the name of its setter.
    pub(super) fn csps(&self) -> impl Iterator<Item = (&'static str, &Csp)> {
        let csps = [("csp", &self.csp), ("csp_report_only", &self.csp_report_only)];
        csps.into_iter().filter_map(|(setting, csp)| Some((setting, csp.as_ref()?)))
    }
}
