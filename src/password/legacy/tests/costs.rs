//! The costs and lengths that a stored hash names.

use crate::password::legacy::format::LegacyHash;
use crate::password::legacy::parse::parse;
use crate::password::legacy::tests::{BCRYPT, settings};

#[test]
fn the_header_of_aspnet_v3_is_big_endian_and_the_text_bounds_its_lengths() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let encode = |hash: u32, iterations: u32, salt_len: u32, len: usize| {
        let header = [hash, iterations, salt_len].map(u32::to_be_bytes).concat();
        STANDARD.encode([&[1][..], &header, &vec![7; len]].concat())
    };
    let is_parsed = |text: &str| parse(text, &settings(LegacyHash::AspNet)).is_some();
    assert!(is_parsed(&encode(1, 1000, 16, 48)) && is_parsed(&encode(2, 4_000_000, 32, 64)));
    for text in [
        encode(3, 1000, 16, 48),
        encode(1, 0, 16, 48),
        encode(1, 1000_u32.swap_bytes(), 16, 48),
        encode(1, 1000, 16_u32.swap_bytes(), 48),
        encode(1, 1000, u32::MAX, 48),
        encode(1, 1000, 49, 48),
        encode(1, 1000, 48, 48),
        encode(1, 1000, 15, 48),
        encode(1, 1000, 16, 31),
        encode(1, 1000, 16, 100),
        STANDARD.encode([1, 0, 0]),
        STANDARD.encode([]),
        STANDARD.encode([2; 61]),
    ] {
        assert!(!is_parsed(&text), "{text}");
    }
}

#[test]
fn a_hash_above_the_accepted_cost_is_unusable() {
    let argon2 = |m: u32, t: u32, p: u32| {
        let salt_and_tag = "OUJwVkRUUkF1SERtSnJOa2xpZXpkQw$F88rNYIaaSbr3Krz5KBASVL2j8zBMinsaAxVQsWxuG0";
        format!("argon2$argon2id$v=19$m={m},t={t},p={p}${salt_and_tag}")
    };
    let scrypt = |n: u32, r: u32, p: u32| format!("scrypt:{n}:{r}:{p}$salt${}", "0".repeat(128));
    let pbkdf2 = |rounds: u32| format!("pbkdf2_sha256${rounds}$salt$KrOoGpcRdzPkqUsF9IpFrbwSpFU7zJ5PSWeMhImEgJk=");
    let bcrypt = |cost: &str| BCRYPT.replacen("04", cost, 1);
    for (format, accepted, rejected) in [
        (
            LegacyHash::Bcrypt,
            vec![bcrypt("16")],
            vec![bcrypt("17"), bcrypt("31"), bcrypt("03"), bcrypt("4"), bcrypt("+4")],
        ),
        (
            LegacyHash::Django,
            vec![argon2(262_144, 16, 16), pbkdf2(4_000_000)],
            vec![
                argon2(262_145, 1, 1),
                argon2(64, 17, 1),
                argon2(1024, 1, 17),
                argon2(u32::MAX, 1, 1),
                argon2(64, u32::MAX, 1),
                argon2(64, 1, 16_777_215),
                argon2(0, 0, 0),
                pbkdf2(4_000_001),
                pbkdf2(2_147_483_647),
                pbkdf2(0),
            ],
        ),
        (
            LegacyHash::Werkzeug,
            vec![scrypt(1 << 18, 8, 1), scrypt(1 << 20, 2, 1), scrypt(1 << 16, 32, 16)],
            vec![
                scrypt(1 << 18, 9, 1),
                scrypt(1 << 21, 1, 1),
                scrypt(1 << 20, 3, 1),
                scrypt(2, 33, 1),
                scrypt(2, 1, 17),
                scrypt(1_073_741_824, 8, 1),
                scrypt(1000, 8, 1),
                scrypt(1, 8, 1),
                scrypt(0, 8, 1),
                scrypt(2, 0, 1),
                scrypt(2, 1, 0),
            ],
        ),
    ] {
        for hash in accepted {
            let verifier = parse(&hash, &settings(format)).unwrap_or_else(|| panic!("{hash}"));
            assert!((1..=257 * 1024).contains(&verifier.memory_kib()), "{hash}");
        }
        for hash in rejected {
            assert!(parse(&hash, &settings(format)).is_none(), "{hash}");
        }
    }
}

#[test]
fn the_memory_of_a_verification_is_that_of_its_function() {
    let memory = |format, hash: &str| parse(hash, &settings(format)).unwrap().memory_kib();
    assert_eq!(memory(LegacyHash::Bcrypt, BCRYPT), 5);
    let tag = "0".repeat(128);
    assert_eq!(memory(LegacyHash::Werkzeug, &format!("scrypt:32768:8:1$salt${tag}")), 32 * 1024 + 2);
    assert_eq!(memory(LegacyHash::Werkzeug, &format!("pbkdf2:sha512:1000$salt${tag}")), 1);
}

#[test]
fn a_text_of_over_512_bytes_is_unusable() {
    let salt = |len: usize| format!("pbkdf2:sha256:1000${}${}", "s".repeat(len), "0".repeat(64));
    let shell = salt(0).len();
    assert!(parse(&salt(512 - shell), &settings(LegacyHash::Werkzeug)).is_some());
    assert!(parse(&salt(513 - shell), &settings(LegacyHash::Werkzeug)).is_none());
}
