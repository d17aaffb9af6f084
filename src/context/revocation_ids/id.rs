//! `RevocationId`: the digest of what can be revoked.

use aws_lc_rs::digest::{self, SHA256};

/// Identifies a token, session, subject, client, issuer or API key in the table of revocations.
///
/// It is the first half of a SHA-256 of the kind and its names, so it is the same in all processes and has a fixed
/// size, and the table shows no names. Of the last two bits, one says whether it is the id of a
/// [`companion`](Self::companion), and one whether it is that of a [change of claims](Self::claims_change).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RevocationId(pub(crate) [u64; 2]);

/// What a [`RevocationId`] identifies. The issuer is given by its own id, which is computed once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RevocationKind<'a> {
    ApiKey {
        id: &'a str,
    },
    Client {
        issuer: RevocationId,
        id: &'a str,
    },
    Issuer {
        name: &'a str,
    },
    Session {
        issuer: RevocationId,
        id: &'a str,
    },
    /// A token without an id, by what its signature covers.
    ///
    /// Not by the whole token: without its key, anyone can turn an ECDSA signature into another one that is valid.
    Signed {
        issuer: RevocationId,
        text: &'a str,
    },
    /// A session of the app itself, whose id is random.
    OwnSession {
        id: &'a str,
    },
    /// The cookie of such a session, by its digest.
    #[cfg(feature = "session")]
    SessionCookie {
        digest: &'a str,
    },
    Subject {
        issuer: RevocationId,
        id: &'a str,
    },
    Token {
        issuer: RevocationId,
        id: &'a str,
    },
}

impl RevocationId {
    pub(crate) fn of(kind: RevocationKind<'_>) -> Self {
        const NONE: RevocationId = RevocationId([0; 2]);
        let (tag, issuer, name) = match kind {
            RevocationKind::ApiKey { id } => (1, NONE, id),
            RevocationKind::Client { issuer, id } => (2, issuer, id),
            RevocationKind::Issuer { name } => (3, NONE, name),
            RevocationKind::Session { issuer, id } => (4, issuer, id),
            RevocationKind::Signed { issuer, text } => (5, issuer, text),
            RevocationKind::Subject { issuer, id } => (6, issuer, id),
            RevocationKind::Token { issuer, id } => (7, issuer, id),
            RevocationKind::OwnSession { id } => (8, NONE, id),
            #[cfg(feature = "session")]
            RevocationKind::SessionCookie { digest } => (9, NONE, digest),
        };
        // All but the name has a fixed size, so different names make different messages.
        let mut head = [tag; 17];
        let [_, of_issuer @ ..] = &mut head;
        *of_issuer = issuer.to_bytes();
        let mut message = [0; SHORT];
        let end = head.len().saturating_add(name.len());
        let digest = match message.get_mut(..end).and_then(|message| message.split_first_chunk_mut()) {
            Some((start, rest)) => {
                *start = head;
                rest.copy_from_slice(name.as_bytes());
                digest::digest(&SHA256, message.get(..end).unwrap_or_default())
            }
            None => {
                let mut context = digest::Context::new(&SHA256);
                context.update(&head);
                context.update(name.as_bytes());
                context.finish()
            }
        };
        let Self([high, low]) = Self::from_bytes(digest.as_ref().first_chunk().copied().unwrap_or_default());
        Self([high, low & !CLAIMS_CHANGE])
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self([(number >> 64) as u64, number as u64 & !COMPANION])
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [high, low] = self.0;
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// Returns the id of a second entry that belongs to this one.
    pub(crate) fn companion(self) -> Self {
        let [high, low] = self.0;
        Self([high, low | COMPANION])
    }

    /// Returns the id of the entry that says when the claims of what has this id changed.
    #[cfg(feature = "shared_signals")]
    pub(crate) fn claims_change(self) -> Self {
        let [high, low] = self.0;
        Self([high, low | CLAIMS_CHANGE])
    }

    #[cfg(feature = "shared_signals")]
    pub(crate) fn is_claims_change(self) -> bool {
        self.0[1] & CLAIMS_CHANGE != 0
    }

    pub(crate) fn is_companion(self) -> bool {
        self.0[1] & COMPANION != 0
    }
}

const COMPANION: u64 = 1;
const CLAIMS_CHANGE: u64 = 2;

/// The size of most messages, for which a digest in one call takes less time. One block of SHA-256 has 55 bytes.
const SHORT: usize = 64;

#[cfg(test)]
mod tests;
