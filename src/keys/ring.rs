//! `KeyRing`: the secrets of the app, and the keys that are derived from them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::error::{ConfigError, ConfigIssue, IssueKind};
use crate::keys::key_id::KeyId;
use crate::keys::key_use::KeyUse;
#[cfg(any(test, feature = "login_protection", feature = "one_time_tokens", feature = "passwords"))]
use crate::keys::mac::{MacKey, MacKeys};

/// The secret of the app, with up to four previous ones, from which each use derives its own key.
///
/// Share one ring among all that needs keys; it is cheap to clone. All processes of the app need the same secret.
///
/// To rotate the secret, start all processes with the new one and the old one as [`previous`](Self::previous): what the
/// old secret has signed or sealed stays valid, and the new one signs. Remove the old secret when nothing of it is in use
/// any more: one-time tokens after their lifetime, peppered password hashes after the users have logged in, sealed values
/// after they were sealed again.
///
/// ```
/// use portcullis::{ConfigError, KeyRing};
///
/// # let (secret, old_secret) = ([7_u8; 16], [8_u8; 16]);
/// # let secret = [&secret[..], &[1; 16]].concat();
/// # let old_secret = [&old_secret[..], &[1; 16]].concat();
/// let keys = KeyRing::new(secret)?.previous(old_secret)?;
/// # let _ = keys;
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct KeyRing(Arc<Secrets>);

#[derive(Clone)]
struct Secrets {
    current: Secret,
    previous: Vec<Secret>,
}

#[derive(Clone)]
struct Secret {
    id: KeyId,
    /// What HKDF has extracted from the secret.
    extracted: hmac::Key,
}

impl KeyRing {
    /// Creates a ring of one secret: at least 32 random bytes, for example from `openssl rand -base64 32`.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the secret has under 32 bytes, consists of one repeated byte, or contains a placeholder
    /// such as `changeme` or `your-secret-key`.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let current = Secret::new("KeyRing::new", secret.as_ref())?;
        Ok(Self(Arc::new(Secrets { current, previous: Vec::new() })))
    }

    /// Adds a secret that was used before, so that what it has signed or sealed stays valid. Up to four are possible.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] for the same reasons as [`new`](Self::new), for a secret that the ring has already, and
    /// for a fifth one.
    pub fn previous(self, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        const SETTING: &str = "KeyRing::previous";
        let secret = Secret::new(SETTING, secret.as_ref())?;
        if self.0.all().any(|other| other.id == secret.id) {
            let remedy = "remove it: each secret is set once";
            return Err(
                ConfigIssue::new(SETTING, IssueKind::Duplicate, "is a secret of the ring already", remedy).into()
            );
        }
        if self.0.previous.len() == MAX_PREVIOUS {
            let remedy = "remove the oldest one, of which nothing should be in use any more";
            let reason = "is the fifth previous secret";
            return Err(ConfigIssue::new(SETTING, IssueKind::Invalid, reason, remedy).into());
        }
        let mut secrets = Arc::unwrap_or_clone(self.0);
        secrets.previous.push(secret);
        Ok(Self(Arc::new(secrets)))
    }

    /// Returns the keys of one use, the current one first.
    pub(crate) fn derived_keys(&self, key_use: KeyUse) -> Vec<(KeyId, Zeroizing<[u8; 32]>)> {
        self.0.all().map(|secret| (secret.id, secret.derive(key_use))).collect()
    }

    /// Returns the keys of one use, which sign and verify.
    #[cfg(any(test, feature = "login_protection", feature = "one_time_tokens", feature = "passwords"))]
    pub(crate) fn mac_keys(&self, key_use: KeyUse) -> MacKeys {
        let key = |secret: &Secret| (secret.id, MacKey::new(&secret.derive(key_use)));
        MacKeys::new(key(&self.0.current), self.0.previous.iter().map(key).collect())
    }
}

/// Shows the ids of the secrets only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&Vec::from_iter(self.0.all().map(|secret| secret.id))).finish()
    }
}

impl Secrets {
    fn all(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Secret {
    fn new(setting: &'static str, secret: &[u8]) -> Result<Self, ConfigError> {
        let remedy = "use at least 32 random bytes, for example from `openssl rand -base64 32`";
        if let Some(reason) = weakness(secret) {
            return Err(ConfigIssue::new(setting, IssueKind::Weak, reason, remedy).into());
        }
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[]), secret);
        let extracted = hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref());
        let mut secret = Self { id: KeyId([0; 4]), extracted };
        let [first, second, third, fourth, ..] = *secret.derive(KeyUse::Id);
        secret.id = KeyId([first, second, third, fourth]);
        Ok(secret)
    }

    /// Returns the key of one use: the first block of HKDF (RFC 5869 §2.3), which has the 32 bytes of a key. Unlike the
    /// function of the library, this cannot fail.
    fn derive(&self, key_use: KeyUse) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.extracted);
        context.update(key_use.label());
        context.update(&[1]);
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(context.sign().as_ref());
        key
    }
}

/// Returns why a secret is weak.
fn weakness(secret: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(secret).to_lowercase();
    let has_placeholder = PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder));
    match secret {
        _ if has_placeholder => Some("is a placeholder"),
        _ if secret.len() < 32 => Some("is shorter than 32 bytes"),
        [first, rest @ ..] if rest.iter().all(|byte| byte == first) => Some("consists of one repeated byte"),
        _ => None,
    }
}

/// Parts of the secrets that documentation and templates have. A random text has none of them.
const PLACEHOLDERS: [&str; 13] = [
    "changeme",
    "change-me",
    "change_me",
    "change this",
    "change-this",
    "do-not-use",
    "insecure",
    "placeholder",
    "replace-me",
    "replace_me",
    "your-256-bit-secret",
    "your-secret",
    "your_secret",
];

const MAX_PREVIOUS: usize = 4;

#[cfg(test)]
mod tests;
