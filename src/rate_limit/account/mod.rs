//! Limits by account: the cookies of known devices, and the limits that belong to that of an account.

pub(super) mod device_cookies;
mod device_token;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(super) mod limits;
mod subject;
