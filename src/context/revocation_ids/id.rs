//! `RevocationId`: the digest of what can be revoked.

use aws_lc_rs::digest::{Context, SHA256};

/// Identifies a token, session, subject, client, issuer or API key in the table of revocations.
///
/// It is the first half of a SHA-256 of the kind and its names, so it is the same in all processes and has a fixed
/// size, and the table shows no names. The last two bits have a meaning: whether it is the id of a
/// [`companion`](Self::companion), and whether it [is of many](Self::is_of_many) subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RevocationId(pub(crate) [u64; 2]);

/// What a [`RevocationId`] identifies. The names are those of the kind, each with its length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RevocationKind<'a> {
    ApiKey {
        id: &'a str,
    },
    Client {
        issuer: &'a str,
        id: &'a str,
    },
    Issuer {
        issuer: &'a str,
    },
    Session {
        issuer: &'a str,
        id: &'a str,
    },
    /// A token without an id, by what its signature covers.
    ///
    /// Not by the whole token: without its key, anyone can turn an ECDSA signature into another one that is valid.
    Signed {
        issuer: &'a str,
        text: &'a str,
    },
    Subject {
        issuer: &'a str,
        id: &'a str,
    },
    Token {
        issuer: &'a str,
        id: &'a str,
    },
}

impl RevocationId {
    pub(crate) fn of(kind: RevocationKind<'_>) -> Self {
        let (tag, first, second): (u8, &str, &str) = match kind {
            RevocationKind::ApiKey { id } => (1, id, ""),
            RevocationKind::Client { issuer, id } => (2, issuer, id),
            RevocationKind::Issuer { issuer } => (3, issuer, ""),
            RevocationKind::Session { issuer, id } => (4, issuer, id),
            RevocationKind::Signed { issuer, text } => (5, issuer, text),
            RevocationKind::Subject { issuer, id } => (6, issuer, id),
            RevocationKind::Token { issuer, id } => (7, issuer, id),
        };
        let mut context = Context::new(&SHA256);
        context.update(&[tag]);
        // With its length, so that two pairs of names with the same text have different digests.
        context.update(&(first.len() as u64).to_be_bytes());
        context.update(first.as_bytes());
        context.update(second.as_bytes());
        let digest = context.finish();
        let Self([high, low]) = Self::from_bytes(digest.as_ref().first_chunk().copied().unwrap_or_default());
        let is_of_many = matches!(kind, RevocationKind::Client { .. } | RevocationKind::Issuer { .. });
        Self([high, if is_of_many { low | OF_MANY } else { low & !OF_MANY }])
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self([(number >> 64) as u64, number as u64 & !COMPANION])
    }

    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only a stream writes ids"))]
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [high, low] = self.0;
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// Whether it is the id of a client or an issuer. Few are revoked, so most lookups can leave them out.
    pub(crate) fn is_of_many(self) -> bool {
        self.0[1] & OF_MANY != 0
    }

    /// Returns the id of a second entry that belongs to this one.
    pub(crate) fn companion(self) -> Self {
        let [high, low] = self.0;
        Self([high, low | COMPANION])
    }

    pub(crate) fn is_companion(self) -> bool {
        self.0[1] & COMPANION != 0
    }
}

const COMPANION: u64 = 1;
const OF_MANY: u64 = 2;

#[cfg(test)]
mod tests;
