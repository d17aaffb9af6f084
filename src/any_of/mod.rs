//! `AnyOf`: a layer that accepts one of several credentials.
//!
//! An app may authenticate people by tokens, programs by API keys and browsers by sessions, on the same routes. One
//! layer per credential, each of them optional, would try them in turn: an invalid token beside a valid cookie would
//! act as the user of the cookie. `AnyOf` decides first which credential the request carries, and only the gate that
//! reads this credential decides about the request.
//!
//! ```
//! # use axum::{Router, body::Body, routing::get};
//! # use http::{HeaderName, Request};
//! # use portcullis::api_key::{MemoryKeys, NewApiKey};
//! # use portcullis::testing::TokenBuilder;
//! # use tower::ServiceExt;
//! use portcullis::{AnyOf, ApiKeyAuth, Issuer, JwtAuth, UserContext};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = *b"a secret of at least 32 random bytes";
//! # let iss = "https://app.example.com";
//! # let issuer = Issuer::hs256(iss, secret).first_party();
//! # let store = MemoryKeys::new();
//! let tokens = JwtAuth::builder().issuer(issuer).audience("api").build()?;
//! let keys = ApiKeyAuth::builder()
//!     .prefix("acme_live")
//!     .header(HeaderName::from_static("x-api-key"))
//!     .store(store) // your own in production
//!     .build()?;
//! # let robot = UserContext::new("robot");
//! # let key = keys.create(NewApiKey::for_user(&robot)).await?;
//! # let key = key.secret();
//! let auth = AnyOf::new((tokens, keys))?;
//!
//! async fn me(user: UserContext) -> String {
//!     user.id().to_owned()
//! }
//! let app = Router::new().route("/me", get(me)).layer(auth);
//!
//! # let token = TokenBuilder::first_party(iss, secret, "ann").audience("api").sign();
//! # let bearer = format!("Bearer {token}");
//! for (name, value, status) in [
//!     ("authorization", &*bearer, 200),
//!     ("x-api-key", key, 200),
//!     ("x-api-key", "acme_live_unknown", 401),
//! ] {
//!     let request = Request::get("/me").header(name, value);
//!     let request = request.body(Body::empty())?;
//!     let response = app.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), status);
//! }
//!
//! // Without a credential, the response names all schemes:
//! let request = Request::get("/me").body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), 401);
//! let challenges = response.headers().get_all("www-authenticate");
//! assert!(challenges.iter().eq([
//!     r#"Bearer realm="api""#,
//!     r#"ApiKey realm="api""#,
//! ]));
//! # Ok(())
//! # }
//! ```
//!
//! In a [`Stack`](crate::Stack), pass it to [`authenticate`](crate::stack::StackBuilder::authenticate).
//!
//! # Which gate decides
//!
//! A credential is *explicit* if a client sends it on purpose: in `Authorization`, in another header that a gate reads,
//! or in a subprotocol of a WebSocket. It is *ambient* if the browser, a proxy or the connection adds it: a cookie, the
//! [header](crate::jwt::JwtAuthBuilder::header) of a proxy, or a client certificate.
//!
//! | the request has | result |
//! |---|---|
//! | no credential | 401 with a challenge for each scheme; a navigation is redirected to the [login page](crate::session::SessionAuthBuilder::login_page) of a `SessionAuth`; anonymous with [`to_optional`](crate::AnyOf::to_optional) |
//! | one explicit credential | its gate decides |
//! | an explicit credential and ambient ones | the gate of the explicit one decides, and the ambient ones are not looked at; 400 with [`exactly_one`](crate::AnyOf::exactly_one) |
//! | several explicit credentials | 400 `invalid_request`, even if no gate reads one of them |
//! | ambient credentials only | the first gate that finds its own decides; 400 for several with `exactly_one` |
//! | only an `Authorization` that no gate reads | as without it |
//!
//! An invalid credential is rejected, and no other gate runs. The 401 has the challenge of the gate that decided first,
//! with the error, and then those of the other gates. If one gate is unavailable, for example because its issuer is
//! down, requests with the credentials of the others are served.
//!
//! Several gates may share the scheme `Bearer`. A text that begins with the
//! [prefix](crate::gate::CredentialSource::bearer_with_prefix) of a gate belongs to that gate; a text of three segments
//! to the gate of [JWTs](crate::gate::CredentialSource::bearer_jwt); any other text to the gate that declares the
//! [scheme](crate::gate::CredentialSource::scheme) alone. If there is no such gate, the gate of JWTs rejects it.
//!
//! # Custom gates
//!
//! A gate takes part if it implements [`AuthGate`](crate::gate::AuthGate). Let it read its credential by
//! [`CredentialSources::read`](crate::gate::CredentialSources::read), so that it reads exactly what it declares.
//!
//! # What it does not do
//!
//! It does not require two credentials at once, for example a certificate and a token. For that, add one layer around
//! the other. It reads no credential in the query or the body of a request.

pub(crate) mod gate;
mod gates;

pub use gate::AnyOfPass;
pub use gates::AuthGates;
