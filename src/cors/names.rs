//! `Names`: a set of header names, and which headers no page can send.

use std::cmp::Ordering;

/// Header names, in lower case and sorted.
#[derive(Debug)]
pub(super) struct Names(Box<[Box<str>]>);

impl Names {
    /// Creates a set of names that are already in lower case.
    pub(super) fn new(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        Self(sorted_unique(names).into())
    }

    /// Whether the set has the name, in any case.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.0.binary_search_by(|known| compare(known.as_bytes(), name)).is_ok()
    }
}

/// Sorts names and removes duplicates, in `n log n` comparisons. A list may come from a file of any length.
pub(super) fn sorted_unique<T: Ord>(mut names: Vec<T>) -> Vec<T> {
    names.sort_unstable();
    names.dedup();
    names
}

/// Orders a known name and a name in any case, without a copy in lower case.
fn compare(known: &[u8], name: &[u8]) -> Ordering {
    known.iter().copied().cmp(name.iter().map(u8::to_ascii_lowercase))
}

/// Whether browsers never let a page set the request header (Fetch, "forbidden request-header").
///
/// Fetch also forbids `X-HTTP-Method-Override` and similar headers, but only with the values CONNECT, TRACE and TRACK,
/// so they may be listed.
pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name) || name.starts_with("proxy-") || name.starts_with("sec-")
}

/// Whether the header occurs only in responses. In a list of request headers, it is a mistake for `expose_headers`.
pub(super) fn is_response_header(name: &str) -> bool {
    RESPONSE_HEADERS.contains(&name) || name.starts_with("access-control-allow-")
}

const FORBIDDEN: [&str; 22] = [
    "accept-charset",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

const RESPONSE_HEADERS: [&str; 9] = [
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "etag",
    "location",
    "retry-after",
    "server",
    "vary",
    "www-authenticate",
];

#[cfg(test)]
mod tests;
