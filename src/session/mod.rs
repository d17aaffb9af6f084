//! `SessionAuth`: logs users of browsers in and out, by a cookie.
//!
//! A browser app needs no token in JavaScript: after a login, the browser sends a cookie with each request, and scripts
//! cannot read it. The cookie contains a random secret, and the server keeps a record of the session in a store. So the
//! server can end a session at any time, and can list the devices on which a user is logged in.
//!
//! [`SessionAuth`](crate::SessionAuth) is the layer that checks the cookie. A handler extracts a [`Session`] to log a
//! user in or out. The app authenticates the user first, by a password or through an identity provider.
//!
//! ```
//! use axum::http::{Request, StatusCode, header};
//! use axum::{Form, Router, body::Body};
//! use axum::response::{IntoResponse, Redirect, Response};
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
//! ) -> Result<Response, Denial> {
//!     // Your own check of the password.
//!     if login.password != "correct horse" {
//!         let text = "The name or the password is wrong.";
//!         return Ok((StatusCode::FORBIDDEN, text).into_response());
//!     }
//!     session.log_in(UserContext::new(login.name)).await?;
//!     Ok(Redirect::to(&session.return_path()).into_response())
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
//! // Routes without a session. `Csrf` rejects forms of other sites.
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
//! A record says who logged in, when, how, and from where. It holds the identity and the privileges of a
//! [`UserContext`](crate::UserContext), and no application data: keep that in your database, under the id of the user.
//! So concurrent requests cannot overwrite each other's data, and a slow request cannot bring back a session that has
//! ended.
//!
//! The secret has 256 random bits from the operating system. The store only sees its SHA-256, so reading the store does
//! not reveal any cookie. A session also has a public [id](SessionId), which is shown in lists and is the
//! [`token_id`](crate::UserContext::token_id) of the user. The user's
//! [`credential`](crate::UserContext::credential) is [`Session`](crate::context::Credential::Session).
//!
//! # Requests
//!
//! | the request has | response |
//! |---|---|
//! | the cookie of a session | the handler runs |
//! | no cookie, an unknown one, or that of a session that has ended | 401 with the challenge `Session`; a redirect to the [login page](SessionAuthBuilder::login_page) for a navigation; anonymous if the layer is [optional](SessionAuthBuilder::optional). The cookie is cleared |
//! | a cookie, and a page of another site caused it | 403, without a lookup; see [`Csrf`](crate::Csrf), and [`CsrfForm`] for browsers from before 2020 |
//! | two cookies with the session's name | 400, because another host of the domain may have set one; both are cleared |
//! | a cookie, while the store is unavailable | the handler runs if the session is [cached](SessionAuthBuilder::stale_for), else 503 |
//!
//! # When a session ends
//!
//! - after 30 minutes [without a request](SessionAuthBuilder::idle_timeout), and 12 hours
//!   [after the login](SessionAuthBuilder::absolute_timeout), whatever the browser does with the cookie;
//! - when its user [logs out](Session::log_out), or ends it [from another device](Session::revoke);
//! - when its user ends [all sessions](Session::revoke_all), or an administrator [does](crate::SessionAuth::revoke_all);
//! - when it is the least recently used, and a login exceeds the [limit](SessionAuthBuilder::max_sessions);
//! - when [`Revocations`](crate::Revocations) revoke it: an OpenID provider that logs a user out revokes the `sid` of
//!   the login, which is [`session_id`](crate::UserContext::session_id).
//!
//! Call [`renew`](Session::renew) when a user's privileges change, [`confirm`](Session::confirm) when the user has
//! authenticated again, and [`revoke_others`](Session::revoke_others) after a password change.
//!
//! # Stores
//!
//! [`MemorySessions`] keeps sessions in this process. For several processes, use [`RedisSessions`] (feature `redis`),
//! or implement [`SessionStore`] for your database. A record is cached for [10 or 60
//! seconds](SessionAuthBuilder::cache_ttl), and a request with a cached session does not call the store. The time of
//! the last use is written at most once a minute, in the background. Call [`flush`](crate::SessionAuth::flush) at
//! shutdown.
//!
//! An unknown cookie costs one lookup and is not cached, so it takes no memory. At most 64 lookups run at a time, and
//! another 64 for sessions that are in the cache already.
//!
//! # Order
//!
//! As for [`JwtAuth`](crate::jwt#order). To accept tokens or API keys on the same routes, combine the gates with
//! [`AnyOf`](crate::AnyOf): an explicit credential takes precedence over the cookie. Put the layer inside
//! [`TrustedProxies`](crate::TrustedProxies), which provides the client's address.
//!
//! # What it does not do
//!
//! It does not check passwords, and does not limit attempts to guess them: see [login
//! limits](crate::_guide::recipes::login_limits). It has no application data, no signed cookies and no sessions for
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
mod event;
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
mod to_the_end;
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
