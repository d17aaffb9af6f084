//! `JwtAuth`: authentication by bearer tokens (JWTs) of any issuer.
//!
//! The layer verifies the token of a request (RFC 6750, RFC 7519, RFC 8725, RFC 9068), and adds a
//! [`Visitor`](crate::context::Visitor) with the [`UserContext`](crate::UserContext) to the request's extensions, for
//! inner layers and handlers. It issues no tokens. It contacts an issuer to fetch keys, never to check a single token,
//! so it does not notice that a token was revoked.
//!
//! ```
//! use portcullis::{Issuer, JwtAuth, Tiers};
//!
//! # fn main() -> Result<(), portcullis::ConfigError> {
//! let auth = JwtAuth::builder()
//!     .issuer(Issuer::discover("https://auth.example.com"))
//!     .add_issuer(Issuer::hs256("https://app.example.com", *b"a secret of at least 32 random bytes").first_party())
//!     .audience("https://api.example.com")
//!     .tiers(Tiers::ascending(["basic", "professional", "enterprise"])?)
//!     .build()?;
//! assert!(!auth.is_ready(), "the first issuer's keys are fetched by the first request or by prefetch_keys()");
//!
//! let error = JwtAuth::builder().issuer(Issuer::hs256("me", *b"short")).build().unwrap_err();
//! assert_eq!(error.issues().len(), 2, "a short secret and no audience");
//! # Ok(())
//! # }
//! ```
//!
//! # Responses
//!
//! | request | response |
//! |---|---|
//! | no token, or a credential of another scheme | 401 and a challenge without an error code; if [`optional`](JwtAuthBuilder::optional), the handler's response to an anonymous user |
//! | several tokens, or a malformed credential | 400 `invalid_request` |
//! | an invalid token | 401 `invalid_token`; the response's [`Denial`](crate::gate::Denial) has the reason |
//! | a token with an unknown key, while the issuer is unavailable | 503 with `Retry-After` |
//! | a user that the [user loader](JwtAuthBuilder::load_user) rejects | 403 if refused, 401 if unknown, 503 if the loader is unavailable |
//!
//! Tokens in the query or in a form body are ignored (RFC 9700 §4.3.2).
//!
//! # Checks
//!
//! A token is checked in this order, and what can be rejected without a signature check is rejected before it:
//!
//! 1. length, alphabet, and three segments; each of them must be canonical base64url
//! 2. header and payload: JSON objects without duplicate names
//! 3. issuer, which selects the keys
//! 4. algorithm, which the issuer must allow, and the kind of token
//! 5. registered claims and their times; a malformed claim is never treated as absent
//! 6. signature
//! 7. claims from which the [user is read](ClaimMap)
//!
//! # Verified-token cache
//!
//! A verified token is cached until it expires or its issuer publishes other keys. A cached token, compared byte for
//! byte, is not verified again. Its capacity is [a setting](JwtAuthBuilder::token_cache_capacity). The
//! [threat model](crate::_guide::threat_model) explains why the cache is safe.
//!
//! # Keys
//!
//! A key belongs to one issuer and is used for one algorithm. A token's issuer is found by an exact match of `iss`.
//!
//! - Published keys are refreshed in the background every ten minutes, or after the `max-age` of the issuer's
//!   `Cache-Control` (a minute to a day). If the issuer is unavailable, they stay in use for
//!   [another day](JwtAuthBuilder::max_stale_keys).
//! - A token with an unknown `kid` triggers a fetch, so a rotated key is accepted on its first use. Such fetches start
//!   at most every 30 seconds, so that a flood of random `kid`s does not reach the issuer. During a flood, a new key may
//!   be accepted up to 30 seconds late.
//! - While a fetch is in progress, requests with unknown keys wait for it, usually for at most five seconds.
//!
//! Fetches need a tokio runtime with a timer.
//!
//! # Access tokens and other tokens
//!
//! Issuers also sign ID tokens, refresh tokens and others, which must not be accepted as access tokens. The issuer's
//! [`Profile`] defines how they are distinguished. [`Issuer::discover`] and [`Issuer::jwks`] expect `typ: at+jwt`, as
//! RFC 9068 requires. If an issuer sends `typ: JWT`, its tokens are rejected because "the token is not an access
//! token"; then set [`Profile::Compatible`].
//!
//! # Deployment
//!
//! - Use TLS: anyone who sees a bearer token can use it until it expires.
//! - Put [`Cors`](crate::Cors) outside of this layer, as [`Stack`](crate::Stack) does: preflight requests carry no
//!   token.
//! - A token is valid until `exp`, even if its user is locked meanwhile. Issue tokens for minutes, or use a
//!   [user loader](JwtAuthBuilder::load_user).
//! - Keep the app's clock accurate within the [leeway](JwtAuthBuilder::leeway).

mod algorithm;
mod builder;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod gate;
mod issuer;
mod keys;
mod policy;
mod remote;
mod strict_json;
mod token;
mod token_cache;
mod user_loader;

pub use algorithm::Algorithm;
pub use builder::JwtAuthBuilder;
pub use gate::{JwtAuth, JwtAuthPass};
pub use issuer::Issuer;
pub use issuer::claim_map::ClaimMap;
pub use issuer::profile::Profile;
pub use remote::fetch::{Fetch, MAX_BODY};
pub use user_loader::LoadError;
