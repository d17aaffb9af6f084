//! The texts of hashes that are parsed.

use proptest::prelude::*;

use super::*;
use crate::password::stored::{SALT_LEN, TAG_LEN};

const SALT: &str = "BwcHBwcHBwcHBwcHBwcHBw";
const TAG: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

fn hash(settings: &str) -> Result<StoredHash, UnusableHash> {
    format!("$argon2id$v=19${settings}${SALT}${TAG}").parse()
}

#[test]
fn a_new_hash_has_at_most_160_bytes_and_is_parsed_again() {
    let hash = StoredHash {
        variant: Variant::CURRENT,
        cost: Cost { memory: 262_144, passes: 16, lanes: 16 },
        key_id: Some(KeyId([0xff; 4])),
        salt: Bytes::new(&[7; SALT_LEN]).unwrap(),
        tag: Bytes::new(&[9; TAG_LEN]).unwrap(),
    };
    let text = hash.to_string();
    assert_eq!(text, format!("$argon2id$v=19$m=262144,t=16,p=16,keyid=/////w${SALT}${TAG}"));
    assert!(text.len() <= 160);
    assert_eq!(text.parse(), Ok(hash));
}

#[test]
fn other_variants_and_versions_are_parsed() {
    for (prefix, algorithm, version) in [
        ("$argon2i$v=19", Algorithm::Argon2i, Version::V0x13),
        ("$argon2d$v=16", Algorithm::Argon2d, Version::V0x10),
        ("$argon2id", Algorithm::Argon2id, Version::V0x10),
    ] {
        let hash: StoredHash = format!("{prefix}$m=64,t=1,p=1${SALT}${TAG}").parse().unwrap();
        assert_eq!(hash.variant, Variant { algorithm, version });
    }
}

#[test]
fn a_cost_above_the_accepted_one_is_unusable() {
    assert!(hash("m=262144,t=16,p=16").is_ok());
    for settings in [
        "m=4294967295,t=2,p=1",
        "m=262145,t=2,p=1",
        "m=19456,t=4294967295,p=1",
        "m=19456,t=17,p=1",
        "m=19456,t=2,p=16777215",
        "m=19456,t=2,p=17",
        "m=7,t=2,p=1",
        "m=64,t=2,p=9",
        "m=64,t=0,p=1",
        "m=64,t=1,p=0",
        "m=99999999999,t=1,p=1",
    ] {
        assert_eq!(hash(settings), Err(UnusableHash), "{settings}");
    }
}

#[test]
fn a_malformed_text_is_unusable() {
    for settings in [
        "",
        "m=64",
        "m=64,t=1",
        "t=1,m=64,p=1",
        "m=+64,t=1,p=1",
        "m=064,t=1,p=1",
        "m= 64,t=1,p=1",
        "m=64,t=1,p=1,",
        "m=64,t=1,p=1,keyid=",
        "m=64,t=1,p=1,keyid=AAAA",
        "m=64,t=1,p=1,keyid=AAAAAAAA",
        "m=64,t=1,p=1,data=AAAA",
        "m=64,t=1,p=1,keyid=AAAAAA,data=AAAA",
    ] {
        assert_eq!(hash(settings), Err(UnusableHash), "{settings}");
    }
    for text in [
        "",
        "$",
        "$argon2id",
        "$argon2id$v=19$m=64,t=1,p=1",
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}"),
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}$"),
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}${TAG}$"),
        &format!("$argon2id$v=18$m=64,t=1,p=1${SALT}${TAG}"),
        &format!("$argon2x$v=19$m=64,t=1,p=1${SALT}${TAG}"),
        &format!("argon2id$v=19$m=64,t=1,p=1${SALT}${TAG}"),
        &format!("$argon2id$v=19$m=64,t=1,p=1$BwcH${TAG}"),
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}$CQkJ"),
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}=${TAG}="),
        &format!("$argon2id$v=19$m=64,t=1,p=1${SALT}${}", TAG.repeat(3)),
        &"$".repeat(10_000),
    ] {
        assert_eq!(text.parse::<StoredHash>(), Err(UnusableHash), "{text}");
    }
}

proptest! {
    #[test]
    fn each_hash_has_one_text(
        memory in 8_u32..300_000, passes in 0_u32..20, lanes in 0_u32..20,
        id in any::<Option<[u8; 4]>>(),
        salt in proptest::collection::vec(any::<u8>(), 8..=64),
        tag in proptest::collection::vec(any::<u8>(), 16..=64),
    ) {
        let hash = StoredHash {
            variant: Variant::CURRENT,
            cost: Cost { memory, passes, lanes },
            key_id: id.map(KeyId),
            salt: Bytes::new(&salt).unwrap(),
            tag: Bytes::new(&tag).unwrap(),
        };
        let parsed = hash.to_string().parse::<StoredHash>();
        prop_assert_eq!(parsed.is_ok(), hash.cost.is_accepted());
        prop_assert!(parsed.is_err() || parsed == Ok(hash));
    }

    #[test]
    fn no_text_causes_a_panic_and_what_is_parsed_is_accepted(
        text in r"\$argon2(id|i|d)\$(v=1[69]\$)?m=[0-9]{1,11},t=[0-9]{1,3},p=[0-9]{1,3}(,keyid=[A-Za-z0-9/+]{5,7})?\$[A-Za-z0-9/+]{8,90}\$[A-Za-z0-9/+]{8,90}"
    ) {
        if let Ok(hash) = text.parse::<StoredHash>() {
            prop_assert!(hash.cost.is_accepted());
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        }
    }

    #[test]
    fn no_characters_cause_a_panic(text in r"[$a-z0-9=,+/\PC]{0,80}") {
        let _ = text.parse::<StoredHash>();
    }
}
