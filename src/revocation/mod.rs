//! `Revocations`: credentials that are rejected before they expire.
//!
//! A token is valid until it expires, so a user who logs out, or whose account was taken over, still has valid tokens.
//! [`Revocations`] is a table of what is revoked. Create one at startup, and pass it to each layer that authenticates.
//! From then on, requests with a revoked credential get 401 `invalid_token`.
//!
//! ```
//! use axum::extract::State;
//! use axum::{Router, body::Body, http::Request, http::StatusCode};
//! use axum::routing::{get, post};
//! use portcullis::gate::Denial;
//! use portcullis::testing::TestIssuer;
//! use portcullis::{Issuer, JwtAuth, Revocations, UserContext};
//! use tower::ServiceExt;
//!
//! async fn log_out(
//!     State(revocations): State<Revocations>,
//!     user: UserContext,
//! ) -> Result<StatusCode, Denial> {
//!     revocations.revoke(&user).await?;
//!     Ok(StatusCode::NO_CONTENT)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In production, this is the URL of your identity provider.
//! let server = TestIssuer::start().await?;
//! let revocations = Revocations::builder().build()?;
//! let auth = JwtAuth::builder()
//!     .issuer(Issuer::discover(server.url()))
//!     .audience("https://api.example.com")
//!     .revocations(&revocations)
//!     .build()?;
//! let app = Router::new()
//!     .route("/me", get(|| async {}))
//!     .route("/logout", post(log_out))
//!     .layer(auth)
//!     .with_state(revocations);
//!
//! let token = server.token("ann").audience("https://api.example.com").sign();
//! for (method, path, status) in
//!     [("GET", "/me", 200), ("POST", "/logout", 204), ("GET", "/me", 401)]
//! {
//!     let request = Request::builder().method(method).uri(path);
//!     let request = request.header("authorization", format!("Bearer {token}"));
//!     let response = app.clone().oneshot(request.body(Body::empty())?).await?;
//!     assert_eq!(response.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The guide shows [each kind of logout](crate::_guide::recipes::logout).
//!
//! # What a revocation ends
//!
//! | call | rejects |
//! |---|---|
//! | [`revoke`](crate::Revocations::revoke) | the session of the user (`sid`), also its later tokens; without a session, this credential |
//! | [`revoke_all`](crate::Revocations::revoke_all) | all credentials of the user that were issued until now |
//! | [`revoke_others`](crate::Revocations::revoke_others) | the same, except those of this session or, without one, this credential |
//! | [`revoke_by`](crate::Revocations::revoke_by) | one token or API key, a session, or what was issued until now to a user, to a client or by an issuer |
//!
//! - A token is identified by its issuer and `jti`, and a token without `jti` and `sid` by what its signature covers.
//! - "Until now" is compared with `iat`, in whole seconds, so a credential that is issued in the same second is
//!   rejected too. A token without `iat` counts as issued before. The clocks of the issuer and of the app must agree.
//! - A revocation cannot be undone, and no other revocation makes valid what it rejects. A user who logs in again gets
//!   a valid credential, unless the issuer continues a revoked session.
//!
//! # Checks
//!
//! A layer checks each request, after it has verified the credential or found it in its cache, and before the user
//! loader runs. A revocation has an effect from the call on, also for tokens that are cached. A check takes no lock,
//! and allocates nothing: if nothing was revoked since the last check of a cached token, it compares one number. A
//! custom gate calls [`check`](crate::Revocations::check).
//!
//! A request that is already being handled continues. [`EndStreams`](crate::EndStreams) ends event streams and other
//! bodies with their credential. For a WebSocket, [`UserContext::ended`](crate::UserContext::ended) returns a future
//! that resolves then; for users of a custom gate, use [`watch`](crate::Revocations::watch).
//!
//! # Bounds
//!
//! - An entry is kept until what it revokes has expired. For a credential whose expiry is known, that is its expiry and
//!   five minutes, the longest leeway. For everything else, such as a user or a session, it is the [longest
//!   lifetime](RevocationsBuilder::max_token_lifetime) of a token and ten minutes; so `JwtAuth` rejects a token that is
//!   valid for longer. [`check`](crate::Revocations::check) does not: an API key or a session of a custom gate that is
//!   valid for longer is accepted again, unless the app also removes it from its own storage. The keys of a revoked user
//!   are also revoked in the store of each `ApiKeyAuth` with the handle.
//! - If an issuer continues a revoked session, its new tokens are rejected until then, and accepted afterwards. So end
//!   the session at the issuer too.
//! - There are at most 1,000,000 [entries](RevocationsBuilder::max_entries), of at most 48 bytes each. Above, a
//!   revocation fails with [`RevokeError::Full`]. No entry is removed early.
//! - A clock that stops or is set back makes nothing valid again. After it was set back, tokens that had expired before
//!   stay rejected.
//!
//! # Several processes
//!
//! Without further settings, the table is in the memory of this process: other processes do not know what is revoked,
//! and after a restart nothing is. With the feature `redis`, `redis_stream` shares it. A revocation is then stored in a
//! stream in Redis before its future is ready, and the other processes follow the stream, usually within milliseconds.
//! Requests never wait for Redis. Requests with a credential get 503 until a process has read the stream, and while it
//! could not read it for five minutes.
//!
//! # What it does not do
//!
//! It does not end the session at the issuer, and does not revoke refresh tokens: without that, the client obtains a
//! new token. It does not delete cookies of the browser; [`ClearSiteData`](crate::headers::ClearSiteData) does. It does
//! not ask the issuer whether a token was revoked there (RFC 7662).
//!
//! [`Revocations`]: crate::Revocations

mod builder;
mod check;
#[cfg(feature = "shared_signals")]
mod claims_change;
mod error;
mod expiries;
pub(crate) mod handle;
pub(crate) mod lifetime;
mod record;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "session")]
pub(crate) mod renewal;
#[expect(clippy::module_inception, reason = "the file has the name of its type")]
mod revocation;
mod shared;
mod table;
#[cfg_attr(
    not(any(feature = "api_key", feature = "session")),
    expect(dead_code, reason = "only API keys and sessions have records")
)]
pub(crate) mod user_records;
mod watch;
mod watchers;

pub use builder::RevocationsBuilder;
pub use error::RevokeError;
pub use revocation::Revocation;
pub use watch::{Ended, Watch};

#[cfg(test)]
mod tests;
