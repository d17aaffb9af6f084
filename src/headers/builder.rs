//! `SecurityHeadersBuilder`: the settings of `SecurityHeaders`.

mod layer;
mod per_response;
mod validate;

use std::collections::BTreeMap;

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
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::SecurityHeaders;
/// use portcullis::headers::FrameOptions;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
///
/// let headers = SecurityHeaders::html()
///     .frame_options(FrameOptions::SameOrigin)
///     .header("x-robots-tag", "noindex")
///     .without("origin-agent-cluster")
///     .build()?;
/// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
/// # let request = Request::get("/").body(Body::empty())?;
/// # let response = tower::ServiceExt::oneshot(app, request).await?;
///
/// assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
/// assert_eq!(response.headers()["x-robots-tag"], "noindex");
/// assert!(!response.headers().contains_key("origin-agent-cluster"));
/// # Ok(())
/// # }
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
    assumes_https: bool,
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
            assumes_https: false,
        }
    }

    /// Sets `Content-Security-Policy` (CSP 3).
    ///
    /// A policy that exists already can be [parsed from its text](crate::headers#a-policy-that-exists-already). Start
    /// from the preset's policy if you only add a few sources:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::{Csp, Directive};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let images = "https://images.example.com";
    /// let csp = Csp::html().add(Directive::ImgSrc, [images]);
    /// let headers = SecurityHeaders::html().csp(csp).build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    ///
    /// let policy = response.headers()["content-security-policy"].to_str()?;
    /// assert!(policy.contains("img-src 'self' https://images.example.com"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn csp(mut self, csp: Csp) -> Self {
        self.csp = Some(csp);
        self
    }

    /// Sets `Content-Security-Policy-Report-Only`.
    ///
    /// Browsers report violations of this policy and do not block them.
    ///
    /// Use it to try out a policy next to the enforced one. Reports go to the policy's own endpoint, which must be
    /// defined:
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Csp;
    ///
    /// let trial = Csp::html().require_trusted_types().report_to("csp");
    /// let headers = SecurityHeaders::html().csp_report_only(trial);
    /// let error = headers.clone().build().unwrap_err();
    /// assert_eq!(error.issues()[0].value(), Some("csp"));
    ///
    /// let headers = headers.add_reporting_endpoint("csp", "/csp-reports");
    /// assert!(headers.build().is_ok());
    /// ```
    pub fn csp_report_only(mut self, csp: Csp) -> Self {
        self.csp_report_only = Some(csp);
        self
    }

    /// Sets `Strict-Transport-Security` (RFC 6797), which is sent only over https.
    ///
    /// The presets `api`, `html` and `owasp` send two years with subdomains, `helmet` one year. A site whose subdomains
    /// do not all have https yet starts with less:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use std::time::Duration;
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Hsts;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let day = Duration::from_secs(86_400);
    /// let headers =
    ///     SecurityHeaders::api().hsts(Hsts::new(day)).assume_https().build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// let hsts = &response.headers()["strict-transport-security"];
    /// assert_eq!(hsts, "max-age=86400");
    /// # Ok(())
    /// # }
    /// ```
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.hsts = Some(hsts);
        self
    }

    /// Sets `Permissions-Policy` (W3C Permissions Policy §5). The presets `html` and `owasp` have one.
    pub fn permissions_policy(mut self, policy: PermissionsPolicy) -> Self {
        self.permissions_policy = Some(policy);
        self
    }

    /// Sets `X-Frame-Options` (RFC 7034).
    ///
    /// Browsers that support `frame-ancestors` ignore this header if the [`Csp`] has that directive, so set both:
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive, FrameOptions, Source};
    /// use portcullis::SecurityHeaders;
    ///
    /// let own = [Source::SelfOrigin];
    /// let headers = SecurityHeaders::html()
    ///     .frame_options(FrameOptions::SameOrigin)
    ///     .csp(Csp::html().set(Directive::FrameAncestors, own));
    /// assert!(headers.build().is_ok());
    /// ```
    pub fn frame_options(self, options: FrameOptions) -> Self {
        self.with_static(X_FRAME_OPTIONS, options.text())
    }

    /// Sets `Referrer-Policy` (W3C Referrer Policy §3). If it is not sent, browsers use
    /// [`StrictOriginWhenCrossOrigin`](ReferrerPolicy::StrictOriginWhenCrossOrigin).
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.with_static(REFERRER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Opener-Policy` (HTML §7.1.3).
    ///
    /// Every preset sends `same-origin`. A page that logs users in through a popup of another origin needs a looser
    /// value, because the popup cannot reach its opener otherwise:
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::OpenerPolicy;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::html()
    ///     .opener_policy(OpenerPolicy::SameOriginAllowPopups)
    ///     .build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// let policy = &response.headers()["cross-origin-opener-policy"];
    /// assert_eq!(policy, "same-origin-allow-popups");
    /// # Ok(())
    /// # }
    /// ```
    pub fn opener_policy(self, policy: OpenerPolicy) -> Self {
        self.with_static(CROSS_ORIGIN_OPENER_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Resource-Policy` (Fetch §3.7).
    ///
    /// Every preset sends `same-origin`, so pages of other origins cannot show the app's images or load its scripts.
    /// For a route whose files are public, set [`ResourcePolicy::CrossOrigin`], or let its handler set the header. The
    /// header does not apply to requests with CORS, which [`Cors`](crate::Cors) handles.
    pub fn resource_policy(self, policy: ResourcePolicy) -> Self {
        self.with_static(CROSS_ORIGIN_RESOURCE_POLICY, policy.text())
    }

    /// Sets `Cross-Origin-Embedder-Policy` (HTML §7.1.4).
    ///
    /// Only the preset `owasp` sends it. Use it if a page needs cross-origin isolation, for `SharedArrayBuffer` or
    /// precise timers.
    pub fn embedder_policy(self, policy: EmbedderPolicy) -> Self {
        self.with_static(CROSS_ORIGIN_EMBEDDER_POLICY, policy.text())
    }

    /// Sets any other header, for all responses. At most 64 headers can be set.
    ///
    /// Headers with a setter of their own, and headers that differ between responses, are rejected by
    /// [`build`](Self::build):
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    ///
    /// let headers = SecurityHeaders::api();
    /// assert!(headers.clone().header("x-robots-tag", "noindex").build().is_ok());
    ///
    /// let error = headers.header("x-frame-options", "DENY").build().unwrap_err();
    /// assert_eq!(error.issues()[0].remedy(), "use frame_options(..)");
    /// ```
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let header = CustomHeader::new(name, value.into());
        self.take_static_or_custom(&header.name);
        self.custom_headers.insert(header.name.clone(), header);
        self
    }

    /// Adds an endpoint to which browsers send reports (`Reporting-Endpoints`).
    ///
    /// `url` is a path or an https URL (Reporting API §3.2). [`Csp::report_to`] refers to the endpoint by its name. The
    /// reports are JSON that anyone can send: bound their size, and do not trust their content.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Csp;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::html()
    ///     .csp(Csp::html().report_to("csp"))
    ///     .add_reporting_endpoint("csp", "/csp-reports")
    ///     .build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// let endpoints = &response.headers()["reporting-endpoints"];
    /// assert_eq!(endpoints, "csp=\"/csp-reports\"");
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_reporting_endpoint(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.reporting_endpoints.push((name.into(), url.into()));
        self
    }

    /// Removes a header that a preset or an earlier setter set.
    ///
    /// `cache-control` also removes the setting [`no_store`](Self::no_store). A name that is not set is an error, so
    /// that a misspelled one does not go unnoticed:
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    ///
    /// let headers = SecurityHeaders::api();
    /// assert!(headers.clone().without("x-frame-options").build().is_ok());
    /// assert!(headers.without("x-frame-option").build().is_err());
    /// ```
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

    pub(super) fn with_static(mut self, name: &'static str, value: &'static str) -> Self {
        self.static_headers.insert(name, value);
        self
    }

    /// Removes a header from both maps, and returns whether one of them had it.
    fn take_static_or_custom(&mut self, name: &str) -> bool {
        self.static_headers.remove(name).is_some() | self.custom_headers.remove(name).is_some()
    }
}
