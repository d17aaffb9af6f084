//! The kinds of subjects that each key can yield.

use super::*;
use crate::rate_limit::subject::Subject;

#[test]
fn a_key_matches_only_subjects_of_its_kinds() {
    let keys = [
        Key::api_key(HeaderName::from_static("x-api-key")),
        Key::global(),
        Key::ip(),
        Key::custom(|_| None),
        Key::tenant(|_| None),
        Key::user(),
        Key::user_tenant(),
    ];
    let subjects = [
        Subject::api_key(b"a"),
        Subject::global(),
        Subject::address("192.0.2.1".parse().expect("an address")),
        Subject::custom("a"),
        Subject::tenant("a"),
        Subject::user(None, "a"),
        Subject::user_tenant(None, "a"),
    ];
    for (row, key) in keys.iter().enumerate() {
        for (column, subject) in subjects.iter().enumerate() {
            assert_eq!(key.matches(subject), row == column, "{key:?} {subject:?}");
        }
    }
    let either = Key::user().or_ip();
    assert!(either.matches(&subjects[2]) && either.matches(&subjects[5]) && !either.matches(&subjects[0]));
}
