//! HTTP header grammar: pure functions that parse and write header values, without policy.
//!
//! What a parser here accepts decides who is authenticated and who is counted, so all of them share three rules:
//!
//! - A value with two readings is rejected, not repaired. Another server in front of the app may choose the other one.
//! - The work is bounded by constants, whatever a caller sends.
//! - Nothing panics. Property tests and fuzz targets feed each parser arbitrary bytes.
//!
//! A parser is written here only if general-purpose crates are lenient where these rules are strict. Each file names
//! the difference.

#[cfg(feature = "cors")]
pub(crate) mod app_origin;
pub(crate) mod authorization;
#[cfg(any(feature = "introspection", feature = "jwt"))]
pub(crate) mod bearer;
pub(crate) mod challenge;
#[cfg(any(
    feature = "back_channel_logout",
    feature = "introspection",
    feature = "shared_signals",
    all(feature = "axum", feature = "session")
))]
pub(crate) mod content_type;
pub(crate) mod cookie;
pub(crate) mod forwarded;
pub(crate) mod grpc;
pub(crate) mod header_map;
pub(crate) mod list;
#[cfg(any(feature = "cors", feature = "headers", feature = "introspection", feature = "jwt", feature = "passwords"))]
#[cfg_attr(not(any(feature = "cors", test)), expect(dead_code, reason = "only `cors` reads every part of an origin"))]
pub(crate) mod origin;
pub(crate) mod token;
pub(crate) mod websocket;
#[cfg(feature = "jwt")]
pub(crate) mod websocket_token;
