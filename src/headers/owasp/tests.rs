//! OWASP's lists are what the layer takes them for.

use std::fmt::Debug;

use http::{HeaderName, HeaderValue};

use super::{ADD, FEATURES_OFF, REMOVE};

/// Sorted, and none twice.
fn is_a_set<T: Ord + Debug>(list: &[T]) -> bool {
    list.is_sorted_by(|one, next| one < next)
}

#[test]
fn the_lists_have_as_many_entries_as_owasp_has() {
    assert_eq!((REMOVE.len(), ADD.len(), FEATURES_OFF.len()), (87, 13, 28));
}

#[test]
fn the_lists_are_sorted_and_name_nothing_twice() {
    assert!(is_a_set(&REMOVE) && is_a_set(&FEATURES_OFF));
    assert!(is_a_set(&ADD.map(|(name, _)| name)));
}

#[test]
fn every_name_is_a_header_name_in_lower_case() {
    for name in REMOVE.into_iter().chain(ADD.map(|(name, _)| name)) {
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name}");
    }
}

#[test]
fn every_value_can_be_sent() {
    for (name, value) in ADD {
        assert!(HeaderValue::from_str(value).is_ok(), "{name}: {value}");
    }
}

#[test]
fn nothing_is_both_added_and_removed() {
    assert!(ADD.iter().all(|(name, _)| REMOVE.binary_search(name).is_err()));
}

#[test]
fn the_features_are_those_that_the_added_permissions_policy_turns_off() {
    let (_, value) = ADD.into_iter().find(|(name, _)| *name == "permissions-policy").unwrap();
    let mut off: Vec<_> = value.split(", ").filter_map(|feature| feature.strip_suffix("=()")).collect();
    off.sort_unstable();
    assert_eq!(off, FEATURES_OFF);
    assert!(value.contains("sync-xhr=(self)"));
}
