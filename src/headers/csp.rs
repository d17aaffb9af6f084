//! `Csp`: a content security policy, built of directives or read off a text.

use std::collections::HashSet;
use std::fmt;

use http::Uri;

use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

mod directive;
mod lint;
mod rendered;
mod source;

pub use directive::Directive;
pub use lint::Lint;
pub(super) use rendered::Rendered;
pub use source::Source;

/// A content security policy (CSP 3): from where a page may load what, and who may frame it.
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
    lists: Vec<(Directive, Vec<Source>)>,
    sandbox: Option<Vec<String>>,
    trusted_types: Option<Vec<String>>,
    has_trusted_scripts: bool,
    report_to: Option<String>,
    report_uri: Option<String>,
    has_upgrade: bool,
}

impl Csp {
    /// A policy that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an API answers with: nothing loads, nobody frames.
    pub fn api() -> Self {
        let closed = [Directive::DefaultSrc, Directive::BaseUri, Directive::FormAction, Directive::FrameAncestors];
        closed.into_iter().fold(Self::new(), |csp, directive| csp.set(directive, [Source::None]))
    }

    /// What a page answers with that is rendered on the server: its own origin's images, fonts, styles, forms and requests;
    /// scripts and written-in styles that bear the [`CspNonce`](crate::CspNonce), and what those scripts load.
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

    /// What the OWASP Secure Headers Project proposes.
    pub fn owasp() -> Self {
        Self::new()
            .set(Directive::DefaultSrc, ["'self'"])
            .set(Directive::FormAction, ["'self'"])
            .set(Directive::BaseUri, ["'self'"])
            .set(Directive::ObjectSrc, ["'none'"])
            .set(Directive::FrameAncestors, ["'none'"])
            .upgrade_insecure_requests()
    }

    /// What helmet 8 sends unless told otherwise.
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

    /// Reads a policy as it is sent. A nonce is refused when the layer is built, for it would be the same for every answer: take it
    /// out of the text and say `.add(Directive::ScriptSrc, [Source::Nonce])`.
    ///
    /// # Errors
    ///
    /// Names every directive that stands twice or that CSP 3 does not know, and an empty text. What is wrong with a
    /// directive's sources is found when the layer is built.
    ///
    /// ```
    /// use portcullis::headers::Csp;
    ///
    /// let csp = Csp::parse("default-src 'self'; img-src 'self' data:; upgrade-insecure-requests")?;
    /// assert!(Csp::parse("default-src 'self'; script-scr 'self'").is_err());
    /// # let _ = csp;
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut problems = ConfigIssues::default();
        let mut csp = Self::new();
        let mut seen = HashSet::new();
        for words in text.split(';').map(str::split_ascii_whitespace) {
            let mut words = words;
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            let rest: Vec<&str> = words.collect();
            if seen.contains(&name) {
                // CSP 3 §2.2.1: browsers ignore the second.
                let remedy = "write its sources into one";
                problems.add(
                    ConfigIssue::new("csp", IssueKind::Duplicate, "a directive stands twice", remedy).with_value(name),
                );
                continue;
            }
            csp = match (Directive::named(&name), name.as_str()) {
                // CSP 3 §6.7.2.3: nothing is let in by an empty list.
                (Some(directive), _) if rest.is_empty() => csp.set(directive, [Source::None]),
                (Some(directive), _) => csp.set(directive, rest),
                (None, "sandbox") => csp.sandbox(rest),
                (None, "trusted-types") => csp.trusted_types(rest),
                (None, "require-trusted-types-for") if rest == ["'script'"] => csp.require_trusted_types(),
                (None, "report-to") if rest.len() == 1 => csp.report_to(rest.concat()),
                (None, "report-uri") if rest.len() == 1 => csp.report_uri(rest.concat()),
                (None, "upgrade-insecure-requests") if rest.is_empty() => csp.upgrade_insecure_requests(),
                (None, "block-all-mixed-content") => {
                    let (reason, remedy) = ("browsers ignore it: they load no mixed content anyway", "leave it out");
                    problems
                        .add(ConfigIssue::new("csp", IssueKind::Prohibited, reason, remedy).with_value(name.as_str()));
                    csp
                }
                (None, _) => {
                    let reason = "no directive of CSP 3, or not of its form";
                    let remedy = "see Directive and the methods of Csp for those there are";
                    problems.add(ConfigIssue::new("csp", IssueKind::Unknown, reason, remedy).with_value(name.as_str()));
                    csp
                }
            };
            seen.insert(name);
        }
        if text.split(';').all(|part| part.trim_ascii().is_empty()) {
            problems.add(empty("csp"));
        }
        problems.into_result(|| csp)
    }

    /// Sets a directive's sources; what it had is gone.
    pub fn set(mut self, directive: Directive, sources: impl IntoIterator<Item: Into<Source>>) -> Self {
        let sources = sources.into_iter().map(Into::into).collect();
        match self.lists.iter_mut().find(|(known, _)| *known == directive) {
            Some((_, known)) => *known = sources,
            None => self.lists.push((directive, sources)),
        }
        self
    }

    /// Adds to a directive's sources. One that it does not have yet is set, and `default-src` no longer stands in for it; where it has `'none'`, that is dropped.
    pub fn add(mut self, directive: Directive, sources: impl IntoIterator<Item: Into<Source>>) -> Self {
        let mut all = self.sources(directive).unwrap_or_default().to_vec();
        all.retain(|source| *source != Source::None);
        all.extend(sources.into_iter().map(Into::into));
        self = self.set(directive, all);
        self
    }

    /// Leaves a directive out: `default-src` then stands in for it, if it is one that loads.
    pub fn without(mut self, directive: Directive) -> Self {
        self.lists.retain(|(known, _)| *known != directive);
        self
    }

    /// Shows the page as if in a sandboxed frame, with these flags lifted: `allow-forms`, `allow-scripts` and so on.
    pub fn sandbox(mut self, flags: impl IntoIterator<Item: Into<String>>) -> Self {
        self.sandbox = Some(flags.into_iter().map(Into::into).collect());
        self
    }

    /// Names the policies of Trusted Types that scripts may make.
    pub fn trusted_types(mut self, policies: impl IntoIterator<Item: Into<String>>) -> Self {
        self.trusted_types = Some(policies.into_iter().map(Into::into).collect());
        self
    }

    /// Requires Trusted Types where scripts turn text into script (`require-trusted-types-for 'script'`).
    pub fn require_trusted_types(mut self) -> Self {
        self.has_trusted_scripts = true;
        self
    }

    /// Sends reports to this endpoint, one of the layer's
    /// [`add_reporting_endpoint`](crate::headers::SecurityHeadersBuilder::add_reporting_endpoint).
    pub fn report_to(mut self, endpoint: impl Into<String>) -> Self {
        self.report_to = Some(endpoint.into());
        self
    }

    /// Sends reports to this URL too, for browsers that know no `report-to`.
    pub fn report_uri(mut self, uri: impl Into<String>) -> Self {
        self.report_uri = Some(uri.into());
        self
    }

    /// Has browsers ask by https for what a page asks by http. Sent over https alone, and never where the request's `Host` is
    /// loopback: Safari would then find nothing there. So let a proxy pass the client's `Host` on.
    pub fn upgrade_insecure_requests(mut self) -> Self {
        self.has_upgrade = true;
        self
    }

    /// What its author will not have meant.
    #[must_use]
    pub fn lints(&self) -> Vec<Lint> {
        lint::lints(self)
    }

    pub(super) fn rendered(&self) -> Rendered {
        Rendered::of(self)
    }

    fn sources(&self, directive: Directive) -> Option<&[Source]> {
        self.lists.iter().find(|(known, _)| *known == directive).map(|(_, sources)| &**sources)
    }

    fn lists(&self) -> impl Iterator<Item = (Directive, &[Source])> {
        self.lists.iter().map(|(directive, sources)| (*directive, &**sources))
    }

    /// All that is wrong with it, given the names of the endpoints that reports may go to.
    pub(super) fn judge(&self, setting: &'static str, endpoints: &[&str], problems: &mut ConfigIssues) {
        let mut add = |fault, reason: &'static str, remedy: &'static str, value: String| {
            problems.add(ConfigIssue::new(setting, fault, reason, remedy).with_value(value));
        };
        for (directive, sources) in self.lists() {
            if sources.is_empty() {
                add(
                    IssueKind::Missing,
                    "the directive has no source",
                    "say Source::None for none",
                    directive.to_string(),
                );
            }
            if sources.len() > 1 && sources.contains(&Source::None) {
                let remedy = "leave 'none' out, or the others";
                add(IssueKind::Prohibited, "'none' stands beside other sources", remedy, directive.to_string());
            }
            for source in sources {
                if let Some((reason, remedy)) = source.fault() {
                    add(IssueKind::Invalid, reason, remedy, format!("{directive} {source}"));
                }
            }
        }
        for (name, words) in [("sandbox", &self.sandbox), ("trusted-types", &self.trusted_types)] {
            for word in words.iter().flatten().filter(|word| !is_word(word)) {
                let reason = "neither a token nor a keyword in quotes";
                add(IssueKind::Invalid, reason, "write it as in CSP 3", format!("{name} {word}"));
            }
        }
        if let Some(endpoint) = self.report_to.as_deref().filter(|endpoint| !endpoints.contains(endpoint)) {
            let remedy = "say add_reporting_endpoint with this name and a URL";
            add(IssueKind::Missing, "reports go to an endpoint that is nowhere named", remedy, endpoint.to_owned());
        }
        if let Some(uri) = self.report_uri.as_deref().filter(|uri| !is_reference(uri)) {
            add(
                IssueKind::Invalid,
                "not a URL that a field can hold",
                "write /csp-reports or https://...",
                uri.to_owned(),
            );
        }
        if self.rendered().longest() == 0 {
            problems.add(empty(setting));
        }
    }
}

/// As it is sent, with `...` for a nonce.
impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.rendered().value(Some("..."), true);
        f.write_str(value.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default())
    }
}

fn empty(setting: &'static str) -> ConfigIssue {
    let remedy = "set a directive, or leave the policy out by without(\"content-security-policy\")";
    ConfigIssue::new(setting, IssueKind::Missing, "the policy says nothing", remedy)
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b',')
}

/// A path or a URL of http or https, which ends neither the directive nor the field.
fn is_reference(text: &str) -> bool {
    let is_url = |uri: Uri| matches!(uri.scheme_str(), None | Some("http" | "https"));
    let has_other_scheme = text.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
    is_word(text) && (text.contains("://") || !has_other_scheme) && text.parse().is_ok_and(is_url)
}

#[cfg(test)]
mod tests;
