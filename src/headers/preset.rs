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
    pub fn api() -> SecurityHeadersBuilder {
        common(Csp::api()).referrer_policy(ReferrerPolicy::NoReferrer)
    }

    /// Returns a builder with the headers for pages that are rendered on the server.
    ///
    /// The [module](crate::headers) lists the headers. Call `.build()?` to get the layer.
    pub fn html() -> SecurityHeadersBuilder {
        common(Csp::html())
            .permissions_policy(PermissionsPolicy::html())
            .referrer_policy(ReferrerPolicy::StrictOriginWhenCrossOrigin)
    }

    /// Returns a builder with the headers that the OWASP Secure Headers Project recommends.
    ///
    /// Also strips the headers on the project's list ([`OWASP_REMOVED`](crate::headers::OWASP_REMOVED)). Differences from
    /// the project: `Clear-Site-Data` is a layer for the logout route, [`ClearSiteData`](crate::headers::ClearSiteData),
    /// and only responses to authenticated users have `Cache-Control: no-store`. These headers are strict: a page that loads
    /// anything from another origin breaks. Call `.build()?` to get the layer.
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
    /// Call `.build()?` to get the layer.
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
