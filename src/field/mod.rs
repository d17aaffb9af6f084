//! HTTP field grammar: text to value and back, pure functions without policy.

pub(crate) mod bearer;
pub(crate) mod challenge;
pub(crate) mod cookie;
pub(crate) mod fill;
pub(crate) mod forwarded;
pub(crate) mod grpc;
pub(crate) mod list;
pub(crate) mod origin;
pub(crate) mod token;
