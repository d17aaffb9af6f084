//! Weak secrets, rotation, and the derived keys.

use aws_lc_rs::hkdf;

use super::*;

fn secret(number: u8) -> Vec<u8> {
    (0..32).map(|index| index ^ number).collect()
}

fn issue(result: Result<KeyRing, ConfigError>) -> (&'static str, IssueKind, String) {
    let error = result.unwrap_err();
    let [issue] = error.issues() else { panic!("{error}") };
    (issue.setting(), issue.kind(), issue.to_string())
}

#[test]
fn a_secret_under_32_bytes_of_equal_bytes_or_a_placeholder_is_a_configuration_error() {
    let remedy = "use at least 32 random bytes, for example from `openssl rand -base64 32`";
    for (secret, reason) in [
        (&b""[..], "is shorter than 32 bytes"),
        (&secret(0)[..31], "is shorter than 32 bytes"),
        (&[0; 32], "consists of one repeated byte"),
        (b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "consists of one repeated byte"),
        (b"changeme", "is a placeholder"),
        (b"CHANGE-ME-0123456789-0123456789-0123456789", "is a placeholder"),
        (b"your-secret-key-here-0123456789-0123456789", "is a placeholder"),
        (b"your-256-bit-secret-0123456789-0123456789", "is a placeholder"),
    ] {
        let expected = format!("KeyRing::new: {reason}; {remedy}");
        assert_eq!(issue(KeyRing::new(secret)), ("KeyRing::new", IssueKind::Weak, expected));
        let previous = KeyRing::new(self::secret(1)).unwrap().previous(secret);
        assert_eq!(issue(previous).0, "KeyRing::previous");
    }
    assert!(KeyRing::new(secret(0)).is_ok());
    assert!(KeyRing::new("q2VyZSBpcyBhIHNlY3JldCBvZiA0NCBjaGFyYWN0ZXI=").is_ok());
}

#[test]
fn each_use_has_a_label_and_a_key_of_its_own() {
    let ring = KeyRing::new(secret(1)).unwrap();
    for (index, first) in KeyUse::ALL.iter().enumerate() {
        for second in &KeyUse::ALL[index + 1..] {
            assert_ne!(first.label(), second.label());
            let [first, second] = [first, second].map(|key_use| ring.mac_keys(*key_use).current().1.sign(&[b"same"]));
            assert_ne!(first, second);
        }
    }
}

#[test]
fn four_previous_secrets_are_allowed() {
    let mut ring = KeyRing::new(secret(1)).unwrap();
    for number in 2..=5 {
        ring = ring.previous(secret(number)).unwrap();
    }
    assert_eq!(ring.mac_keys(KeyUse::Id).all().count(), 5);
    let (setting, kind, text) = issue(ring.previous(secret(6)));
    assert_eq!((setting, kind), ("KeyRing::previous", IssueKind::Invalid));
    assert!(text.starts_with("KeyRing::previous: is the fifth previous secret; remove the oldest one"), "{text}");
}

#[test]
fn the_same_secret_twice_is_a_configuration_error() {
    let ring = KeyRing::new(secret(1)).unwrap().previous(secret(2)).unwrap();
    for number in [1, 2] {
        let (_, kind, text) = issue(ring.clone().previous(secret(number)));
        assert_eq!(kind, IssueKind::Duplicate);
        assert!(text.contains("is a secret of the ring already"), "{text}");
    }
}

#[test]
fn a_key_id_is_the_first_four_bytes_of_hkdf() {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&secret(1));
    let mut expanded = [0; 32];
    extracted.expand(&[b"portcullis/v1/id"], hkdf::HKDF_SHA256).unwrap().fill(&mut expanded).unwrap();
    let ring = KeyRing::new(secret(1)).unwrap();
    assert_eq!(*ring.0.current.derive(KeyUse::Id), expanded);
    let id = ring.mac_keys(KeyUse::Id).current().0;
    assert_eq!(id.0, expanded[..4]);
    assert_eq!(id.to_string(), format!("{:08x}", u32::from_be_bytes(id.0)));
}

#[test]
fn keys_are_found_by_id_and_the_current_one_is_first() {
    let old = KeyRing::new(secret(2)).unwrap();
    let ring = KeyRing::new(secret(1)).unwrap().previous(secret(2)).unwrap();
    let (keys, old_keys) = (ring.mac_keys(KeyUse::Id), old.mac_keys(KeyUse::Id));
    let (old_id, old_key) = old_keys.current();
    assert_ne!(keys.current().0, *old_id);
    assert_eq!(Vec::from_iter(keys.all().map(|(id, _)| *id)), [keys.current().0, *old_id]);
    let tag = old_key.sign(&[b"text"]);
    assert!(keys.by_id(*old_id).unwrap().verify(&[b"text"], &tag));
    assert!(!keys.current().1.verify(&[b"text"], &tag));
    assert!(keys.by_id(KeyId([0; 4])).is_none());
    assert!(old_keys.by_id(keys.current().0).is_none());
}

#[test]
fn the_secrets_are_not_shown() {
    let ring = KeyRing::new(secret(1)).unwrap().previous(secret(2)).unwrap();
    let ids = Vec::from_iter(ring.mac_keys(KeyUse::Id).all().map(|(id, _)| id.to_string()));
    assert_eq!(format!("{ring:?}"), format!("KeyRing([{}])", ids.join(", ")));
}
