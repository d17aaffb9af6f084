//! The subjects of accounts: any client, or one known device.

use std::borrow::Cow;

use crate::rate_limit::subject::device::Device;
use crate::rate_limit::subject::{Kind, Subject};

impl<'a> Subject<'a> {
    /// The account of the folded name, as this device or as any client.
    pub(in crate::rate_limit) fn of_folded(name: impl Into<Cow<'a, str>>, device: Option<Device>) -> Self {
        Self::of(Kind::Account { name: name.into(), device })
    }

    /// Returns the device of an account.
    pub(in crate::rate_limit) fn device(&self) -> Option<Device> {
        match self.kind {
            Kind::Account { device, .. } => device,
            _ => None,
        }
    }

    /// The same account as any client.
    pub(in crate::rate_limit) fn without_device(&self) -> Self {
        let mut subject = self.clone();
        if let Kind::Account { device, .. } = &mut subject.kind {
            *device = None;
        }
        subject
    }

    pub(in crate::rate_limit) fn is_account(&self) -> bool {
        matches!(self.kind, Kind::Account { device: None, .. })
    }

    pub(in crate::rate_limit) fn is_device(&self) -> bool {
        matches!(self.kind, Kind::Account { device: Some(_), .. })
    }
}
