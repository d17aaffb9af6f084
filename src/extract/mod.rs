//! `Extractor<T>`: gives axum handlers the values that the layers provide, such as the user or the client's address.
//!
//! | argument | value | rejection |
//! |---|---|---|
//! | `Extractor<UserContext>` | the user | 401 if anonymous; 500 without an authenticating layer |
//! | `Option<Extractor<UserContext>>` | the user, or `None` if anonymous | 500 without an authenticating layer |
//! | `Extractor<Claims<T>>` | the token's claims, deserialized as your type `T` | as for the user; 500 if they do not fit `T` |
//! | `Extractor<ClientAddr>` | the client's address | 500 if the server does not provide the peer's address |
//! | `Extractor<RateLimitStatus>` | the remaining quota of each rate limit | 500 if no rate limit counted the request |
//! | `Extractor<Attempt>` | a handle to report that the request failed or succeeded | 500 if no rate limit counts failures |
//! | `Extractor<CspNonce>` | the nonce of the response's content security policy | 500 if no policy has a nonce |
//! | `Extractor<T>` | your own type `T` that implements [`Extract`] | as implemented |
//!
//! Use an `Extractor` in handlers inside of the layer that provides the value. It authenticates nothing itself: without
//! that layer, it rejects with 500 and logs which layer is missing, so a forgotten layer never looks like an anonymous
//! user. An invalid token does not get this far: [`JwtAuth`](crate::JwtAuth) rejects it, even if it is
//! [`optional`](crate::jwt::JwtAuthBuilder::optional).
//!
//! ```
//! use portcullis::{Extractor, UserContext, extract::Claims};
//!
//! #[derive(serde::Deserialize)]
//! struct Tenant {
//!     tenant: String,
//! }
//!
//! async fn me(Extractor(user): Extractor<UserContext>, Extractor(Claims(claims)): Extractor<Claims<Tenant>>) -> String {
//!     format!("{} of {}", user.id(), claims.tenant)
//! }
//!
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let user = UserContext::new("ann").with_raw_claims(r#"{"tenant":"acme"}"#);
//! let app = axum::Router::new().route("/me", axum::routing::get(me)).layer(portcullis::testing::as_user(user));
//! let request = axum::http::Request::get("/me").body(axum::body::Body::empty()).unwrap();
//! let response = app.oneshot(request).await.unwrap();
//! let body = axum::body::to_bytes(response.into_body(), 64).await.unwrap();
//! assert_eq!(body, "ann of acme");
//! # }
//! ```
//!
//! If the compiler only reports that a function does not implement `Handler`, add axum's `#[debug_handler]` to it, which names
//! the wrong argument.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request;
use serde::de::DeserializeOwned;

use crate::context::{Attempt, ClientAddr, CspNonce, RateLimitStatus, Realm, TrustedProxies, UserContext, Visitor};
use crate::gate::{Denial, DenialKind, Reply};

/// An axum extractor for the values that the layers provide; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
pub struct Extractor<T>(pub T);

/// The claims of the request's token, deserialized as `T`; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
pub struct Claims<T>(pub T);

/// A type that an [`Extractor`] can extract. Implement it for your own types.
///
/// ```
/// use http::request;
/// use portcullis::{Extractor, UserContext, extract::Extract, gate::Denial};
///
/// struct UserId(String);
///
/// impl Extract for UserId {
///     fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
///         Ok(UserContext::extract(head)?.map(|user| Self(user.id().to_owned())))
///     }
/// }
///
/// async fn handler(Extractor(UserId(id)): Extractor<UserId>) -> String {
///     id
/// }
/// # let mut head = http::Request::new(()).into_parts().0;
/// # assert_eq!(UserId::extract(&head).err().unwrap().status(), 500);
/// # let _ = axum::Router::<()>::new().route("/", axum::routing::get(handler));
/// ```
#[diagnostic::on_unimplemented(
    message = "`Extractor<{Self}>` cannot extract this type",
    note = "it extracts `UserContext`, `Claims<T>`, `ClientAddr`, `RateLimitStatus`, `Attempt`, `CspNonce`, or a type that implements `portcullis::extract::Extract`"
)]
pub trait Extract: Sized {
    /// Extracts the value from the request's head. Returns `Ok(None)` if it is absent.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] that rejects the request even if the handler takes an `Option`.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial>;

    /// Returns the denial for a handler that does not take an `Option`, if the value is absent (default: 401, a credential is
    /// required).
    fn absent(head: &request::Parts) -> Denial {
        let realm = head.extensions.get::<Visitor>().map(|visitor| visitor.realm().clone());
        Denial::new(DenialKind::CredentialsMissing, realm.unwrap_or_default())
    }
}

impl Extract for UserContext {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(visitor(head, "Extractor<UserContext>")?.user().cloned())
    }
}

impl<T: DeserializeOwned> Extract for Claims<T> {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(user) = visitor(head, "Extractor<Claims>")?.user() else { return Ok(None) };
        match user.claims() {
            Ok(claims) => Ok(Some(Self(claims))),
            Err(error) => {
                tracing::debug!(%error, expected = std::any::type_name::<T>(), "the claims cannot be extracted");
                Err(Denial::new(DenialKind::ClaimsMismatch, user.realm().clone()))
            }
        }
    }
}

impl Extract for ClientAddr {
    /// Extracts the address that a [`TrustedProxies`] layer found, else the address of the connection's peer.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let from_layer = head.extensions.get::<Self>().copied();
        match from_layer.or_else(|| TrustedProxies::none().client(head)) {
            Some(client) => Ok(Some(client)),
            None => Err(Denial::new(DenialKind::AddressUnknown, Realm::default())),
        }
    }
}

impl Extract for RateLimitStatus {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(head.extensions.get().cloned())
    }

    fn absent(_: &request::Parts) -> Denial {
        let kind = DenialKind::rate_limit_missing("Extractor<RateLimitStatus>");
        Denial::new(kind, Realm::default())
    }
}

impl Extract for Attempt {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(head.extensions.get().cloned())
    }

    fn absent(_: &request::Parts) -> Denial {
        let kind = DenialKind::rate_limit_missing("Extractor<Attempt>");
        Denial::new(kind, Realm::default())
    }
}

impl Extract for CspNonce {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(nonce) = head.extensions.get::<Self>() else { return Ok(None) };
        // Generate it now: the policy of the response has a nonce only if one was generated.
        let _ = nonce.as_str();
        Ok(Some(nonce.clone()))
    }

    fn absent(_: &request::Parts) -> Denial {
        Denial::new(DenialKind::NonceMissing, Realm::default())
    }
}

impl<S, T> FromRequestParts<S> for Extractor<T>
where
    S: Sync,
    T: Extract,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, Rejection> {
        match T::extract(head) {
            Ok(Some(value)) => Ok(Self(value)),
            Ok(None) => Err(Rejection(Reply::denial(head, T::absent(head)))),
            Err(denial) => Err(Rejection(Reply::denial(head, denial))),
        }
    }
}

impl<S, T> OptionalFromRequestParts<S> for Extractor<T>
where
    S: Sync,
    T: Extract,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Option<Self>, Rejection> {
        match T::extract(head) {
            Ok(value) => Ok(value.map(Self)),
            Err(denial) => Err(Rejection(Reply::denial(head, denial))),
        }
    }
}

/// The rejection of an [`Extractor`]: the response of its [`Denial`].
#[derive(Debug)]
pub struct Rejection(Reply);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// For handlers that return a `Denial` as their error. The body has problem details; a `map_response` may replace it.
impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        Reply::problem_details(self).into_response()
    }
}

fn visitor<'a>(head: &'a request::Parts, required_by: &'static str) -> Result<&'a Visitor, Denial> {
    let visitor = head.extensions.get::<Visitor>();
    visitor.ok_or_else(|| Denial::new(DenialKind::auth_layer_missing(required_by), Realm::default()))
}
