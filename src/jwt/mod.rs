//! `JwtAuth`: a bearer token of any issuer becomes a [`UserContext`](crate::UserContext).
//!
//! The layer verifies the token of a request (RFC 6750, RFC 7519, RFC 8725, RFC 9068) and leaves a
//! [`Visitor`](crate::context::Visitor) for the layers and handlers below. It issues nothing, and asks nobody about a
//! request whose key it has.
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
//! assert!(!auth.is_ready(), "the keys of the first come with the first request, or by ready() or prefetch_keys()");
//!
//! let error = JwtAuth::builder().issuer(Issuer::hs256("me", *b"short")).build().unwrap_err();
//! assert_eq!(error.issues().len(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What is answered
//!
//! | request | answer |
//! |---|---|
//! | no credential, or one of another scheme | 401, a challenge without an error code; with [`optional`](JwtAuthBuilder::optional) on to the handler as anonymous |
//! | two credentials, one in two places, or one that is not a word | 400 `invalid_request` |
//! | a token that is not accepted, whatever the reason | 401 `invalid_token`; the reason as data in the [`Denial`](crate::gate::Denial) |
//! | a key that the issuer, who cannot be reached, may have | 503 with `Retry-After` |
//! | a user whom the [loader](JwtAuthBuilder::load_user) refuses | 403; unknown to it 401; it cannot be asked 503 |
//!
//! A token in the query or in a form body is never looked at (RFC 9700 §4.3.2).
//!
//! # What is checked, in this order
//!
//! Length and alphabet, three segments, the header, the payload's form, the issuer, the algorithm, the kind of token, the
//! registered claims with their times, the signature, the mapped claims; each segment's canonical base64url where it is
//! read. What can be refused without a signature check is refused before it. Names of members must be unique; a malformed
//! claim is never taken for an absent one.
//!
//! # Tokens seen before
//!
//! A token that was verified is known again by all its bytes until it expires, while its issuer's keys stand: it is not verified
//! again. How many are known is [a setting](JwtAuthBuilder::token_cache_capacity); why it is safe,
//! [the threat model](crate::_guide::threat_model) tells.
//!
//! # Keys
//!
//! Keys belong to their issuer, which is chosen by an exact match of `iss`; a key serves one algorithm. Published keys
//! are refreshed behind the requests every ten minutes, or as the issuer's `Cache-FetchSchedule: max-age` says, and stay in use
//! for [a day](JwtAuthBuilder::max_stale_keys) past that where the issuer cannot be reached. An unknown `kid` causes one
//! fetch, at most every 30 seconds: a rotated key is accepted on its first use, unless an invented one used up that fetch
//! just before, and a flood of them is not passed on. While a fetch is under way, requests with unknown keys wait for it,
//! five seconds at most. Fetches need a tokio runtime with its timer.
//!
//! # Access tokens and others
//!
//! An issuer signs more than access tokens. How its access tokens are told apart is its [`Profile`]: by `typ: at+jwt`
//! where the issuer follows RFC 9068, the default for [`Issuer::discover`] and [`Issuer::jwks`], else by what they lack.
//! A token refused with `the token is not an access token` may come of an issuer that sends `typ: JWT`: then set
//! [`Profile::Compatible`].
//!
//! # Deployment
//!
//! - Serve over TLS. A bearer token is good in any hands until it expires.
//! - Put [`Cors`](crate::Cors) outside of this layer, as a [`Stack`](crate::Stack) does: a preflight carries no credential.
//! - A token stays good until `exp`, though its user be locked: have it live minutes, or load the user.
//! - The app's clock must be right to within the [leeway](JwtAuthBuilder::leeway).

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
pub use gate::JwtAuth;
pub use issuer::Issuer;
pub use issuer::claim_map::ClaimMap;
pub use issuer::profile::Profile;
pub use remote::fetch::{Fetch, MAX_BODY};
pub use user_loader::LoadError;
