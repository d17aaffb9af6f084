//! `as_user` and `as_anonymous`: layers that replace an authenticating layer in tests.

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::context::{NoStore, Realm, UserContext, Visitor};
use crate::gate::{Entry, Gate, Gated, ResponseHeaders};

/// Returns a layer that authenticates every request as this user, whatever credentials it carries.
///
/// Use it in place of [`JwtAuth`](crate::JwtAuth) to test handlers and `Require*` layers without tokens. The user is
/// passed on unchanged. To test [`RequireCredential`](crate::RequireCredential), call
/// [`with_credential`](UserContext::with_credential) on it.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::{UserContext, testing::as_user};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async fn me(user: UserContext) -> String {
///     user.id().to_owned()
/// }
/// let ann = UserContext::new("ann");
/// let app = Router::new().route("/me", get(me)).layer(as_user(ann));
///
/// let request = Request::get("/me").body(Body::empty()).unwrap();
/// let response = app.oneshot(request).await.unwrap();
/// assert_eq!(response.status(), 200);
/// # }
/// ```
pub fn as_user(user: UserContext) -> AsUser {
    AsUser(Visitor::authenticated(user))
}

/// Returns a layer that treats every request as anonymous.
///
/// An [optional](crate::JwtAuth::to_optional) `JwtAuth` treats a request without a token like this.
///
/// ```
/// use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::{RequireUser, testing::as_anonymous};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app = Router::new()
///     .route("/", get(|| async {}))
///     .layer(RequireUser::new())
///     .layer(as_anonymous());
///
/// let request = Request::get("/").body(Body::empty()).unwrap();
/// let response = app.oneshot(request).await.unwrap();
/// assert_eq!(response.status(), 401);
/// # }
/// ```
pub fn as_anonymous() -> AsUser {
    AsUser(Visitor::anonymous(Realm::default()))
}

/// The layer that [`as_user`] and [`as_anonymous`] return.
#[derive(Clone, Debug)]
#[must_use]
pub struct AsUser(Visitor);

/// The state that [`AsUser`] keeps between a request and its response.
#[derive(Debug)]
pub struct AsUserPass(Option<NoStore>);

impl Gate for AsUser {
    type Pass = AsUserPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AsUserPass> {
        // As with `JwtAuth`, an outer layer may require that responses to authenticated users are not stored.
        let no_store = self.0.user().and_then(|_| head.extensions.get().copied());
        head.extensions.insert(self.0.clone());
        Entry::Admit(AsUserPass(no_store))
    }

    fn leave<B>(&self, AsUserPass(no_store): AsUserPass, response: &mut Response<B>) {
        if let Some(no_store) = no_store {
            no_store.write(response.headers_mut());
        }
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

impl<S> Layer<S> for AsUser {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}
