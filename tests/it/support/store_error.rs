//! The errors of stores.

use portcullis::StoreError;

pub(crate) fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable { .. }))
}

/// The cause of an outage, as a log line has it.
pub(crate) fn cause<T>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Unavailable { cause, .. }) => cause.to_string(),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the store is available"),
    }
}
