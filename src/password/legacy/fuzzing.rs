//! The fuzz target of the parsers of stored hashes. It panics if an invariant is violated.

use crate::password::legacy::format::LegacyHash;
use crate::password::legacy::parse::parse;
use crate::password::legacy::settings::LegacySettings;

/// Parses a stored hash in each format: what is accepted needs at most 256 MiB and a little.
pub(crate) fn stored_hash(text: &str) {
    for format in [
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
    ] {
        let settings = LegacySettings { formats: vec![format], allow_aspnet_v2: true, ..LegacySettings::default() };
        if let Some(verifier) = parse(text, &settings) {
            assert!((1..=257 * 1024).contains(&verifier.memory_kib()), "{verifier:?}");
        }
    }
}
