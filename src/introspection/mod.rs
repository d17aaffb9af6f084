//! `IntrospectionAuth`: authenticates requests by opaque tokens, about which it asks their authorization server.
//!
//! An opaque token says nothing to the app: only the authorization server knows its user, its scopes and whether it is
//! still valid. [`IntrospectionAuth`](crate::IntrospectionAuth) sends the token to the server's introspection endpoint
//! (RFC 7662) and provides the user in the response to handlers. If your server can issue JWTs, prefer
//! [`JwtAuth`](crate::JwtAuth), which needs no call.
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use portcullis::{IntrospectionAuth, RequireScope, UserContext};
//! # use http::Response;
//! # use portcullis::http_client::HttpClient;
//! # use tower::ServiceExt;
//! # struct Server;
//! # impl HttpClient for Server {
//! #     async fn send(
//! #         &self,
//! #         request: Request<Vec<u8>>,
//! #     ) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
//! #         let is_active = request.body().starts_with(b"token=2YotnFZFEjr1zCsicMWpAA&");
//! #         let body = match is_active {
//! #             true => br#"{"active": true, "sub": "ann", "scope": "read:reports",
//! #                          "iss": "https://auth.example.com", "aud": "https://api.example.com"}"#.to_vec(),
//! #             false => br#"{"active": false}"#.to_vec(),
//! #         };
//! #         Ok(Response::builder().header("content-type", "application/json").body(body)?)
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = "7Fjfp0ZBr1KtDRbnfVdmIw";
//! let opaque = IntrospectionAuth::builder()
//!     .endpoint("https://auth.example.com/introspect")
//!     .client("api", secret) // the app, as a client of the server
//!     .audience("https://api.example.com")
//! #   .http_client(Server)
//!     .build()?;
//! let read = RequireScope::new("read:reports")?;
//! let reports = async |user: UserContext| user.id().to_owned();
//! let app = Router::new()
//!     .route("/reports", get(reports).layer(read))
//!     .layer(opaque);
//!
//! for (token, status) in [
//!     ("2YotnFZFEjr1zCsicMWpAA", 200),
//!     ("tGzv3JOkF0XG5Qx2TlKWIA", 401), // the server says that it is not active
//! ] {
//!     let request = Request::get("/reports")
//!         .header("authorization", format!("Bearer {token}"))
//!         .body(Body::empty())?;
//!     assert_eq!(app.clone().oneshot(request).await?.status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | the request has | response |
//! |---|---|
//! | an active token for this app | the handler runs |
//! | no token | 401 with a challenge; anonymous if the layer is [optional](IntrospectionAuthBuilder::optional) |
//! | a token that is not active, has expired, or is for another audience | 401 `invalid_token` |
//! | a token that was [revoked](IntrospectionAuthBuilder::revocations) | 401 `invalid_token` |
//! | a token that is bound to a key (`cnf`, `DPoP`), or another kind of token | 401 `invalid_token` |
//! | two tokens, or a malformed header | 400 `invalid_request` |
//! | a token that is not cached, while the server is unavailable | 503 with `Retry-After` |
//!
//! The server's own errors are 503 too, also if it rejects the credentials of the app: the caller's token may be valid.
//! Each change between both states is logged once, with the cause. If the settings do not fit the responses, for
//! example the audience, a line at `warn` says what to check, at most once a minute.
//!
//! # Checks
//!
//! The server decides whether a token is active. The layer also checks what the response says, on each request,
//! whatever the age of the response: the audience, `exp`, `nbf` and `iat` with a
//! [leeway](IntrospectionAuthBuilder::leeway), and the [revocations](IntrospectionAuthBuilder::revocations). `Require*`
//! layers check the scopes and roles. Only `Bearer` tokens are accepted. The [issuer](IntrospectionAuthBuilder::issuer)
//! must be known, because ids of users are unique only there: a user has the same identity by an opaque token and by a
//! JWT of the same issuer.
//!
//! # Cache and calls
//!
//! A response about an active token is used for 30 seconds ([`cache_ttl`](IntrospectionAuthBuilder::cache_ttl)), and
//! never after `exp`. **A token that is revoked at the server is accepted until then.** To end it at once, also revoke
//! it by [`Revocations`](crate::Revocations). A token that is not active is remembered for five seconds, in bounded
//! memory that is apart from that of active tokens.
//!
//! The cache is keyed by a digest under a random key of the process, and never has the text of a token. Concurrent
//! requests with one token share a call, and at most 64 calls run at a time: beyond that, requests with unknown tokens
//! get 503. Each process has a cache of its own.
//!
//! The built-in HTTP client opens a connection for each call. If the app receives many different tokens, set an
//! [`http_client`](IntrospectionAuthBuilder::http_client) that keeps connections open.
//!
//! # Beside other credentials
//!
//! In an [`AnyOf`](crate::AnyOf) with [`JwtAuth`](crate::JwtAuth), a token in the form of a JWT goes to `JwtAuth`, and
//! every other one to this layer. Without a `JwtAuth`, JWTs are introspected too. A key with the prefix of an
//! [`ApiKeyAuth`](crate::ApiKeyAuth) goes there.
//!
//! # Order
//!
//! As for [`JwtAuth`](crate::jwt#order). A [`RateLimit`](crate::RateLimit) by address around it bounds the calls that
//! one client causes with invented tokens.

mod builder;
mod cache;
mod client_auth;
mod endpoint;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gate;
mod hints;
mod policy;
mod response;
mod signed_response;
mod token;
mod users;

pub use builder::IntrospectionAuthBuilder;
pub use client_auth::ClientAuth;
