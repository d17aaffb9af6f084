//! `RevocationIds`: what a credential can be revoked by, as digests.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};

use crate::context::identity::Identity;

/// Identifies a token, session, subject, client, issuer or API key in the table of revocations.
///
/// It is the first half of a SHA-256 of the kind and its names, so it is the same in all processes and has a fixed
/// size, and the table shows no names.
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
    /// A token without an id, by the SHA-256 of what its signature covers.
    Digest {
        issuer: &'a str,
        digest: &'a [u8],
    },
    Issuer {
        issuer: &'a str,
    },
    Session {
        issuer: &'a str,
        id: &'a str,
    },
    Subject {
        issuer: &'a str,
        id: &'a str,
    },
    Token {
        issuer: &'a str,
        id: &'a str,
    },
    /// A credential that `revoke_others` of a subject does not revoke.
    Exception {
        subject: RevocationId,
        kept: RevocationId,
    },
}

impl RevocationId {
    pub(crate) fn of(kind: RevocationKind<'_>) -> Self {
        let exception: [[u8; 16]; 2];
        let (tag, names): (u8, [&[u8]; 2]) = match kind {
            RevocationKind::ApiKey { id } => (1, [id.as_bytes(), b""]),
            RevocationKind::Client { issuer, id } => (2, [issuer.as_bytes(), id.as_bytes()]),
            RevocationKind::Digest { issuer, digest } => (3, [issuer.as_bytes(), digest]),
            RevocationKind::Issuer { issuer } => (4, [issuer.as_bytes(), b""]),
            RevocationKind::Session { issuer, id } => (5, [issuer.as_bytes(), id.as_bytes()]),
            RevocationKind::Subject { issuer, id } => (6, [issuer.as_bytes(), id.as_bytes()]),
            RevocationKind::Token { issuer, id } => (7, [issuer.as_bytes(), id.as_bytes()]),
            RevocationKind::Exception { subject, kept } => {
                exception = [subject.to_bytes(), kept.to_bytes()];
                (8, [&exception[0], &exception[1]])
            }
        };
        let mut text = Vec::with_capacity(USUAL_LEN);
        text.push(tag);
        // With its length, so that two pairs of names with the same text have different digests.
        text.extend((names[0].len() as u64).to_be_bytes());
        names.iter().for_each(|name| text.extend(*name));
        let digest = digest(&SHA256, &text);
        let half = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        Self::from_bytes(half)
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self([(number >> 64) as u64, number as u64])
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [high, low] = self.0;
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }
}

/// What a credential can be revoked by, computed once when it is verified.
///
/// A credential without an issuer has none, because ids are unique only at their issuer.
#[derive(Debug)]
pub(crate) struct RevocationIds {
    pub(crate) issuer: RevocationId,
    pub(crate) subject: RevocationId,
    pub(crate) client: Option<RevocationId>,
    pub(crate) session: Option<RevocationId>,
    /// By its id or, for a token without one and without a session, by the digest of what its signature covers.
    pub(crate) credential: Option<RevocationId>,
    /// In whole seconds since 1970; 0 if unknown, so that every revocation of the subject includes it.
    pub(crate) issued_at: u32,
    /// In whole seconds since 1970, rounded up.
    pub(crate) expires_at: Option<u64>,
    /// The generation of the table that was last found not to revoke the credential; 0 before the first check.
    pub(crate) checked_generation: AtomicU64,
}

impl RevocationIds {
    /// Computes the ids. `digest` returns the SHA-256 of what the signature covers; it is called only if needed.
    ///
    /// Returns `None` if the credential has no issuer or no subject.
    pub(crate) fn of(identity: &Identity, digest: impl FnOnce() -> Option<[u8; 32]>) -> Option<Self> {
        let issuer = identity.issuer.as_deref()?;
        let subject = identity.id.as_deref()?;
        let session = identity.session_id.as_deref();
        let credential = match identity.token_id.as_deref() {
            Some(id) => Some(RevocationId::of(RevocationKind::Token { issuer, id })),
            None if session.is_some() => None,
            None => digest().map(|digest| RevocationId::of(RevocationKind::Digest { issuer, digest: &digest })),
        };
        Some(Self {
            issuer: RevocationId::of(RevocationKind::Issuer { issuer }),
            subject: RevocationId::of(RevocationKind::Subject { issuer, id: subject }),
            client: identity.client_id.as_deref().map(|id| RevocationId::of(RevocationKind::Client { issuer, id })),
            session: session.map(|id| RevocationId::of(RevocationKind::Session { issuer, id })),
            credential,
            issued_at: identity.issued_at.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX - 1)),
            expires_at: identity
                .expires_at
                .map(|time| time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))),
            checked_generation: AtomicU64::new(0),
        })
    }

    pub(crate) fn checked_generation(&self) -> u64 {
        self.checked_generation.load(Ordering::Relaxed)
    }
}

/// The length of most texts: a URL and a UUID.
const USUAL_LEN: usize = 96;
