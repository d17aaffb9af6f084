//! Sends the same request through these layers and through those of other crates.

pub mod cases;
pub mod new_tokens;
mod ours;
mod peers;
pub mod prepared;
pub mod revocations;
pub mod streams;

pub use peers::install_crypto_provider;

/// Builds the app of this name, for the load test.
///
/// # Panics
///
/// Panics if the name is unknown.
pub fn server_app(name: &str) -> axum::Router {
    install_crypto_provider();
    match name {
        "bare" => ours::bare(),
        "Stack, cached token" => ours::stack(portcullis::Algorithm::Hs256, true),
        "Stack, uncached token" => ours::stack(portcullis::Algorithm::Hs256, false),
        "peers, one ServiceBuilder" => peers::stack(portcullis::Algorithm::Hs256),
        other => panic!("{other}: no such server"),
    }
}
