//! The limits that belong to a limit by account: that of a known device, and the count of failures in a row.

use std::num::NonZeroU32;

use crate::context::quota::{Algorithm, Quota};
use crate::rate_limit::key::Key;
use crate::rate_limit::limit::Limit;

/// Adds two limits to those of a layer, if one of them counts failures by account.
///
/// Both last for the longest window, as if until the next login: after it, the device has a new cookie and so a new
/// counter, and the count of failures in a row is reset.
pub(in crate::rate_limit) fn with_account_limits(mut limits: Vec<Limit>, layer_key: Option<&Key>) -> Vec<Limit> {
    let account = limits.iter().find_map(|limit| {
        let key = limit.key.as_ref().or(layer_key)?;
        Some((limit.clone(), key.clone(), key.for_devices()?))
    });
    let Some((account, key, device_key)) = account else { return limits };
    let derived = |name: String, quota: Quota, key: Key| {
        let mut limit = Limit::new(name, quota).key(key);
        limit.failure.clone_from(&account.failure);
        limit.outage = account.outage;
        limit
    };
    let device = Quota::of_longest_window(DEVICE_FAILURES);
    limits.push(derived(format!("{}, known device", account.name), device, device_key));
    if account.failure.is_some() {
        let failures = Quota::of_longest_window(FAILURES_IN_A_ROW).algorithm(Algorithm::FixedWindow);
        let mut failures = derived(format!("{}, failures in a row", account.name), failures, key).shadow();
        failures.counts_in_a_row = true;
        limits.push(failures);
    }
    limits
}

/// The failures after which a known device is treated as any other client.
const DEVICE_FAILURES: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// The failures in a row that are reported (NIST SP 800-63B-4 §3.2.2).
const FAILURES_IN_A_ROW: NonZeroU32 = NonZeroU32::new(100).unwrap();
