//! `RequireUser`: requires any authenticated user, or a person.

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

    /// Requires that a user makes the request, and not a client on its own behalf, which is rejected with 403.
    ///
    /// Use it for what only people may do, such as accepting terms. It also prevents that a client acts as a user: if
    /// an issuer lets clients choose their ids, a client's `sub` may equal the id of a user (RFC 9700 §4.15). The check
    /// is that of [`UserContext::principal`](crate::UserContext::principal).
    ///
    /// ```
    /// use portcullis::{Principal, RequireUser, UserContext};
    /// use portcullis::testing::as_user;
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let layer = RequireUser::person();
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// assert_eq!(send_as(UserContext::new("ann")).await, 200);
    /// let service = UserContext::new("reporting-service")
    ///     .with_principal(Principal::Client);
    /// assert_eq!(send_as(service).await, 403);
    /// # }
    /// ```
    #[doc(alias("human", "service account"))]
    pub fn person() -> Self {
        Self(Arc::new(Requirement::Person))
    }
}

impl Default for RequireUser {
    fn default() -> Self {
        Self::new()
    }
}
