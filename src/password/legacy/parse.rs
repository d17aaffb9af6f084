//! The parser of a stored hash, for the configured formats.

use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::format::LegacyHash;
use crate::password::legacy::settings::LegacySettings;
use crate::password::legacy::verifier::{Input, LegacyVerifier};
use crate::password::legacy::{aspnet, better_auth, django, phc, spring, werkzeug};

/// Returns the verifier of a stored hash, as the first of the configured formats that it has; `None` if it has none of
/// them, or costs more than is accepted.
pub(crate) fn parse(stored: &str, allowed: &LegacySettings) -> Option<LegacyVerifier> {
    if stored.len() > MAX_TEXT {
        return None;
    }
    let truncates = allowed.allow_bcrypt_truncation;
    let bcrypt = |text, versions| Bcrypt::parse(text, versions, truncates);
    let parse_as = |format: &LegacyHash| match format {
        LegacyHash::Bcrypt => bcrypt(stored, Bcrypt::VERSIONS).map(Into::into),
        LegacyHash::Scrypt => phc::scrypt(stored).map(Into::into),
        LegacyHash::Pbkdf2 => phc::pbkdf2(stored).map(Into::into),
        LegacyHash::Django => django::parse(stored, truncates),
        LegacyHash::Werkzeug => werkzeug::parse(stored),
        LegacyHash::Devise => {
            let bcrypt = bcrypt(stored, Bcrypt::VERSIONS)?;
            Some(LegacyVerifier::new(bcrypt, Input::Peppered(allowed.devise_pepper.clone())))
        }
        LegacyHash::Laravel => bcrypt(stored, &["2y"]).map(Into::into),
        LegacyHash::Spring => spring::parse(stored, truncates),
        LegacyHash::AspNet => aspnet::parse(stored, allowed.allow_aspnet_v2).map(Into::into),
        LegacyHash::BetterAuth => better_auth::parse(stored).map(|scrypt| LegacyVerifier::new(scrypt, Input::Nfkc)),
        LegacyHash::WordPress => match stored.strip_prefix("$wp$") {
            Some(_) => {
                let bcrypt = bcrypt(stored.get("$wp".len()..)?, &["2y"])?;
                Some(LegacyVerifier::new(bcrypt, Input::WordPress))
            }
            None => bcrypt(stored, &["2y"]).map(Into::into),
        },
    };
    allowed.formats.iter().find_map(parse_as)
}

/// The longest hash of all formats, Spring's scrypt with a salt of 64 bytes, has about 150 bytes.
const MAX_TEXT: usize = 512;
