//! Behaviour through real stacks, a module a layer.

mod autotraits;
mod browser;
mod claims;
mod config;
mod cors;
mod extract;
mod foreign;
mod gate;
mod headers;
mod html_example;
mod invalid_configuration;
mod issuer;
mod keys;
mod login_example;
mod optional;
mod pages;
mod presets;
mod rate_limit;
mod readme;
mod redis;
mod require;
mod source_rules;
mod stack;
mod support;
mod tokens;
mod user_loader;
