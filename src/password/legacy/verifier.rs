//! `LegacyVerifier`: a parsed hash, which verifies passwords.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::password::legacy::argon2::Argon2;
use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::pbkdf2::Pbkdf2;
use crate::password::legacy::scrypt::Scrypt;

/// A parsed hash of another framework. Its cost is within the accepted limits.
#[derive(Debug)]
pub(crate) struct LegacyVerifier {
    function: Function,
    input: Input,
}

impl LegacyVerifier {
    pub(super) fn new(function: impl Into<Function>, input: Input) -> Self {
        Self { function: function.into(), input }
    }

    /// The memory that a verification needs, in KiB, at least 1.
    pub(crate) fn memory_kib(&self) -> u32 {
        match &self.function {
            Function::Argon2(hash) => hash.memory_kib(),
            Function::Scrypt(hash) => hash.memory_kib(),
            Function::Bcrypt(_) => BCRYPT_KIB,
            Function::Pbkdf2(_) => 1,
        }
    }

    /// Whether a password has this hash, compared in constant time. Takes as long as the hash costs.
    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        let input = self.input.of(password);
        match &self.function {
            Function::Argon2(hash) => hash.verify(&input),
            Function::Bcrypt(hash) => hash.verify(&input),
            Function::Pbkdf2(hash) => hash.verify(&input),
            Function::Scrypt(hash) => hash.verify(&input),
        }
    }
}

/// A function with its parameters, salt and tag, which hashes the password itself.
impl<F: Into<Function>> From<F> for LegacyVerifier {
    fn from(function: F) -> Self {
        Self::new(function, Input::Password)
    }
}

/// A hash function, with its parameters, salt and tag.
#[derive(Debug)]
pub(super) enum Function {
    Argon2(Argon2),
    Bcrypt(Bcrypt),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
}

impl From<Argon2> for Function {
    fn from(hash: Argon2) -> Self {
        Self::Argon2(hash)
    }
}

impl From<Bcrypt> for Function {
    fn from(hash: Bcrypt) -> Self {
        Self::Bcrypt(hash)
    }
}

impl From<Pbkdf2> for Function {
    fn from(hash: Pbkdf2) -> Self {
        Self::Pbkdf2(hash)
    }
}

impl From<Scrypt> for Function {
    fn from(hash: Scrypt) -> Self {
        Self::Scrypt(hash)
    }
}

/// What a framework hashes in place of the password.
pub(super) enum Input {
    Password,
    /// The password and a text after it (Devise).
    Peppered(Zeroizing<String>),
    /// The hexadecimal digits of its SHA-256 (Django's `bcrypt_sha256`).
    HexSha256,
    /// Its NFKC (Better Auth).
    Nfkc,
    /// The base64 of an HMAC with a constant key (WordPress).
    WordPress,
}

impl Input {
    fn of(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Password => password.to_vec(),
            Self::Peppered(pepper) => [password, pepper.as_bytes()].concat(),
            Self::HexSha256 => hex::encode(digest(&SHA256, password)).into_bytes(),
            Self::Nfkc => match std::str::from_utf8(password) {
                Ok(text) => text.nfkc().collect::<String>().into_bytes(),
                Err(_) => password.to_vec(),
            },
            Self::WordPress => {
                let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
                STANDARD.encode(hmac::sign(&key, password.trim_ascii())).into_bytes()
            }
        })
    }
}

/// Hides the pepper.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password => "Password",
            Self::Peppered(_) => "Peppered([redacted])",
            Self::HexSha256 => "HexSha256",
            Self::Nfkc => "Nfkc",
            Self::WordPress => "WordPress",
        })
    }
}

/// The state of Blowfish: 4,168 bytes.
const BCRYPT_KIB: u32 = 5;
