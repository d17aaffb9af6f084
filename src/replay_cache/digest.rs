//! `ReplayDigest`: what a store keeps of a value.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

/// The digest of a value, by which a store knows it: half of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayDigest([u8; 16]);

impl ReplayDigest {
    /// `kind` keeps values that are consumed apart from those that advance.
    pub(super) fn of(kind: Kind, value: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(match kind {
            Kind::Consumed => b"c",
            Kind::Advanced => b"a",
        });
        context.update(value);
        let mut half = [0; 16];
        half.iter_mut().zip(context.finish().as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self(half)
    }

    /// Returns the bytes, for a column of a database.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Shows the 32 hexadecimal digits.
impl fmt::Display for ReplayDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows the 32 hexadecimal digits.
impl fmt::Debug for ReplayDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a digest is used for.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Consumed,
    Advanced,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_its_kind_and_value() {
        let digest = ReplayDigest::of(Kind::Consumed, b"value");
        // printf cvalue | sha256sum
        assert_eq!(digest.to_string(), "f9800c8131c0804757eac7e3954fc7a5");
        assert_eq!(format!("{digest:?}"), digest.to_string());
        assert_ne!(digest, ReplayDigest::of(Kind::Advanced, b"value"));
        assert_ne!(digest, ReplayDigest::of(Kind::Consumed, b"valu"));
    }
}
