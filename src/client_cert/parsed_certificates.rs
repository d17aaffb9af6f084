//! `ParsedCertificates`: the certificates that trusted proxies have forwarded, parsed once.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::context::PeerCertificate;
use crate::lookup::{CredentialDigest, CredentialHasher, Generations};

/// The certificates in use, by the digest of the header's value. To parse DER takes more instructions than all else.
///
/// Only certificates that a trusted proxy has verified are inserted, so no other client can evict them. Whether one is
/// valid now is decided on each request.
pub(super) struct ParsedCertificates {
    hasher: CredentialHasher,
    parsed: Mutex<Generations<CredentialDigest, PeerCertificate>>,
}

impl ParsedCertificates {
    pub(super) fn new(hasher: CredentialHasher) -> Self {
        Self { hasher, parsed: Mutex::new(Generations::new(CAPACITY)) }
    }

    pub(super) fn digest(&self, value: &[u8]) -> CredentialDigest {
        self.hasher.digest(value)
    }

    pub(super) fn get(&self, digest: &CredentialDigest) -> Option<PeerCertificate> {
        let mut parsed = self.lock();
        let found = parsed.get(digest)?;
        let (certificate, is_old) = (found.value.clone(), found.is_old);
        if is_old {
            parsed.renew(*digest);
        }
        Some(certificate)
    }

    pub(super) fn insert(&self, digest: CredentialDigest, certificate: PeerCertificate) {
        self.lock().insert(digest, certificate);
    }

    fn lock(&self) -> MutexGuard<'_, Generations<CredentialDigest, PeerCertificate>> {
        // A poisoned lock is used as well: each change is complete before anything can panic.
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ParsedCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedCertificates").finish_non_exhaustive()
    }
}

/// Some two megabytes, and 17 if each certificate has the maximal length.
const CAPACITY: usize = 1_000;
