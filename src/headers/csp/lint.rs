//! `Lint`: what a content security policy does that its author will not have meant.

use std::fmt;

use crate::headers::csp::{Csp, Directive, Source};

/// What a policy does that its author will not have meant; said in the log when the layer is built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lint {
    /// No `base-uri`, which no other directive stands in for: a `<base>` that is smuggled in moves every relative URL.
    BaseUriMissing,
    /// Browsers ignore this source in this directive.
    Idle(Directive, Source),
    /// The policy has this many bytes: servers and proxies begin to refuse header fields of more than 4,096.
    Long(usize),
    /// Neither `object-src` nor `default-src`: plug-ins run from anywhere.
    ObjectSrcMissing,
    /// Neither `script-src` nor `default-src`: scripts run from anywhere.
    ScriptSrcMissing,
    /// `'strict-dynamic'` in this directive, and no nonce and no hash beside it: no script runs.
    StrictDynamicAlone(Directive),
    /// `'unsafe-inline'` beside a nonce in this directive: browsers ignore the one or the other, by their age.
    UnsafeInlineBesideNonce(Directive),
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BaseUriMissing => f.write_str("no base-uri: a <base> that is smuggled in moves every relative URL"),
            Self::Idle(directive, source) => write!(f, "browsers ignore {source} in {directive}"),
            Self::Long(bytes) => write!(f, "the policy has {bytes} bytes: some servers refuse fields over {MAX_LEN}"),
            Self::ObjectSrcMissing => f.write_str("neither object-src nor default-src: plug-ins run from anywhere"),
            Self::ScriptSrcMissing => f.write_str("neither script-src nor default-src: scripts run from anywhere"),
            Self::StrictDynamicAlone(directive) => {
                write!(f, "'strict-dynamic' without a nonce or a hash in {directive}: no script runs")
            }
            Self::UnsafeInlineBesideNonce(directive) => {
                write!(f, "'unsafe-inline' beside a nonce in {directive}: browsers ignore the one or the other")
            }
        }
    }
}

pub(super) fn lints(csp: &Csp) -> Vec<Lint> {
    let has = |directive| csp.sources(directive).is_some();
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
    for (directive, sources) in csp.lists() {
        let has = |source: &Source| sources.contains(source);
        let has_hash = sources.iter().any(|source| matches!(source, Source::Hash(_)));
        if has(&Source::Nonce) && has(&Source::UnsafeInline) {
            lints.push(Lint::UnsafeInlineBesideNonce(directive));
        }
        if directive.is_of_scripts() && has(&Source::StrictDynamic) && !has(&Source::Nonce) && !has_hash {
            lints.push(Lint::StrictDynamicAlone(directive));
        }
        // CSP 3 §6.7.1.1: beside it, where a script comes from does not count.
        let is_dynamic = directive.is_of_scripts() && has(&Source::StrictDynamic);
        let is_passed_over = |source: &Source| is_dynamic && matches!(source, Source::Host(_) | Source::SelfOrigin);
        let idle = sources.iter().filter(|source| source.is_idle_in(directive) || is_passed_over(source));
        lints.extend(idle.map(|source| Lint::Idle(directive, source.clone())));
    }
    let len = csp.rendered().longest();
    if len > MAX_LEN {
        lints.push(Lint::Long(len));
    }
    lints
}

const MAX_LEN: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Csp {
        Csp::new().set(Directive::DefaultSrc, ["'none'"]).set(Directive::BaseUri, ["'none'"])
    }

    #[test]
    fn a_sound_policy_has_none() {
        assert_eq!(sound().lints(), []);
        assert_eq!(Csp::api().lints(), []);
        assert_eq!(Csp::html().lints(), []);
    }

    #[test]
    fn each_is_found() {
        let script = Directive::ScriptSrc;
        for (csp, expected) in [
            (sound().without(Directive::BaseUri), Lint::BaseUriMissing),
            (sound().without(Directive::DefaultSrc).set(script, ["'self'"]), Lint::ObjectSrcMissing),
            (sound().without(Directive::DefaultSrc).set(Directive::ObjectSrc, ["'none'"]), Lint::ScriptSrcMissing),
            (sound().set(script, [Source::Nonce, Source::UnsafeInline]), Lint::UnsafeInlineBesideNonce(script)),
            (sound().set(script, ["'strict-dynamic'"]), Lint::StrictDynamicAlone(script)),
            (
                sound().set(script, [Source::Nonce, Source::StrictDynamic, Source::SelfOrigin]),
                Lint::Idle(script, Source::SelfOrigin),
            ),
            (sound().set(Directive::ImgSrc, [Source::Nonce]), Lint::Idle(Directive::ImgSrc, Source::Nonce)),
        ] {
            assert_eq!(csp.lints(), [expected]);
        }
        let closed = |directive| sound().without(Directive::DefaultSrc).set(directive, ["'none'"]);
        let both = closed(Directive::ObjectSrc).set(script, ["'none'"]);
        assert_eq!(both.lints(), []);
    }

    #[test]
    fn a_policy_is_long_from_4097_bytes() {
        let of = |bytes: usize| {
            let known = Csp::rendered(&sound().set(Directive::ImgSrc, ["a"])).longest();
            sound().set(Directive::ImgSrc, ["a".repeat(bytes - known + 1)])
        };
        assert_eq!(of(4_096).lints(), []);
        assert_eq!(of(4_097).lints(), [Lint::Long(4_097)]);
    }
}
