//! `Violation`: the rate limits that reject a request.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

/// The rate limits that reject a request, and when to retry.
///
/// ```
/// use std::time::Duration;
/// use portcullis::context::Realm;
/// use portcullis::gate::{Denial, DenialKind, Violation};
///
/// let wait = Duration::from_millis(1_500);
/// let violation = Violation::new(["per-user"], Some(wait));
/// let kind = DenialKind::QuotaExceeded(violation);
/// let denial = Denial::new(kind, Realm::default());
///
/// assert_eq!(denial.status(), 429);
/// assert_eq!(denial.retry_after(), Some(Duration::from_secs(2)));
/// let violation = denial.violation().unwrap();
/// assert!(violation.policies().eq(["per-user"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Shared with the layer. One name, as usual, takes no allocation.
    policies: SmallVec<[Arc<str>; 1]>,
    /// `None` if a retry can never succeed.
    pub(super) retry_after: Option<Duration>,
}

impl Violation {
    /// Creates a violation of the limits with these names.
    ///
    /// `retry_after` is `None` if a retry can never succeed, because the request costs more than a limit's whole quota.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item: AsRef<str>>, retry_after: Option<Duration>) -> Self {
        Self::of_shared(policies.into_iter().map(|name| name.as_ref().into()), retry_after)
    }

    /// Like [`new`](Self::new), for names that are shared with the layer.
    pub(crate) fn of_shared(policies: impl IntoIterator<Item = Arc<str>>, retry_after: Option<Duration>) -> Self {
        Self { policies: policies.into_iter().collect(), retry_after }
    }

    /// Returns the names of the limits.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|name| &**name)
    }

    /// Returns the names as one text, for the log.
    pub(crate) fn names(&self) -> String {
        self.policies.join(", ")
    }
}
