//! `SessionAuth`: logs users of browsers in and out, by a cookie.
//!
//! A browser app needs no token in JavaScript: after a login, the browser sends a cookie with each request, and scripts
//! cannot read it. The cookie has a random secret, and the record of the session is in a store of the server. So the
//! server can end a session at any time, and knows which devices a user is logged in on.
//!
//! [`SessionAuth`](crate::SessionAuth) is the layer that checks the cookie. A handler extracts a [`Session`] to log a
//! user in or out; how it authenticates the user before, by a password or at an identity provider, is its own matter.
//!
//! ```
//! use axum::http::{Request, header};
//! use axum::{Form, Router, body::Body, response::Redirect};
//! use axum::routing::{get, post};
//! use portcullis::gate::Denial;
//! use portcullis::session::{MemorySessions, Session};
//! use portcullis::{Csrf, SessionAuth, UserContext};
//! # use tower::ServiceExt;
//!
//! #[derive(serde::Deserialize)]
//! struct Login {
//!     name: String,
//!     password: String,
//! }
//!
//! async fn log_in(
//!     session: Session,
//!     Form(login): Form<Login>,
//! ) -> Result<Redirect, Denial> {
//!     // Your own check of the password.
//!     if login.password != "correct horse" {
//!         return Ok(Redirect::to("/login?failed"));
//!     }
//!     session.log_in(UserContext::new(login.name)).await?;
//!     Ok(Redirect::to(&session.return_path()))
//! }
//!
//! async fn log_out(session: Session) -> Result<Redirect, Denial> {
//!     session.log_out().await?;
//!     Ok(Redirect::to("/login"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = SessionAuth::builder()
//!     .store(MemorySessions::new()) // RedisSessions in production
//!     .login_page("/login")
//!     .build()?;
//!
//! // Routes for users who are not logged in yet, without forms of other sites.
//! let login = Router::new()
//!     .route("/login", post(log_in))
//!     .layer(Csrf::default())
//!     .layer(sessions.to_optional());
//! let app = Router::new()
//!     .route("/me", get(async |user: UserContext| user.id().to_owned()))
//!     .route("/logout", post(log_out))
//!     .layer(sessions)
//!     .merge(login);
//!
//! // The requests of a browser.
//! let request = Request::post("/login")
//!     .header("sec-fetch-site", "same-origin")
//!     .header("content-type", "application/x-www-form-urlencoded")
//!     .body(Body::from("name=ann&password=correct+horse"))?;
//! let response = app.clone().oneshot(request).await?;
//! assert_eq!(response.headers()[header::LOCATION], "/");
//! let cookie = response.headers()[header::SET_COOKIE].to_str()?;
//! assert!(cookie.starts_with("__Host-session="));
//! assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"));
//! let cookie = cookie.split(';').next().unwrap_or_default();
//!
//! let me = || Request::get("/me").header("cookie", cookie).body(Body::empty());
//! assert_eq!(app.clone().oneshot(me()?).await?.status(), 200);
//!
//! let request = Request::post("/logout")
//!     .header("sec-fetch-site", "same-origin")
//!     .header("cookie", cookie)
//!     .body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(request).await?.status(), 303);
//! assert_eq!(app.oneshot(me()?).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! # What a session is
//!
//! A record says who logged in, when, how, and from where. It has the identity and the privileges of a
//! [`UserContext`](crate::UserContext), and no data of the app: keep that in your database, under the id of the user. So
//! two requests at the same time have nothing to overwrite, and a slow request cannot bring back a session that has
//! ended.
//!
//! The secret has 256 random bits of the operating system. The store gets its SHA-256, so who reads the store cannot
//! create the cookie. A session also has a public [id](SessionId), which lists show; it is
//! [`token_id`](crate::UserContext::token_id) of its requests, whose
//! [`credential`](crate::UserContext::credential) is [`Session`](crate::context::Credential::Session).
//!
//! # Requests
//!
//! | the request has | response |
//! |---|---|
//! | the cookie of a session | the handler runs |
//! | no cookie, or one of no session, or of one that has ended | 401 with the challenge `Session`; a redirect to the [login page](SessionAuthBuilder::login_page) for a navigation; anonymous if the layer is [optional](SessionAuthBuilder::optional). The cookie is cleared |
//! | a cookie, and a page of another site has caused the request | 403, without a lookup; see [`Csrf`](crate::Csrf). Browsers from before 2020 do not say which page has: see [`CsrfForm`] |
//! | two cookies of the name | 400, because another host of the domain may have set one |
//! | a cookie, while the store is unavailable | 200 if the session was used in the last minutes, else 503 |
//!
//! # When a session ends
//!
//! - after 30 minutes [without a request](SessionAuthBuilder::idle_timeout), and 12 hours
//!   [after the login](SessionAuthBuilder::absolute_timeout), whatever the browser does with the cookie;
//! - when its user [logs out](Session::log_out), or ends it [on another device](Session::revoke);
//! - when its user, or an administrator, ends [all sessions](Session::revoke_all);
//! - when a login is above the [limit](SessionAuthBuilder::max_sessions) of sessions;
//! - when [`Revocations`](crate::Revocations) revoke it: an OpenID provider that logs a user out revokes the `sid` of the
//!   login, which is [`session_id`](crate::UserContext::session_id).
//!
//! Call [`renew`](Session::renew) when a user gets other privileges, and [`confirm`](Session::confirm) when a user has
//! authenticated again. Call [`revoke_others`](Session::revoke_others) after a change of the password.
//!
//! # Stores
//!
//! [`MemorySessions`] keeps sessions in this process. For several processes, use [`RedisSessions`] (feature `redis`), or
//! implement [`SessionStore`] for your database. The record of a session is cached for [some seconds](SessionAuthBuilder::cache_ttl), and a request with
//! a cached session costs no call of the store. When a session was used is written at most once a minute; no request
//! waits for it. Call [`flush`](crate::SessionAuth::flush) at shutdown.
//!
//! Cookies that no session has cost one lookup each and are not remembered, so they take no memory. At most 64 lookups run
//! at a time, and as many of sessions that are known already.
//!
//! # Order
//!
//! As for [`JwtAuth`](crate::jwt#order). With tokens or API keys on the same routes, combine them by
//! [`AnyOf`](crate::AnyOf): an explicit credential takes precedence over the cookie. The addresses of logins are known
//! inside a [`TrustedProxies`](crate::TrustedProxies) layer.
//!
//! # What it does not do
//!
//! It does not check passwords, and does not limit attempts to guess them: see [login
//! limits](crate::_guide::recipes::login_limits). It has no data of the app, no signed cookies and no sessions of
//! anonymous users. To use the sessions of another library, see [`UserFrom`].

mod builder;
mod cache;
mod cached_session;
mod change;
mod cookie;
#[cfg(feature = "axum")]
mod csrf_form;
mod csrf_token;
mod error;
#[cfg(feature = "axum")]
mod extractor;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gate;
mod handle;
mod id;
mod info;
mod login_page;
mod manage;
mod memory;
mod policy;
mod random;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "axum")]
mod response;
mod revoke;
mod secret;
mod sent_cookies;
mod store;
mod timed_store;
mod timeouts;
mod touch_log;
mod usage;
mod user_from;
mod users;

pub use builder::SessionAuthBuilder;
pub use change::{ChangeDecision, SessionChange};
#[cfg(feature = "axum")]
pub use csrf_form::{CsrfForm, CsrfHeader};
pub use error::SessionError;
pub use gate::SessionPass;
pub use handle::Session;
pub use handle::login::Remember;
pub use id::SessionId;
pub use info::SessionInfo;
pub use memory::MemorySessions;
pub use record::SessionRecord;
#[cfg(feature = "redis")]
pub use redis::RedisSessions;
pub use secret::SessionDigest;
pub use store::{Created, SessionLimit, SessionStore, SessionUse};
pub use timeouts::AssuranceLevel;
pub use user_from::UserFrom;
