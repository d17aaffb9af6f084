//! `Names`: the header fields that pages may send.

use std::cmp::Ordering;

/// Names of header fields, in lower case and sorted.
#[derive(Debug)]
pub(super) struct Names(Box<[Box<str>]>);

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        Self(names.into())
    }

    /// Whether the name is among them, in any case of letters.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.0.binary_search_by(|known| compare(known.as_bytes(), name)).is_ok()
    }
}

fn compare(known: &[u8], name: &[u8]) -> Ordering {
    known.iter().copied().cmp(name.iter().map(u8::to_ascii_lowercase))
}

/// Fetch, "forbidden request-header": no page may set one, whatever a server allows.
pub(super) fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.contains(&name) || name.starts_with("proxy-") || name.starts_with("sec-")
}

/// Fields that only responses have.
pub(super) fn is_of_responses(name: &str) -> bool {
    OF_RESPONSES.contains(&name) || name.starts_with("access-control-allow-")
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

const OF_RESPONSES: [&str; 9] = [
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_of_letters() {
        let names = Names::new(["x-b", "authorization", "x-a", "x-b"]);
        for name in ["x-a", "X-A", "x-B", "Authorization", "AUTHORIZATION"] {
            assert!(names.contains(name.as_bytes()), "{name}");
        }
        for name in ["", "x", "x-", "x-aa", "x-c", "authorizatio", "*", "x\ra"] {
            assert!(!names.contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn no_names_hold_none() {
        assert!(!Names::new([""; 0]).contains(b"") && !Names::new([""; 0]).contains(b"x-a"));
    }

    #[test]
    fn forbidden_names_are_those_of_fetch() {
        for name in FORBIDDEN.into_iter().chain(["proxy-authorization", "sec-fetch-site", "proxy-", "sec-"]) {
            assert!(is_forbidden(name), "{name}");
        }
        for name in ["authorization", "content-type", "user-agent", "proxy", "second", "x-sec-a", "x-http-method"] {
            assert!(!is_forbidden(name), "{name}");
        }
    }

    #[test]
    fn names_of_responses_are_told_from_those_of_requests() {
        for name in OF_RESPONSES.into_iter().chain(["access-control-allow-origin"]) {
            assert!(is_of_responses(name) && !is_forbidden(name), "{name}");
        }
        for name in ["authorization", "cache-control", "content-type", "if-match", "x-access-control-allow"] {
            assert!(!is_of_responses(name), "{name}");
        }
    }

    #[test]
    fn the_tables_are_in_lower_case_and_in_order() {
        for table in [&FORBIDDEN[..], &OF_RESPONSES] {
            assert!(table.is_sorted() && table.iter().all(|name| name.to_ascii_lowercase() == *name));
        }
    }

    proptest! {
        #[test]
        fn as_a_plain_search_finds(known in prop::collection::vec("[a-c_~-]{0,3}", 0..9), name in "[a-cA-C_~-]{0,3}") {
            let names = Names::new(known.clone());
            prop_assert_eq!(names.contains(name.as_bytes()), known.contains(&name.to_ascii_lowercase()));
        }
    }
}
