//! The guide: how to combine the layers, what they defend against, and how they work.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc = include_str!("issuers.md")]
pub mod issuers {}

#[doc = include_str!("layer_order.md")]
pub mod layer_order {}

#[doc = include_str!("migration.md")]
pub mod migration {}

#[doc = include_str!("performance.md")]
pub mod performance {}

#[doc = include_str!("threat_model.md")]
pub mod threat_model {}

/// Runs the README's code as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
