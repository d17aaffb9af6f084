//! `IntrospectionAuth`: authentication by opaque tokens, about which it asks their authorization server (RFC 7662).

mod client_auth;
pub(crate) mod endpoint;
pub(crate) mod response;

pub use client_auth::ClientAuth;
