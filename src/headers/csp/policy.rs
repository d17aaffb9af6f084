//! `Csp`: a content security policy, its presets and its setters.

use crate::headers::csp::directive::Directive;
use crate::headers::csp::source::Source;

/// A content security policy (CSP 3): what a page may load and run, and which pages may embed it.
///
/// Build one from directives, start from a preset, or [`parse`](Self::parse) a policy that you already send. With the
/// feature `serde`, it is deserialized from that text.
///
/// ```
/// use portcullis::headers::{Csp, Directive, SecurityHeaders, Source};
///
/// let csp = Csp::html()
///     .set(Directive::ImgSrc, ["'self'", "https://images.example.com"])
///     .add(Directive::ConnectSrc, ["https://api.example.com"])
///     .add(Directive::ScriptSrc, [Source::WasmUnsafeEval]);
/// assert!(csp.lints().is_empty());
/// let headers = SecurityHeaders::html().csp(csp).build()?;
/// # let _ = headers;
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Csp {
    pub(super) lists: Vec<(Directive, Vec<Source>)>,
    pub(super) sandbox: Option<Vec<String>>,
    pub(super) trusted_types: Option<Vec<String>>,
    pub(super) requires_trusted_types: bool,
    pub(super) report_to: Option<String>,
    pub(super) report_uri: Option<String>,
    pub(super) upgrades_insecure_requests: bool,
}

impl Csp {
    /// Creates a policy without directives.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the policy of [`SecurityHeaders::api`](crate::SecurityHeaders::api): nothing loads, and no page may frame
    /// the response.
    pub fn api() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, [Source::None])
            .set(Directive::BaseUri, [Source::None])
            .set(Directive::FormAction, [Source::None])
            .set(Directive::FrameAncestors, [Source::None])
    }

    /// Creates the policy of [`SecurityHeaders::html`](crate::SecurityHeaders::html), for pages rendered on the server.
    ///
    /// Allows images, fonts, style sheets, forms and requests of the page's own origin. Scripts and inline styles need the
    /// [`CspNonce`](crate::CspNonce); a script with the nonce may load further scripts.
    pub fn html() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, [Source::None])
            .set(Directive::BaseUri, [Source::None])
            .set(Directive::ConnectSrc, [Source::SelfOrigin])
            .set(Directive::FontSrc, [Source::SelfOrigin])
            .set(Directive::FormAction, [Source::SelfOrigin])
            .set(Directive::FrameAncestors, [Source::None])
            .set(Directive::ImgSrc, [Source::SelfOrigin])
            .set(Directive::ManifestSrc, [Source::SelfOrigin])
            .set(Directive::ScriptSrc, [Source::Nonce, Source::StrictDynamic])
            .set(Directive::StyleSrc, [Source::SelfOrigin, Source::Nonce])
    }

    /// Creates the policy that the OWASP Secure Headers Project recommends.
    pub fn owasp() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, ["'self'"])
            .set(Directive::FormAction, ["'self'"])
            .set(Directive::BaseUri, ["'self'"])
            .set(Directive::ObjectSrc, ["'none'"])
            .set(Directive::FrameAncestors, ["'none'"])
            .upgrade_insecure_requests()
    }

    /// Creates the default policy of helmet 8.
    pub fn helmet() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, ["'self'"])
            .set(Directive::BaseUri, ["'self'"])
            .set(Directive::FontSrc, ["'self'", "https:", "data:"])
            .set(Directive::FormAction, ["'self'"])
            .set(Directive::FrameAncestors, ["'self'"])
            .set(Directive::ImgSrc, ["'self'", "data:"])
            .set(Directive::ObjectSrc, ["'none'"])
            .set(Directive::ScriptSrc, ["'self'"])
            .set(Directive::ScriptSrcAttr, ["'none'"])
            .set(Directive::StyleSrc, ["'self'", "https:", "'unsafe-inline'"])
            .upgrade_insecure_requests()
    }

    /// Sets the sources of a directive and replaces its previous ones.
    pub fn set(mut self, directive: Directive, sources: impl IntoIterator<Item: Into<Source>>) -> Self {
        let sources = sources.into_iter().map(Into::into).collect();
        match self.lists.iter_mut().find(|(known, _)| *known == directive) {
            Some((_, known)) => *known = sources,
            None => self.lists.push((directive, sources)),
        }
        self
    }

    /// Adds sources to a directive and removes `'none'` from it.
    ///
    /// If the policy does not have the directive yet, the added sources become its only ones: the sources of `default-src`
    /// no longer apply to it.
    pub fn add(mut self, directive: Directive, sources: impl IntoIterator<Item: Into<Source>>) -> Self {
        let mut all = self.sources(directive).unwrap_or_default().to_vec();
        all.retain(|source| *source != Source::None);
        all.extend(sources.into_iter().map(Into::into));
        self = self.set(directive, all);
        self
    }

    /// Removes a directive. If it is a fetch directive, `default-src` then applies in its place.
    pub fn without(mut self, directive: Directive) -> Self {
        self.lists.retain(|(known, _)| *known != directive);
        self
    }

    /// Sandboxes the page like a sandboxed frame (default: no sandbox).
    ///
    /// Each of the `flags` lifts one restriction, for example `allow-forms` or `allow-scripts`.
    pub fn sandbox(mut self, flags: impl IntoIterator<Item: Into<String>>) -> Self {
        self.sandbox = Some(flags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the names of the Trusted Types policies that scripts may create (default: any).
    pub fn trusted_types(mut self, policies: impl IntoIterator<Item: Into<String>>) -> Self {
        self.trusted_types = Some(policies.into_iter().map(Into::into).collect());
        self
    }

    /// Requires Trusted Types for DOM functions that turn text into code (`require-trusted-types-for 'script'`).
    pub fn require_trusted_types(mut self) -> Self {
        self.requires_trusted_types = true;
        self
    }

    /// Sends violation reports to this endpoint (default: none).
    ///
    /// Define the endpoint with
    /// [`add_reporting_endpoint`](crate::headers::SecurityHeadersBuilder::add_reporting_endpoint).
    pub fn report_to(mut self, endpoint: impl Into<String>) -> Self {
        self.report_to = Some(endpoint.into());
        self
    }

    /// Sends violation reports to this URL (default: none). Needed for browsers that do not support `report-to`.
    pub fn report_uri(mut self, uri: impl Into<String>) -> Self {
        self.report_uri = Some(uri.into());
        self
    }

    /// Makes browsers load the page's http URLs over https (`upgrade-insecure-requests`).
    ///
    /// The directive is sent only over https, and never if the request's `Host` is a loopback name: Safari would upgrade
    /// those URLs too and fail to load them. If a proxy is in front of the app, it must pass on the client's `Host`.
    pub fn upgrade_insecure_requests(mut self) -> Self {
        self.upgrades_insecure_requests = true;
        self
    }

    pub(super) fn sources(&self, directive: Directive) -> Option<&[Source]> {
        self.lists.iter().find(|(known, _)| *known == directive).map(|(_, sources)| &**sources)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = (Directive, &[Source])> {
        self.lists.iter().map(|(directive, sources)| (*directive, &**sources))
    }
}
