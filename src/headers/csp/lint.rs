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
    /// `base-uri` is missing, and no other directive replaces it: an injected `<base>` element changes every relative
    /// URL.
    BaseUriMissing,
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
            Self::BaseUriMissing => f.write_str("no base-uri: an injected <base> element changes every relative URL"),
            Self::SourceIgnored { directive, source } => write!(f, "browsers ignore {source} in {directive}"),
            Self::TooLong { bytes } => {
                write!(f, "the policy has {bytes} bytes: some servers reject header values of over {MAX_LEN} bytes")
            }
            Self::ObjectSrcMissing => f.write_str("no object-src and no default-src: plug-ins load from any host"),
            Self::ScriptSrcMissing => f.write_str("no script-src and no default-src: scripts load from any host"),
            Self::StrictDynamicAlone { directive } => {
                write!(f, "'strict-dynamic' without a nonce or a hash in {directive}: no script runs")
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
        for (directive, sources) in self.lists() {
            lint_sources(directive, sources, &mut lints);
        }
        let bytes = self.rendered().max_len();
        if bytes > MAX_LEN {
            lints.push(Lint::TooLong { bytes });
        }
        lints
    }
}

/// Adds the lints of one source list.
fn lint_sources(directive: Directive, sources: &[Source], lints: &mut Vec<Lint>) {
    let has = |source: &Source| sources.contains(source);
    let has_hash = sources.iter().any(|source| matches!(source, Source::Hash { .. }));
    let is_strict_dynamic = directive.governs_scripts() && has(&Source::StrictDynamic);
    if has(&Source::Nonce) && has(&Source::UnsafeInline) {
        lints.push(Lint::UnsafeInlineBesideNonce { directive });
    }
    if is_strict_dynamic && !has(&Source::Nonce) && !has_hash {
        lints.push(Lint::StrictDynamicAlone { directive });
    }
    for source in sources {
        // CSP 3 §6.7.1.1: 'strict-dynamic' disables the sources that allow a script by its URL.
        let is_disabled = is_strict_dynamic && matches!(source, Source::Host { .. } | Source::SelfOrigin);
        if is_disabled || source.is_ignored_in(directive) {
            lints.push(Lint::SourceIgnored { directive, source: source.clone() });
        }
    }
}

/// Some servers and proxies limit a header line to 4 KiB. Others limit all headers of a response together to 8 KiB.
const MAX_LEN: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn clean() -> Csp {
        Csp::new().set(Directive::DefaultSrc, ["'none'"]).set(Directive::BaseUri, ["'none'"])
    }

    #[test]
    fn a_good_policy_has_no_lints() {
        assert_eq!(clean().lints(), []);
        assert_eq!(Csp::api().lints(), []);
        assert_eq!(Csp::html().lints(), []);
    }

    #[test]
    fn each_lint_is_found() {
        let script = Directive::ScriptSrc;
        let ignored = |directive, source| Lint::SourceIgnored { directive, source };
        for (csp, expected) in [
            (clean().without(Directive::BaseUri), Lint::BaseUriMissing),
            (clean().without(Directive::DefaultSrc).set(script, ["'self'"]), Lint::ObjectSrcMissing),
            (clean().without(Directive::DefaultSrc).set(Directive::ObjectSrc, ["'none'"]), Lint::ScriptSrcMissing),
            (
                clean().set(script, [Source::Nonce, Source::UnsafeInline]),
                Lint::UnsafeInlineBesideNonce { directive: script },
            ),
            (clean().set(script, ["'strict-dynamic'"]), Lint::StrictDynamicAlone { directive: script }),
            (
                clean().set(script, [Source::Nonce, Source::StrictDynamic, Source::SelfOrigin]),
                ignored(script, Source::SelfOrigin),
            ),
            (clean().set(Directive::ImgSrc, [Source::Nonce]), ignored(Directive::ImgSrc, Source::Nonce)),
        ] {
            assert_eq!(csp.lints(), [expected]);
        }
        let without_default = clean().without(Directive::DefaultSrc).set(Directive::ObjectSrc, ["'none'"]);
        assert_eq!(without_default.set(script, ["'none'"]).lints(), []);
    }

    #[test]
    fn a_policy_is_too_long_from_4097_bytes() {
        let of = |bytes: usize| {
            let len_with_one_byte = clean().set(Directive::ImgSrc, ["a"]).rendered().max_len();
            clean().set(Directive::ImgSrc, ["a".repeat(bytes - len_with_one_byte + 1)])
        };
        assert_eq!(of(4_096).lints(), []);
        assert_eq!(of(4_097).lints(), [Lint::TooLong { bytes: 4_097 }]);
    }
}
