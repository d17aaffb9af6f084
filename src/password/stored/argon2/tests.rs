//! Argon2 hashes that verify, and those that must not.

use argon2::{Algorithm, Version};

use super::*;

const COST: Cost = Cost { memory: 64, passes: 2, lanes: 1 };

fn memory() -> Vec<Block> {
    vec![Block::new(); 256]
}

fn create(password: &str, pepper: Option<(KeyId, &[u8])>) -> StoredHash {
    StoredHash::create(password.as_bytes(), [7; SALT_LEN], COST, pepper, &mut memory()).unwrap()
}

#[test]
fn a_hash_verifies_its_password_only() {
    let hash = create("secret", None);
    assert!(hash.verify(b"secret", None, &mut memory()));
    assert!(!hash.verify(b"Secret", None, &mut memory()));
    assert!(!hash.verify(b"", None, &mut memory()));
}

#[test]
fn passwords_that_differ_after_72_128_or_1_000_bytes_are_different() {
    for equal in [72, 128, 1_000] {
        let password = |tail| format!("{}{tail}", "x".repeat(equal));
        let hash = create(&password("a"), None);
        assert!(hash.verify(password("a").as_bytes(), None, &mut memory()), "{equal}");
        assert!(!hash.verify(password("b").as_bytes(), None, &mut memory()), "{equal}");
    }
}

#[test]
fn a_hash_with_a_pepper_needs_its_secret() {
    let hash = create("secret", Some((KeyId([1; 4]), b"pepper")));
    assert!(hash.verify(b"secret", Some(b"pepper"), &mut memory()));
    assert!(!hash.verify(b"secret", Some(b"other"), &mut memory()));
    assert!(!hash.verify(b"secret", None, &mut memory()));
}

#[test]
fn the_test_vector_of_rfc_9106_for_argon2id_without_associated_data_is_that_of_the_reference_implementation() {
    // From the tests of the reference implementation (argon2id, version 19, t=2, m=65536, p=1).
    let hash: StoredHash =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".parse().unwrap();
    assert!(hash.verify(b"password", None, &mut vec![Block::new(); 65_536]));
}

#[test]
fn a_hash_is_outdated_for_each_reason_and_not_if_it_is_stronger() {
    let hash = || create("secret", None);
    let current = Some(KeyId([1; 4]));
    assert!(!hash().is_outdated(COST, None));
    // Equal or stronger parameters stay, whatever their proportion.
    let stronger = StoredHash { cost: Cost { memory: 65_536, passes: 3, lanes: 1 }, ..hash() };
    assert!(!stronger.is_outdated(Cost { memory: 19_456, passes: 2, lanes: 1 }, None));
    assert!(!hash().is_outdated(Cost { memory: 128, passes: 1, lanes: 4 }, None));
    assert!(hash().is_outdated(Cost { memory: 65, passes: 2, lanes: 1 }, None));
    assert!(hash().is_outdated(Cost { memory: 64, passes: 3, lanes: 1 }, None));
    let variant = |algorithm, version| StoredHash { variant: Variant { algorithm, version }, ..hash() };
    assert!(variant(Algorithm::Argon2i, Version::V0x13).is_outdated(COST, None));
    assert!(variant(Algorithm::Argon2d, Version::V0x13).is_outdated(COST, None));
    assert!(variant(Algorithm::Argon2id, Version::V0x10).is_outdated(COST, None));
    assert!(StoredHash { salt: Bytes::new(&[7; 15]).unwrap(), ..hash() }.is_outdated(COST, None));
    assert!(StoredHash { tag: Bytes::new(&[7; 31]).unwrap(), ..hash() }.is_outdated(COST, None));
    assert!(hash().is_outdated(COST, current));
    assert!(StoredHash { key_id: Some(KeyId([2; 4])), ..hash() }.is_outdated(COST, current));
    assert!(!StoredHash { key_id: current, ..hash() }.is_outdated(COST, current));
}

#[test]
fn a_cost_that_the_memory_does_not_suffice_for_is_a_mismatch() {
    let hash = create("secret", None);
    assert!(!hash.verify(b"secret", None, &mut vec![Block::new(); 63]));
}
