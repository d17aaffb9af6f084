//! Bounded lookups of what anyone can ask for: one at a time for each key, and results in bounded memory.

mod flights;
#[cfg(feature = "api_key")]
mod generations;

pub(crate) use flights::Flights;
#[cfg(feature = "api_key")]
pub(crate) use generations::Generations;
