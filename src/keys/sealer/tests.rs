//! Values that are opened, and those that cannot be.

use super::*;

fn ring(number: u8) -> KeyRing {
    KeyRing::new(secret(number)).unwrap()
}

fn secret(number: u8) -> Vec<u8> {
    (0..32).map(|index| index ^ number).collect()
}

fn sealer() -> Sealer {
    Sealer::new(&ring(1), "phone number")
}

#[test]
fn a_sealed_value_is_opened_with_its_use_and_owner_only() {
    let sealed = sealer().seal("ann", "value").unwrap();
    assert_eq!(sealer().open("ann", &sealed).unwrap().as_str(), Some("value"));
    for owner in ["", "an", "anna", "Ann", "bob"] {
        assert_eq!(sealer().open(owner, &sealed).unwrap_err(), SealError::Invalid, "{owner}");
    }
    for key_use in ["", "phone numbers", "totp secret"] {
        assert_eq!(Sealer::new(&ring(1), key_use).open("ann", &sealed).unwrap_err(), SealError::Invalid, "{key_use}");
    }
    // The bound between use and owner is covered too.
    let sealed = Sealer::new(&ring(1), "ab").seal("c", "value").unwrap();
    assert!(Sealer::new(&ring(1), "a").open("bc", &sealed).is_err());
}

#[test]
fn any_flipped_bit_is_the_same_error() {
    let sealed = sealer().seal("ann", "value").unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        assert_eq!(sealer().open("ann", &changed).unwrap_err(), SealError::Invalid, "{bit}");
    }
    for len in 0..sealed.len() {
        assert_eq!(sealer().open("ann", &sealed[..len]).unwrap_err(), SealError::Invalid, "{len}");
    }
    for text in ["", "=", "\u{e9}", "AQ", &format!("{sealed}="), &format!("{sealed} "), &format!("{sealed}AAAA")] {
        assert_eq!(sealer().open("ann", text).unwrap_err(), SealError::Invalid, "{text}");
    }
}

#[test]
fn an_empty_value_works_and_the_text_has_the_documented_length() {
    for len in [0, 1, 2, 3, 20, 1_000] {
        let value = vec![7; len];
        let sealed = sealer().seal("", &value).unwrap();
        assert_eq!(sealed.len(), 44 + (len * 4).div_ceil(3));
        assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(sealer().open("", &sealed).unwrap().as_bytes(), value);
    }
}

#[test]
fn two_results_for_one_value_differ() {
    let sealed: std::collections::HashSet<_> = (0..1_000).map(|_| sealer().seal("ann", "value").unwrap()).collect();
    assert_eq!(sealed.len(), 1_000);
}

#[test]
fn a_value_of_a_previous_secret_is_opened_and_is_outdated() {
    let sealed = sealer().seal("ann", "value").unwrap();
    let rotated = Sealer::new(&ring(2).previous(secret(1)).unwrap(), "phone number");
    assert_eq!(rotated.open("ann", &sealed).unwrap().as_str(), Some("value"));
    assert!(rotated.is_outdated(&sealed) && !sealer().is_outdated(&sealed));
    let again = rotated.seal("ann", "value").unwrap();
    assert!(!rotated.is_outdated(&again) && rotated.is_outdated("no sealed value"));
    // Without the previous secret.
    let removed = Sealer::new(&ring(2), "phone number");
    assert_eq!(removed.open("ann", &sealed).unwrap_err(), SealError::Invalid);
    assert_eq!(removed.open("ann", &again).unwrap().as_bytes(), b"value");
}

#[test]
fn neither_a_value_nor_a_key_is_shown() {
    let sealed = sealer().seal("ann", "value").unwrap();
    assert_eq!(format!("{:?}", sealer().open("ann", &sealed).unwrap()), "Opened(..)");
    let id = ring(1).mac_keys(KeyUse::Id).current().0;
    assert_eq!(format!("{:?}", sealer()), format!("Sealer {{ use: \"phone number\", keys: [{id}] }}"));
}

#[test]
fn a_value_that_is_not_utf_8_has_no_text() {
    let sealed = sealer().seal("ann", [0xff]).unwrap();
    assert_eq!(sealer().open("ann", &sealed).unwrap().as_str(), None);
}
