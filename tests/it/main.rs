//! Tests of behavior through real stacks, one module per layer, and of the source itself.

mod any_of;
mod authorization_details;
mod autotraits;
mod browser;
mod built_in_client;
mod claim_mapping;
mod claim_shapes;
mod config_settings;
mod cors;
mod examples;
mod extract;
mod gate;
mod headers;
mod jwt_config;
mod keys;
mod many_issuers;
mod optional_auth;
mod pages;
mod presets;
mod providers;
mod rate_limit;
mod redis;
mod require;
mod require_identity;
mod required_claims;
mod revocation;
mod sensitive_headers;
mod serialization;
mod source_rules;
mod stack;
mod support;
mod third_party_tokens;
mod tokens;
#[cfg(unix)]
mod unix_socket;
mod user_loader;
