//! The headers whose value is one of a few keywords: `FrameOptions`, `ReferrerPolicy` and the cross-origin policies.
//!
//! `unsafe-none`, a keyword of the opener and embedder policies, has no variant: without the header, browsers do the
//! same.

/// `X-Frame-Options` (RFC 7034): whether other pages may embed this one.
///
/// It is for browsers without `frame-ancestors`. `ALLOW-FROM` of the RFC is not offered, because browsers ignore it.
/// Use [`Directive::FrameAncestors`](crate::headers::Directive::FrameAncestors) to allow certain origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameOptions {
    /// `DENY`: no page may embed it.
    Deny,
    /// `SAMEORIGIN`: pages of the same origin may embed it.
    SameOrigin,
}

impl FrameOptions {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Deny => "DENY",
            Self::SameOrigin => "SAMEORIGIN",
        }
    }
}

/// `Referrer-Policy` (W3C Referrer Policy §3): how much of the page's URL its requests reveal.
///
/// A URL may contain a secret, such as a token that resets a password. Only `NoReferrerWhenDowngrade` and `UnsafeUrl`
/// send the full URL to other origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferrerPolicy {
    /// `no-referrer`: nothing.
    NoReferrer,
    /// `no-referrer-when-downgrade`: the full URL; nothing from https to http.
    NoReferrerWhenDowngrade,
    /// `origin`: the origin.
    Origin,
    /// `origin-when-cross-origin`: the full URL to the same origin, the origin to others.
    OriginWhenCrossOrigin,
    /// `same-origin`: the full URL to the same origin, nothing to others.
    SameOrigin,
    /// `strict-origin`: the origin; nothing from https to http.
    StrictOrigin,
    /// `strict-origin-when-cross-origin`: the full URL to the same origin, the origin to others, nothing from https to
    /// http.
    ///
    /// The default of browsers.
    StrictOriginWhenCrossOrigin,
    /// `unsafe-url`: the full URL to every origin.
    UnsafeUrl,
}

impl ReferrerPolicy {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
            Self::Origin => "origin",
            Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
            Self::UnsafeUrl => "unsafe-url",
        }
    }
}

/// `Cross-Origin-Opener-Policy` (HTML §7.1.3): which windows share the page's browsing context group.
///
/// A page can reach its opener, and the windows that it opened, only within the group. So a policy protects a page from
/// the pages that open it, which could otherwise navigate it or watch when it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenerPolicy {
    /// `noopener-allow-popups`: its opener cannot reach the page, even one of the same origin.
    NoopenerAllowPopups,
    /// `same-origin`: only windows of the same origin with the same policy.
    SameOrigin,
    /// `same-origin-allow-popups`: also the popups that the page opens, as OAuth logins need.
    SameOriginAllowPopups,
}

impl OpenerPolicy {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NoopenerAllowPopups => "noopener-allow-popups",
            Self::SameOrigin => "same-origin",
            Self::SameOriginAllowPopups => "same-origin-allow-popups",
        }
    }
}

/// `Cross-Origin-Resource-Policy` (Fetch §3.7): which pages may load the response without CORS.
///
/// Images, scripts and style sheets are usually loaded without CORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourcePolicy {
    /// `cross-origin`: every page.
    CrossOrigin,
    /// `same-origin`: pages of the same origin.
    SameOrigin,
    /// `same-site`: pages of the same site.
    SameSite,
}

impl ResourcePolicy {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::CrossOrigin => "cross-origin",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
        }
    }
}

/// `Cross-Origin-Embedder-Policy` (HTML §7.1.4): what loads without the other origin's consent.
///
/// Only the `owasp` preset sends it: it breaks pages that load anything from other origins. Together with
/// [`OpenerPolicy::SameOrigin`], it makes a page cross-origin isolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbedderPolicy {
    /// `credentialless`: requests to other origins carry no credentials.
    Credentialless,
    /// `require-corp`: other origins must consent with CORS or a [`ResourcePolicy`].
    RequireCorp,
}

impl EmbedderPolicy {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Credentialless => "credentialless",
            Self::RequireCorp => "require-corp",
        }
    }
}
