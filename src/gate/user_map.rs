//! `UserMap`: the app's function that changes the user of a verified token.

use std::fmt;
use std::sync::Arc;

use crate::context::UserContext;

/// The app's function, type-erased, so that a gate has no type parameter for it.
#[derive(Clone)]
pub(crate) struct UserMap(Arc<dyn Fn(UserContext) -> UserContext + Send + Sync>);

impl UserMap {
    pub(crate) fn new(map: impl Fn(UserContext) -> UserContext + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    /// Calls the function. The credential remains the same.
    pub(crate) fn map(&self, user: UserContext) -> UserContext {
        let verified = user.verified();
        (self.0)(user).with_verified(&verified)
    }
}

impl fmt::Debug for UserMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserMap").finish_non_exhaustive()
    }
}
