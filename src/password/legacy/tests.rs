//! Hashes that other frameworks have written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::format::LegacyHash;
use super::parse::parse;
use super::settings::LegacySettings;

mod costs;

const ALL: [LegacyHash; 11] = [
    LegacyHash::Bcrypt,
    LegacyHash::Scrypt,
    LegacyHash::Pbkdf2,
    LegacyHash::Django,
    LegacyHash::Werkzeug,
    LegacyHash::Devise,
    LegacyHash::Laravel,
    LegacyHash::Spring,
    LegacyHash::AspNet,
    LegacyHash::BetterAuth,
    LegacyHash::WordPress,
];

/// The bcrypt hash of the password, with cost 4.
const BCRYPT: &str = "$2b$04$kS.3pOa1IWbWETDs52hViuzJTQUm29xyROEMXQJ4Q5ml/1.J57qTW";
const PASSWORD: &str = "pässword correct";

fn settings(format: LegacyHash) -> LegacySettings {
    LegacySettings {
        formats: vec![format],
        allow_bcrypt_truncation: false,
        allow_aspnet_v2: true,
        devise_pepper: "pepper-of-devise".to_owned().into(),
    }
}

fn verifies(format: LegacyHash, hash: &str, password: &str) -> bool {
    parse(hash, &settings(format)).is_some_and(|verifier| verifier.verify(password.as_bytes()))
}

fn vectors(text: &str) -> Vec<Value> {
    let Value::Array(vectors) = serde_json::from_str(text).unwrap() else { panic!("an array") };
    vectors
}

/// A hash of a framework with a low cost, its format and its password.
fn low_cost_vectors() -> Vec<(LegacyHash, String, String)> {
    let formats: BTreeMap<_, _> = ALL.iter().map(|format| (format!("{format:?}"), *format)).collect();
    let vectors = vectors(include_str!("../../../tests/vectors/legacy_hashes.json"));
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap().to_owned();
    vectors.iter().map(|v| (formats[v["format"].as_str().unwrap()], text(v, "hash"), text(v, "password"))).collect()
}

#[test]
fn each_vector_of_the_frameworks_verifies_only_with_its_format() {
    let vectors = vectors(include_str!("../../../tests/vectors/legacy_hashes_default_cost.json"));
    assert_eq!(vectors.len(), 22);
    for vector in &vectors {
        let [kind, hash, password] = ["kind", "hash", "password"].map(|name| vector[name].as_str().unwrap());
        let format = match kind.split([':', ' ', ',']).next().unwrap() {
            "django" => LegacyHash::Django,
            "werkzeug" => LegacyHash::Werkzeug,
            "bcrypt" => LegacyHash::Bcrypt,
            "devise" => LegacyHash::Devise,
            "spring" => LegacyHash::Spring,
            "aspnet" => LegacyHash::AspNet,
            "better-auth" => LegacyHash::BetterAuth,
            "wordpress" => LegacyHash::WordPress,
            other => panic!("{other}"),
        };
        assert_eq!(verifies(format, hash, password), vector["verifies"].as_bool().unwrap(), "{kind}");
        let is_bcrypt = |format: LegacyHash| verifier_names(format).contains("bcrypt") && hash.starts_with("$2");
        for other in ALL.into_iter().filter(|other| *other != format && !is_bcrypt(*other)) {
            assert!(parse(hash, &settings(other)).is_none(), "{kind} as {other:?}");
        }
    }
}

/// The formats that read a bare bcrypt hash.
fn verifier_names(format: LegacyHash) -> &'static str {
    match format {
        LegacyHash::Bcrypt | LegacyHash::Devise | LegacyHash::Laravel | LegacyHash::WordPress => "bcrypt",
        _ => "other",
    }
}

#[test]
fn each_vector_with_a_low_cost_verifies() {
    let vectors = low_cost_vectors();
    assert!(vectors.len() > 30);
    for (format, hash, password) in vectors {
        assert!(verifies(format, &hash, &password), "{format:?} {hash}");
        assert!(!verifies(format, &hash, &format!("{password}x")), "{format:?} {hash}");
        let changed = password.replacen(|c: char| c.is_ascii_alphabetic(), "#", 1);
        assert!(changed == password || !verifies(format, &hash, &changed), "{format:?} {hash}");
    }
}

#[test]
fn a_hash_with_one_byte_of_salt_or_tag_changed_does_not_verify() {
    for (format, hash, password) in low_cost_vectors() {
        // A verification of these takes long, so only some of their bytes are changed.
        let slow = ["$12$", "$10$", "{pbkdf2", "AQAAAAEAA9CQ", "AQAAAAEAACcQ", "{argon2}", "320787c1"];
        let step = if slow.iter().any(|slow| hash.contains(slow)) { 30 } else { 1 };
        // The cost is tested elsewhere, and bcrypt's versions hash alike.
        let is_salt_or_tag = |index: &usize| !is_in_cost(&hash, *index) && !hash[..*index].ends_with("$2");
        for index in (0..hash.len()).filter(is_salt_or_tag).step_by(step) {
            for replacement in [if hash.as_bytes()[index] == b'a' { 'b' } else { 'a' }, 'é'] {
                let changed = format!("{}{replacement}{}", &hash[..index], &hash[index + 1..]);
                assert!(!verifies(format, &changed, &password), "{format:?} {hash} {changed}");
            }
        }
    }
}

/// Whether a byte is a digit of a cost: in a field that is shorter than a salt.
fn is_in_cost(hash: &str, index: usize) -> bool {
    let start = hash[..index].rfind(['$', ':']).map_or(0, |start| start + 1);
    let end = hash[index..].find(['$', ':']).map_or(hash.len(), |end| index + end);
    end.saturating_sub(start) < 16 && hash.as_bytes()[index].is_ascii_digit()
}

#[test]
fn without_a_configured_format_nothing_verifies() {
    for (_, hash, _) in low_cost_vectors() {
        assert!(parse(&hash, &LegacySettings::default()).is_none(), "{hash}");
    }
}

#[test]
fn the_first_configured_format_that_a_hash_has_is_used() {
    let mut settings = settings(LegacyHash::Devise);
    settings.formats = vec![LegacyHash::Devise, LegacyHash::Bcrypt];
    assert!(!parse(BCRYPT, &settings).unwrap().verify(PASSWORD.as_bytes()));
    settings.formats.reverse();
    assert!(parse(BCRYPT, &settings).unwrap().verify(PASSWORD.as_bytes()));
}

#[test]
fn bcrypt_2x_and_2_and_other_versions_are_unusable() {
    for version in ["2x", "2", "2A", "2c", "1", ""] {
        let hash = BCRYPT.replacen("2b", version, 1);
        assert!(parse(&hash, &settings(LegacyHash::Bcrypt)).is_none(), "{hash}");
    }
    assert!(parse(BCRYPT, &settings(LegacyHash::Laravel)).is_none(), "Laravel writes only 2y");
}

#[test]
fn a_bcrypt_password_over_72_bytes_is_computed_and_does_not_match_unless_truncation_is_allowed() {
    let (format, hash, password) =
        low_cost_vectors().into_iter().find(|(_, _, password)| password.len() == 72).unwrap();
    let long = format!("{password}tail");
    assert!(verifies(format, &hash, &password) && !verifies(format, &hash, &long));
    let truncating = LegacySettings { allow_bcrypt_truncation: true, ..settings(format) };
    assert!(parse(&hash, &truncating).unwrap().verify(long.as_bytes()));
    let other = format!("y{}", &long[1..]);
    assert!(!parse(&hash, &truncating).unwrap().verify(other.as_bytes()));
}

#[test]
fn a_devise_password_with_pepper_over_72_bytes_does_not_match() {
    // 60 and 16 bytes: bcrypt would ignore the last four of the pepper.
    let password = "x".repeat(60);
    let hashed = bcrypt_text(BCRYPT.split_at(29).0, &format!("{password}pepper-of-devise"));
    assert!(verifies(LegacyHash::Bcrypt, &hashed, &format!("{password}pepper-of-de")));
    assert!(!verifies(LegacyHash::Devise, &hashed, &password));
    let truncating = LegacySettings { allow_bcrypt_truncation: true, ..settings(LegacyHash::Devise) };
    assert!(parse(&hashed, &truncating).unwrap().verify(password.as_bytes()));
}

/// The bcrypt hash of the first 72 bytes of a text, with the salt of another hash.
fn bcrypt_text(prefix: &str, password: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
    let engine = GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD);
    let salt: [u8; 16] = engine.decode(&prefix[7..]).unwrap().try_into().unwrap();
    let mut key = [password.as_bytes(), &[0]].concat();
    key.truncate(72);
    format!("{prefix}{}", engine.encode(&bcrypt::bcrypt(4, salt, &key)[..23]))
}

#[test]
fn a_nul_in_a_bcrypt_password_does_not_match() {
    let prefix = BCRYPT.split_at(29).0;
    let hash = bcrypt_text(prefix, "before\0after");
    for password in ["before\0after", "before", "before\0", "before\0other"] {
        assert!(!verifies(LegacyHash::Bcrypt, &hash, password), "{password:?}");
    }
}

#[test]
fn old_and_unsafe_schemes_never_verify() {
    for (format, hash) in [
        (LegacyHash::Django, "!NYAVujhibyhEjJeAKakIW6ipytkewyIeoLxajskN"),
        (LegacyHash::Django, "!"),
        (LegacyHash::Django, "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Django, "sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
        (LegacyHash::Django, "unsalted_md5$5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Django, "5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Werkzeug, "sha256$salt$5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"),
        (LegacyHash::Werkzeug, "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Werkzeug, "plain$$password"),
        (LegacyHash::Werkzeug, "pbkdf2:md5:1000$salt$5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Spring, "{noop}password"),
        (LegacyHash::Spring, "{MD5}5f4dcc3b5aa765d61d8327deb882cf99"),
        (LegacyHash::Spring, "{SHA-1}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
        (LegacyHash::Spring, "{ldap}{SSHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
        (LegacyHash::Spring, "{sha256}5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"),
        (LegacyHash::Spring, "{unknown}password"),
        (LegacyHash::Spring, "{}password"),
        (LegacyHash::Spring, "{bcrypt$2a$04$FqcwLtrcgkthMYUdUvE5R.CO34sX5f49akTwxdTZQZaxz1oaHfegm"),
        (LegacyHash::Spring, "$2a$04$FqcwLtrcgkthMYUdUvE5R.CO34sX5f49akTwxdTZQZaxz1oaHfegm"),
        (LegacyHash::Spring, "{BCRYPT}$2a$04$FqcwLtrcgkthMYUdUvE5R.CO34sX5f49akTwxdTZQZaxz1oaHfegm"),
        (LegacyHash::WordPress, "$P$B55D6LjfHDkINU5wF.v2BuuzO0/XPk/"),
        (LegacyHash::WordPress, "5f4dcc3b5aa765d61d8327deb882cf99"),
    ] {
        assert!(parse(hash, &settings(format)).is_none(), "{format:?} {hash}");
    }
}

#[test]
fn aspnet_v2_verifies_only_if_it_is_allowed() {
    let (format, hash, password) = low_cost_vectors()
        .into_iter()
        .find(|(format, hash, _)| *format == LegacyHash::AspNet && hash.starts_with("AA"))
        .unwrap();
    assert!(verifies(format, &hash, &password));
    let settings = LegacySettings { allow_aspnet_v2: false, ..settings(format) };
    assert!(parse(&hash, &settings).is_none());
}

#[test]
fn django_and_werkzeug_hash_a_salt_as_text() {
    // It is not base64.
    let django = "pbkdf2_sha256$1000$YKy8H7rS7A38ND0SN2RhQf$KrOoGpcRdzPkqUsF9IpFrbwSpFU7zJ5PSWeMhImEgJk=";
    assert!(verifies(LegacyHash::Django, django, PASSWORD));
    let longer = django.replace("RhQf", "RhQf==");
    assert!(
        parse(&longer, &settings(LegacyHash::Django)).is_some() && !verifies(LegacyHash::Django, &longer, PASSWORD)
    );
}

#[test]
fn wordpress_ignores_white_space_around_a_password() {
    let hash = "$wp$2y$04$lTynMG.r6fKW2BP10OMIsOuxzQ4QdaZzZ1wsLJJ5ne.0OCKLIOJFC";
    assert!(verifies(LegacyHash::WordPress, hash, &format!(" {PASSWORD} ")));
    let bare = hash.replacen("$wp", "", 1);
    assert!(!verifies(LegacyHash::WordPress, &bare, PASSWORD), "a bare hash is of the password itself");
}

#[test]
fn rustcrypto_hashes_verify() {
    // PBKDF2 and scrypt as passlib has them, in the text form of RustCrypto.
    let passlib = "$pbkdf2-sha256$1000$GOO813pv7V3LOacUgrB2Lg$Lt7zHBkmO3isOHCvmYTIvpz.uEADbKTttyDeSF5Refs";
    let rustcrypto = passlib.replace("$1000$", "$i=1000,l=32$").replace('.', "+");
    assert!(verifies(LegacyHash::Pbkdf2, &rustcrypto, PASSWORD));
    for wrong in [
        rustcrypto.replace("l=32", "l=31"),
        rustcrypto.replace("i=1000,l=32", "l=32,i=1000"),
        rustcrypto.replace('+', "."),
        passlib.replace('.', "+"),
        passlib.replace("sha256", "sha384"),
    ] {
        assert!(parse(&wrong, &settings(LegacyHash::Pbkdf2)).is_none(), "{wrong}");
    }
}

#[test]
fn debug_output_shows_no_pepper() {
    let settings = settings(LegacyHash::Devise);
    let text = format!("{settings:?} {:?}", parse(BCRYPT, &settings));
    assert!(text.contains("Devise") && !text.contains("pepper-of"), "{text}");
}

proptest::proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,100}") {
        for format in ALL {
            let _ = parse(&text, &settings(format));
        }
    }

    #[test]
    fn no_text_near_a_hash_causes_a_panic_or_needs_more_than_the_accepted_memory(
        vector in 0_usize..40, index: proptest::sample::Index, text in "[$:=,0-9a-z{}./+é]{0,12}", removed in 0_usize..12,
    ) {
        let (_, hash, _) = low_cost_vectors().swap_remove(vector);
        let characters: Vec<char> = hash.chars().collect();
        let at = index.index(characters.len());
        let end = characters.len().min(at + removed);
        let changed: String = characters[..at].iter().copied().chain(text.chars()).chain(characters[end..].iter().copied()).collect();
        for format in ALL {
            let memory = parse(&changed, &settings(format)).map_or(1, |verifier| verifier.memory_kib());
            proptest::prop_assert!((1..=257 * 1024).contains(&memory));
        }
    }
}
