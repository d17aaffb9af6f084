//! `JwtAuth`: authentication by bearer tokens (JWTs) of any issuer.
//!
//! An API that is called with `Authorization: Bearer <token>` must find out, on every request, whether the token is
//! genuine, meant for this API and still valid, and who its user is. [`JwtAuth`] is a layer that does this for all
//! routes inside it. It verifies the token (RFC 6750, RFC 7519, RFC 8725, RFC 9068), rejects the request if the token
//! is missing or invalid, and otherwise provides the [`UserContext`](crate::UserContext) to inner layers and handlers.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::gate::Denial;
//! use portcullis::testing::TestIssuer;
//! use portcullis::{Issuer, JwtAuth, UserContext};
//! use tower::ServiceExt;
//!
//! async fn me(user: UserContext) -> String {
//!     user.id().to_owned()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In production, this is the URL of your identity provider.
//! let server = TestIssuer::start().await?;
//! let auth = JwtAuth::builder()
//!     .issuer(Issuer::discover(server.url()))
//!     .audience("https://api.example.com")
//!     .build()?;
//! let app = Router::new().route("/me", get(me)).layer(auth);
//!
//! let valid = server.token("ann").audience("https://api.example.com");
//! let expired = valid.clone().expired();
//! for (token, status) in [(valid.sign(), 200), (expired.sign(), 401)] {
//!     let request = Request::get("/me")
//!         .header("authorization", format!("Bearer {token}"))
//!         .body(Body::empty())?;
//!     let response = app.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), status);
//!     if let Some(denial) = response.extensions().get::<Denial>() {
//!         assert_eq!(denial.detail(), "the token has expired");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The layer does not issue tokens, log users in or keep sessions. It contacts an issuer to fetch keys, never to check
//! a single token (no introspection, RFC 7662), so it does not notice that the issuer has revoked a token. What the app
//! itself [revokes](JwtAuthBuilder::revocations) is rejected. It does not decide what a user may do: that is the task of
//! the [`Require*`](crate::require) layers and of handlers.
//!
//! # Configuration
//!
//! An [`Issuer`] and an audience are required; the [builder](JwtAuthBuilder) has defaults for everything else.
//! `build()` reports all issues at once, so a server with a wrong configuration does not start:
//!
//! ```
//! use portcullis::{Issuer, JwtAuth};
//!
//! let builder = JwtAuth::builder().issuer(Issuer::hs256("me", *b"short"));
//! let error = builder.build().unwrap_err();
//! assert_eq!(error.issues().len(), 2, "a short secret and no audience");
//! ```
//!
//! The guide describes [each identity provider](crate::_guide::issuers).
//!
//! # Responses
//!
//! | request | response |
//! |---|---|
//! | no token, or a credential of another scheme | 401, a challenge without an error code |
//! | several tokens, or a malformed credential | 400 `invalid_request` |
//! | an invalid token | 401 `invalid_token` |
//! | a token that was [revoked](JwtAuthBuilder::revocations) | 401 `invalid_token` |
//! | any token, while it is not known what was revoked | 503 with `Retry-After` |
//! | a token with an unknown key, while the issuer is unavailable | 503 with `Retry-After` |
//! | a user that the [user loader](JwtAuthBuilder::load_user) refuses | 403 |
//! | a user that the loader does not know, or a token that it reports as revoked | 401 `invalid_token` |
//! | any user, while the loader is unavailable | 503 with `Retry-After` |
//!
//! With [`optional`](JwtAuthBuilder::optional), a request without a token is admitted as anonymous instead. The
//! [`Denial`](crate::gate::Denial) in the response's extensions has the exact reason.
//!
//! The token is in `Authorization`, and can also be in a [cookie](JwtAuthBuilder::cookie) or in a
//! [subprotocol](JwtAuthBuilder::websocket_protocol) of a WebSocket, or only in a
//! [header that a proxy adds](JwtAuthBuilder::header). [`JwtAuth::verify`] decides about tokens outside requests,
//! such as in a message. Tokens in the query or in a form body are ignored (RFC 9700 §4.3.2).
//!
//! The layer marks the headers in which it reads a token as [sensitive](http::HeaderValue::set_sensitive), so a handler
//! that logs the headers of a request logs no token.
//!
//! # Log
//!
//! Each rejection is a [security event](crate::security_event) at `info`, with its reason. If the configuration is the likely cause, such as a wrong
//! audience, the layer also logs a hint at `warn` that says what to check: at most one per minute, issuer and kind,
//! with the number of hints that were left out since the last one (`suppressed`). Of a token whose signature was not
//! verified, the log shows only the algorithm.
//!
//! # Checks
//!
//! A token is checked in this order, and what can be rejected without a signature check is rejected before it:
//!
//! 1. length, alphabet, and three segments; each of them must be canonical base64url
//! 2. header and payload: JSON objects without duplicate names
//! 3. issuer, which selects the keys
//! 4. algorithm, which the issuer must allow, and the kind of token
//! 5. registered claims and their times, and [required claims](crate::Issuer::require_claim); a malformed claim that a
//!    check needs is never treated as absent
//! 6. signature
//! 7. claims from which the [user is read](crate::ClaimMap)
//! 8. [revocation](JwtAuthBuilder::revocations), on every request, even if the token is cached
//! 9. [user loader](JwtAuthBuilder::load_user), also on every request: whether the user exists, and whether the account
//!    is active
//!
//! # Access tokens and other tokens
//!
//! Issuers also sign ID tokens, refresh tokens and others, which must not be accepted as access tokens. The issuer's
//! [`Profile`] defines how they are distinguished. [`Issuer::discover`] and [`Issuer::jwks`] expect `typ: at+jwt`, as
//! RFC 9068 requires. If an issuer sends `typ: JWT`, its tokens are rejected because "the token is not an access
//! token"; then set [`Profile::Compatible`].
//!
//! # Keys
//!
//! A key belongs to one issuer and is used for one algorithm. A token's issuer is found by an exact match of `iss`.
//!
//! - Published keys are refreshed in the background every ten minutes, or after the `max-age` of the issuer's
//!   `Cache-Control` (a minute to a day). If the issuer is unavailable, they stay in use for
//!   [another day](JwtAuthBuilder::max_stale_keys).
//! - A token with an unknown `kid` triggers a fetch, so a rotated key is accepted on its first use. Such fetches start
//!   at most every 30 seconds, so that a flood of random `kid`s does not reach the issuer. During a flood, a new key
//!   may be accepted up to 30 seconds late.
//! - While a fetch is in progress, requests with unknown keys wait for it, usually for at most the
//!   [timeout](JwtAuthBuilder::fetch_timeout) of five seconds. Requests with known keys never wait.
//! - After a failed fetch, the next one may start after a second. This delay doubles with each further failure, up to a
//!   minute.
//!
//! Fetches need a Tokio runtime with timers and I/O, as `#[tokio::main]` builds it. On another one, requests that need
//! a fetch are rejected with 503, and the log names the cause. Tokio reports missing timers only by a panic, which is
//! caught, so with `panic = "abort"` such a request ends the process.
//!
//! # Verified-token cache
//!
//! A verified token is cached until it expires or its issuer publishes other keys. A cached token, compared byte for
//! byte, is not verified again. Its capacity is [a setting](JwtAuthBuilder::token_cache_capacity). The
//! [threat model](crate::_guide::threat_model) explains why the cache is safe.
//!
//! # Order
//!
//! [`Stack`](crate::Stack) applies the layers in the correct order. Without it:
//!
//! - Around `JwtAuth`: [`SecurityHeaders`](crate::SecurityHeaders) and [`Cors`](crate::Cors), because preflights carry
//!   no token and a rejection needs their headers too; and a [`RateLimit`](crate::RateLimit) by address, if callers
//!   could cause too many signature checks.
//! - Inside it: `Require*`, and a `RateLimit` by user. If one of them is outside by mistake, it responds with 500 and
//!   logs the missing layer.
//!
//! # Deployment
//!
//! - Use TLS: anyone who sees a bearer token can use it until it expires.
//! - A token is valid until `exp`, even if its user is locked meanwhile. Issue tokens for minutes, or use a
//!   [user loader](JwtAuthBuilder::load_user).
//! - Keep the app's clock accurate within the [leeway](JwtAuthBuilder::leeway).
//! - Allow outgoing connections to the issuer. At startup, [`JwtAuth::prefetch_keys`] shows whether they work.
//! - Each process has its own keys and its own cache. After a key is withdrawn, each notices it with its next refresh.
//!
//! [`Issuer`]: crate::Issuer
//! [`Issuer::discover`]: crate::Issuer::discover
//! [`Issuer::jwks`]: crate::Issuer::jwks
//! [`JwtAuth`]: crate::JwtAuth
//! [`JwtAuth::prefetch_keys`]: crate::JwtAuth::prefetch_keys
//! [`JwtAuth::verify`]: crate::JwtAuth::verify
//! [`Profile`]: crate::Profile
//! [`Profile::Compatible`]: crate::Profile::Compatible

pub(crate) mod algorithm;
mod builder;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gate;
mod hints;
pub(crate) mod issuer;
pub(crate) mod issuers;
pub(crate) mod keys;
mod policy;
mod remote;
mod request_token;
mod revocation_check;
mod token;
mod token_cache;
mod verify_jwt;
mod waiting;

pub use builder::JwtAuthBuilder;
pub use remote::fetch::MAX_BODY;
