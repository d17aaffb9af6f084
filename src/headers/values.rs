//! The values of the fields that take one word of a few: `FrameOptions`, `ReferrerPolicy`, and the cross-origin policies.

/// `X-Frame-Options` (RFC 7034): who may show the page in a frame, for browsers older than `frame-ancestors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameOptions {
    /// Nobody.
    Deny,
    /// Pages of the own origin.
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

/// `Referrer-Policy` (W3C Referrer Policy §3): what a page's requests tell of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrerPolicy {
    /// Nothing.
    NoReferrer,
    /// All of it, but not from https to http.
    NoReferrerWhenDowngrade,
    /// The origin.
    Origin,
    /// All of it within the origin, else the origin.
    OriginWhenCrossOrigin,
    /// All of it within the origin, else nothing.
    SameOrigin,
    /// The origin, but not from https to http.
    StrictOrigin,
    /// All of it within the origin, else the origin, but not from https to http. What browsers do unless told.
    StrictOriginWhenCrossOrigin,
    /// All of it, to everybody.
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

/// `Cross-Origin-Opener-Policy` (HTML §7.1.3): which windows that a page opened, or that opened it, it can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenerPolicy {
    /// None of another origin, whoever opens whom.
    NoopenerAllowPopups,
    /// Those of its own origin that say the same.
    SameOrigin,
    /// Those too that it opens itself: for OAuth in a pop-up.
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

/// `Cross-Origin-Resource-Policy` (Fetch §3.7): whose pages may load it without CORS, as an image for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcePolicy {
    /// Everybody's.
    CrossOrigin,
    /// Those of its origin.
    SameOrigin,
    /// Those of its site.
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

/// `Cross-Origin-Embedder-Policy` (HTML §7.1.4): what a page may load that did not agree to it. In no preset: it breaks pages
/// that load anything of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedderPolicy {
    /// Loads of other origins carry no credentials.
    Credentialless,
    /// Loads of other origins must agree, by CORS or a [`ResourcePolicy`].
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
