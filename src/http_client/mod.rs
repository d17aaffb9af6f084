//! `HttpClient`: the HTTP client with which layers call an issuer.
//!
//! [`JwtAuth`](crate::JwtAuth) fetches the metadata and keys of an issuer, and `IntrospectionAuth` asks it about opaque
//! tokens. `HaveIBeenPwned` asks a service about new passwords. They use the built-in client of the feature `fetch`, unless
//! the app provides another one. That is needed for a private certificate authority, a client certificate (mutual TLS), or
//! a proxy that the environment does not name.
//!
//! ```
//! # use portcullis::{Issuer, JwtAuth, testing::TestIssuer};
//! use std::error::Error;
//! use http::{Request, Response};
//! use portcullis::http_client::HttpClient;
//!
//! struct WithProxy(reqwest::Client);
//!
//! impl WithProxy {
//!     fn new(proxy: Option<reqwest::Proxy>) -> reqwest::Result<Self> {
//!         let client = reqwest::Client::builder()
//!             .redirect(reqwest::redirect::Policy::none());
//!         match proxy {
//!             Some(proxy) => client.proxy(proxy).build().map(Self),
//!             None => client.build().map(Self),
//!         }
//!     }
//! }
//!
//! impl HttpClient for WithProxy {
//!     async fn send(
//!         &self,
//!         request: Request<Vec<u8>>,
//!     ) -> Result<Response<Vec<u8>>, Box<dyn Error + Send + Sync>> {
//!         let request = reqwest::Request::try_from(request)?;
//!         let received = self.0.execute(request).await?;
//!         let mut response = Response::new(Vec::new());
//!         *response.status_mut() = received.status();
//!         *response.headers_mut() = received.headers().clone();
//!         *response.body_mut() = received.bytes().await?.into();
//!         Ok(response)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! # let server = TestIssuer::start().await?;
//! # let issuer = Issuer::discover(server.url());
//! # let builder = JwtAuth::builder().issuer(issuer).audience("api");
//! let auth = builder.http_client(WithProxy::new(None)?).build()?;
//! assert!(auth.prefetch_keys().await);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "fetch")]
mod built_in;
pub(crate) mod client;
pub(crate) mod default_client;
pub(crate) mod url;

pub use client::HttpClient;
