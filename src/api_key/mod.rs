//! `ApiKeyAuth`: authenticates programs by API keys that the app issues.
//!
//! A program that calls an API without a person needs a credential that its owner creates on a page of the app, copies
//! once, and revokes when it leaks. If your issuer can issue tokens to programs (OAuth client credentials), you need no
//! API keys: [`JwtAuth`](crate::JwtAuth) accepts these tokens.
//!
//! The app implements an [`ApiKeyStore`] for its database. [`ApiKeyAuth`](crate::ApiKeyAuth) is both the layer that
//! checks keys, and the handle by which handlers create, list, change and revoke them:
//!
//! ```
//! use axum::http::Request;
//! use axum::{Router, body::Body, routing::{get, post}};
//! use portcullis::api_key::{ApiKeyError, MemoryKeys, NewApiKey};
//! use portcullis::{ApiKeyAuth, RequireScope, UserContext};
//! # use portcullis::{Scopes, testing::as_user};
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = ApiKeyAuth::builder()
//!     .prefix("acme_live")
//!     .store(MemoryKeys::new()) // your own `ApiKeyStore` in production
//!     .build()?;
//!
//! // The route that creates keys is for people who have logged in.
//! let create = {
//!     let keys = keys.clone();
//!     async move |user: UserContext| -> Result<String, ApiKeyError> {
//!         let new = NewApiKey::for_user(&user)
//!             .name("build server")
//!             .scopes(["read:reports"]);
//!         let key = keys.create(new).await?;
//!         Ok(key.secret().to_owned()) // shown once
//!     }
//! };
//! let pages = Router::new().route("/keys", post(create));
//! # let ann = UserContext::new("ann").with_scopes(Scopes::new(["read:reports"])?);
//! # let pages = pages.layer(as_user(ann));
//!
//! let read = RequireScope::new("read:reports")?;
//! let reports = async |user: UserContext| user.id().to_owned();
//! let api = Router::new()
//!     .route("/reports", get(reports).layer(read))
//!     .layer(keys);
//! let app = pages.merge(api);
//!
//! let request = Request::post("/keys").body(Body::empty())?;
//! let body = app.clone().oneshot(request).await?.into_body();
//! let key = axum::body::to_bytes(body, 99).await?;
//! let key = std::str::from_utf8(&key)?;
//! // acme_live_Zx81kQ0aB2cD...
//!
//! let request = Request::get("/reports")
//!     .header("authorization", format!("ApiKey {key}"))
//!     .body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # Keys
//!
//! A key is the prefix, a `_`, twelve characters of id, 32 of secret, and six of a checksum, in letters and digits. The
//! secret has 190 random bits of the operating system. The store gets a SHA-256 of it, or an HMAC with a
//! [pepper](ApiKeyAuthBuilder::pepper), and is asked by the id. A text with a wrong prefix or checksum is rejected
//! without a hash and a lookup, and [`pattern`](crate::ApiKeyAuth::pattern) is a regular expression for secret
//! scanners.
//!
//! # Requests
//!
//! A client sends its key as `Authorization: ApiKey <key>`, as `Authorization: Bearer <key>`, or in a
//! [header](ApiKeyAuthBuilder::header) of the app's choice. A key in the query is no credential, because URLs end up in
//! logs.
//!
//! | the request has | response |
//! |---|---|
//! | a valid key | the handler runs |
//! | no key | 401 with the challenge `ApiKey`; anonymous if the layer is [optional](ApiKeyAuthBuilder::optional) |
//! | a key that is unknown, wrong, expired, not valid yet or revoked | 401 `invalid_token`, the same for all |
//! | a valid key, from an address outside its networks | 403 |
//! | two keys, or a key and another `Authorization` | 400 `invalid_request` |
//! | a key, while the store is unavailable | 200 if it was used in the last minutes, else 503 |
//!
//! The user of a request is the owner of the key, with the scopes, roles, permissions and tier of the key. Its
//! [`token_id`](crate::UserContext::token_id) is the id of the key, and its
//! [`credential`](crate::UserContext::credential) is [`ApiKey`](crate::context::Credential::ApiKey).
//!
//! # Privileges
//!
//! A new key may do nothing until it gets scopes, roles or permissions. [`NewApiKey::for_user`] gives a key only what
//! the user itself has, and rejects a user that is authenticated by a key. Also reserve the routes that manage keys for
//! people with [`RequireCredential`](crate::RequireCredential).
//!
//! # Cache, usage and outages
//!
//! The record of a key is cached for [some seconds](ApiKeyAuthBuilder::cache_ttl). A cached key costs no call of the
//! store, and is compared with the clock, its networks and the [revocations](ApiKeyAuthBuilder::revocations) on every
//! request. Concurrent requests with one key share a lookup, at most 64 lookups run at a time, and ids that do not
//! exist are remembered for ten seconds, in bounded memory.
//!
//! Usage is counted in this process, and written in a batch once a minute. No request waits for it. Call
//! [`flush`](crate::ApiKeyAuth::flush) at shutdown.
//!
//! # Revocation
//!
//! [`revoke_for`](crate::ApiKeyAuth::revoke_for) ends a key in the store and in this process. Other processes notice it
//! within the `cache_ttl`, or within a second with [`Revocations`](crate::Revocations) that are shared by a stream.
//! [`Revocations::revoke_all`](crate::Revocations::revoke_all), which logs a user out everywhere, also revokes the keys of
//! the user in the store of each layer that has the handle.
//!
//! # Order
//!
//! As for [`JwtAuth`](crate::jwt#order). With tokens on the same routes, combine both by [`AnyOf`](crate::AnyOf). Keys
//! with networks need a [`TrustedProxies`](crate::TrustedProxies) layer around this one.

mod builder;
mod cache;
mod cached_key;
mod change;
mod error;
mod event;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gate;
mod grant;
mod key;
mod manage;
mod memory;
mod new_key;
mod policy;
mod privileges;
mod record;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "axum")]
mod response;
mod revoke;
mod store;
mod timed_store;
mod usage;
mod usage_log;
mod users;

pub use builder::ApiKeyAuthBuilder;
pub use change::{ApiKeyChange, Grace};
pub use error::ApiKeyError;
pub use key::id::ApiKeyId;
pub use key::text::ApiKey;
pub use memory::MemoryKeys;
pub use new_key::NewApiKey;
pub use record::ApiKeyRecord;
#[cfg(feature = "redis")]
pub use redis::RedisKeys;
pub use store::ApiKeyStore;
pub use usage::ApiKeyUsage;
