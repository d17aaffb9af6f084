//! `StoreError`: why a store of records failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a store of API keys or sessions failed.
///
/// Your [`ApiKeyStore`](crate::api_key::ApiKeyStore) or [`SessionStore`](crate::session::SessionStore) returns it:
///
/// ```
/// use portcullis::StoreError;
///
/// async fn find() -> Result<Option<String>, StoreError> {
///     let row = query().await;
///     row.map_err(StoreError::unavailable)
/// }
/// # async fn query() -> Result<Option<String>, std::io::Error> { Err(std::io::Error::other("refused")) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(find().await.unwrap_err().to_string(), "the store is unavailable");
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another change of the record came first.
    Conflict,
    /// The store is unavailable.
    #[non_exhaustive]
    Unavailable {
        /// The cause, which is logged but not sent to clients. It is the [`source`](Error::source) of this error.
        cause: Arc<dyn Error + Send + Sync>,
    },
    /// A stored record cannot be read, for example because another version of the crate wrote it.
    Unreadable,
}

impl StoreError {
    /// Returns [`Unavailable`](Self::Unavailable) with a cause, such as a database error or a text.
    #[must_use]
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { cause: cause.into().into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "another change of the record came first",
            Self::Unavailable { .. } => "the store is unavailable",
            Self::Unreadable => "a stored record cannot be read",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable { cause } => Some(&**cause),
            Self::Conflict | Self::Unreadable => None,
        }
    }
}
