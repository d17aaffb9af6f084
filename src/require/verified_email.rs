//! `RequireVerifiedEmail`: requires a verified email address of the user.

use std::sync::Arc;

use crate::require::requirement::Requirement;

/// Requires that the user's email address is verified; see the [module](crate::require).
///
/// It rejects with 403 on the routes that it is added to, so a user whose address is not verified yet may use the
/// others. To reject such users on all routes, return
/// [`AccountRefusal::Unverified`](crate::gate::AccountRefusal::Unverified) from a user loader.
///
/// It reads [`UserContext::email_verified`](crate::UserContext::email_verified), which is a claim of the token. Many
/// issuers put it only into ID tokens. If your own database says whether an address is verified, set it in a
/// [user loader](crate::jwt::JwtAuthBuilder::load_user) with
/// [`with_email_verified`](crate::UserContext::with_email_verified).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireVerifiedEmail(pub(super) Arc<Requirement>);

impl RequireVerifiedEmail {
    /// Requires that the user's email address is verified.
    ///
    /// A client that acts on its own behalf has no address, so it is rejected.
    ///
    /// ```
    /// use portcullis::{RequireVerifiedEmail, UserContext};
    /// use portcullis::testing::as_user;
    /// # use axum::{Router, body::Body, http::Request, routing::post};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let invite = post(|| async {}).layer(RequireVerifiedEmail::new());
    /// # let app = Router::<()>::new().route("/", invite);
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::post("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let ann = UserContext::new("ann").with_email("ann@example.com");
    /// assert_eq!(send_as(ann.clone()).await, 403);
    /// assert_eq!(send_as(ann.with_email_verified(true)).await, 200);
    /// # }
    /// ```
    pub fn new() -> Self {
        Self(Arc::new(Requirement::VerifiedEmail))
    }
}

impl Default for RequireVerifiedEmail {
    fn default() -> Self {
        Self::new()
    }
}
