//! `Ending`: when and how the body of a response ends early.

use std::error::Error;
use std::fmt;
use std::io;

use crate::context::{Credential, UserContext};
use crate::end_streams::how::How;
use crate::revocation::{Ended, Watch};

/// When and how the body of a response ends if the credential ends first.
///
/// [`EndStreams`](crate::EndStreams) creates it for a response, and an [`EndableBody`](crate::end_streams::EndableBody)
/// applies it to itself.
#[must_use = "a body is ended only if this is applied to it"]
pub struct Ending {
    pub(super) watch: Watch,
    pub(super) how: How,
    pub(super) credential: Credential,
}

impl Ending {
    pub(super) fn new(watch: Watch, how: How, user: &UserContext) -> Self {
        Self { watch, how, credential: user.credential() }
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").field("how", &self.how).finish_non_exhaustive()
    }
}

/// The error with which a response is aborted because the credential of its request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialEnded(Ended);

impl CredentialEnded {
    pub(super) fn new(ended: Ended) -> Self {
        Self(ended)
    }

    /// Returns why the credential ended.
    #[must_use]
    pub fn reason(&self) -> Ended {
        self.0
    }
}

impl fmt::Display for CredentialEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Ended::Expired => "the credential of the request has expired",
            Ended::Revoked => "the credential of the request was revoked",
        })
    }
}

impl Error for CredentialEnded {}

/// For bodies whose error is an `io::Error`.
impl From<CredentialEnded> for io::Error {
    fn from(ended: CredentialEnded) -> Self {
        Self::other(ended)
    }
}
