//! Helpers that several test modules share.

pub(crate) mod balancer;
pub(crate) mod blocking_clock;
pub(crate) mod canaries;
pub(crate) mod chromium;
pub(crate) mod curl_command;
pub(crate) mod event_capture;
pub(crate) mod fake_http_client;
pub(crate) mod fake_network;
pub(crate) mod jwt_app;
pub(crate) mod limited_app;
pub(crate) mod log_capture;
pub(crate) mod oidc_provider;
pub(crate) mod protected_app;
pub(crate) mod redis_connection;
pub(crate) mod redis_server;
pub(crate) mod redis_user;
pub(crate) mod response;
pub(crate) mod running_example;
pub(crate) mod scripted_gate;
pub(crate) mod site;
pub(crate) mod store_error;
pub(crate) mod strict_service;
pub(crate) mod test_store;
pub(crate) mod tokens;
