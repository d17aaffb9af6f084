//! Tests of the set of header names and the tables of names.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

#[test]
fn a_name_is_found_in_any_case() {
    let names = Names::new(["x-b", "authorization", "x-a", "x-b"]);
    for name in ["x-a", "X-A", "x-B", "Authorization", "AUTHORIZATION"] {
        assert!(names.contains(name.as_bytes()), "{name}");
    }
    for name in ["", "x", "x-", "x-aa", "x-c", "authorizatio", "*", "x\ra"] {
        assert!(!names.contains(name.as_bytes()), "{name}");
    }
}

/// A name that counts its comparisons.
#[derive(Debug)]
struct Counted<'a>(u32, &'a Cell<usize>);

impl Ord for Counted<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.1.set(self.1.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Counted<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Counted<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Counted<'_> {}

#[test]
fn duplicates_are_removed_in_n_log_n_comparisons() {
    let comparisons = Cell::new(0);
    // 7,919 is prime: the numbers are out of order, and each occurs twice.
    let names = (0..32_000_u32).map(|n| Counted(n * 7_919 % 16_000, &comparisons)).collect();
    assert_eq!(sorted_unique(names).len(), 16_000);
    let log_n = 32_000_usize.ilog2() as usize + 1;
    assert!(comparisons.get() <= 2 * 32_000 * log_n, "{}", comparisons.get());
}

#[test]
fn an_empty_set_has_no_name() {
    assert!(!Names::new([""; 0]).contains(b"") && !Names::new([""; 0]).contains(b"x-a"));
}

#[test]
fn the_forbidden_names_are_those_of_fetch() {
    for name in FORBIDDEN.into_iter().chain(["proxy-authorization", "sec-fetch-site", "proxy-", "sec-"]) {
        assert!(is_forbidden(name), "{name}");
    }
    for name in ["authorization", "content-type", "user-agent", "proxy", "second", "x-sec-a", "x-http-method"] {
        assert!(!is_forbidden(name), "{name}");
    }
}

#[test]
fn response_headers_are_not_request_headers() {
    for name in RESPONSE_HEADERS.into_iter().chain(["access-control-allow-origin"]) {
        assert!(is_response_header(name) && !is_forbidden(name), "{name}");
    }
    for name in ["authorization", "cache-control", "content-type", "if-match", "x-access-control-allow"] {
        assert!(!is_response_header(name), "{name}");
    }
}

#[test]
fn the_tables_are_sorted_and_in_lower_case() {
    for table in [&FORBIDDEN[..], &RESPONSE_HEADERS] {
        assert!(table.is_sorted() && table.iter().all(|name| name.to_ascii_lowercase() == *name));
    }
}

proptest! {
    #[test]
    fn the_set_finds_what_a_linear_search_finds(known in prop::collection::vec("[a-c_~-]{0,3}", 0..9), name in "[a-cA-C_~-]{0,3}") {
        let names = Names::new(known.clone());
        prop_assert_eq!(names.contains(name.as_bytes()), known.contains(&name.to_ascii_lowercase()));
    }
}
