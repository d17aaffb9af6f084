//! The tests for headers with a single keyword as their value.
//!
//! Values are cut to the lengths at which the Observatory cuts them, before they are trimmed. Of a header that was sent
//! twice, the lines are joined with a comma, so most such values are invalid.

#[cfg(test)]
mod tests;

use sfv::{BareItem, Item, Parser};

use crate::headers::audit::text::{WHITESPACE, truncate};

/// Scores `Cross-Origin-Embedder-Policy`.
pub(super) fn embedder_policy(value: Option<&str>) -> (&'static str, i16) {
    match token_of(value) {
        Token::Absent => ("coep-not-implemented", 0),
        Token::Invalid => ("coep-header-invalid", -5),
        Token::Found(token) => match token.as_str() {
            "credentialless" => ("coep-implemented-with-credentialless", 10),
            "require-corp" => ("coep-implemented-with-require-corp", 10),
            "unsafe-none" => ("coep-implemented-with-unsafe-none", 0),
            _ => ("coep-header-invalid", -5),
        },
    }
}

/// Scores `Cross-Origin-Opener-Policy`.
pub(super) fn opener_policy(value: Option<&str>) -> (&'static str, i16) {
    match token_of(value) {
        Token::Absent => ("coop-not-implemented", 0),
        Token::Invalid => ("coop-header-invalid", -5),
        Token::Found(token) => match token.as_str() {
            "noopener-allow-popups" => ("coop-implemented-with-noopener-allow-popups", 10),
            "same-origin" => ("coop-implemented-with-same-origin", 10),
            "same-origin-allow-popups" => ("coop-implemented-with-same-origin-allow-popups", 10),
            "unsafe-none" => ("coop-implemented-with-unsafe-none", 0),
            _ => ("coop-header-invalid", -5),
        },
    }
}

/// The value of a header that must be a token (RFC 9651 §3.3.4).
enum Token {
    Absent,
    Invalid,
    Found(String),
}

fn token_of(value: Option<&str>) -> Token {
    match value {
        None | Some("") => Token::Absent,
        Some(value) => parse_token(truncate(value, 1024).trim_matches(WHITESPACE)).map_or(Token::Invalid, Token::Found),
    }
}

/// Parses an Item that is a token. Its parameters must be valid but are ignored.
fn parse_token(text: &str) -> Option<String> {
    let item: Item = Parser::new(text).parse().ok()?;
    match item.bare_item {
        BareItem::Token(token) => Some(token.into()),
        _ => None,
    }
}

/// Scores `Cross-Origin-Resource-Policy`.
pub(super) fn resource_policy(value: Option<&str>) -> (&'static str, i16) {
    match keyword(value, 256).as_str() {
        "" => ("corp-not-implemented", 0),
        "cross-origin" => ("corp-implemented-with-cross-origin", 0),
        "same-origin" => ("corp-implemented-with-same-origin", 10),
        "same-site" => ("corp-implemented-with-same-site", 10),
        _ => ("corp-header-invalid", -5),
    }
}

/// Scores what the response to a preflight request from [`ORIGIN`] allows.
pub(super) fn resource_sharing(origin: Option<&str>, credentials: Option<&str>) -> (&'static str, i16) {
    let Some(origin) = origin.filter(|origin| !origin.is_empty()) else {
        return ("cross-origin-resource-sharing-not-implemented", 0);
    };
    if keyword(Some(origin), 256) == "*" {
        return ("cross-origin-resource-sharing-implemented-with-public-access", 0);
    }
    if origin == ORIGIN && keyword(credentials, usize::MAX) == "true" {
        return ("cross-origin-resource-sharing-implemented-with-universal-access", -50);
    }
    ("cross-origin-resource-sharing-implemented-with-restricted-access", 0)
}

/// Scores `Referrer-Policy`. The last known keyword counts.
pub(super) fn referrer_policy(value: Option<&str>) -> (&'static str, i16) {
    let Some(value) = value else { return ("referrer-policy-not-implemented", 0) };
    let known = value.rsplit(',').find_map(|part| match keyword(Some(part), usize::MAX).as_str() {
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

/// Scores subresource integrity. Only an HTML page can have scripts, and this page is assumed to have none.
pub(super) fn subresource_integrity(content_type: Option<&str>) -> (&'static str, i16) {
    match content_type.unwrap_or_default().split(';').next() {
        None | Some("" | "text/html" | "application/xhtml+xml") => ("sri-not-implemented-but-no-scripts-loaded", 0),
        Some(_) => ("sri-not-implemented-response-not-html", 0),
    }
}

/// Scores `X-Content-Type-Options`.
pub(super) fn content_type_options(value: Option<&str>) -> (&'static str, i16) {
    match value {
        None | Some("") => ("x-content-type-options-not-implemented", -5),
        Some(_) if keyword(value, 256) == "nosniff" => ("x-content-type-options-nosniff", 0),
        Some(_) => ("x-content-type-options-header-invalid", -5),
    }
}

/// Scores `X-Frame-Options`, which `frame-ancestors` in the content security policy replaces.
pub(super) fn frame_options(value: Option<&str>, has_frame_ancestors: bool) -> (&'static str, i16) {
    if has_frame_ancestors {
        return ("x-frame-options-implemented-via-csp", 5);
    }
    if value.is_none_or(str::is_empty) {
        return ("x-frame-options-not-implemented", -20);
    }
    match keyword(value, 1024).as_str() {
        "deny" | "sameorigin" => ("x-frame-options-sameorigin-or-deny", 5),
        keyword if keyword.starts_with("allow-from") => ("x-frame-options-allow-from-origin", 0),
        _ => ("x-frame-options-header-invalid", -20),
    }
}

/// Returns the first `limit` characters of a value, trimmed and in lower case.
fn keyword(value: Option<&str>, limit: usize) -> String {
    truncate(value.unwrap_or_default(), limit).trim_matches(WHITESPACE).to_lowercase()
}

/// The origin from which the Observatory sends its preflight request.
const ORIGIN: &str = "https://http-observatory.security.mozilla.org";
