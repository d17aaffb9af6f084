//! The fields whose value is a word or two.

use super::{BLANKS, cut, structured};

/// `Cross-Origin-Embedder-Policy`.
pub(super) fn embedder_policy(value: Option<&str>) -> (&'static str, i16) {
    match policy(value) {
        Policy::Absent => ("coep-not-implemented", 0),
        Policy::Word("credentialless") => ("coep-implemented-with-credentialless", 10),
        Policy::Word("require-corp") => ("coep-implemented-with-require-corp", 10),
        Policy::Word("unsafe-none") => ("coep-implemented-with-unsafe-none", 0),
        Policy::Word(_) | Policy::Unreadable => ("coep-header-invalid", -5),
    }
}

/// `Cross-Origin-Opener-Policy`.
pub(super) fn opener_policy(value: Option<&str>) -> (&'static str, i16) {
    match policy(value) {
        Policy::Absent => ("coop-not-implemented", 0),
        Policy::Word("noopener-allow-popups") => ("coop-implemented-with-noopener-allow-popups", 10),
        Policy::Word("same-origin") => ("coop-implemented-with-same-origin", 10),
        Policy::Word("same-origin-allow-popups") => ("coop-implemented-with-same-origin-allow-popups", 10),
        Policy::Word("unsafe-none") => ("coop-implemented-with-unsafe-none", 0),
        Policy::Word(_) | Policy::Unreadable => ("coop-header-invalid", -5),
    }
}

/// A policy that is an Item of RFC 9651.
enum Policy<'a> {
    Absent,
    Unreadable,
    Word(&'a str),
}

fn policy(value: Option<&str>) -> Policy<'_> {
    match value {
        None | Some("") => Policy::Absent,
        Some(value) => {
            structured::token(cut(value, 1024).trim_matches(BLANKS)).map_or(Policy::Unreadable, Policy::Word)
        }
    }
}

/// `Cross-Origin-Resource-Policy`.
pub(super) fn resource_policy(value: Option<&str>) -> (&'static str, i16) {
    match word(value, 256).as_str() {
        "" => ("corp-not-implemented", 0),
        "cross-origin" => ("corp-implemented-with-cross-origin", 0),
        "same-origin" => ("corp-implemented-with-same-origin", 10),
        "same-site" => ("corp-implemented-with-same-site", 10),
        _ => ("corp-header-invalid", -5),
    }
}

/// What the answer to a preflight request of [`ORIGIN`] allows.
pub(super) fn resource_sharing(origin: Option<&str>, credentials: Option<&str>) -> (&'static str, i16) {
    let Some(origin) = origin.filter(|origin| !origin.is_empty()) else {
        return ("cross-origin-resource-sharing-not-implemented", 0);
    };
    if word(Some(origin), 256) == "*" {
        return ("cross-origin-resource-sharing-implemented-with-public-access", 0);
    }
    if origin == ORIGIN && word(credentials, usize::MAX) == "true" {
        return ("cross-origin-resource-sharing-implemented-with-universal-access", -50);
    }
    ("cross-origin-resource-sharing-implemented-with-restricted-access", 0)
}

/// `Referrer-Policy`: the last word that is a policy counts.
pub(super) fn referrer_policy(value: Option<&str>) -> (&'static str, i16) {
    let Some(value) = value else { return ("referrer-policy-not-implemented", 0) };
    let known = value.rsplit(',').find_map(|part| match word(Some(part), usize::MAX).as_str() {
        "no-referrer" | "same-origin" | "strict-origin" | "strict-origin-when-cross-origin" => {
            Some(("referrer-policy-private", 5))
        }
        "no-referrer-when-downgrade" | "origin" | "origin-when-cross-origin" | "unsafe-url" => {
            Some(("referrer-policy-unsafe", -5))
        }
        _ => None,
    });
    known.unwrap_or(("referrer-policy-header-invalid", -5))
}

/// Scripts by `Content-Type`: only a page could have some, and it has none.
pub(super) fn subresource_integrity(content_type: Option<&str>) -> (&'static str, i16) {
    match content_type.unwrap_or_default().split(';').next() {
        None | Some("" | "text/html" | "application/xhtml+xml") => ("sri-not-implemented-but-no-scripts-loaded", 0),
        Some(_) => ("sri-not-implemented-response-not-html", 0),
    }
}

/// `X-Content-Type-Options`.
pub(super) fn content_type_options(value: Option<&str>) -> (&'static str, i16) {
    match value {
        None | Some("") => ("x-content-type-options-not-implemented", -5),
        Some(_) if word(value, 256) == "nosniff" => ("x-content-type-options-nosniff", 0),
        Some(_) => ("x-content-type-options-header-invalid", -5),
    }
}

/// `X-Frame-Options`, or `frame-ancestors` of the content security policy in its place.
pub(super) fn frame_options(value: Option<&str>, has_frame_ancestors: bool) -> (&'static str, i16) {
    if has_frame_ancestors {
        return ("x-frame-options-implemented-via-csp", 5);
    }
    if value.is_none_or(str::is_empty) {
        return ("x-frame-options-not-implemented", -20);
    }
    match word(value, 1024).as_str() {
        "deny" | "sameorigin" => ("x-frame-options-sameorigin-or-deny", 5),
        word if word.starts_with("allow-from") => ("x-frame-options-allow-from-origin", 0),
        _ => ("x-frame-options-header-invalid", -20),
    }
}

/// The first `limit` characters of a value in lower case, without blanks around them.
fn word(value: Option<&str>, limit: usize) -> String {
    cut(value.unwrap_or_default(), limit).trim_matches(BLANKS).to_lowercase()
}

/// The origin that the Observatory asks for.
const ORIGIN: &str = "https://http-observatory.security.mozilla.org";
