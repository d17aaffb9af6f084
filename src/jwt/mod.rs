//! tmp

mod algorithm;
mod builder;
mod claim_map;
mod claims;
mod compact;
mod discovery;
mod fetch;
mod gate;
mod header;
mod issuer;
mod jwks;
mod numeric_date;
mod object;
mod pem;
mod policy;
mod profile;
mod remote;
#[cfg(feature = "fetch")]
mod reqwest;
mod trust;
mod user_loader;
mod verifier;
mod weak;

pub use algorithm::Algorithm;
pub use builder::JwtAuthBuilder;
pub use claim_map::ClaimMap;
pub use fetch::{Fetch, MAX_BODY};
pub use gate::JwtAuth;
pub use issuer::Issuer;
pub use profile::Profile;
pub use user_loader::LoadError;
