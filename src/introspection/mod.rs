//! `IntrospectionAuth`: authentication by opaque tokens, about which it asks their authorization server (RFC 7662).

mod builder;
mod cache;
mod client_auth;
mod digest;
mod endpoint;
mod error;
pub(crate) mod gate;
mod hints;
mod policy;
mod response;
mod signed_response;
mod token;
mod users;

pub use builder::IntrospectionAuthBuilder;
pub use client_auth::ClientAuth;
pub use gate::IntrospectionAuthPass;
