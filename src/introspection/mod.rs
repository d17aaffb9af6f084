//! `IntrospectionAuth`: authentication by opaque tokens, about which it asks their authorization server (RFC 7662).

mod client_auth;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod response;
pub(crate) mod signed_response;

pub use client_auth::ClientAuth;
