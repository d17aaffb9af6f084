//! `SharedSignals`: the endpoint to which an identity provider sends security events (CAEP, RISC).
//!
//! An identity provider learns first that a session has ended, a password was stolen or an account was disabled. With
//! the [Shared Signals Framework 1.0](https://openid.net/specs/openid-sharedsignals-framework-1_0.html), it reports this
//! to each app in a signed security event token (RFC 8417, RFC 8935). [`SharedSignals`](crate::SharedSignals) verifies
//! the token, and revokes the credentials of its subject.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::testing::TestIssuer;
//! use portcullis::{Issuer, JwtAuth, Revocations, SharedSignals};
//! # use serde_json::json;
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In production, this is the URL of your identity provider.
//! let server = TestIssuer::start().await?;
//! let revocations = Revocations::builder().build()?;
//! let jwt = JwtAuth::builder()
//!     .issuer(Issuer::discover(server.url()))
//!     .audience("https://api.example.com")
//!     .revocations(&revocations)
//!     .build()?;
//! # let authorization = "Bearer 7Fjfp0ZBr1KtDRbnfVdmIw";
//! let events = SharedSignals::builder()
//!     .transmitter(server.url())
//!     .audience("https://api.example.com")
//!     .authorization(authorization) // from the settings, not the code
//!     .revocations(&revocations)
//!     .build()?;
//! let app = Router::new()
//!     .route("/me", get(async || ()))
//!     .layer(jwt)
//!     // After the layer, because the transmitter sends no access token.
//!     .route_service("/security-events", events);
//!
//! let token = server.token("ann").audience("https://api.example.com");
//! let bearer = format!("Bearer {}", token.sign());
//! let me = || {
//!     Request::get("/me").header("authorization", &bearer).body(Body::empty())
//! };
//! assert_eq!(app.clone().oneshot(me()?).await?.status(), 200);
//!
//! // The request of the transmitter.
//! const SESSION_REVOKED: &str =
//!     "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
//! let event_token = server
//!     .token("")
//!     .without_claim("sub")
//!     .without_claim("exp")
//!     .header("typ", "secevent+jwt")
//!     .audience("https://api.example.com")
//!     .claim("sub_id", json!({
//!         "format": "iss_sub", "iss": server.url(), "sub": "ann"
//!     }))
//!     .claim("events", json!({ SESSION_REVOKED: {} }));
//! let request = Request::post("/security-events")
//!     .header("authorization", authorization)
//!     .header("content-type", "application/secevent+jwt")
//!     .body(Body::from(event_token.sign()))?;
//! assert_eq!(app.clone().oneshot(request).await?.status(), 202);
//! assert_eq!(app.oneshot(me()?).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! At the transmitter, create a stream with the delivery method `urn:ietf:rfc:8935`, the URL of the route as
//! `endpoint_url`, and the value of [`authorization`](SharedSignalsBuilder::authorization) as `authorization_header`.
//! Some providers have a page for that in their console. This crate does not manage streams.
//!
//! # Polling
//!
//! A transmitter cannot reach an app behind a firewall. Such an app polls for events (RFC 8936): create the stream with
//! the delivery method `urn:ietf:rfc:8936`, and spawn an [`EventPoller`] instead of adding a route.
//!
//! ```
//! # use portcullis::{Revocations, SharedSignals};
//! # async fn access_token() -> Result<String, std::io::Error> {
//! #     Ok("7Fjfp0ZBr1KtDRbnfVdmIw".to_owned())
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! # let revocations = Revocations::builder().build()?;
//! let poller = SharedSignals::builder()
//!     .transmitter("https://auth.example.com")
//!     .audience("https://api.example.com")
//!     .revocations(&revocations)
//!     .build_poller("https://auth.example.com/ssf/poll", async || {
//!         Ok(format!("Bearer {}", access_token().await?))
//!     })?;
//! let polling = tokio::spawn(poller.run());
//! // At shutdown:
//! polling.abort();
//! # Ok(())
//! # }
//! ```
//!
//! - There is one request at a time, which the transmitter holds until it has an event. If it responds at once without a
//!   new and valid one, the next request starts after a second.
//! - A token is acknowledged (`ack`) once its revocations are stored and [`on_event`](SharedSignalsBuilder::on_event) has
//!   returned, and reported (`setErrs`) if it is invalid. One that could not be applied is neither acknowledged nor
//!   reported, so that it arrives again. A panic of a function of the app counts as an error that it returned.
//! - After a failed request, the next one starts after a second. This delay doubles with each further failure, up to a
//!   minute. A longer `Retry-After` applies, up to a minute. Failures are logged at `warn`, at most once a minute.
//! - The transmitter forgets a token that one process has acknowledged. Others learn what it revokes by
//!   [`redis_stream`](crate::revocation::RevocationsBuilder::redis_stream), which an app of several processes needs. It
//!   is enough if one of them polls.
//!
//! # Events
//!
//! | event | effect |
//! |---|---|
//! | CAEP `session-revoked`; `credential-change` with `revoke` or `delete` | revokes the credentials of the subject |
//! | RISC `account-disabled`, `account-purged` | the same |
//! | CAEP `token-claims-change` | see [below](#changed-claims) |
//! | SSF `verification` | none, except that its [`state`](SharedSignalsBuilder::verification_state) is compared |
//! | SSF `stream-updated` | a warning in the log if the stream is paused or disabled |
//! | others, such as CAEP `assurance-level-change`, or `credential-change` with `update` | passed to [`on_event`](SharedSignalsBuilder::on_event), else ignored |
//!
//! - What was issued until the time of the event is revoked: until its `event_timestamp`, else `toe` or `iat` of the
//!   token. A login since then stays valid, however late the event arrives. So the clocks of the transmitter and of the
//!   app must agree. A timestamp in milliseconds, as in early drafts of CAEP, is accepted too.
//! - An event that is dated more than five minutes in the future gets 400. An old one is applied as of its own time.
//! - A token with a malformed event gets 400, and none of its events is applied.
//! - A token that is sent again gets 202 and is not applied again. A process remembers the last 10,000 tokens. Another
//!   process may apply it again, which revokes nothing more, but calls the function of `on_event`.
//!
//! # Subjects
//!
//! | `sub_id` | identifies |
//! |---|---|
//! | `iss_sub` | the user; its API keys are revoked too |
//! | `jwt_id` | one token, whenever it was issued |
//! | `complex` with `user` and `session` | the session, whose id is [`session_id`](crate::UserContext::session_id) |
//! | `complex` with `user` | the user |
//! | others, such as `email` and `opaque` | what [`map_subject`](SharedSignalsBuilder::map_subject) returns; without it, the event is ignored |
//!
//! A complex subject may have other members, such as `tenant` and `device`, which are ignored. If the configuration of
//! the transmitter lists one of them in `critical_subject_members`, the event is ignored, except for `tenant`: a user or
//! session of an issuer is the same with it.
//!
//! # Changed claims
//!
//! `token-claims-change` says that tokens of the subject have outdated claims. The tokens stay valid. Layers that have
//! cached one verify it again: [`IntrospectionAuth`](crate::IntrospectionAuth) asks the authorization server about it.
//!
//! # Responses
//!
//! | the request | response |
//! |---|---|
//! | has a valid token, and the revocations are stored | 202 without a body |
//! | has an invalid token, another content type, or more than 64 KiB | 400 with `err` and `description` in JSON |
//! | does not have the configured `Authorization` header | 400 `authentication_failed`, before its body is read |
//! | is not a `POST` | 405 with `Allow: POST` |
//! | arrives while the keys of the transmitter or the stream of [`Revocations`](crate::Revocations) are unavailable, or a function of the app fails | 503 with `Retry-After` |
//!
//! The values of `err` are those of RFC 8935 §2.4 and `invalid_state`. After a 503, whose `err` is
//! `temporarily_unavailable`, a transmitter sends the token again. All responses have `Cache-Control: no-store`. If the
//! settings do not fit the tokens, the log says at `warn` what to check, at most once a minute.
//!
//! # What is checked
//!
//! First the `Authorization` header, in constant time. Then the token: its signature, by a key and an algorithm of the
//! transmitter; `typ`, which must be `secevent+jwt`; `iss`, `aud`, `iat` and `jti`. It must not have `sub` or `exp`.
//! So neither an access token nor a logout token is accepted. Conversely, [`JwtAuth`](crate::JwtAuth) and
//! [`BackChannelLogout`](crate::BackChannelLogout) reject a security event token.
//!
//! # Order
//!
//! The transmitter sends no cookie and no access token, so add the route outside the layers that authenticate and
//! outside [`Csrf`](crate::Csrf). Keys are fetched as rarely as [for access tokens](crate::jwt#keys).
//!
//! # What it does not do
//!
//! It accepts no encrypted tokens, and creates no streams.

mod authorization;
mod builder;
mod error;
mod event;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handlers;
mod policy;
mod poller;
mod received;
pub(crate) mod service;
mod subject;
mod token;

pub use builder::SharedSignalsBuilder;
pub use event::SecurityEvent;
pub use poller::EventPoller;
pub use subject::EventSubject;
