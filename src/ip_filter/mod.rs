//! `IpFilter`: a layer that allows or denies requests by the client's address.
//!
//! Use it for routes that only some networks may reach, such as internal endpoints, and to deny addresses that attack
//! the app. It decides by the address that [`TrustedProxies`](crate::TrustedProxies) finds, so a client cannot choose
//! it by a forged `X-Forwarded-For`.
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use axum::{Router, extract::connect_info::MockConnectInfo, routing::get};
//! use portcullis::{IpFilter, TrustedProxies};
//! # use axum::{body::Body, http::Request};
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), portcullis::ConfigError> {
//! let internal = IpFilter::builder()
//!     .allow(["10.0.0.0/8", "2001:db8::/32"])
//!     .deny(["10.9.0.0/16"])
//!     .build()?;
//! let app: Router = Router::new()
//!     .route("/metrics", get(|| async {}))
//!     .layer(internal)
//!     .layer(TrustedProxies::none());
//!
//! for (ip, status) in [
//!     ([10, 0, 0, 7], 200),
//!     ([10, 9, 0, 7], 403),
//!     ([203, 0, 113, 9], 403),
//! ] {
//!     // In an app, the server provides the address.
//!     let client = MockConnectInfo(SocketAddr::from((ip, 4711)));
//!     let app = app.clone().layer(client);
//!     let request = Request::get("/metrics").body(Body::empty()).unwrap();
//!     assert_eq!(app.oneshot(request).await.unwrap().status(), status);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Decisions
//!
//! | the client's address | result |
//! |---|---|
//! | is in a denied network | 403 [`AddressRefused`](crate::gate::DenialKind::AddressRefused) |
//! | is in no allowed network, and there is a list of allowed ones | 403 |
//! | is unknown | 500, as for a rate limit by address; the log says once what to do |
//! | is another one | admitted |
//!
//! An IPv4-mapped address (`::ffff:192.0.2.7`) is an IPv4 address, in requests and in lists. An address of NAT64
//! (`64:ff9b::/96`, and [your own prefixes](IpFilterBuilder::nat64_prefixes)) also counts as the IPv4 address in it.
//!
//! The lists may have many networks: a lookup in 10,000 of them takes 16 comparisons. They can be
//! [replaced](crate::IpFilter::reload) while the app runs: a request takes no lock, and is decided by either all of the old
//! lists or all of the new ones.
//!
//! # Order
//!
//! Put it inside [`TrustedProxies`](crate::TrustedProxies), [`SecurityHeaders`](crate::SecurityHeaders) and
//! [`Cors`](crate::Cors), and around rate limits and authentication, so that a rejected request uses up no quota and
//! costs no signature check. A [`Stack`](crate::Stack) has it [there](crate::stack::StackBuilder::ip_filter). `Cors`
//! responds to preflights from every address.
//!
//! # What it does not do
//!
//! It is no substitute for a firewall: the connection is established before the filter runs. It does not authenticate
//! anyone, so combine it with a credential. With [`TrustedProxies::hops`](crate::TrustedProxies::hops), a client that
//! can connect to the app around the proxies can choose its address.

mod builder;
pub(crate) mod gate;
mod policy;

pub use builder::IpFilterBuilder;
