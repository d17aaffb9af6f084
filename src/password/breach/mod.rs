//! The check of new passwords against collections of breached ones, by a range service.

pub(crate) mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod have_i_been_pwned;
pub(super) mod range;
pub(crate) mod range_client;
