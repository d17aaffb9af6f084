//! Axum extractors for the values that the layers provide, such as the user or the client's address.
//!
//! | type | value | rejection |
//! |---|---|---|
//! | [`UserContext`] | the user | 401 if anonymous, 500 |
//! | [`Claims<T>`] | the token's claims as your type `T` | 401 if anonymous, 403, 500 |
//! | [`ClientAddr`] | the client's address | 500 |
//! | [`RateLimitStatus`] | the remaining quota of each rate limit | 500 |
//! | [`Attempt`] | reports whether the request failed | 500 |
//! | [`CspNonce`] | the nonce of the page | 500 |
//! | [`Extractor<T>`] | your own type, which implements [`Extract`] | your own |
//!
//! A handler may take each of them as an `Option`: `Option<UserContext>` is `None` if the user is anonymous. An
//! [`Extractor`] extracts the other types too: `Extractor(user): Extractor<UserContext>` is the same as
//! `user: UserContext`.
//!
//! Use them in handlers inside the layer that provides the value. They authenticate nothing themselves. In these cases,
//! they reject the request with 500 and log the cause, so a forgotten layer never looks like an anonymous user:
//!
//! - `UserContext` and `Claims<T>`: no layer authenticates, or a [`Stack`](crate::Stack) leaves the route
//!   [open](crate::stack::StackBuilder::open). On an open route, an `Option` is `None`.
//! - `Claims<T>`: no claims fit `T`, for example because it is not a struct or a map.
//! - `ClientAddr`: no [`TrustedProxies`](crate::TrustedProxies) layer looks for it, or the server does not provide the
//!   peer's address.
//! - `RateLimitStatus`: no rate limit counted the request.
//! - `Attempt`: no rate limit counts failures.
//! - `CspNonce`: no content security policy has a nonce.
//!
//! With an `Option` of the first three types, the request is rejected in the other cases too; an `Option` of the others is
//! `None`.
//!
//! If a token lacks a claim of `T`, or has one of another type, the request is rejected with 403, and the claim is
//! logged at `debug`. Make a field an `Option` if not every token has it.
//!
//! An invalid token never reaches a handler: [`JwtAuth`](crate::JwtAuth) rejects it, even if it is
//! [`optional`](crate::jwt::JwtAuthBuilder::optional).
//!
//! ```
//! use portcullis::{UserContext, extract::Claims};
//!
//! #[derive(serde::Deserialize)]
//! struct Tenant {
//!     tenant: String,
//! }
//!
//! async fn me(user: UserContext, Claims(claims): Claims<Tenant>) -> String {
//!     format!("{} of {}", user.id(), claims.tenant)
//! }
//!
//! async fn greeting(user: Option<UserContext>) -> String {
//!     let name = user.as_ref().map_or("guest", UserContext::id);
//!     format!("Hello, {name}")
//! }
//!
//! # use axum::{Router, body::{Body, to_bytes}, http::Request, routing::get};
//! # use portcullis::testing::{as_anonymous, as_user};
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let app = Router::new()
//!     .route("/me", get(me))
//!     .route("/greeting", get(greeting));
//! # let body = async |app: Router, path: &str| {
//! #     let request = Request::get(path).body(Body::empty()).unwrap();
//! #     let response = app.oneshot(request).await.unwrap();
//! #     to_bytes(response.into_body(), 64).await.unwrap()
//! # };
//!
//! // `body` sends a GET request and returns the body of the response.
//! let ann = UserContext::new("ann").with_raw_claims(r#"{"tenant":"acme"}"#);
//! let app_of_ann = app.clone().layer(as_user(ann));
//! assert_eq!(body(app_of_ann, "/me").await, "ann of acme");
//! let app_of_anyone = app.layer(as_anonymous());
//! assert_eq!(body(app_of_anyone, "/greeting").await, "Hello, guest");
//! # }
//! ```
//!
//! If the compiler only reports that a function does not implement `Handler`, add axum's `#[debug_handler]` to it,
//! which names the wrong argument.
//!
//! # In the guide
//!
//! [Getting started](crate::_guide::start), and [compiler errors](crate::_guide::recipes::compile_errors).

pub(crate) mod extractor;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request;
use serde::de::DeserializeOwned;

#[cfg(feature = "headers")]
use crate::context::CspNonce;
use crate::context::client_addr::{Client, ClientAddr};
#[cfg(feature = "rate_limit")]
use crate::context::{Attempt, RateLimitStatus};
use crate::context::{Realm, UserContext, Visitor};
use crate::extract::extractor::Extractor;
use crate::gate::{Denial, DenialKind, Reply};

/// The claims of the request's token, deserialized as `T`; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure it in their arguments")]
pub struct Claims<T>(pub T);

/// A type that an [`Extractor`] can extract. Implement it for your own types.
///
/// ```
/// use axum::{Router, routing::get};
/// use http::request;
/// use portcullis::{Extractor, UserContext};
/// use portcullis::{extract::Extract, gate::Denial};
///
/// struct UserId(String);
///
/// impl Extract for UserId {
///     fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
///         let user = UserContext::extract(head)?;
///         Ok(user.map(|user| Self(user.id().to_owned())))
///     }
/// }
///
/// async fn handler(Extractor(UserId(id)): Extractor<UserId>) -> String {
///     id
/// }
/// # let mut head = http::Request::new(()).into_parts().0;
/// # assert_eq!(UserId::extract(&head).err().unwrap().status(), 500);
/// let app: Router = Router::new().route("/", get(handler));
/// # let _ = app;
/// ```
#[diagnostic::on_unimplemented(
    message = "`Extractor<{Self}>` cannot extract this type",
    note = "it extracts `UserContext`, `Claims<T>`, `ClientAddr`, `RateLimitStatus`, `Attempt` and `CspNonce`",
    note = "to extract your own type, implement `portcullis::extract::Extract` for it"
)]
pub trait Extract: Sized {
    /// Extracts the value from the request's head. Returns `Ok(None)` if it is absent.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] that rejects the request even if the handler takes an `Option`.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial>;

    /// Returns the denial for a handler that does not take an `Option`, if the value is absent (default: 401, a
    /// credential is required).
    fn absent(head: &request::Parts) -> Denial {
        let visitor = head.extensions.get::<Visitor>();
        Denial::new(DenialKind::CredentialsMissing, visitor.map(Visitor::realm).cloned().unwrap_or_default())
    }
}

impl Extract for UserContext {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(visitor(head, "UserContext")?.user().cloned())
    }

    fn absent(head: &request::Parts) -> Denial {
        user_missing(head, "UserContext")
    }
}

impl<T: DeserializeOwned> Extract for Claims<T> {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(user) = visitor(head, "Claims")?.user() else { return Ok(None) };
        match user.claims() {
            Ok(claims) => Ok(Some(Self(claims))),
            Err(error) => {
                // The claims of tokens differ. A token that lacks one is not a mistake of the app.
                let is_of_token = error.is_of_token();
                let kind = if is_of_token { DenialKind::InsufficientClaims } else { DenialKind::ClaimsMismatch };
                tracing::debug!(%error, expected = std::any::type_name::<T>(), "the claims cannot be extracted");
                Err(Denial::new(kind, user.realm().clone()))
            }
        }
    }

    fn absent(head: &request::Parts) -> Denial {
        user_missing(head, "Claims")
    }
}

impl Extract for ClientAddr {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(client) = head.extensions.get::<Client>() else {
            return Err(Denial::new(DenialKind::trusted_proxies_missing("ClientAddr"), Realm::default()));
        };
        // Not `None`: the server is misconfigured, whatever the handler does without the address.
        client.addr.map(Some).ok_or_else(|| Denial::of_unknown_address(client))
    }
}

#[cfg(feature = "rate_limit")]
impl Extract for RateLimitStatus {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(head.extensions.get().cloned())
    }

    fn absent(_: &request::Parts) -> Denial {
        let kind = DenialKind::rate_limit_missing("RateLimitStatus");
        Denial::new(kind, Realm::default())
    }
}

#[cfg(feature = "rate_limit")]
impl Extract for Attempt {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(head.extensions.get().cloned())
    }

    fn absent(_: &request::Parts) -> Denial {
        let kind = DenialKind::rate_limit_missing("Attempt");
        Denial::new(kind, Realm::default())
    }
}

#[cfg(feature = "headers")]
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

/// Extracts the value for a handler that requires it.
pub(crate) fn required<T: Extract>(head: &request::Parts) -> Result<T, Rejection> {
    match T::extract(head) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(Rejection(Reply::denial(head, T::absent(head)))),
        Err(denial) => Err(Rejection(Reply::denial(head, denial))),
    }
}

/// Extracts the value for a handler that takes an `Option`.
pub(crate) fn optional<T: Extract>(head: &request::Parts) -> Result<Option<T>, Rejection> {
    T::extract(head).map_err(|denial| Rejection(Reply::denial(head, denial)))
}

impl<S, T> FromRequestParts<S> for Extractor<T>
where
    S: Sync,
    T: Extract,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, Rejection> {
        required(head).map(Self)
    }
}

impl<S, T> OptionalFromRequestParts<S> for Extractor<T>
where
    S: Sync,
    T: Extract,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(optional(head)?.map(Self))
    }
}

/// Makes each type an extractor itself. The orphan rule forbids one impl of axum's traits for every `T: Extract`.
macro_rules! impl_extractor {
    ($($type:ty $(, $parameter:ident: $bound:ident)?;)*) => {$(
        impl<S: Sync $(, $parameter: $bound)?> FromRequestParts<S> for $type {
            type Rejection = Rejection;

            async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Self, Rejection> {
                required(head)
            }
        }

        impl<S: Sync $(, $parameter: $bound)?> OptionalFromRequestParts<S> for $type {
            type Rejection = Rejection;

            async fn from_request_parts(head: &mut request::Parts, _: &S) -> Result<Option<Self>, Rejection> {
                optional(head)
            }
        }
    )*};
}

impl_extractor! {
    Claims<T>, T: DeserializeOwned;
    ClientAddr;
    UserContext;
}
#[cfg(feature = "headers")]
impl_extractor! { CspNonce; }
#[cfg(feature = "rate_limit")]
impl_extractor! { Attempt; RateLimitStatus; }

/// The rejection of an extractor of this crate: the response of its [`Denial`].
#[derive(Debug)]
pub struct Rejection(Reply);

impl Rejection {
    #[cfg(feature = "session")]
    pub(crate) fn new(head: &request::Parts, denial: Denial) -> Self {
        Self(Reply::denial(head, denial))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// For handlers that return a `Denial` as their error. The body has problem details; a `map_response` may replace it.
///
/// ```
/// # use axum::{Router, body::Body, http::Request, routing::get};
/// use portcullis::{UserContext, gate::Denial};
/// # use portcullis::testing::as_user;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
///
/// async fn report(user: UserContext) -> Result<&'static str, Denial> {
///     user.require_role("auditor")?;
///     Ok("the report")
/// }
///
/// # let app: Router = Router::new().route("/", get(report));
/// # let app = app.layer(as_user(UserContext::new("ann").with_roles(["editor"])));
/// # let request = Request::get("/").body(Body::empty()).unwrap();
/// # let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
/// // The response to a user with the role "editor":
/// assert_eq!(response.status(), 403);
/// # }
/// ```
impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        Reply::problem_details(self).into_response()
    }
}

/// Returns the result of authentication. Absent is not anonymous: without it, no layer authenticates, and the app is
/// misconfigured.
fn visitor<'a>(head: &'a request::Parts, required_by: &'static str) -> Result<&'a Visitor, Denial> {
    let visitor = head.extensions.get::<Visitor>();
    visitor.ok_or_else(|| Denial::new(DenialKind::auth_layer_missing(required_by), Realm::default()))
}

/// Returns the denial for a caller who is anonymous; on an open route, where everyone is, it is a mistake of the app.
fn user_missing(head: &request::Parts, required_by: &'static str) -> Denial {
    match head.extensions.get::<Visitor>() {
        Some(visitor) => Denial::of_anonymous(visitor, required_by),
        None => Denial::new(DenialKind::auth_layer_missing(required_by), Realm::default()),
    }
}
