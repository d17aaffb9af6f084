//! tmp

mod client;
pub mod clock;
pub mod context;
mod error;
#[cfg(feature = "axum")]
pub mod extract;
mod field;
pub mod gate;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod require;
#[cfg(feature = "testing")]
pub mod testing;

pub use context::{ClientAddr, Permission, Principal, Role, Roles, Scopes, Tier, Tiers, TrustedProxies, UserContext};
pub use error::{BuildError, Fault, Problem};
#[cfg(feature = "axum")]
pub use extract::Extractor;
#[cfg(feature = "jwt")]
pub use jwt::{Algorithm, ClaimMap, Issuer, JwtAuth, Profile};
pub use require::{RequirePermission, RequireRole, RequireScope, RequireTier};
