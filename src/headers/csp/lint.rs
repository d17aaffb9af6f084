//! `Lint`: a valid part of a content security policy that is probably a mistake.

use std::fmt;

use crate::headers::csp::directive::Directive;
use crate::headers::csp::policy::Csp;
use crate::headers::csp::source::Source;

/// A valid part of a policy that is probably a mistake. `build()` logs each lint at `warn`.
///
/// [`Csp::lints`] returns them, for a unit test. `Display` explains the consequence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// A source that matches every host, such as `*` or `https:`, including an attacker's.
    ///
    /// Reported for `default-src *`, and for the sources of scripts, plug-ins and `<base>` elements.
    #[non_exhaustive]
    AnyHost {
        /// The directive that has the source.
        directive: Directive,
        /// The source that matches every host.
        source: Source,
    },
    /// `base-uri` is missing, and no other directive replaces it: an injected `<base>` element changes every relative
    /// URL.
    BaseUriMissing,
    /// `data:` for scripts or plug-ins: the URL of an injected element contains the script itself.
    #[non_exhaustive]
    DataScripts {
        /// The directive that has `data:`.
        directive: Directive,
    },
    /// Browsers ignore this source in this directive.
    #[non_exhaustive]
    SourceIgnored {
        /// The directive that has the source.
        directive: Directive,
        /// The ignored source.
        source: Source,
    },
    /// The policy is longer than 4,096 bytes. Some servers and proxies reject header values of that length.
    #[non_exhaustive]
    TooLong {
        /// The length of the policy in bytes.
        bytes: usize,
    },
    /// `object-src` and `default-src` are missing: plug-ins load from any host.
    ObjectSrcMissing,
    /// `script-src` and `default-src` are missing: scripts load from any host.
    ScriptSrcMissing,
    /// `'strict-dynamic'` without a nonce or a hash: no script runs.
    #[non_exhaustive]
    StrictDynamicAlone {
        /// The directive that has `'strict-dynamic'`.
        directive: Directive,
    },
    /// `'unsafe-inline'` for scripts, without a nonce, a hash or `'strict-dynamic'`: every injected script runs.
    #[non_exhaustive]
    UnsafeInlineScripts {
        /// The directive that has `'unsafe-inline'`.
        directive: Directive,
    },
    /// `'unsafe-inline'` together with a nonce: current browsers ignore the keyword, old ones ignore the nonce.
    #[non_exhaustive]
    UnsafeInlineBesideNonce {
        /// The directive that has both.
        directive: Directive,
    },
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyHost { directive, source } => {
                write!(f, "{source} in {directive} matches every host, including an attacker's")
            }
            Self::BaseUriMissing => f.write_str("no base-uri: an injected <base> element changes every relative URL"),
            Self::DataScripts { directive } => {
                write!(f, "data: in {directive}: the URL of an injected element contains the script itself")
            }
            Self::SourceIgnored { directive, source } => write!(f, "browsers ignore {source} in {directive}"),
            Self::TooLong { bytes } => {
                write!(f, "the policy has {bytes} bytes: some servers reject header values of over {MAX_LEN} bytes")
            }
            Self::ObjectSrcMissing => f.write_str("no object-src and no default-src: plug-ins load from any host"),
            Self::ScriptSrcMissing => f.write_str("no script-src and no default-src: scripts load from any host"),
            Self::StrictDynamicAlone { directive } => {
                write!(f, "'strict-dynamic' without a nonce or a hash in {directive}: no script runs")
            }
            Self::UnsafeInlineScripts { directive } => {
                write!(f, "'unsafe-inline' in {directive}: every injected script runs")
            }
            Self::UnsafeInlineBesideNonce { directive } => {
                write!(
                    f,
                    "'unsafe-inline' beside a nonce in {directive}: browsers ignore one of them, depending on their age"
                )
            }
        }
    }
}

impl Csp {
    /// Returns the parts of the policy that are valid but probably mistakes.
    ///
    /// ```
    /// use portcullis::headers::{Csp, Directive, Lint, Source};
    ///
    /// let csp = Csp::new()
    ///     .set(Directive::DefaultSrc, [Source::SelfOrigin])
    ///     .set(Directive::ImgSrc, [Source::SelfOrigin, Source::UnsafeInline]);
    /// let lints = csp.lints();
    /// assert_eq!(lints[0], Lint::BaseUriMissing);
    /// let text = "browsers ignore 'unsafe-inline' in img-src";
    /// assert_eq!(lints[1].to_string(), text);
    /// ```
    #[must_use]
    pub fn lints(&self) -> Vec<Lint> {
        let has = |directive| self.sources(directive).is_some();
        // `base-uri` has no fallback. The other two fall back to `default-src` (CSP 3, "get fetch directive fallback
        // list").
        let mut lints = Vec::new();
        if !has(Directive::BaseUri) {
            lints.push(Lint::BaseUriMissing);
        }
        if !has(Directive::ObjectSrc) && !has(Directive::DefaultSrc) {
            lints.push(Lint::ObjectSrcMissing);
        }
        if !has(Directive::ScriptSrc) && !has(Directive::DefaultSrc) {
            lints.push(Lint::ScriptSrcMissing);
        }
        let code = CodeDirectives::of(self);
        for (directive, sources) in self.lists() {
            lint_sources(directive, sources, &code, &mut lints);
        }
        let bytes = self.rendered().max_len();
        if bytes > MAX_LEN {
            lints.push(Lint::TooLong { bytes });
        }
        lints
    }
}

/// Which directives of a policy decide about scripts and plug-ins (CSP 3, "get fetch directive fallback list").
struct CodeDirectives {
    elements: Option<Directive>,
    attributes: Option<Directive>,
    plugins: Option<Directive>,
}

impl CodeDirectives {
    fn of(csp: &Csp) -> Self {
        let first =
            |directives: &[Directive]| directives.iter().copied().find(|directive| csp.sources(*directive).is_some());
        Self {
            elements: first(&[Directive::ScriptSrcElem, Directive::ScriptSrc, Directive::DefaultSrc]),
            attributes: first(&[Directive::ScriptSrcAttr, Directive::ScriptSrc, Directive::DefaultSrc]),
            plugins: first(&[Directive::ObjectSrc, Directive::DefaultSrc]),
        }
    }

    /// Whether the directive decides about inline scripts or event handlers.
    fn decides_inline_scripts(&self, directive: Directive) -> bool {
        [self.elements, self.attributes].contains(&Some(directive))
    }

    /// Whether the directive decides from which URLs scripts or plug-ins load. For scripts, `'strict-dynamic'` disables
    /// the URLs.
    fn decides_urls(&self, directive: Directive, is_strict_dynamic: bool) -> bool {
        self.plugins == Some(directive) || self.elements == Some(directive) && !is_strict_dynamic
    }
}

/// Adds the lints of one source list.
fn lint_sources(directive: Directive, sources: &[Source], code: &CodeDirectives, lints: &mut Vec<Lint>) {
    let has = |source: &Source| sources.contains(source);
    let has_hash = sources.iter().any(|source| matches!(source, Source::Hash { .. }));
    let is_strict_dynamic = directive.governs_scripts() && has(&Source::StrictDynamic);
    if has(&Source::Nonce) && has(&Source::UnsafeInline) {
        lints.push(Lint::UnsafeInlineBesideNonce { directive });
    }
    // CSP 3 §6.7.3.2, "Does a source list allow all inline behavior for type?"
    let is_limited = has(&Source::Nonce) || has_hash || is_strict_dynamic;
    if has(&Source::UnsafeInline) && !is_limited && code.decides_inline_scripts(directive) {
        lints.push(Lint::UnsafeInlineScripts { directive });
    }
    if is_strict_dynamic && !has(&Source::Nonce) && !has_hash {
        lints.push(Lint::StrictDynamicAlone { directive });
    }
    let loads_code = code.decides_urls(directive, is_strict_dynamic);
    for source in sources {
        // CSP 3 §6.7.1.1: 'strict-dynamic' disables the sources that allow a script by its URL. In `default-src`, they
        // still allow everything else.
        let is_url = matches!(source, Source::Host { .. } | Source::SelfOrigin);
        let is_disabled = is_strict_dynamic && directive != Directive::DefaultSrc && is_url;
        if is_disabled || source.is_ignored_in(directive) {
            lints.push(Lint::SourceIgnored { directive, source: source.clone() });
        } else if is_open(directive, source, loads_code) {
            lints.push(Lint::AnyHost { directive, source: source.clone() });
        } else if loads_code && source.is_scheme("data") {
            lints.push(Lint::DataScripts { directive });
        }
    }
}

/// Whether the source matches every host, in a directive where no policy needs that.
fn is_open(directive: Directive, source: &Source, loads_code: bool) -> bool {
    let is_critical = loads_code || directive == Directive::BaseUri;
    let is_web_scheme = source.is_scheme("https") || source.is_scheme("http");
    let is_any_host = source.is_any_host();
    is_any_host && (is_critical || directive == Directive::DefaultSrc) || is_web_scheme && is_critical
}

/// Some servers and proxies limit a header line to 4 KiB. Others limit all headers of a response together to 8 KiB.
const MAX_LEN: usize = 4_096;

#[cfg(test)]
mod tests;
