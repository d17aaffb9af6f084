//! The embedded list of common passwords.
//!
//! `common_passwords.txt` has 8,344 entries, in lower case and sorted: those of at least eight ASCII characters, without
//! fragments of HTML, of the list of common passwords in Django 5.2. Royce Williams compiled that list from breaches.
//! Django's license (BSD, three clauses) is in `common_passwords.LICENSE`. A shorter password is rejected by its length.

use std::sync::LazyLock;

/// Whether a password, in lower case, is on the list.
pub(super) fn is_blocked(folded: &str) -> bool {
    ENTRIES.binary_search(&folded).is_ok()
}

/// The entries, sorted by their bytes.
pub(super) static ENTRIES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());
