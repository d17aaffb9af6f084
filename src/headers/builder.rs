//! `SecurityHeadersBuilder`: the settings of `SecurityHeaders`, and their validation.

mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use crate::context::TrustedProxies;
use crate::error::{ConfigError, ConfigIssues};
use crate::headers::csp::Csp;
use crate::headers::custom_header::CustomHeader;
use crate::headers::gate::SecurityHeaders;
use crate::headers::hsts::Hsts;
use crate::headers::names::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CROSS_ORIGIN_EMBEDDER_POLICY,
    CROSS_ORIGIN_OPENER_POLICY, CROSS_ORIGIN_RESOURCE_POLICY, PERMISSIONS_POLICY, REFERRER_POLICY, REPORTING_ENDPOINTS,
    STRICT_TRANSPORT_SECURITY, X_FRAME_OPTIONS,
};
use crate::headers::permissions::PermissionsPolicy;
use crate::headers::policy::{HttpsDetection, Policy, Settings};
use crate::headers::reporting_endpoints;
use crate::headers::values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};

impl SecurityHeaders {
    /// Returns a builder without any headers. Most apps start with a preset instead, for example [`api`](Self::api).
    pub fn builder() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::new()
    }
}

/// Configures a [`SecurityHeaders`]. Each setter replaces the previous value, including a preset's.
///
/// Without a preset, no header is set. The [module](crate::headers) lists the headers of the presets.
///
/// ```
/// use portcullis::SecurityHeaders;
/// use portcullis::headers::FrameOptions;
///
/// let headers = SecurityHeaders::html()
///     .frame_options(FrameOptions::SameOrigin)
///     .header("x-robots-tag", "noindex")
///     .without("origin-agent-cluster")
///     .build()?;
/// # let _ = headers;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeadersBuilder {
    /// Headers whose values need no validation, by name.
    static_headers: BTreeMap<&'static str, &'static str>,
    custom_headers: BTreeMap<String, CustomHeader>,
    csp: Option<Csp>,
    csp_report_only: Option<Csp>,
    hsts: Option<Hsts>,
    permissions_policy: Option<PermissionsPolicy>,
    reporting_endpoints: Vec<(String, String)>,
    stripped: Vec<String>,
    overridden: Vec<String>,
    /// The names given to `without` that were not set.
    unknown_without: Vec<String>,
    is_no_store: bool,
    https: HttpsDetection,
}

impl SecurityHeadersBuilder {
    pub(super) fn new() -> Self {
        Self {
            static_headers: BTreeMap::new(),
            custom_headers: BTreeMap::new(),
            csp: None,
            csp_report_only: None,
            hsts: None,
            permissions_policy: None,
            reporting_endpoints: Vec::new(),
            stripped: Vec::new(),
            overridden: Vec::new(),
            unknown_without: Vec::new(),
            is_no_store: false,
            https: HttpsDetection::ByRequest(TrustedProxies::none()),
        }
    }

    /// Sets `Content-Security-Policy`.
    pub fn csp(mut self, csp: Csp) -> Self {
        self.csp = Some(csp);
        self
    }

    /// Sets `Content-Security-Policy-Report-Only`. Browsers report violations of this policy and do not block them.
    ///
    /// Use it to try out a policy next to the enforced one.
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Csp;
    ///
    /// let trial = Csp::html().require_trusted_types().report_to("csp");
    /// let headers = SecurityHeaders::html().csp_report_only(trial).add_reporting_endpoint("csp", "/csp-reports").build()?;
    /// # let _ = headers;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn csp_report_only(mut self, csp: Csp) -> Self {
        self.csp_report_only = Some(csp);
        self
    }

    /// Sets `Strict-Transport-Security`, which is sent only over https.
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.hsts = Some(hsts);
        self
    }

    /// Sets `Permissions-Policy`.
    pub fn permissions_policy(mut self, policy: PermissionsPolicy) -> Self {
        self.permissions_policy = Some(policy);
        self
    }

    /// Sets `X-Frame-Options`.
    ///
    /// Browsers that support `frame-ancestors` ignore this header if the [`Csp`] has that directive, so set both.
    pub fn frame_options(self, options: FrameOptions) -> Self {
        self.with_static(X_FRAME_OPTIONS, options.text())
    }

    /// Sets `Referrer-Policy`.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.with_static(REFERRER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Opener-Policy`.
    pub fn opener_policy(self, policy: OpenerPolicy) -> Self {
        self.with_static(CROSS_ORIGIN_OPENER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Resource-Policy`.
    pub fn resource_policy(self, policy: ResourcePolicy) -> Self {
        self.with_static(CROSS_ORIGIN_RESOURCE_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Embedder-Policy`.
    pub fn embedder_policy(self, policy: EmbedderPolicy) -> Self {
        self.with_static(CROSS_ORIGIN_EMBEDDER_POLICY, policy.text())
    }

    /// Sets any other header, for all responses. At most 64 headers can be set.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let header = CustomHeader::new(name, value.into());
        self.take_static_or_custom(&header.name);
        self.custom_headers.insert(header.name.clone(), header);
        self
    }

    /// Adds an endpoint to which browsers send reports (`Reporting-Endpoints`).
    ///
    /// `url` is a path or an https URL. [`Csp::report_to`] refers to the endpoint by its name.
    pub fn add_reporting_endpoint(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.reporting_endpoints.push((name.into(), url.into()));
        self
    }

    /// Removes a header that a preset or an earlier setter set.
    ///
    /// `cache-control` also removes the setting [`no_store`](Self::no_store).
    pub fn without(mut self, name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let was_set = match name.as_str() {
            "cache-control" => std::mem::take(&mut self.is_no_store) | self.take_static_or_custom(&name),
            CONTENT_SECURITY_POLICY => self.csp.take().is_some(),
            CONTENT_SECURITY_POLICY_REPORT_ONLY => self.csp_report_only.take().is_some(),
            PERMISSIONS_POLICY => self.permissions_policy.take().is_some(),
            REPORTING_ENDPOINTS => !std::mem::take(&mut self.reporting_endpoints).is_empty(),
            STRICT_TRANSPORT_SECURITY => self.hsts.take().is_some(),
            _ => self.take_static_or_custom(&name),
        };
        if !was_set {
            self.unknown_without.push(name);
        }
        self
    }

    /// Sets the names of the headers that are removed from every response (default: none; most presets: `Server` and
    /// `X-Powered-By`).
    ///
    /// [`OWASP_REMOVED`](crate::headers::OWASP_REMOVED) is a longer list.
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::OWASP_REMOVED;
    ///
    /// let headers = SecurityHeaders::api().strip(OWASP_REMOVED).build()?;
    /// # let _ = headers;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn strip(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.stripped = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sets the names of the headers that replace the handler's (default: none; the handler's headers are kept).
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    ///
    /// // No handler can loosen the policy.
    /// let headers = SecurityHeaders::api().override_handler(["content-security-policy"]).build()?;
    /// # let _ = headers;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn override_handler(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.overridden = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Sends `Cache-Control: no-store` with responses to authenticated users, unless the handler set `Cache-Control`.
    ///
    /// Off by default, on in every preset except `helmet`. The layer that authenticates writes the header; a custom gate does
    /// so with [`NoStore`](crate::context::NoStore).
    pub fn no_store(mut self) -> Self {
        self.is_no_store = true;
        self
    }

    /// Treats every request as if it came over https (default: detected for each request).
    ///
    /// Use it if clients can reach the app only over https.
    pub fn assume_https(mut self) -> Self {
        self.https = HttpsDetection::Assumed;
        self
    }

    /// Sets the proxies that are trusted to report the client's scheme (default: none).
    ///
    /// They report it in the last value of `X-Forwarded-Proto`, or in `Forwarded` if the proxies are set to
    /// [`use_forwarded_header`](TrustedProxies::use_forwarded_header).
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.https = HttpsDetection::ByRequest(proxies);
        self
    }

    pub(super) fn with_static(mut self, name: &'static str, value: &'static str) -> Self {
        self.static_headers.insert(name, value);
        self
    }

    /// Removes a header from both maps, and returns whether one of them had it.
    fn take_static_or_custom(&mut self, name: &str) -> bool {
        self.static_headers.remove(name).is_some() | self.custom_headers.remove(name).is_some()
    }

    /// Builds the layer and logs a warning for each [lint](crate::headers::Lint) of its policies.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if a value is invalid or makes attacks easier, or if [`without`](Self::without) or
    /// [`override_handler`](Self::override_handler) names a header that the layer does not send.
    pub fn build(self) -> Result<SecurityHeaders, ConfigError> {
        let mut issues = ConfigIssues::default();
        self.validate(&mut issues);
        issues.into_result(|| {
            self.log_lints();
            SecurityHeaders(Arc::new(self.into_policy()))
        })
    }

    /// Returns the headers that are the same for every response.
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
            https: self.https,
        })
    }

    fn log_lints(&self) {
        for (setting, csp) in self.csps() {
            for lint in csp.lints() {
                tracing::warn!("{setting}: {lint}");
            }
        }
    }

    fn csps(&self) -> impl Iterator<Item = (&'static str, &Csp)> {
        let csps = [("csp", &self.csp), ("csp_report_only", &self.csp_report_only)];
        csps.into_iter().filter_map(|(setting, csp)| Some((setting, csp.as_ref()?)))
    }
}
