//! `Csp`: the content security policy as the Observatory judges it.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::policies::{NONE, Policies};

/// What an answer says in `Content-Security-Policy`.
#[derive(Debug)]
pub(super) enum Csp {
    Absent,
    Invalid,
    Read(Policies),
}

impl Csp {
    pub(super) fn read(value: Option<&str>) -> Self {
        match value.map(Policies::read) {
            None => Self::Absent,
            Some(None) => Self::Invalid,
            Some(Some(policies)) if policies.directives.is_empty() => Self::Absent,
            Some(Some(policies)) => Self::Read(policies),
        }
    }

    /// Whether it says who may frame the page, whatever it says.
    pub(super) fn has_frame_ancestors(&self) -> bool {
        matches!(self, Self::Read(policies) if policies.directives.contains_key("frame-ancestors"))
    }

    /// The result's name and points. `is_reported` is whether there is a policy that only reports.
    pub(super) fn verdict(&self, is_reported: bool) -> (&'static str, i16) {
        match self {
            Self::Absent if is_reported => ("csp-not-implemented-but-reporting-enabled", -25),
            Self::Absent => ("csp-not-implemented", -25),
            Self::Invalid => ("csp-header-invalid", -25),
            Self::Read(policies) => match judge(policies) {
                (_, points) if points > -10 && policies.has_duplicates => {
                    ("csp-implemented-but-duplicate-directives", 0)
                }
                (PASSIVE_ONLY, _) if policies.has_duplicates => ("csp-implemented-but-duplicate-directives", 0),
                verdict => verdict,
            },
        }
    }
}

fn judge(policies: &Policies) -> (&'static str, i16) {
    let mut directives = policies.directives.clone();
    let governs = |name: &'static str| [name, "default-src"].into_iter().find(|name| directives.contains_key(*name));
    let (object, script, style) = (governs("object-src"), governs("script-src"), governs("style-src"));

    // `default-src` is changed with the directive that it stands for: so it is there.
    for name in [script, style].into_iter().flatten() {
        let Some(sources) = directives.get_mut(name) else { continue };
        if has_nonce_or_hash(sources) {
            sources.remove("'unsafe-inline'");
        }
    }
    if let Some(sources) = script.and_then(|name| directives.get_mut(name)).filter(|all| all.contains(STRICT_DYNAMIC)) {
        if !has_nonce_or_hash(sources) {
            return ("csp-header-invalid", -25);
        }
        sources.retain(|source| !BROAD.iter().any(|broad| source.starts_with(broad)));
    }

    let everything = BTreeSet::from(["*".to_owned()]);
    let sources = |name: Option<&str>| name.and_then(|name| directives.get(name)).unwrap_or(&everything);
    let (object, script, style) = (sources(object), sources(script), sources(style));
    let passive = ["img-src", "media-src"];
    let mut active = directives.iter().filter(|(name, _)| !passive.contains(&name.as_str()));
    let mut shown = passive.iter().filter_map(|name| directives.get(*name));
    let default = directives.get("default-src");

    if any(script, is_broad_or_inline) || any(object, is_broad) {
        ("csp-implemented-with-unsafe-inline", -20)
    } else if active.any(|(_, sources)| any(sources, is_insecure)) {
        ("csp-implemented-with-insecure-scheme", -20)
    } else if script.contains("'unsafe-eval'") || style.contains("'unsafe-eval'") {
        ("csp-implemented-with-unsafe-eval", -10)
    } else if shown.any(|sources| any(sources, is_insecure)) {
        (PASSIVE_ONLY, -10)
    } else if any(style, is_broad_or_inline) {
        ("csp-implemented-with-unsafe-inline-in-style-src-only", 0)
    } else if default.is_some_and(|sources| sources.iter().eq([NONE])) {
        ("csp-implemented-with-no-unsafe-default-src-none", 10)
    } else {
        ("csp-implemented-with-no-unsafe", 5)
    }
}

fn any(sources: &BTreeSet<String>, is_so: fn(&str) -> bool) -> bool {
    sources.iter().any(|source| is_so(source))
}

fn has_nonce_or_hash(sources: &BTreeSet<String>) -> bool {
    any(sources, |source| NONCES_AND_HASHES.iter().any(|start| source.starts_with(start)))
}

fn is_broad(source: &str) -> bool {
    BROAD.contains(&source)
}

fn is_broad_or_inline(source: &str) -> bool {
    is_broad(source) || ["'unsafe-inline'", "data:"].contains(&source)
}

fn is_insecure(source: &str) -> bool {
    source.starts_with("http:") || source.starts_with("ftp:")
}

const BROAD: [&str; 8] = ["*", "ftp:", "http:", "http://*", "http://*.*", "https:", "https://*", "https://*.*"];
const NONCES_AND_HASHES: [&str; 4] = ["'nonce-", "'sha256-", "'sha384-", "'sha512-"];
const PASSIVE_ONLY: &str = "csp-implemented-with-insecure-scheme-in-passive-content-only";
const STRICT_DYNAMIC: &str = "'strict-dynamic'";
