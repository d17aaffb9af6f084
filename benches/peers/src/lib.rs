//! The same request through these layers and through those of other crates.

pub mod anew;
pub mod asked;
pub mod cases;
mod ours;
mod peers;

pub use peers::choose_provider;

/// The app of this name, for a server.
///
/// # Panics
///
/// For another name.
pub fn served(name: &str) -> axum::Router {
    choose_provider();
    match name {
        "bare" => ours::handled(),
        "Stack, token seen before" => ours::stack(portcullis::Algorithm::Hs256, true),
        "Stack, token seen first" => ours::stack(portcullis::Algorithm::Hs256, false),
        "peers, one ServiceBuilder" => peers::stack(portcullis::Algorithm::Hs256),
        other => panic!("{other}: no such server"),
    }
}
