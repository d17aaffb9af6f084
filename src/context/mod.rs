//! What one gate leaves for the next and for the handler: who visits, with which privileges, from where.

mod allowance;
mod attempt;
mod client_addr;
mod csp_nonce;
mod few;
mod no_store;
mod origin_set;
mod peer;
mod permission;
mod principal;
mod realm;
mod roles;
pub(crate) mod route;
mod scopes;
mod text;
mod tiers;
mod user;
mod visitor;

pub(crate) use allowance::Reading;
pub use allowance::{LimitStatus, RateLimitStatus};
pub use attempt::Attempt;
pub use client_addr::{ClientAddr, TrustedProxies};
pub use csp_nonce::CspNonce;
pub(crate) use few::Few;
pub use no_store::NoStore;
pub use origin_set::OriginSet;
pub use permission::Permission;
pub use principal::Principal;
pub use realm::Realm;
pub use roles::{Role, Roles, RolesBuilder};
pub use scopes::Scopes;
pub(crate) use text::Text;
pub use tiers::{Tier, Tiers};
pub(crate) use user::Identity;
pub use user::{ClaimsError, UserContext};
pub use visitor::Visitor;
