//! The presets: what an API and a page answer with, and the lists of OWASP and helmet.

use std::time::Duration;

use crate::headers::builder::SecurityHeadersBuilder;
use crate::headers::csp::Csp;
use crate::headers::gate::SecurityHeaders;
use crate::headers::hsts::Hsts;
use crate::headers::owasp;
use crate::headers::permissions::PermissionsPolicy;
use crate::headers::values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};

impl SecurityHeaders {
    /// Nothing yet, for a choice of one's own. As of the presets, what is returned is a builder: end with `.build()?`.
    pub fn builder() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::new()
    }

    /// What an API answers with, whose answers no browser shows as a page.
    pub fn api() -> SecurityHeadersBuilder {
        own(Csp::api()).referrer_policy(ReferrerPolicy::NoReferrer)
    }

    /// What a page answers with that is rendered on the server.
    pub fn html() -> SecurityHeadersBuilder {
        let headers = own(Csp::html()).permissions_policy(PermissionsPolicy::html());
        headers.referrer_policy(ReferrerPolicy::StrictOriginWhenCrossOrigin)
    }

    /// What the OWASP Secure Headers Project proposes, but for `Clear-Site-Data`, and its list of fields to remove;
    /// `Cache-Control` goes to authenticated users alone. Strict: a page that loads anything of another
    /// origin breaks.
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
            .with_fixed(CONTENT_TYPE_OPTIONS, "nosniff")
            .with_fixed(CROSS_DOMAIN, "none")
            .with_fixed(DNS_PREFETCH, "off")
            .strip(owasp::REMOVE)
            .no_store()
    }

    /// What helmet 8 sends unless told otherwise, for an app that moves here from Node.
    pub fn helmet() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::new()
            .csp(Csp::helmet())
            .hsts(Hsts::new(YEAR).include_subdomains())
            .frame_options(FrameOptions::SameOrigin)
            .referrer_policy(ReferrerPolicy::NoReferrer)
            .opener_policy(OpenerPolicy::SameOrigin)
            .resource_policy(ResourcePolicy::SameOrigin)
            .with_fixed(CONTENT_TYPE_OPTIONS, "nosniff")
            .with_fixed(CROSS_DOMAIN, "none")
            .with_fixed(DNS_PREFETCH, "off")
            .with_fixed("origin-agent-cluster", "?1")
            .with_fixed("x-download-options", "noopen")
            .with_fixed("x-xss-protection", "0")
            .strip(["x-powered-by"])
    }
}

/// What the crate's own two presets share.
fn own(csp: Csp) -> SecurityHeadersBuilder {
    SecurityHeadersBuilder::new()
        .csp(csp)
        .hsts(Hsts::new(2 * YEAR).include_subdomains())
        .frame_options(FrameOptions::Deny)
        .opener_policy(OpenerPolicy::SameOrigin)
        .resource_policy(ResourcePolicy::SameOrigin)
        .with_fixed(CONTENT_TYPE_OPTIONS, "nosniff")
        .with_fixed("origin-agent-cluster", "?1")
        .with_fixed("x-xss-protection", "0")
        .strip(["server", "x-powered-by"])
        .no_store()
}

const CONTENT_TYPE_OPTIONS: &str = "x-content-type-options";
const CROSS_DOMAIN: &str = "x-permitted-cross-domain-policies";
const DNS_PREFETCH: &str = "x-dns-prefetch-control";
const YEAR: Duration = Duration::from_secs(365 * 86_400);
