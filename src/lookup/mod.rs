//! Bounded lookups of what anyone can ask for: one at a time for each key, and results in bounded memory.

#[cfg(feature = "api_key")]
mod generations;
mod in_progress;

#[cfg(feature = "api_key")]
pub(crate) use generations::Generations;
pub(crate) use in_progress::InProgress;
