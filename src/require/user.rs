//! `RequireUser`: requires any authenticated user.

use std::sync::Arc;

use crate::require::requirement::Requirement;

/// Requires an authenticated user or service account; see the [module](crate::require).
///
/// Use it behind an [optional](crate::jwt::JwtAuthBuilder::optional) `JwtAuth`, on routes whose handlers do not extract
/// the user.
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireUser(pub(super) Arc<Requirement>);

impl RequireUser {
    /// Requires that the request is authenticated.
    ///
    /// ```
    /// use portcullis::{RequireUser, UserContext};
    /// use portcullis::testing::{as_anonymous, as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let app: Router =
    ///     Router::new().route("/", get(|| async {}).layer(RequireUser::new()));
    /// # let request = || Request::get("/").body(Body::empty()).unwrap();
    ///
    /// let ann = app.clone().layer(as_user(UserContext::new("ann")));
    /// assert_eq!(ann.oneshot(request()).await.unwrap().status(), 200);
    ///
    /// let anonymous = app.layer(as_anonymous());
    /// assert_eq!(anonymous.oneshot(request()).await.unwrap().status(), 401);
    /// # }
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(Requirement::User))
    }
}

impl Default for RequireUser {
    fn default() -> Self {
        Self::new()
    }
}
