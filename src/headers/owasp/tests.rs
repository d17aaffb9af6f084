//! The OWASP lists are complete, sorted and valid.

use std::fmt::Debug;

use http::{HeaderName, HeaderValue};

use super::{ADD, FEATURES_OFF, OWASP_REMOVED};

/// Whether the list is sorted and without duplicates.
fn is_sorted_set<T: Ord + Debug>(list: &[T]) -> bool {
    list.is_sorted_by(|one, next| one < next)
}

#[test]
fn each_list_is_as_long_as_owasps() {
    assert_eq!((OWASP_REMOVED.len(), ADD.len(), FEATURES_OFF.len()), (87, 13, 28));
}

#[test]
fn each_list_is_sorted_and_without_duplicates() {
    assert!(is_sorted_set(OWASP_REMOVED) && is_sorted_set(&FEATURES_OFF));
    assert!(is_sorted_set(&ADD.map(|(name, _)| name)));
}

#[test]
fn every_name_is_a_header_name_in_lower_case() {
    for name in OWASP_REMOVED.iter().copied().chain(ADD.map(|(name, _)| name)) {
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name}");
    }
}

#[test]
fn every_value_is_a_valid_header_value() {
    for (name, value) in ADD {
        assert!(HeaderValue::from_str(value).is_ok(), "{name}: {value}");
    }
}

#[test]
fn no_header_is_both_added_and_removed() {
    assert!(ADD.iter().all(|(name, _)| OWASP_REMOVED.binary_search(name).is_err()));
}

#[test]
fn the_disabled_features_are_those_of_the_permissions_policy() {
    let (_, value) = ADD.into_iter().find(|(name, _)| *name == "permissions-policy").unwrap();
    let mut off: Vec<_> = value.split(", ").filter_map(|feature| feature.strip_suffix("=()")).collect();
    off.sort_unstable();
    assert_eq!(off, FEATURES_OFF);
    assert!(value.contains("sync-xhr=(self)"));
}
