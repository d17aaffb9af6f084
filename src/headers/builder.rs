//! `SecurityHeadersBuilder`: what the user says, and every problem with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, STRICT_TRANSPORT_SECURITY};
use http::{HeaderName, HeaderValue};

use crate::context::TrustedProxies;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::headers::csp::Csp;
use crate::headers::gate::SecurityHeaders;
use crate::headers::hsts::Hsts;
use crate::headers::own::{self, OwnField};
use crate::headers::permissions::PermissionsPolicy;
use crate::headers::policy::{Https, Policy, Settings};
use crate::headers::values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};

/// Configures a [`SecurityHeaders`]. Each setter replaces what was set before, by a preset too.
#[derive(Clone, Debug)]
#[must_use]
pub struct SecurityHeadersBuilder {
    /// Fields whose values have no problems.
    fixed: BTreeMap<&'static str, &'static str>,
    own: BTreeMap<String, OwnField>,
    csp: Option<Csp>,
    report_only: Option<Csp>,
    hsts: Option<Hsts>,
    permissions: Option<PermissionsPolicy>,
    endpoints: Vec<(String, String)>,
    removed: Vec<String>,
    enforced: Vec<String>,
    left_out: Vec<String>,
    is_no_store: bool,
    https: Https,
}

impl SecurityHeadersBuilder {
    pub(super) fn new() -> Self {
        Self {
            fixed: BTreeMap::new(),
            own: BTreeMap::new(),
            csp: None,
            report_only: None,
            hsts: None,
            permissions: None,
            endpoints: Vec::new(),
            removed: Vec::new(),
            enforced: Vec::new(),
            left_out: Vec::new(),
            is_no_store: false,
            https: Https::Told(TrustedProxies::none()),
        }
    }

    /// Sets `Content-Security-Policy`.
    pub fn csp(mut self, csp: Csp) -> Self {
        self.csp = Some(csp);
        self
    }

    /// Sets `Content-Security-Policy-Report-Only`: what it forbids is reported and done. To try a policy out, beside the one
    /// that counts.
    pub fn csp_report_only(mut self, csp: Csp) -> Self {
        self.report_only = Some(csp);
        self
    }

    /// Sets `Strict-Transport-Security`, sent over https alone.
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.hsts = Some(hsts);
        self
    }

    /// Sets `Permissions-Policy`.
    pub fn permissions_policy(mut self, policy: PermissionsPolicy) -> Self {
        self.permissions = Some(policy);
        self
    }

    /// Sets `X-Frame-Options`. Browsers that know `frame-ancestors` go by that: set it in the policy too.
    pub fn frame_options(self, options: FrameOptions) -> Self {
        self.with_fixed(X_FRAME_OPTIONS, options.text())
    }

    /// Sets `Referrer-Policy`.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.with_fixed(REFERRER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Opener-Policy`.
    pub fn opener_policy(self, policy: OpenerPolicy) -> Self {
        self.with_fixed(OPENER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Resource-Policy`.
    pub fn resource_policy(self, policy: ResourcePolicy) -> Self {
        self.with_fixed(RESOURCE_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Embedder-Policy`.
    pub fn embedder_policy(self, policy: EmbedderPolicy) -> Self {
        self.with_fixed(EMBEDDER_POLICY, policy.text())
    }

    /// Sets a field that has no setter of its own.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let field = OwnField::new(name, value.into());
        self.take_plain(&field.name);
        self.own.insert(field.name.clone(), field);
        self
    }

    /// Adds an endpoint that browsers send reports to (`Reporting-Endpoints`): its name, and a path or an https URL.
    pub fn add_reporting_endpoint(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.endpoints.push((name.into(), url.into()));
        self
    }

    /// Leaves out a field that a preset sends, `cache-control` for the `no-store` of authenticated answers.
    pub fn without(mut self, name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let is_known = match name.as_str() {
            "cache-control" => std::mem::take(&mut self.is_no_store) | self.take_plain(&name),
            "content-security-policy" => self.csp.take().is_some(),
            "content-security-policy-report-only" => self.report_only.take().is_some(),
            "permissions-policy" => self.permissions.take().is_some(),
            "reporting-endpoints" => !std::mem::take(&mut self.endpoints).is_empty(),
            "strict-transport-security" => self.hsts.take().is_some(),
            _ => self.take_plain(&name),
        };
        if !is_known {
            self.left_out.push(name);
        }
        self
    }

    /// Sets the names of the fields that are removed from every answer: `Server` and `X-Powered-By` in the presets.
    /// [`OWASP_REMOVED`](crate::headers::OWASP_REMOVED) is a longer list.
    pub fn strip(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.removed = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the names of the fields that are written over what a handler set.
    pub fn override_handler(mut self, names: impl IntoIterator<Item: Into<String>>) -> Self {
        self.enforced = names.into_iter().map(Into::into).collect();
        self
    }

    /// Has answers to authenticated users say `Cache-Control: no-store`, unless the handler says otherwise; in every preset
    /// but helmet's. A gate of one's own that authenticates heeds [`NoStore`](crate::context::NoStore) to have it.
    pub fn no_store(mut self) -> Self {
        self.is_no_store = true;
        self
    }

    /// Takes every client for one that came by https: where nothing else leads to the app.
    pub fn assume_https(mut self) -> Self {
        self.https = Https::Always;
        self
    }

    /// Sets the proxies that are believed when they say how the client came: in `X-Forwarded-Proto`, whose last word counts, or
    /// in [`Forwarded`](TrustedProxies::forwarded).
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.https = Https::Told(proxies);
        self
    }

    pub(super) fn with_fixed(mut self, name: &'static str, value: &'static str) -> Self {
        self.fixed.insert(name, value);
        self
    }

    fn take_plain(&mut self, name: &str) -> bool {
        // Both, should both be there.
        self.fixed.remove(name).is_some() | self.own.remove(name).is_some()
    }

    /// Builds the layer; what a policy's author will not have meant is said in the log.
    ///
    /// # Errors
    ///
    /// Names every value that no browser would heed or that opens more than it closes, and every field that is not there to
    /// be left out or enforced.
    pub fn build(self) -> Result<SecurityHeaders, ConfigError> {
        let mut problems = ConfigIssues::default();
        let endpoints: Vec<&str> = self.endpoints.iter().map(|(name, _)| &**name).collect();
        for (setting, csp) in [("csp", &self.csp), ("csp_report_only", &self.report_only)] {
            if let Some(csp) = csp {
                csp.judge(setting, &endpoints, &mut problems);
            }
        }
        if let Some(hsts) = self.hsts {
            hsts.judge(&mut problems);
        }
        if let Some(permissions) = &self.permissions {
            permissions.judge(&mut problems);
        }
        own::judge_endpoints(&self.endpoints, &mut problems);
        for field in self.own.values() {
            field.judge(&mut problems);
        }
        if self.own.len() > MOST_FIELDS {
            let reason = "more fields than a browser takes with one answer";
            let problem = ConfigIssue::new("header", IssueKind::Invalid, reason, "send 64 at most");
            problems.add(problem.with_value(self.own.len().to_string()));
        }
        let removed = self.names_removed(&mut problems);
        self.judge_names(&mut problems);
        let fields = self.fields();
        problems.into_result(|| {
            self.say_lints();
            SecurityHeaders(Arc::new(self.policy(fields, removed)))
        })
    }

    fn policy(self, fields: Vec<(HeaderName, HeaderValue)>, removed: Vec<HeaderName>) -> Policy {
        let csp = self.csp.iter().map(|csp| (CONTENT_SECURITY_POLICY, csp.rendered()));
        let report_only = self.report_only.iter().map(|csp| (CONTENT_SECURITY_POLICY_REPORT_ONLY, csp.rendered()));
        Policy::new(Settings {
            fields,
            hsts: self.hsts.and_then(|hsts| HeaderValue::try_from(hsts.text()).ok()),
            protections: csp.chain(report_only).collect(),
            enforced: self.enforced.iter().filter_map(|name| HeaderName::try_from(name).ok()).collect(),
            removed,
            is_no_store: self.is_no_store,
            https: self.https,
        })
    }

    /// The fields that every answer has, but for the content security policies.
    fn fields(&self) -> Vec<(HeaderName, HeaderValue)> {
        let fixed =
            self.fixed.iter().map(|(name, value)| (HeaderName::from_static(name), Ok(HeaderValue::from_static(value))));
        let own = self
            .own
            .values()
            .filter_map(|field| Some((HeaderName::try_from(&field.name).ok()?, HeaderValue::try_from(&field.value))));
        let permissions = self.permissions.as_ref().map(PermissionsPolicy::text);
        let endpoints = own::endpoints_text(&self.endpoints);
        let rendered = [(PERMISSIONS_POLICY, permissions), (REPORTING_ENDPOINTS, endpoints)];
        let rendered = rendered
            .into_iter()
            .filter_map(|(name, text)| Some((HeaderName::from_static(name), HeaderValue::try_from(text?))));
        fixed.chain(own).chain(rendered).filter_map(|(name, value)| Some((name, value.ok()?))).collect()
    }

    fn names_removed(&self, problems: &mut ConfigIssues) -> Vec<HeaderName> {
        let mut removed = Vec::new();
        for name in &self.removed {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) if own::is_of_the_message(name.as_str()) || name.as_str().starts_with("access-control-") => {
                    let reason = "an answer is not read rightly without it";
                    problems.add(
                        ConfigIssue::new("strip", IssueKind::Prohibited, reason, "leave it out")
                            .with_value(name.as_str()),
                    );
                }
                Ok(name) => removed.push(name),
                Err(_) => problems.add(own::misnamed("strip", name)),
            }
        }
        removed
    }

    /// Whether what is left out or enforced is there.
    fn judge_names(&self, problems: &mut ConfigIssues) {
        let mut names: Vec<&str> = self.fixed.keys().copied().collect();
        names.extend(self.own.keys().map(String::as_str));
        for (name, is_set) in [
            (CONTENT_SECURITY_POLICY.as_str(), self.csp.is_some()),
            (CONTENT_SECURITY_POLICY_REPORT_ONLY.as_str(), self.report_only.is_some()),
            (STRICT_TRANSPORT_SECURITY.as_str(), self.hsts.is_some()),
            (PERMISSIONS_POLICY, self.permissions.is_some()),
            (REPORTING_ENDPOINTS, !self.endpoints.is_empty()),
        ] {
            names.extend(is_set.then_some(name));
        }
        names.sort_unstable();
        let strays = self.enforced.iter().filter(|name| !names.contains(&&*name.to_ascii_lowercase()));
        let strays =
            strays.map(|name| ("override_handler", name)).chain(self.left_out.iter().map(|name| ("without", name)));
        for (setting, name) in strays {
            let remedy = match names.as_slice() {
                [] => "there is none yet: set one, or begin with a preset".to_owned(),
                names => format!("name one of {}", names.join(", ")),
            };
            problems.add(
                ConfigIssue::new(setting, IssueKind::Unknown, "the layer does not send it", remedy).with_value(name),
            );
        }
    }

    fn say_lints(&self) {
        for (setting, csp) in [("csp", &self.csp), ("csp_report_only", &self.report_only)] {
            for lint in csp.iter().flat_map(Csp::lints) {
                tracing::warn!("{setting}: {lint}");
            }
        }
    }
}

const MOST_FIELDS: usize = 64;
pub(super) const EMBEDDER_POLICY: &str = "cross-origin-embedder-policy";
pub(super) const OPENER_POLICY: &str = "cross-origin-opener-policy";
pub(super) const PERMISSIONS_POLICY: &str = "permissions-policy";
pub(super) const REFERRER_POLICY: &str = "referrer-policy";
pub(super) const REPORTING_ENDPOINTS: &str = "reporting-endpoints";
pub(super) const RESOURCE_POLICY: &str = "cross-origin-resource-policy";
pub(super) const X_FRAME_OPTIONS: &str = "x-frame-options";
