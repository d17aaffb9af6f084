//! `BackChannelLogout`: the endpoint at which an OpenID provider logs users out.
//!
//! A user who logs out at the identity provider, or is logged out there by an administrator, still has a session in the
//! app. With [OpenID Connect Back-Channel Logout 1.0](https://openid.net/specs/openid-connect-backchannel-1_0.html),
//! the provider sends a signed logout token to each app in which the user is logged in.
//! [`BackChannelLogout`](crate::BackChannelLogout) verifies it, and revokes the sessions and tokens that it names.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::testing::TestIssuer;
//! use portcullis::{BackChannelLogout, Issuer, JwtAuth, Revocations};
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
//! let logout = BackChannelLogout::builder()
//!     .keys_from(&jwt)
//!     .client_id("web") // of the app at the provider
//!     .revocations(&revocations)
//!     .build()?;
//! let app = Router::new()
//!     .route("/me", get(async || ()))
//!     .layer(jwt)
//!     // After the layer, because the provider sends no access token.
//!     .route_service("/backchannel-logout", logout);
//!
//! let token = server
//!     .token("ann")
//!     .audience("https://api.example.com")
//!     .session_id("s1")
//!     .sign();
//! let bearer = format!("Bearer {token}");
//! let me = || {
//!     Request::get("/me").header("authorization", &bearer).body(Body::empty())
//! };
//! assert_eq!(app.clone().oneshot(me()?).await?.status(), 200);
//!
//! // The request of the provider.
//! let logout_token = server
//!     .token("ann")
//!     .header("typ", "logout+jwt")
//!     .audience("web")
//!     .session_id("s1")
//!     .claim("events", json!({
//!         "http://schemas.openid.net/event/backchannel-logout": {}
//!     }))
//!     .sign();
//! let request = Request::post("/backchannel-logout")
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body(Body::from(format!("logout_token={logout_token}")))?;
//! assert_eq!(app.clone().oneshot(request).await?.status(), 200);
//! assert_eq!(app.oneshot(me()?).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! At the provider, register the URL of the route as `backchannel_logout_uri`, and let it send `sid`
//! (`backchannel_logout_session_required`). `examples/oidc_login.rs` is an app with login, logout and this endpoint.
//!
//! # What a logout token ends
//!
//! | claims | what is revoked |
//! |---|---|
//! | `sid`, with or without `sub` | the tokens and sessions with this [`session_id`](crate::UserContext::session_id), including those that are issued later |
//! | `sub` alone | all credentials of the user that were issued until the `iat` of the logout token, including API keys |
//!
//! - A session of [`SessionAuth`](crate::SessionAuth) needs the `iss`, the `sub` and the `sid` of the ID token: pass
//!   them to [`log_in`](crate::session::Session::log_in) as the issuer, the id and the session id of the user.
//! - An access token without `sid` stays valid if the logout token has one: the response is 200 all the same. Let the
//!   provider add `sid` to access tokens, or name the claim with
//!   [`ClaimMap::session_id`](crate::ClaimMap::session_id). At `debug`, the log says what each logout token revokes.
//! - With `sub` alone, a login after `iat` stays valid, however late the logout token arrives. So the clocks of the
//!   provider and of the app must agree.
//! - A token that is sent again gets 200. So does one whose user is not logged in.
//! - If a logout must not revoke the user's API keys, the provider must send `sid`.
//!
//! # Responses
//!
//! | the request | response |
//! |---|---|
//! | has a valid logout token, and the revocation is stored | 200 without a body |
//! | has an invalid, a missing or a second token, another content type, or more than 16 KiB | 400 with `error` and `error_description` in JSON |
//! | is not a `POST` | 405 with `Allow: POST` |
//! | arrives while the issuer's keys or the stream of [`Revocations`](crate::Revocations) are unavailable | 503 with `Retry-After` |
//!
//! The specification says 400 instead of 503, but providers that try again do so after a 5xx. This process rejects the
//! session even if the stream has not stored the revocation. All responses have `Cache-Control: no-store`. If the
//! settings do not fit the tokens, the log says at `warn` what to check, at most once a minute.
//!
//! # What is checked
//!
//! As for an ID token: the signature by a key of the issuer, in one of its algorithms; `iss`, `aud`, `exp`, and `iat`
//! within five minutes of the clock. `typ` must be `logout+jwt` (it may be
//! [missing](BackChannelLogoutBuilder::allow_missing_typ) if you allow that), `events` must contain the logout event,
//! `jti` must be present, and `nonce` absent. So neither an ID token nor an access token is accepted. Conversely,
//! [`JwtAuth`](crate::JwtAuth) rejects a logout token.
//!
//! # Order
//!
//! The provider sends no cookie and no access token, so put the route outside [`Csrf`](crate::Csrf) and outside the
//! layers that authenticate. Anyone can send requests to it. A [`RateLimit`](crate::RateLimit) by address limits the
//! signatures that are verified. Keys are fetched as rarely as [for access tokens](crate::jwt#keys).
//!
//! # What it does not do
//!
//! It accepts no encrypted tokens. If the [`JwtAuth`](crate::JwtAuth) looks up its [issuers](crate::Issuers), only
//! those that it has already found are accepted. It does not log users out at the provider: that is RP-initiated
//! logout, a redirect to the provider's `end_session_endpoint`.

mod builder;
mod error;
mod form;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod logout_token;
mod policy;
pub(crate) mod service;

pub use builder::BackChannelLogoutBuilder;
