//! The presets of `SecurityHeaders`: `api`, `html`, `owasp` and `helmet`.

use std::time::Duration;

use crate::headers::builder::SecurityHeadersBuilder;
use crate::headers::csp::Csp;
use crate::headers::gate::SecurityHeaders;
use crate::headers::hsts::Hsts;
use crate::headers::names::{
    ORIGIN_AGENT_CLUSTER, X_CONTENT_TYPE_OPTIONS, X_DNS_PREFETCH_CONTROL, X_DOWNLOAD_OPTIONS,
    X_PERMITTED_CROSS_DOMAIN_POLICIES, X_XSS_PROTECTION,
};
use crate::headers::owasp;
use crate::headers::permissions::PermissionsPolicy;
use crate::headers::values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};

impl SecurityHeaders {
    /// Returns a builder with the headers for an API, whose responses no browser shows as a page.
    ///
    /// The [module](crate::headers) lists the headers. Call `.build()?` to get the layer.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::api().build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// let csp = response.headers()["content-security-policy"].to_str()?;
    /// assert!(csp.starts_with("default-src 'none'"), "nothing loads");
    /// # Ok(())
    /// # }
    /// ```
    pub fn api() -> SecurityHeadersBuilder {
        common(Csp::api()).referrer_policy(ReferrerPolicy::NoReferrer)
    }

    /// Returns a builder with the headers for pages that are rendered on the server.
    ///
    /// Scripts need the nonce of the response, a [`CspNonce`](crate::CspNonce). Style sheets, images, fonts and
    /// requests are limited to the page's own origin. The [module](crate::headers) lists the headers and shows a page.
    /// Call `.build()?` to get the layer.
    ///
    /// Adjust the policy to what the pages load:
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::{Csp, Directive};
    ///
    /// let csp = Csp::html()
    ///     .add(Directive::ImgSrc, ["https://images.example.com"])
    ///     .add(Directive::ConnectSrc, ["https://api.example.com"]);
    /// assert!(csp.lints().is_empty());
    /// assert!(SecurityHeaders::html().csp(csp).build().is_ok());
    /// ```
    pub fn html() -> SecurityHeadersBuilder {
        common(Csp::html())
            .permissions_policy(PermissionsPolicy::html())
            .referrer_policy(ReferrerPolicy::StrictOriginWhenCrossOrigin)
    }

    /// Returns a builder with the headers that the OWASP Secure Headers Project recommends.
    ///
    /// Also strips the headers on the project's list ([`OWASP_REMOVED`](crate::headers::OWASP_REMOVED)). Two things
    /// differ from the project: `Clear-Site-Data` is a layer for the logout route,
    /// [`ClearSiteData`](crate::headers::ClearSiteData), and only responses to authenticated users have
    /// `Cache-Control: no-store`.
    ///
    /// These headers are strict: a page that loads anything from another origin breaks. To keep the rest, remove the
    /// embedder policy and adjust the content security policy. Call `.build()?` to get the layer.
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::{Csp, Directive};
    ///
    /// let csp = Csp::owasp().set(Directive::ImgSrc, ["'self'", "https:"]);
    /// let headers = SecurityHeaders::owasp()
    ///     .without("cross-origin-embedder-policy")
    ///     .csp(csp);
    /// assert!(headers.build().is_ok());
    /// ```
    pub fn owasp() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::new()
            .csp(Csp::owasp())
            .hsts(Hsts::new(2 * YEAR).include_subdomains())
            .permissions_policy(PermissionsPolicy::owasp())
            .frame_options(FrameOptions::Deny)
            .referrer_policy(ReferrerPolicy::NoReferrer)
            .opener_policy(OpenerPolicy::SameOrigin)
            .resource_policy(ResourcePolicy::SameOrigin)
            .embedder_policy(EmbedderPolicy::RequireCorp)
            .with_static(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .with_static(X_PERMITTED_CROSS_DOMAIN_POLICIES, "none")
            .with_static(X_DNS_PREFETCH_CONTROL, "off")
            .strip(owasp::OWASP_REMOVED)
            .no_store()
    }

    /// Returns a builder with the default headers of helmet 8, for an app that migrates from Node.js.
    ///
    /// They are looser than [`html`](Self::html): scripts load from the page's own origin without a nonce, inline
    /// styles are allowed, and pages of the same origin may frame each other. Call `.build()?` to get the layer.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// use portcullis::SecurityHeaders;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// let headers = SecurityHeaders::helmet().build()?;
    /// # let app: Router = Router::new().route("/", get(|| async {})).layer(headers);
    /// # let request = Request::get("/").body(Body::empty())?;
    /// # let response = tower::ServiceExt::oneshot(app, request).await?;
    /// assert_eq!(response.headers()["x-download-options"], "noopen");
    /// assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
    /// # Ok(())
    /// # }
    /// ```
    pub fn helmet() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::new()
            .csp(Csp::helmet())
            .hsts(Hsts::new(YEAR).include_subdomains())
            .frame_options(FrameOptions::SameOrigin)
            .referrer_policy(ReferrerPolicy::NoReferrer)
            .opener_policy(OpenerPolicy::SameOrigin)
            .resource_policy(ResourcePolicy::SameOrigin)
            .with_static(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .with_static(X_PERMITTED_CROSS_DOMAIN_POLICIES, "none")
            .with_static(X_DNS_PREFETCH_CONTROL, "off")
            .with_static(ORIGIN_AGENT_CLUSTER, "?1")
            .with_static(X_DOWNLOAD_OPTIONS, "noopen")
            .with_static(X_XSS_PROTECTION, "0")
            .strip(["x-powered-by"])
    }
}

/// Returns the headers that `api` and `html` share.
fn common(csp: Csp) -> SecurityHeadersBuilder {
    SecurityHeadersBuilder::new()
        .csp(csp)
        .hsts(Hsts::new(2 * YEAR).include_subdomains())
        .frame_options(FrameOptions::Deny)
        .opener_policy(OpenerPolicy::SameOrigin)
        .resource_policy(ResourcePolicy::SameOrigin)
        .with_static(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with_static(ORIGIN_AGENT_CLUSTER, "?1")
        // The old XSS filter, which `1` enables, could be abused to attack a page.
        .with_static(X_XSS_PROTECTION, "0")
        .strip(["server", "x-powered-by"])
        .no_store()
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);
