//! `Authorization`: the header that the transmitter must send, known by its digest.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::error::IssueKind;

/// The digest of the value that the header `Authorization` must have.
#[derive(Clone)]
pub(super) struct Authorization(Digest);

impl Authorization {
    pub(super) fn new(value: &str) -> Self {
        Self(digest(&SHA256, value.as_bytes()))
    }

    /// Returns why a value is not one that a transmitter can send and others cannot guess.
    pub(super) fn fault(value: &str) -> Option<(IssueKind, &'static str)> {
        if value.trim() != value || HeaderValue::from_str(value).is_err() {
            return Some((IssueKind::Invalid, "is not the value of a header, or begins or ends with whitespace"));
        }
        (value.len() < MIN_LEN).then_some((IssueKind::Weak, "has fewer than 16 characters"))
    }

    /// Whether a request has the header, once and with this value.
    ///
    /// Digests of equal length are compared in constant time, so the time does not show how much of a value is right.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let sent = digest(&SHA256, value.as_bytes());
        verify_slices_are_equal(sent.as_ref(), self.0.as_ref()).is_ok()
    }
}

/// Shows nothing of the value.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").finish_non_exhaustive()
    }
}

/// A value with 96 random bits in base64, without a scheme.
const MIN_LEN: usize = 16;
