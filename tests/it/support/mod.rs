//! Helpers that several test modules share.

pub(crate) mod fake_fetch;
pub(crate) mod jwt_app;
pub(crate) mod log_capture;
pub(crate) mod protected_app;
pub(crate) mod redis_connection;
pub(crate) mod redis_server;
pub(crate) mod response;
pub(crate) mod running_example;
pub(crate) mod tokens;
