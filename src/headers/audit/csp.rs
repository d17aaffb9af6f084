//! `Csp`: the test for `Content-Security-Policy`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::headers::audit::merged_csp::{MergedCsp, NONE};

/// The `Content-Security-Policy` of a response.
#[derive(Debug)]
pub(super) enum Csp {
    Absent,
    Invalid,
    Parsed(MergedCsp),
}

impl Csp {
    pub(super) fn parse(value: Option<&str>) -> Self {
        match value.map(MergedCsp::parse) {
            None => Self::Absent,
            Some(None) => Self::Invalid,
            Some(Some(merged)) if merged.directives.is_empty() => Self::Absent,
            Some(Some(merged)) => Self::Parsed(merged),
        }
    }

    /// Whether the policy has `frame-ancestors`, whatever its sources.
    pub(super) fn has_frame_ancestors(&self) -> bool {
        matches!(self, Self::Parsed(merged) if merged.directives.contains_key("frame-ancestors"))
    }

    /// Returns the result's name and its points.
    ///
    /// Repeated reporting directives replace a good result, but do not hide a bad one.
    pub(super) fn outcome(&self, has_report_only: bool) -> (&'static str, i16) {
        match self {
            Self::Absent if has_report_only => ("csp-not-implemented-but-reporting-enabled", -25),
            Self::Absent => ("csp-not-implemented", -25),
            Self::Invalid => ("csp-header-invalid", -25),
            Self::Parsed(merged) => match score(merged) {
                (_, points) if points > -10 && merged.has_duplicates => ("csp-implemented-but-duplicate-directives", 0),
                (PASSIVE_ONLY, _) if merged.has_duplicates => ("csp-implemented-but-duplicate-directives", 0),
                outcome => outcome,
            },
        }
    }
}

/// Scores a policy: the first problem found counts, from the most to the least dangerous.
///
/// A directive that is missing counts as `*`, unless `default-src` replaces it.
fn score(merged: &MergedCsp) -> (&'static str, i16) {
    let mut directives = merged.directives.clone();
    let effective = |name: &'static str| [name, "default-src"].into_iter().find(|name| directives.contains_key(*name));
    let object = effective("object-src");
    let script = effective("script-src");
    let style = effective("style-src");

    // As in the Observatory: if `default-src` is the fallback, these steps change `default-src` itself.
    for name in [script, style].into_iter().flatten() {
        let Some(sources) = directives.get_mut(name) else { continue };
        if has_nonce_or_hash(sources) {
            sources.remove("'unsafe-inline'");
        }
    }
    // With 'strict-dynamic', browsers ignore the sources that allow a script by its URL. So the broad ones cost
    // nothing.
    if let Some(sources) = script.and_then(|name| directives.get_mut(name)).filter(|all| all.contains(STRICT_DYNAMIC)) {
        if !has_nonce_or_hash(sources) {
            return ("csp-header-invalid", -25);
        }
        sources.retain(|source| !BROAD.iter().any(|broad| source.starts_with(broad)));
    }

    let everything = BTreeSet::from(["*".to_owned()]);
    let sources = |name: Option<&str>| name.and_then(|name| directives.get(name)).unwrap_or(&everything);
    let object = sources(object);
    let script = sources(script);
    let style = sources(style);
    let is_passive = |name: &str| PASSIVE.contains(&name);
    let mut active = directives.iter().filter(|(name, _)| !is_passive(name));
    let mut passive = directives.iter().filter(|(name, _)| is_passive(name));

    if any(script, is_broad_or_inline) || any(object, is_broad) {
        ("csp-implemented-with-unsafe-inline", -20)
    } else if active.any(|(_, sources)| any(sources, is_insecure)) {
        ("csp-implemented-with-insecure-scheme", -20)
    } else if script.contains("'unsafe-eval'") || style.contains("'unsafe-eval'") {
        ("csp-implemented-with-unsafe-eval", -10)
    } else if passive.any(|(_, sources)| any(sources, is_insecure)) {
        (PASSIVE_ONLY, -10)
    } else if any(style, is_broad_or_inline) {
        ("csp-implemented-with-unsafe-inline-in-style-src-only", 0)
    } else if directives.get("default-src").is_some_and(|sources| sources.iter().eq([NONE])) {
        ("csp-implemented-with-no-unsafe-default-src-none", 10)
    } else {
        ("csp-implemented-with-no-unsafe", 5)
    }
}

fn any(sources: &BTreeSet<String>, predicate: fn(&str) -> bool) -> bool {
    sources.iter().any(|source| predicate(source))
}

/// Whether browsers ignore 'unsafe-inline' in this list (CSP 3, "Does a source list allow all inline behavior for
/// type?").
fn has_nonce_or_hash(sources: &BTreeSet<String>) -> bool {
    any(sources, |source| NONCE_AND_HASH_PREFIXES.iter().any(|prefix| source.starts_with(prefix)))
}

/// Whether the source matches any host.
fn is_broad(source: &str) -> bool {
    BROAD.contains(&source)
}

fn is_broad_or_inline(source: &str) -> bool {
    is_broad(source) || ["'unsafe-inline'", "data:"].contains(&source)
}

/// Whether content from this source is not encrypted, so that an attacker on the network can replace it.
fn is_insecure(source: &str) -> bool {
    source.starts_with("http:") || source.starts_with("ftp:")
}

const BROAD: [&str; 8] = ["*", "ftp:", "http:", "http://*", "http://*.*", "https:", "https://*", "https://*.*"];
const NONCE_AND_HASH_PREFIXES: [&str; 4] = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
/// The directives for content that cannot run code.
const PASSIVE: [&str; 2] = ["img-src", "media-src"];
const PASSIVE_ONLY: &str = "csp-implemented-with-insecure-scheme-in-passive-content-only";
const STRICT_DYNAMIC: &str = "'strict-dynamic'";
