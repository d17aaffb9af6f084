//! `Csp`: a content security policy, its presets and its setters.

use crate::headers::csp::directive::Directive;
use crate::headers::csp::source::Source;

/// A content security policy (CSP 3): what a page may load and run, and which pages may embed it.
///
/// It is the second line of defense against cross-site scripting: if an attacker manages to inject a script into a
/// page, the browser does not run it. Build a policy from directives, start from a preset, or [`parse`](Self::parse) a
/// policy that you already send; with the feature `serde`, it is deserialized from that text. `Display` shows the
/// policy as it is sent, with `'nonce-...'` for the nonce:
///
/// ```
/// use portcullis::headers::{Csp, Directive, Source};
///
/// let csp = Csp::new()
///     .set(Directive::DefaultSrc, [Source::None])
///     .set(Directive::BaseUri, [Source::None])
///     .set(Directive::ScriptSrc, [Source::Nonce])
///     .set(Directive::ImgSrc, ["'self'", "https://images.example.com"]);
/// assert_eq!(
///     csp.to_string(),
///     "default-src 'none'; base-uri 'none'; script-src 'nonce-...'; \
///      img-src 'self' https://images.example.com"
/// );
/// ```
///
/// Setters accept anything. [`build`](crate::headers::SecurityHeadersBuilder::build) rejects invalid policies and logs
/// the [`lints`](Self::lints) of valid ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Csp {
    /// In the order in which the directives were set, each at most once.
    pub(super) lists: Vec<(Directive, Vec<Source>)>,
    /// `Some` of an empty list is a sandbox without exceptions.
    pub(super) sandbox: Option<Vec<String>>,
    pub(super) trusted_types: Option<Vec<String>>,
    pub(super) requires_trusted_types: bool,
    pub(super) report_to: Option<String>,
    pub(super) report_uri: Option<String>,
    pub(super) upgrades_insecure_requests: bool,
}

impl Csp {
    /// Creates a policy without directives, which allows everything.
    /// [`build`](crate::headers::SecurityHeadersBuilder::build) rejects it as long as it is empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the policy of [`SecurityHeaders::api`](crate::SecurityHeaders::api): nothing loads, and no page may
    /// frame the response.
    ///
    /// A browser that shows such a response as a page, for example because an attacker made it guess the wrong media
    /// type, runs nothing.
    pub fn api() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, [Source::None])
            .set(Directive::BaseUri, [Source::None])
            .set(Directive::FormAction, [Source::None])
            .set(Directive::FrameAncestors, [Source::None])
    }

    /// Creates the policy of [`SecurityHeaders::html`](crate::SecurityHeaders::html), for pages rendered on the server.
    ///
    /// Allows images, fonts, style sheets, forms and requests of the page's own origin. Scripts and inline styles need
    /// the [`CspNonce`](crate::CspNonce); a script with the nonce may load further scripts.
    ///
    /// ```
    /// use portcullis::headers::Csp;
    ///
    /// let text = Csp::html().to_string();
    /// assert!(text.contains("script-src 'nonce-...' 'strict-dynamic'"));
    /// assert!(text.contains("style-src 'self' 'nonce-...'"));
    /// ```
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
    ///
    /// It allows resources of the page's own origin, but no inline code, no plug-ins, and no frames around the page.
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
    ///
    /// It allows resources of the page's own origin, style sheets and fonts of any https host, and inline styles.
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
    ///
    /// To allow nothing, set [`Source::None`]; a directive with an empty list is rejected.
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive, Source};
    ///
    /// let csp = Csp::new()
    ///     .set(Directive::DefaultSrc, [Source::SelfOrigin])
    ///     .set(Directive::ObjectSrc, ["'none'"]);
    /// assert_eq!(csp.to_string(), "default-src 'self'; object-src 'none'");
    /// ```
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
    /// If the policy does not have the directive yet, the added sources become its only ones: the sources of
    /// `default-src` no longer apply to it.
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive};
    ///
    /// let csp = Csp::new().set(Directive::DefaultSrc, ["'self'"]);
    ///
    /// // Images no longer load from the page's own origin:
    /// let wrong = csp.clone().add(Directive::ImgSrc, ["data:"]);
    /// assert_eq!(wrong.to_string(), "default-src 'self'; img-src data:");
    ///
    /// let right = csp.add(Directive::ImgSrc, ["'self'", "data:"]);
    /// assert_eq!(right.to_string(), "default-src 'self'; img-src 'self' data:");
    /// ```
    pub fn add(mut self, directive: Directive, sources: impl IntoIterator<Item: Into<Source>>) -> Self {
        let mut all = self.sources(directive).unwrap_or_default().to_vec();
        all.retain(|source| *source != Source::None);
        all.extend(sources.into_iter().map(Into::into));
        self = self.set(directive, all);
        self
    }

    /// Removes a directive. If it is a fetch directive, `default-src` then applies in its place.
    ///
    /// `base-uri`, `form-action` and `frame-ancestors` have no such fallback: without them, everything is allowed.
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive};
    ///
    /// let csp = Csp::api().without(Directive::FrameAncestors);
    /// let text = "default-src 'none'; base-uri 'none'; form-action 'none'";
    /// assert_eq!(csp.to_string(), text);
    /// ```
    pub fn without(mut self, directive: Directive) -> Self {
        self.lists.retain(|(known, _)| *known != directive);
        self
    }

    /// Sandboxes the page like a sandboxed frame (default: no sandbox).
    ///
    /// Each of the `flags` lifts one restriction, for example `allow-forms` or `allow-scripts` (HTML, "sandboxing flag
    /// set"). Use it for documents that users upload: without flags, the page has an opaque origin and runs no script.
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive, Source};
    ///
    /// let upload = Csp::new()
    ///     .set(Directive::DefaultSrc, [Source::None])
    ///     .sandbox(["allow-downloads"]);
    /// let text = upload.to_string();
    /// assert_eq!(text, "default-src 'none'; sandbox allow-downloads");
    /// ```
    pub fn sandbox(mut self, flags: impl IntoIterator<Item: Into<String>>) -> Self {
        self.sandbox = Some(flags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the names of the Trusted Types policies that scripts may create (default: any).
    ///
    /// An item may also be a keyword, such as `'allow-duplicates'`.
    pub fn trusted_types(mut self, policies: impl IntoIterator<Item: Into<String>>) -> Self {
        self.trusted_types = Some(policies.into_iter().map(Into::into).collect());
        self
    }

    /// Requires Trusted Types for DOM functions that turn text into code.
    ///
    /// The directive is `require-trusted-types-for 'script'`. A script can then assign to `innerHTML` only what a
    /// policy of the page has sanitized. Browsers without Trusted Types ignore the directive.
    ///
    /// ```
    /// use portcullis::headers::Csp;
    ///
    /// let csp = Csp::api().trusted_types(["dompurify"]).require_trusted_types();
    /// let end = "; trusted-types dompurify; require-trusted-types-for 'script'";
    /// assert!(csp.to_string().ends_with(end));
    /// ```
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

    /// Sends violation reports to this URL (default: none).
    ///
    /// It is needed for browsers that do not support `report-to`.
    ///
    /// `uri` is a path or an http(s) URL. Browsers that support `report-to` ignore it if both are set.
    ///
    /// ```
    /// use portcullis::SecurityHeaders;
    /// use portcullis::headers::Csp;
    ///
    /// let csp = Csp::html().report_uri("/csp-reports").report_to("csp");
    /// let end = "; report-uri /csp-reports; report-to csp";
    /// assert!(csp.to_string().ends_with(end));
    ///
    /// let headers = SecurityHeaders::html()
    ///     .csp(csp)
    ///     .add_reporting_endpoint("csp", "/csp-reports");
    /// assert!(headers.build().is_ok());
    /// ```
    pub fn report_uri(mut self, uri: impl Into<String>) -> Self {
        self.report_uri = Some(uri.into());
        self
    }

    /// Makes browsers load the page's http URLs over https (`upgrade-insecure-requests`).
    ///
    /// The directive is sent only over https, and never if the request's `Host` is a loopback name: Safari would
    /// upgrade those URLs too and fail to load them. If a proxy is in front of the app, it must pass on the client's
    /// `Host`.
    pub fn upgrade_insecure_requests(mut self) -> Self {
        self.upgrades_insecure_requests = true;
        self
    }

    /// Returns the sources of a directive; `None` if the policy does not have it.
    pub(super) fn sources(&self, directive: Directive) -> Option<&[Source]> {
        self.lists.iter().find(|(known, _)| *known == directive).map(|(_, sources)| &**sources)
    }

    /// Returns every directive that has a list of sources, with the list.
    pub(super) fn lists(&self) -> impl Iterator<Item = (Directive, &[Source])> {
        self.lists.iter().map(|(directive, sources)| (*directive, &**sources))
    }
}
