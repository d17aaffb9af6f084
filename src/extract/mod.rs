//! `Extractor<T>`: what the gates found out, in an axum handler's arguments.
//!
//! | argument | gives | refuses |
//! |---|---|---|
//! | `Extractor<UserContext>` | the user | 401 anonymous; 500 where no authenticating layer ran |
//! | `Option<Extractor<UserContext>>` | the user, or `None` for anonymous | 500 where no authenticating layer ran |
//! | `Extractor<Claims<T>>` | the token's claims as a type of one's own | as the user; 500 where they are of another type |
//! | `Extractor<ClientAddr>` | the client's address | 500 where the server told no peer |
//! | `Extractor<RateLimitStatus>` | what the limits have left | 500 where none counted the request |
//! | `Extractor<Attempt>` | a say in whether the request counts as failed | 500 where no limit counts failures |
//! | `Extractor<CspNonce>` | the nonce of the answer's content security policy | 500 where no policy has one |
//! | `Extractor<X>` | any type of one's own that implements [`Extract`] | what it says |
//!
//! A bad token never gets this far, with `optional()` neither. Where the compiler only says that a handler is no
//! `Handler`, put axum's `#[debug_handler]` on it: it tells which argument is at fault.
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

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request;
use serde::de::DeserializeOwned;

use crate::context::{Attempt, ClientAddr, CspNonce, RateLimitStatus, Realm, TrustedProxies, UserContext, Visitor};
use crate::gate::{Denial, DenialKind, Reply};

/// What the gates found out, as a handler's argument; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
pub struct Extractor<T>(pub T);

/// The claims of the request's token as a type of one's own; see the [module](crate::extract).
#[derive(Clone, Copy, Debug)]
pub struct Claims<T>(pub T);

/// What an [`Extractor`] can give.
#[diagnostic::on_unimplemented(
    message = "`Extractor<{Self}>` extracts nothing",
    note = "it gives `UserContext`, `Claims<T>`, `ClientAddr`, `RateLimitStatus`, `Attempt`, `CspNonce`, or a type that implements `portcullis::extract::Extract`"
)]
pub trait Extract: Sized {
    /// Reads it off a request's head; `Ok(None)` where it is not there and need not be.
    ///
    /// # Errors
    ///
    /// Where the request must be refused even if the handler takes an `Option`.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial>;

    /// The refusal where it is not there and the handler does not take an `Option`: 401 unless said otherwise.
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
                tracing::debug!(%error, wanted = std::any::type_name::<T>(), "claims not extracted");
                Err(Denial::new(DenialKind::ClaimsMismatch, user.realm().clone()))
            }
        }
    }
}

impl Extract for ClientAddr {
    /// What [`TrustedProxies`] found where it stands outside of the handler, else the connection's peer.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let known = head.extensions.get::<Self>().copied();
        match known.or_else(|| TrustedProxies::none().client(head)) {
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
        Denial::new(DenialKind::LimitMissing("Extractor<RateLimitStatus>"), Realm::default())
    }
}

impl Extract for Attempt {
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        Ok(head.extensions.get().cloned())
    }

    fn absent(_: &request::Parts) -> Denial {
        Denial::new(DenialKind::LimitMissing("Extractor<Attempt>"), Realm::default())
    }
}

impl Extract for CspNonce {
    /// Drawn here, so that the policy of the answer has it.
    fn extract(head: &request::Parts) -> Result<Option<Self>, Denial> {
        let Some(nonce) = head.extensions.get::<Self>() else { return Ok(None) };
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
            Ok(Some(found)) => Ok(Self(found)),
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
            Ok(found) => Ok(found.map(Self)),
            Err(denial) => Err(Rejection(Reply::denial(head, denial))),
        }
    }
}

/// The answer in a handler's place, where an [`Extractor`] does not find what it must.
#[derive(Debug)]
pub struct Rejection(Reply);

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        Reply::problem(self).into_response()
    }
}

fn visitor<'a>(head: &'a request::Parts, asker: &'static str) -> Result<&'a Visitor, Denial> {
    let visitor = head.extensions.get::<Visitor>();
    visitor.ok_or_else(|| Denial::new(DenialKind::GateMissing(asker), Realm::default()))
}
