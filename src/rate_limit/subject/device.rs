//! `Device`: a device that has logged in to an account.

/// A device that has logged in to an account, as its cookie says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rate_limit) struct Device {
    pub(in crate::rate_limit) id: [u8; 16],
    /// The epoch of the account at the time.
    pub(in crate::rate_limit) epoch: u64,
}
