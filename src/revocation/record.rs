//! `Record`: one change of the table of revocations, as processes share it.

use crate::context::RevocationId;

/// One change of the table of revocations. All times are in whole seconds since 1970.
///
/// Records can be applied in any order, and more than once, with the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Revokes what has this id, if it was issued at or before `issued_until`.
    Entry {
        id: RevocationId,
        /// [`ALWAYS`](Self::ALWAYS) for a token, a session or an API key.
        issued_until: u32,
        expires_at: u32,
    },
    /// Revokes the credentials of a subject that were issued at or before `issued_until`, except the login `kept`.
    ///
    /// Of `kept`, only the first eight bytes are compared.
    Others { subject: RevocationId, kept: RevocationId, issued_until: u32, expires_at: u32 },
}

impl Record {
    /// The `issued_until` that includes every time.
    pub(crate) const ALWAYS: u32 = u32::MAX;

    /// Returns the id of what the record revokes, for the futures that wait for it.
    pub(crate) fn id(&self) -> RevocationId {
        match self {
            Self::Entry { id, .. } => *id,
            Self::Others { subject, .. } => *subject,
        }
    }

    pub(crate) fn expires_at(&self) -> u32 {
        match self {
            Self::Entry { expires_at, .. } | Self::Others { expires_at, .. } => *expires_at,
        }
    }
}

/// The table has no capacity for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;
