//! Behaviour through real stacks, a module a layer.

mod answer;
mod autotraits;
mod claims;
mod config;
mod cors;
mod extract;
mod foreign;
mod gate;
mod guarded;
mod house;
mod issuer;
mod keys;
mod logged;
mod login_example;
mod mint;
mod misfits;
mod optional;
mod presets;
mod published;
mod rate_limit;
mod readme;
mod redis;
mod require;
mod tokens;
mod user_loader;
